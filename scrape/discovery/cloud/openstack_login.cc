// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/openstack_login.h"

#include <fmt/core.h>

#include "narthex/base/json_writer.h"

namespace narthex::scrape {

namespace {

tl::unexpected<Error> Refuse(std::string why) {
  return Fail(Code::kInvalidArgument, std::move(why));
}

OpenstackLogin FromEnvironment(const net::Environment& environment) {
  const auto first = [&](const char* name, const char* older) {
    std::string value = environment(name);
    return value.empty() ? environment(older) : value;
  };
  return {.endpoint = environment("OS_AUTH_URL"),
          .username = environment("OS_USERNAME"),
          .user_id = environment("OS_USERID"),
          .password = environment("OS_PASSWORD"),
          .passcode = environment("OS_PASSCODE"),
          .project_id = first("OS_PROJECT_ID", "OS_TENANT_ID"),
          .project_name = first("OS_PROJECT_NAME", "OS_TENANT_NAME"),
          .domain_id = environment("OS_DOMAIN_ID"),
          .domain_name = environment("OS_DOMAIN_NAME"),
          .credential_id = environment("OS_APPLICATION_CREDENTIAL_ID"),
          .credential_name = environment("OS_APPLICATION_CREDENTIAL_NAME"),
          .credential_secret = environment("OS_APPLICATION_CREDENTIAL_SECRET"),
          .whole_system = environment("OS_SYSTEM_SCOPE") == "all"};
}

/// What has to be in the environment; the settings are looked at when a token is asked for.
Status CheckEnvironment(const OpenstackLogin& login) {
  const auto missing = [](std::string_view name) {
    return Refuse(fmt::format("Missing environment variable [{}]", name));
  };
  const auto missing_any = [](std::string_view names) {
    return Refuse(fmt::format("Missing one of the following environment variables [{}]", names));
  };
  const bool user = !login.user_id.empty() || !login.username.empty();
  const bool credential = !login.credential_id.empty() || !login.credential_name.empty();
  const bool domain = !login.domain_id.empty() || !login.domain_name.empty();
  if (login.endpoint.empty()) return missing("OS_AUTH_URL");
  if (!user && login.credential_id.empty() && login.credential_secret.empty()) {
    return missing_any("OS_USERID, OS_USERNAME");
  }
  if (login.password.empty() && login.passcode.empty() && !credential) {
    return missing("OS_PASSWORD");
  }
  if (credential && login.credential_secret.empty()) {
    return missing("OS_APPLICATION_CREDENTIAL_SECRET");
  }
  if (!domain && login.project_id.empty() && !login.project_name.empty()) {
    return missing("OS_PROJECT_ID");
  }
  if (login.credential_id.empty() && credential) {
    if (!user) return missing_any("OS_USERID, OS_USERNAME");
    if (!login.username.empty() && !domain) return missing_any("OS_DOMAIN_ID, OS_DOMAIN_NAME");
  }
  return {};
}

Status CheckUser(const OpenstackLogin& login) {
  const bool id = !login.domain_id.empty();
  const bool name = !login.domain_name.empty();
  if (login.username.empty() == login.user_id.empty()) {
    return Refuse(
        "Exactly one of Username and UserID must be provided for password authentication");
  }
  if (!login.username.empty() && id == name) {
    return Refuse(
        "You must provide exactly one of DomainID or DomainName to authenticate by Username");
  }
  if (!login.user_id.empty() && (id || name)) {
    return Refuse(fmt::format("{} may not be provided when authenticating with a UserID",
                              id ? "DomainID" : "DomainName"));
  }
  return {};
}

/// An application is known by its id, or by its name and the user whose it is.
Status CheckCredential(const OpenstackLogin& login) {
  if (login.credential_id.empty() && login.credential_name.empty()) {
    return Refuse("You must provide a password to authenticate");
  }
  if (login.credential_secret.empty()) {
    return Refuse("You must provide an Application Credential Secret");
  }
  if (!login.credential_id.empty() || !login.user_id.empty()) return {};
  if (login.username.empty()) {
    return Refuse(
        "Exactly one of Username and UserID must be provided for password authentication");
  }
  if (login.domain_id.empty() && login.domain_name.empty()) {
    return Refuse(
        "You must provide exactly one of DomainID or DomainName to authenticate by Username");
  }
  return {};
}

void WriteMember(JsonWriter& out, std::string_view key, std::string_view value) {
  out.Key(key);
  out.String(value);
}

void WriteDomain(JsonWriter& out, const OpenstackLogin& login) {
  out.Key("domain");
  out.BeginObject();
  if (!login.domain_id.empty()) {
    WriteMember(out, "id", login.domain_id);
  } else {
    WriteMember(out, "name", login.domain_name);
  }
  out.EndObject();
}

/// @param key, secret  "password" and it; "" = none
void WriteUser(JsonWriter& out, const OpenstackLogin& login, std::string_view key,
               const std::string& secret) {
  out.Key("user");
  out.BeginObject();
  if (!login.user_id.empty()) {
    WriteMember(out, "id", login.user_id);
  } else {
    WriteMember(out, "name", login.username);
    WriteDomain(out, login);
  }
  if (!key.empty()) WriteMember(out, key, secret);
  out.EndObject();
}

void WriteCredential(JsonWriter& out, const OpenstackLogin& login) {
  out.Key("application_credential");
  out.BeginObject();
  if (!login.credential_id.empty()) {
    WriteMember(out, "id", login.credential_id);
  } else {
    WriteMember(out, "name", login.credential_name);
    WriteUser(out, login, "", "");
  }
  WriteMember(out, "secret", login.credential_secret);
  out.EndObject();
}

void WriteIdentity(JsonWriter& out, const OpenstackLogin& login) {
  struct Method {
    const char* name;  // Of the method, and of the object that belongs to it.
    const char* key;
    const std::string& secret;
  };
  const Method methods[] = {{"password", "password", login.password},
                            {"totp", "passcode", login.passcode}};
  const bool by_secret = !login.password.empty() || !login.passcode.empty();
  out.Key("identity");
  out.BeginObject();
  out.Key("methods");
  out.BeginArray();
  for (const Method& method : methods) {
    if (!method.secret.empty()) out.String(method.name);
  }
  if (!by_secret) out.String("application_credential");
  out.EndArray();
  for (const Method& method : methods) {
    if (method.secret.empty()) continue;
    out.Key(method.name);
    out.BeginObject();
    WriteUser(out, login, method.key, method.secret);
    out.EndObject();
  }
  if (!by_secret) WriteCredential(out, login);
  out.EndObject();
}

/// What the token is for: the whole system or a project; nothing says "what is the user's default".
void WriteScope(JsonWriter& out, const OpenstackLogin& login) {
  const bool project = !login.project_id.empty() || !login.project_name.empty();
  if (!login.whole_system && !project) return;
  out.Key("scope");
  out.BeginObject();
  out.Key(login.whole_system ? "system" : "project");
  out.BeginObject();
  if (login.whole_system) {
    out.Key("all");
    out.Bool(true);
  } else if (!login.project_id.empty()) {
    WriteMember(out, "id", login.project_id);
  } else {
    WriteMember(out, "name", login.project_name);
    WriteDomain(out, login);
  }
  out.EndObject();
  out.EndObject();
}

Status CheckScope(const OpenstackLogin& login) {
  if (login.whole_system || !login.project_id.empty() || login.project_name.empty()) return {};
  if (login.domain_id.empty() && login.domain_name.empty()) {
    return Refuse(
        "You must provide exactly one of DomainID or DomainName in a Scope with ProjectName");
  }
  return {};
}

}  // namespace

Result<OpenstackLogin> OpenstackLoginOf(const config::OpenstackSdConfig& config,
                                        const net::Environment& environment) {
  if (config.identity_endpoint.empty()) {
    OpenstackLogin login = FromEnvironment(environment);
    NX_RETURN_IF_ERROR(CheckEnvironment(login));
    return login;
  }
  return OpenstackLogin{.endpoint = config.identity_endpoint,
                        .username = config.username,
                        .user_id = config.user_id,
                        .password = config.password,
                        .passcode = "",
                        .project_id = config.project_id,
                        .project_name = config.project_name,
                        .domain_id = config.domain_id,
                        .domain_name = config.domain_name,
                        .credential_id = config.application_credential_id,
                        .credential_name = config.application_credential_name,
                        .credential_secret = config.application_credential_secret};
}

Result<std::string> OpenstackTokenRequest(const OpenstackLogin& login) {
  NX_RETURN_IF_ERROR(CheckScope(login));
  const bool by_secret = !login.password.empty() || !login.passcode.empty();
  NX_RETURN_IF_ERROR(by_secret ? CheckUser(login) : CheckCredential(login));
  JsonWriter out;
  out.BeginObject();
  out.Key("auth");
  out.BeginObject();
  WriteIdentity(out, login);
  WriteScope(out, login);
  out.EndObject();
  out.EndObject();
  return out.TakeText();
}

Result<std::string> OpenstackTokenRequestV2(const OpenstackLogin& login) {
  for (const auto& [value, name] :
       {std::pair(&login.username, "Username"), std::pair(&login.password, "Password")}) {
    if (value->empty()) return Refuse(fmt::format("Missing input for argument [{}]", name));
  }
  JsonWriter out;
  out.BeginObject();
  out.Key("auth");
  out.BeginObject();
  out.Key("passwordCredentials");
  out.BeginObject();
  WriteMember(out, "username", login.username);
  WriteMember(out, "password", login.password);
  out.EndObject();
  if (!login.project_id.empty()) WriteMember(out, "tenantId", login.project_id);
  if (!login.project_name.empty()) WriteMember(out, "tenantName", login.project_name);
  out.EndObject();
  out.EndObject();
  return out.TakeText();
}

}  // namespace narthex::scrape
