// SPDX-License-Identifier: Apache-2.0
//
// Source: exporter-toolkit's web package.
#include <algorithm>
#include <array>
#include <atomic>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/config/web_config.h"
#include "narthex/web/access.h"
#include "web/access/file_state.h"

namespace narthex::web {
namespace {

net::ServerTlsOptions TlsOptionsOf(const config::WebTlsConfig& tls, config::ClientAuth auth) {
  using config::ClientAuth;
  net::ServerTlsOptions options;
  options.cert = tls.cert;
  options.key = tls.key;
  options.client_ca = tls.client_ca;
  options.cert_file = tls.cert_file;
  options.key_file = tls.key_file;
  options.client_ca_file = tls.client_ca_file;
  options.request_client_cert = auth != ClientAuth::kNone;
  options.require_client_cert =
      auth == ClientAuth::kRequireAny || auth == ClientAuth::kRequireAndVerify;
  options.verify_client_cert =
      auth == ClientAuth::kVerifyIfGiven || auth == ClientAuth::kRequireAndVerify;
  options.check_client_sans = tls.check_client_sans;
  options.client_allowed_sans = tls.client_allowed_sans;
  options.min_version = tls.min_version;
  options.max_version = tls.max_version;
  options.cipher_suites = tls.cipher_suites;
  options.curves = tls.curve_preferences;
  options.prefer_server_ciphers = tls.prefer_server_cipher_suites;
  return options;
}

Result<net::TlsContext> LoadTls(const config::WebConfig& config) {
  NX_RETURN_IF_ERROR(config::CheckWebTls(config.tls));
  if (!config.tls.IsEnabled()) {
    return Fail(Code::kInvalidArgument,
                "TLS config is not present, but was when the server started");
  }
  NX_ASSIGN_OR_RETURN(const auto client_auth, config::ParseClientAuth(config.tls.client_auth_type));
  return net::LoadServerTls(TlsOptionsOf(config.tls, client_auth));
}

std::shared_ptr<const net::RequestRules> RulesOf(const config::WebConfig& config) {
  auto rules = std::make_shared<net::RequestRules>();
  rules->headers = config.headers;
  for (const config::WebUser& user : config.users) rules->users[user.name] = user.password_hash;
  return rules;
}

Result<config::WebConfig> LoadChecked(const std::string& path) {
  NX_ASSIGN_OR_RETURN(config::WebConfig config, config::LoadWebConfig(path));
  NX_RETURN_IF_ERROR(config::CheckWebUsers(config));
  if (config.tls.IsEnabled()) {
    if (const auto context = LoadTls(config); !context) return Fail(context.error());
  }
  return config;
}

/// What keeps people out.
struct Guards {
  bool users = false, client_auth = false, client_ca = false, client_sans = false;
};

Guards GuardsOf(const config::WebConfig& config) {
  const config::WebTlsConfig& tls = config.tls;
  const auto auth = config::ParseClientAuth(tls.client_auth_type);
  return {.users = !config.users.empty(),
          .client_auth = !auth || *auth != config::ClientAuth::kNone,
          .client_ca = !tls.client_ca.empty() || !tls.client_ca_file.empty(),
          .client_sans = tls.check_client_sans};
}

/// Without TLS in the file nobody connects: what kept people out of that is not forgotten.
Guards GuardsAfter(const Guards& before, const config::WebConfig& now) {
  Guards after = now.tls.IsEnabled() ? GuardsOf(now) : before;
  after.users = !now.users.empty();
  return after;
}

/// A file that somebody writes in place is empty for a moment, or ends in the middle, and so may be
/// a good one that locks less. Hence what kept people out has to be taken off in so many words.
Status CheckNothingLost(const Guards& before, const config::WebConfig& now) {
  const auto lost = [](std::string_view key, std::string_view remedy) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} was in the file and is not any more, as in one that is half "
                            "written: {}",
                            key, remedy));
  };
  if (before.users && !now.names_users) {
    return lost("basic_auth_users", "to ask for no password write basic_auth_users: {}");
  }
  const Guards after = GuardsOf(now);
  if (!now.tls.IsEnabled()) return {};
  if (before.client_auth && now.tls.client_auth_type.empty()) {
    return lost("client_auth_type",
                "to ask for no certificates write client_auth_type: NoClientCert");
  }
  if (!after.client_auth) return {};
  if (before.client_ca && !after.client_ca) {
    return lost("client_ca_file", "to trust the system's authorities instead restart the server");
  }
  if (before.client_sans && !after.client_sans) {
    return lost("client_allowed_sans", "to allow all names restart the server");
  }
  return {};
}

/// A value made of files, and whether it is still theirs.
template <typename T>
class Cached {
 public:
  bool IsCurrent(const FileState& state) const { return settled_ && state == state_; }
  /// @param state  of before the files were read
  /// @param path   for the log
  void Set(FileState state, std::int64_t now_ns, Result<T> value, const std::string& path,
           std::string_view failure) {
    settled_ = IsSettled(state, now_ns);
    state_ = std::move(state);
    const std::string error = value ? "" : value.error().message();
    // Not for each request that meets it.
    if (!value && error != error_) log::Error(failure, {{"file", path}, {"err", error}});
    error_ = error;
    value_ = std::move(value);
  }
  const Result<T>& value() const { return value_; }
  const FileState& state() const { return state_; }

