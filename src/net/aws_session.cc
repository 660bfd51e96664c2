// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/aws_session.h"

#include <memory>
#include <optional>

#include <boost/asio/ip/address.hpp>
#include <fmt/core.h>

#include "narthex/base/mutex.h"
#include "src/net/aws_profile.h"
#include "src/net/aws_sources.h"
#include "src/net/file.h"
#include "src/net/http1.h"

namespace narthex::net {
namespace {

/// Credentials are not used in their last seconds, as the request takes time, too.
constexpr std::int64_t kSpareSeconds = 30;
/// Profiles that name one another in a circle end here.
constexpr int kMaxProfileSteps = 16;
constexpr std::string_view kContainerHost = "http://169.254.170.2";

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return out;
}

/// The domain of AWS's services in a region.
/// Source:
/// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
std::string_view DomainOf(std::string_view region) {
  constexpr std::pair<std::string_view, std::string_view> kDomains[] = {
      {"cn-", "amazonaws.com.cn"},    {"eusc-", "amazonaws.eu"},
      {"us-iso-", "c2s.ic.gov"},      {"us-isob-", "sc2s.sgov.gov"},
      {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"}};
  for (const auto& [prefix, domain] : kDomains) {
    if (region.starts_with(prefix)) return domain;
  }
  return "amazonaws.com";
}

/// Keys go in the clear only to this machine and to the addresses where AWS has its providers.
bool MayAskInTheClear(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(host, bad);
  return !bad && (address.is_loopback() || host == "169.254.170.2" || host == "169.254.170.23" ||
                  host == "fd00:ec2::23");
}

}  // namespace

namespace {

/// What is said without asking anybody.
struct Lookup {
  Lookup(AwsSettings own, Environment env)
      : settings(std::move(own)), environment(std::move(env)) {}

  std::string Env(std::initializer_list<const char*> names) const {
    for (const char* const name : names) {
      if (std::string value = environment(name); !value.empty()) return value;
    }
    return "";
  }

  std::string ProfileName() const {
    if (!settings.profile.empty()) return settings.profile;
    const std::string name = Env({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"});
    return name.empty() ? "default" : name;
  }
  Result<AwsProfiles> Profiles() const;
  Result<AwsProfile> FindProfile(const AwsProfiles& profiles, const std::string& name) const;
  Result<std::string> ConfiguredRegion() const;

  const AwsSettings settings;
  const Environment environment;
};

/// A client that is made when it is needed: it takes file descriptors, and most sessions need none.
/// Thread safety: one thread at a time; Cancel any thread.
class LazyClient {
 public:
  explicit LazyClient(HttpClientOptions options) : options_(std::move(options)) {}

  /// Errors: what the system can't give.
  Result<BlockingClient*> Get() {
    const MutexLock lock(mutex_);
    if (client_ == nullptr) {
      try {
        client_ = std::make_unique<BlockingClient>(options_);
        if (cancelled_) client_->Cancel();
      } catch (const std::exception& e) {
        client_.reset();
        return Fail(Code::kUnavailable, fmt::format("no HTTP client can be made: {}", e.what()));
      }
    }
    return client_.get();
  }
  void Cancel() {
    const MutexLock lock(mutex_);
    cancelled_ = true;
    if (client_ != nullptr) client_->Cancel();
  }

 private:
  const HttpClientOptions options_;
  Mutex mutex_;
  std::unique_ptr<BlockingClient> client_ NX_GUARDED_BY(mutex_);
  bool cancelled_ NX_GUARDED_BY(mutex_) = false;
};

}  // namespace

struct AwsSession::Impl : Lookup {
  Impl(AwsSettings own, Environment env, Clock& time)
      : Lookup(std::move(own), std::move(env)),
        clock(time),
        sts(settings.http),
        local(HttpClientOptions{}) {}

  Result<AwsCredentials> Fetch();
  Result<AwsCredentials> Base();
  Result<AwsCredentials> FromEnvironment() const;
  Result<AwsCredentials> FromProfile(const AwsProfiles& profiles, const std::string& name,
                                     int steps);
  Result<AwsCredentials> FromProfileAlone(const AwsProfiles& profiles, const std::string& name,
                                          const AwsProfile& profile, int steps);
  Result<AwsCredentials> FromNamedSource(const std::string& source);
  Result<AwsCredentials> FromContainer();
  Result<AwsCredentials> FromInstance();
  Result<AwsCredentials> FromWebIdentity(const std::string& token_file, const std::string& role_arn,
                                         const std::string& session_name);
  Result<AwsCredentials> AssumeRole(const AwsCredentials& who, const std::string& role_arn,
                                    const std::string& external_id,
                                    const std::string& session_name);
  Result<InstanceMetadata> Metadata();
  Result<std::string> CallSts(const ClientRequest& request);

  std::string Endpoint(std::string_view service, std::string_view region, bool fips) const;
  Result<std::pair<std::string, std::string>> Sts() const;  // Region, endpoint.
  std::string SessionName(const std::string& name) const {
    return name.empty() ? fmt::format("narthex-{}", clock.NowNs()) : name;
  }
  std::int64_t NowSeconds() const { return clock.NowMs() / 1000; }

  Clock& clock;
  LazyClient sts;
  LazyClient local;            // Metadata and containers: never through a proxy.
  std::string signing_region;  // Of the request that credentials are got for.
  std::optional<AwsCredentials> credentials;
};

Result<AwsProfiles> Lookup::Profiles() const {
  const std::string home = Env({"HOME"});
  std::string config = Env({"AWS_CONFIG_FILE"});
  std::string keys = Env({"AWS_SHARED_CREDENTIALS_FILE"});
  if (config.empty()) config = home + "/.aws/config";
  if (keys.empty()) keys = home + "/.aws/credentials";
  return LoadAwsProfiles(config, keys);
}

Result<AwsProfile> Lookup::FindProfile(const AwsProfiles& profiles, const std::string& name) const {
  const auto found = profiles.find(name);
  if (found != profiles.end()) return found->second;
  if (name == "default" && settings.profile.empty()) return AwsProfile();
  return Fail(Code::kInvalidArgument, fmt::format("failed to get shared config profile, {}", name));
}

Result<std::string> Lookup::ConfiguredRegion() const {
  if (!settings.region.empty()) return settings.region;
  if (std::string region = Env({"AWS_REGION", "AWS_DEFAULT_REGION"}); !region.empty()) {
    return region;
  }
  NX_ASSIGN_OR_RETURN(const AwsProfiles profiles, Profiles());
  NX_ASSIGN_OR_RETURN(const AwsProfile profile, FindProfile(profiles, ProfileName()));
  return profile.Get("region");
}

std::string AwsSession::Impl::Endpoint(std::string_view service, std::string_view region,
                                       bool fips) const {
  if (Env({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}) != "true") {
    const std::string own = "AWS_ENDPOINT_URL_" + Upper(service);
    if (std::string url = Env({own.c_str(), "AWS_ENDPOINT_URL"}); !url.empty()) return url;
  }
  return fmt::format("https://{}{}.{}.{}", service, fips ? "-fips" : "", region, DomainOf(region));
}

Result<std::pair<std::string, std::string>> AwsSession::Impl::Sts() const {
  NX_ASSIGN_OR_RETURN(std::string region, ConfiguredRegion());
  if (region.empty()) region = signing_region;
  if (region.empty()) {
    return Fail(Code::kInvalidArgument, "the token service is asked in a region, and none is set");
  }
  std::string endpoint = Endpoint("sts", region, settings.use_fips_sts_endpoint);
  return std::pair(std::move(region), std::move(endpoint));
}

Result<AwsCredentials> AwsSession::Impl::Fetch() {
  NX_ASSIGN_OR_RETURN(AwsCredentials base, Base());
  if (settings.role_arn.empty()) return base;
  return AssumeRole(base, settings.role_arn, settings.external_id, "");
}

Result<AwsCredentials> AwsSession::Impl::FromEnvironment() const {
  return AwsCredentials{.access_key = Env({"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"}),
                        .secret_key = Env({"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"}),
                        .session_token = Env({"AWS_SESSION_TOKEN"})};
}

Result<AwsCredentials> AwsSession::Impl::Base() {
  if (!settings.access_key.empty() && !settings.secret_key.empty()) {
    return AwsCredentials{
        .access_key = settings.access_key, .secret_key = settings.secret_key, .session_token = ""};
  }
  if (settings.profile.empty()) {
    NX_ASSIGN_OR_RETURN(AwsCredentials own, FromEnvironment());
    if (!own.access_key.empty() && !own.secret_key.empty()) return own;
    if (const std::string file = Env({"AWS_WEB_IDENTITY_TOKEN_FILE"}); !file.empty()) {
      return FromWebIdentity(file, Env({"AWS_ROLE_ARN"}), Env({"AWS_ROLE_SESSION_NAME"}));
    }
  }
  NX_ASSIGN_OR_RETURN(const AwsProfiles profiles, Profiles());
  return FromProfile(profiles, ProfileName(), 0);
}

Result<AwsCredentials> AwsSession::Impl::FromProfile(const AwsProfiles& profiles,
                                                     const std::string& name, int steps) {
  if (steps == kMaxProfileSteps) {
    return Fail(Code::kInvalidArgument,
                fmt::format("profile {}: too many profiles name one another", name));
  }
  NX_ASSIGN_OR_RETURN(const AwsProfile profile, FindProfile(profiles, name));
  const std::string role_arn = profile.Get("role_arn");
  if (!profile.Get("web_identity_token_file").empty() && profile.Get("source_profile").empty()) {
    return FromProfileAlone(profiles, name, profile, steps);
  }
  if (!role_arn.empty() && !profile.Get("mfa_serial").empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("profile {}: mfa_serial needs a person, and here is none", name));
  }
  NX_ASSIGN_OR_RETURN(AwsCredentials base, FromProfileAlone(profiles, name, profile, steps));
  if (role_arn.empty()) return base;
  return AssumeRole(base, role_arn, profile.Get("external_id"), profile.Get("role_session_name"));
}

// Without the role of the profile.
Result<AwsCredentials> AwsSession::Impl::FromProfileAlone(const AwsProfiles& profiles,
                                                          const std::string& name,
                                                          const AwsProfile& profile, int steps) {
  const std::string source = profile.Get("source_profile");
  if (!profile.Get("role_arn").empty() && !source.empty() && source != name) {
    return FromProfile(profiles, source, steps + 1);
  }
  AwsCredentials keys{.access_key = profile.Get("aws_access_key_id"),
                      .secret_key = profile.Get("aws_secret_access_key"),
                      .session_token = profile.Get("aws_session_token")};
  if (!keys.access_key.empty() && !keys.secret_key.empty()) return keys;
  if (const std::string where = profile.Get("credential_source"); !where.empty()) {
    return FromNamedSource(where);
  }
  if (const std::string file = profile.Get("web_identity_token_file"); !file.empty()) {
    return FromWebIdentity(file, profile.Get("role_arn"), profile.Get("role_session_name"));
  }
  for (const std::string_view other :
       {"sso_session", "sso_start_url", "login_session", "credential_process"}) {
    if (!profile.Get(other).empty()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("profile {}: {} is not supported", name, other));
    }
  }
  if (!Env({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"})
           .empty()) {
    return FromContainer();
  }
  return FromInstance();
}

Result<AwsCredentials> AwsSession::Impl::FromNamedSource(const std::string& source) {
  if (source == "Ec2InstanceMetadata") return FromInstance();
  if (source == "Environment") return FromEnvironment();
  if (source == "EcsContainer") return FromContainer();
  return Fail(Code::kInvalidArgument,
              "credential_source values must be EcsContainer, Ec2InstanceMetadata, or Environment");
}

Result<AwsCredentials> AwsSession::Impl::FromContainer() {
  const std::string relative = Env({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"});
  const std::string url = relative.empty() ? Env({"AWS_CONTAINER_CREDENTIALS_FULL_URI"})
                                           : std::string(kContainerHost) + relative;
  if (url.empty()) {
    return Fail(Code::kInvalidArgument,
                "EcsContainer was specified as the credential_source, but neither "
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is "
                "set");
  }
  NX_ASSIGN_OR_RETURN(const Url parsed, ParseUrl(url));
  if (parsed.scheme == "http" && !MayAskInTheClear(parsed.host)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI: host {} is neither this machine "
                            "nor a container's provider",
                            parsed.host));
  }
  std::string token = Env({"AWS_CONTAINER_AUTHORIZATION_TOKEN"});
  if (const std::string file = Env({"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}); !file.empty()) {
    NX_ASSIGN_OR_RETURN(token, ReadSmallFile(file));
  }
  while (!token.empty() && std::string_view(" \t\r\n").find(token.back()) != std::string::npos) {
    token.pop_back();  // Files made by editors end with a newline.
  }
  NX_ASSIGN_OR_RETURN(BlockingClient* const client, local.Get());
  return ContainerCredentials(*client, url, token);
}

Result<InstanceMetadata> AwsSession::Impl::Metadata() {
  if (Env({"AWS_EC2_METADATA_DISABLED"}) == "true") {
    return Fail(Code::kUnavailable,
                "the instance's metadata service is switched off by AWS_EC2_METADATA_DISABLED");
  }
  std::string endpoint = Env({"AWS_EC2_METADATA_SERVICE_ENDPOINT"});
  if (endpoint.empty()) {
    endpoint = Upper(Env({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"})) == "IPV6"
                   ? "http://[fd00:ec2::254]"
                   : "http://169.254.169.254";
  }
  if (endpoint.ends_with('/')) endpoint.pop_back();
  NX_ASSIGN_OR_RETURN(BlockingClient* const client, local.Get());
  return InstanceMetadata(*client, endpoint);
}

Result<std::string> AwsSession::Impl::CallSts(const ClientRequest& request) {
  NX_ASSIGN_OR_RETURN(BlockingClient* const client, sts.Get());
  return AwsCall(*client, request);
}

Result<AwsCredentials> AwsSession::Impl::FromInstance() {
  NX_ASSIGN_OR_RETURN(InstanceMetadata metadata, Metadata());
  auto found = metadata.Credentials();
  if (!found) return Fail(std::move(found).error().Wrap("no EC2 IMDS role found"));
  return found;
}

Result<AwsCredentials> AwsSession::Impl::FromWebIdentity(const std::string& token_file,
                                                         const std::string& role_arn,
                                                         const std::string& session_name) {
  if (role_arn.empty()) return Fail(Code::kInvalidArgument, "role ARN is not set");
  NX_ASSIGN_OR_RETURN(const auto where, Sts());
  // Kubernetes puts a new token into the file from time to time.
  auto token = ReadSmallFile(token_file);
  if (!token) return Fail(std::move(token).error().Wrap("web identity token"));
  NX_ASSIGN_OR_RETURN(
      const ClientRequest request,
      WebIdentityRequest(where.second, role_arn, SessionName(session_name), *token));
  NX_ASSIGN_OR_RETURN(const std::string answer, CallSts(request));
  return ReadStsCredentials(answer);
}

Result<AwsCredentials> AwsSession::Impl::AssumeRole(const AwsCredentials& who,
                                                    const std::string& role_arn,
                                                    const std::string& external_id,
                                                    const std::string& session_name) {
  NX_ASSIGN_OR_RETURN(const auto where, Sts());
  NX_ASSIGN_OR_RETURN(ClientRequest request, AssumeRoleRequest(where.second, role_arn, external_id,
                                                               SessionName(session_name)));
  SignV4(request, who, where.first, "sts", NowSeconds());
  NX_ASSIGN_OR_RETURN(const std::string answer, CallSts(request));
  return ReadStsCredentials(answer);
}

AwsSession::AwsSession(AwsSettings settings, Environment environment, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(environment), clock)) {}

AwsSession::~AwsSession() = default;

Result<std::string> ConfiguredAwsRegion(const AwsSettings& settings, Environment environment) {
  return Lookup(settings, std::move(environment)).ConfiguredRegion();
}

Result<std::string> AwsSession::Region() {
  const auto explain = [](Error why) {
    return Fail(std::move(why).Wrap("could not determine AWS region"));
  };
  auto region = impl_->ConfiguredRegion();
  if (!region) return explain(std::move(region).error());
  if (!region->empty()) return region;
  auto metadata = impl_->Metadata();
  if (!metadata) return explain(std::move(metadata).error());
  region = metadata->Region();
  if (!region) {
    return explain(std::move(region).error().Wrap("failed to get region from IMDS"));
  }
  return region;
}

std::string AwsSession::Endpoint(std::string_view service, std::string_view region) const {
  return impl_->Endpoint(service, region, false);
}

Status AwsSession::Sign(ClientRequest& request, std::string_view region, std::string_view service) {
  auto& kept = impl_->credentials;
  const std::int64_t now = impl_->NowSeconds();
  if (!kept || (kept->expires_seconds != 0 && now + kSpareSeconds >= kept->expires_seconds)) {
    impl_->signing_region = region;
    auto fresh = impl_->Fetch();
    if (!fresh) return Fail(std::move(fresh).error().Wrap("could not get AWS credentials"));
    kept = std::move(*fresh);
  }
  SignV4(request, *kept, region, service, now);
  return {};
}

void AwsSession::ForgetCredentials() { impl_->credentials.reset(); }

void AwsSession::Cancel() {
  impl_->sts.Cancel();
  impl_->local.Cancel();
}

}  // namespace narthex::net
