// SPDX-License-Identifier: Apache-2.0
#include "src/cli/check_config.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>

#include "narthex/alerting/alertmanager_check.h"
#include "narthex/base/go_format.h"
#include "narthex/config/config.h"
#include "narthex/config/glob.h"
#include "narthex/scrape/target_check.h"

namespace narthex::cli {
namespace {

/// What the option --lint chooses.
struct Lints {
  std::string of_rules;
  bool too_long_interval = false;
};

Lints ReadLints(const std::string& option) {
  Lints lints;
  for (std::size_t at = 0; at <= option.size();) {
    const std::size_t comma = std::min(option.find(',', at), option.size());
    const std::string name = option.substr(at, comma - at);
    at = comma + 1;
    if (name == "none") return {};
    if (name == "all" || name == "too-long-scrape-interval") lints.too_long_interval = true;
    if (name != "too-long-scrape-interval")
      lints.of_rules += (lints.of_rules.empty() ? "" : ",") + name;
  }
  return lints;
}

/// A path that is not given is fine.
Status CheckExists(const std::string& path, const char* what) {
  struct stat found {};
  if (path.empty() || ::stat(path.c_str(), &found) == 0) return {};
  std::string reason = std::strerror(errno);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  return Fail(Code::kNotFound, fmt::format("error checking {} {}: stat {}: {}", what,
                                           go::Quote(path), path, reason));
}

/// What one file and all that it names have.
struct Contents {
  std::vector<std::string> rule_files;
  std::vector<config::ScrapeConfig> jobs;
};

Status AddRuleFiles(const config::Config& config, std::vector<std::string>& files) {
  for (const std::string& pattern : config.rule_files) {
    const auto found = config::Glob(pattern);
    if (pattern.find('*') == std::string::npos) {
      if (found.empty()) {
        return Fail(Code::kNotFound,
                    fmt::format("{} does not point to an existing file", go::Quote(pattern)));
      }
      NX_RETURN_IF_ERROR(CheckExists(found.front(), "rule file"));  // A link may lead nowhere.
    }
    files.insert(files.end(), found.begin(), found.end());
  }
  return {};
}

/// Checks the groups of each file that file discovery would read.
/// @param user  in the warning of a file that does not exist
template <typename Check>
Status CheckFileSd(const config::FileSdConfig& sd, const std::string& user, const Check& check) {
  for (const std::string& pattern : sd.files) {
    const auto files = config::Glob(pattern);
    if (files.empty()) {
      fmt::print("  WARNING: file {} for file_sd in {} does not exist\n", go::Quote(pattern), user);
    }
    for (const std::string& file : files) {
      const auto groups = scrape::LoadTargetFile(file);
      if (!groups) {
        return Fail(
            groups.error().code(),
            fmt::format("checking SD file {}: {}", go::Quote(pattern), groups.error().message()));
      }
      NX_RETURN_IF_ERROR(check(*groups));
    }
  }
  return {};
}

Status CheckTlsFiles(const config::TlsConfig& tls) {
  NX_RETURN_IF_ERROR(CheckExists(tls.cert_file, "client cert file"));
  return CheckExists(tls.key_file, "client key file");
}

Status CheckHttpFiles(const config::HttpConfig& http) {
  NX_RETURN_IF_ERROR(CheckExists(http.authorization_credentials_file,
                                 "authorization credentials or bearer token file"));
  return CheckTlsFiles(http.tls);
}

/// What promtool looks at: the files of file discovery, and the certificates of Kubernetes's.
template <typename Check>
Status CheckDiscoveries(const std::vector<config::DiscoveryConfig>& discoveries,
                        const std::string& user, const Check& check) {
  for (const config::DiscoveryConfig& discovery : discoveries) {
    if (const auto* file = std::get_if<config::FileSdConfig>(&discovery.settings)) {
      NX_RETURN_IF_ERROR(CheckFileSd(*file, user, check));
    }
    if (const auto* kubernetes = std::get_if<config::KubernetesSdConfig>(&discovery.settings)) {
      NX_RETURN_IF_ERROR(CheckTlsFiles(kubernetes->http.tls));
    }
  }
  return {};
}

Status CheckJob(const config::ScrapeConfig& job, bool syntax_only) {
  const auto check = [&](const std::vector<config::TargetGroup>& groups) {
    return scrape::CheckTargets(groups, job);
  };
  if (!syntax_only) {
    NX_RETURN_IF_ERROR(CheckHttpFiles(job.http));
    NX_RETURN_IF_ERROR(
        CheckDiscoveries(job.discovery_configs, "scrape job " + go::Quote(job.job_name), check));
  }
  return check(job.static_configs);
}

Status CheckAlertmanager(const config::AlertmanagerConfig& entry, bool syntax_only) {
  const auto check = [&](const std::vector<config::TargetGroup>& groups) {
    return alerting::CheckAlertmanagers(groups, entry);
  };
  if (!syntax_only) {
    NX_RETURN_IF_ERROR(CheckDiscoveries(entry.discovery_configs, "alertmanager config", check));
  }
  return check(entry.static_configs);
}

Result<Contents> CheckFile(const std::string& file, const CheckConfigOptions& options) {
  config::LoadOptions load;
  load.agent_mode = options.agent;
  load.scrape_config_files = false;
  NX_ASSIGN_OR_RETURN(auto config, config::LoadFile(file, load));
  Contents contents;
  if (!options.syntax_only) {
    NX_RETURN_IF_ERROR(AddRuleFiles(*config, contents.rule_files));
    load.scrape_config_files = true;
    auto whole = config::LoadFile(file, load);
    if (!whole) return Fail(std::move(whole).error().Wrap("error loading scrape configs"));
    config = std::move(*whole);
  }
  for (const config::ScrapeConfig& job : config->scrape_configs) {
    NX_RETURN_IF_ERROR(CheckJob(job, options.syntax_only));
  }
  for (const config::AlertmanagerConfig& entry : config->alerting.alertmanagers) {
    NX_RETURN_IF_ERROR(CheckAlertmanager(entry, options.syntax_only));
  }
  contents.jobs = config->scrape_configs;
  return contents;
}

/// @return whether a job is scraped so seldom that queries would not find its samples
bool HasTooLongInterval(const Contents& contents, model::DurationMs lookback_ms) {
  for (const config::ScrapeConfig& job : contents.jobs) {
    if (job.scrape_interval_ms < lookback_ms) continue;
    std::fflush(stdout);
    fmt::print(stderr,
               "  FAILED: too long scrape interval found, data point will be marked as stale - "
               "job: {}, interval: {}\n",
               job.job_name, model::FormatDuration(job.scrape_interval_ms));
    return true;
  }
  return false;
}

}  // namespace

int CheckConfig(std::span<const std::string> files, CheckConfigOptions options) {
  const Lints lints = ReadLints(options.rules.lint);
  options.rules.lint = lints.of_rules;
  const RulesChecker rules(options.rules);
  CheckOutcome outcome;
  for (const std::string& file : files) {
    fmt::print("Checking {}\n", file);
    const auto contents = CheckFile(file, options);
    if (!contents) {
      std::fflush(stdout);
      fmt::print(stderr, "  FAILED: {}\n", contents.error().message());
      fmt::print("\n");
      outcome.failed = outcome.has_errors = true;
      continue;
    }
    if (!contents->rule_files.empty()) {
      fmt::print("  SUCCESS: {} rule files found\n", contents->rule_files.size());
    }
    fmt::print(" SUCCESS: {} is valid prometheus config file syntax\n\n", file);
    if (options.syntax_only) continue;
    if (lints.too_long_interval && options.lookback_delta_ms > 0 &&
        HasTooLongInterval(*contents, options.lookback_delta_ms)) {
      outcome.failed = true;
    }
    rules.Check(contents->rule_files, outcome);
  }
  return outcome.ExitCode(options.rules.lint_fatal);
}

}  // namespace narthex::cli