 private:
  FileState state_;
  bool settled_ = false;
  std::string error_;
  Result<T> value_ = Fail(Code::kUnavailable, "not read yet");
};

/// Label values of refused requests, as net::Refused lists them; kHandshake comes after these.
constexpr std::array<const char*, 5> kReasons = {"password", "rate", "config", "busy", "error"};
static_assert(static_cast<std::size_t>(net::Refused::kHandshake) == kReasons.size());

}  // namespace

struct WebAccess::Impl {
  Impl(std::string file, Clock& c) : path(std::move(file)), clock(c) {}

  /// Reads the file if it has changed.
  const Result<config::WebConfig>& Refresh() NX_REQUIRES(mutex);
  /// Of what the TLS settings are made of: the files they name, and the file as `config` has it.
  FileState TlsState(const config::WebTlsConfig& options) const NX_REQUIRES(mutex) {
    FileState state = StateOf({options.cert_file, options.key_file, options.client_ca_file});
    const FileState& own = config.state();
    state.numbers.insert(state.numbers.end(), own.numbers.begin(), own.numbers.end());
    state.changed_ns = std::max(state.changed_ns, own.changed_ns);
    return state;
  }

  const std::string path;
  Clock& clock;
  bool uses_tls = false;  // Set once, as the next.
  net::RateLimit rate_limit;
  Mutex mutex;
  Cached<config::WebConfig> config NX_GUARDED_BY(mutex);
  std::shared_ptr<const net::RequestRules> rules NX_GUARDED_BY(mutex);  // Of config, if it is good.
  Guards guards NX_GUARDED_BY(mutex);                                   // Of the last good config.
  Cached<net::TlsContext> tls NX_GUARDED_BY(mutex);
  std::array<std::atomic<std::uint64_t>, kReasons.size() + 1> refused{};  // By net::Refused.
};

const Result<config::WebConfig>& WebAccess::Impl::Refresh() {
  FileState state = StateOf({path});
  if (config.IsCurrent(state)) return config.value();
  Result<config::WebConfig> fresh = config::LoadWebConfig(path);
  if (fresh) {
    if (Status status = CheckNothingLost(guards, *fresh); !status) {
      fresh = Fail(std::move(status).error());
    }
  }
  if (fresh) guards = GuardsAfter(guards, *fresh);
  rules = fresh ? RulesOf(*fresh) : nullptr;
  config.Set(std::move(state), clock.NowNs(), std::move(fresh), path,
             "Unable to use the web configuration file: requests are refused");
  return config.value();
}

WebAccess::WebAccess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WebAccess::~WebAccess() = default;

Status WebAccess::CheckFile(const std::string& path) {
  const auto config = LoadChecked(path);
  return config ? Status() : Fail(config.error());
}

Result<std::unique_ptr<WebAccess>> WebAccess::Open(const std::string& path, Clock& clock) {
  NX_ASSIGN_OR_RETURN(const config::WebConfig config, LoadChecked(path));
  auto impl = std::make_unique<Impl>(path, clock);
  impl->uses_tls = config.tls.IsEnabled();
  impl->rate_limit = {config.rate_interval_ns, config.rate_burst};
  {
    MutexLock lock(impl->mutex);
    impl->guards = GuardsOf(config);
  }
  return std::unique_ptr<WebAccess>(new WebAccess(std::move(impl)));
}

bool WebAccess::uses_tls() const { return impl_->uses_tls; }

net::RateLimit WebAccess::rate_limit() const { return impl_->rate_limit; }

Result<std::shared_ptr<const net::RequestRules>> WebAccess::Requests() {
  Impl& s = *impl_;
  MutexLock lock(s.mutex);
  const auto& config = s.Refresh();
  if (!config) return Fail(config.error());
  return s.rules;
}

Result<net::TlsContext> WebAccess::Tls() {
  Impl& s = *impl_;
  MutexLock lock(s.mutex);
  const auto& config = s.Refresh();
  if (!config) return Fail(config.error());
  FileState state = s.TlsState(config->tls);
  if (!s.tls.IsCurrent(state)) {
    s.tls.Set(std::move(state), s.clock.NowNs(), LoadTls(*config), s.path,
              "Unable to load the TLS settings of the web configuration file: connections are "
              "refused");
  }
  return s.tls.value();
}

void WebAccess::CountRefused(net::Refused why) { ++impl_->refused[static_cast<std::size_t>(why)]; }

void WebAccess::AddMetrics(metrics::Registry& registry) {
  // Asks itself, because connections that are kept alive look at no certificate.
  registry.AddGaugeFn("narthex_web_config_last_reload_successful",
                      "Whether the file of --web.config.file and what it names could be used when "
                      "they were last read.",
                      [this] {
                        const bool good = uses_tls() ? Tls().has_value() : Requests().has_value();
                        return good ? 1.0 : 0.0;
                      });
  const auto value = [this](std::size_t i) {
    return [this, i] { return static_cast<double>(impl_->refused[i].load()); };
  };
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    registry.AddCounterFn("narthex_web_refused_requests_total",
                          "Requests that were refused by the rules of --web.config.file.", value(i),
                          {{"reason", kReasons[i]}});
  }
  registry.AddCounterFn("narthex_web_failed_tls_handshakes_total",
                        "Connections to a TLS listener that ended before they were secure.",
                        value(kReasons.size()));
}

}  // namespace narthex::web
