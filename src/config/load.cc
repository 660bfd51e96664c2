// SPDX-License-Identifier: Apache-2.0
//
// Loading of the main file and of the scrape_config_files it names.
#include <filesystem>
#include <set>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/config/config.h"
#include "narthex/config/glob.h"
#include "src/config/environment.h"
#include "src/config/extract.h"
#include "src/config/patterns.h"
#include "src/config/tables.h"
#include "src/config/yaml/reader.h"
#include "src/config/yaml/writer.h"

namespace narthex::config {

namespace {

/// Sections that are checked and kept, but that nothing acts on yet.
constexpr std::string_view kWithoutEffect[] = {"tracing"};

void WarnOnce(std::string_view section) {
  static Mutex mutex;
  static std::set<std::string, std::less<>> warned;
  MutexLock lock(mutex);
  if (!warned.emplace(section).second) return;
  log::Warn("Section of the configuration has no effect yet", {{"section", section}});
}

/// Joins relative file names with the folder of the file they stand in.
void AnchorPaths(Value& value, std::string_view folder) {
  if (value.type().kind == Kind::kMap) {
    for (Value& item : value.items) AnchorPaths(item, folder);
    return;
  }
  if (value.type().kind != Kind::kStruct) return;
  const auto& fields = value.type().schema->fields;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    Value& item = value.items[i];
    const std::string_view name = fields[i].name;
    // Prometheus leaves the file of this section out, so it is one of the working folder.
    if (name == "google_iam") continue;
    if (item.type().kind == Kind::kString && name.ends_with("_file")) {
      item.text = Anchored(folder, item.text);
    } else if (item.type().kind == Kind::kList) {
      const bool paths = name == "files" || name == "rule_files" || name == "scrape_config_files";
      for (Value& element : item.items) {
        if (paths) element.text = Anchored(folder, element.text);
        AnchorPaths(element, folder);
      }
    } else {
      AnchorPaths(item, folder);
    }
  }
}

void ExpandExternalLabels(Value& labels) {
  for (std::size_t i = labels.keys.size(); i-- > 0;) {
    labels.items[i].text = ExpandEnvironment(labels.items[i].text);
    if (!labels.items[i].text.empty()) continue;
    labels.items.erase(labels.items.begin() + static_cast<std::ptrdiff_t>(i));
    labels.keys.erase(labels.keys.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

/// Shows the retention that the command line sets when the file says nothing about it.
void FillRetention(Value& storage, const LoadOptions& options) {
  Value& tsdb = storage["tsdb"];
  tsdb.Open();
  tsdb.set = true;
  Value& retention = tsdb["retention"];
  if (retention.set) return;
  retention.Open();
  retention.set = true;
  retention["time"].number = options.default_retention_ms;
  retention["size"].number = options.default_retention_bytes;
}

/// Puts protobuf first for all who said nothing, as if `global` did.
void PreferProtobuf(Value& root) {
  Value& protocols = root["global"]["scrape_protocols"];
  if (protocols.set) return;
  SetDefaultProtocols(protocols, true);
  protocols.set = true;
  for (Value& job : root["scrape_configs"].items) {
    if (!job["scrape_protocols"].set) job["scrape_protocols"].items = protocols.items;
  }
}

Status CheckAgentMode(const Value& root) {
  if (!root["alerting"].IsZero()) {
    return Fail(Code::kInvalidArgument, "field alerting is not allowed in agent mode");
  }
  for (const std::string_view name : {"rule_files", "remote_read"}) {
    if (root[name].items.empty()) continue;
    return Fail(Code::kInvalidArgument, fmt::format("field {} is not allowed in agent mode", name));
  }
  return {};
}

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

/// Reads the jobs of one file of scrape_config_files.
Result<std::vector<Value>> ReadJobs(const std::string& path, const Value& global) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  NX_ASSIGN_OR_RETURN(Value root, ReadYaml(text, ScrapeConfigFileType()));
  for (Value& job : root["scrape_configs"].items) {
    NX_RETURN_IF_ERROR(FinishScrapeConfig(job, global));
  }
  AnchorPaths(root, FolderOf(path));
  return std::move(root["scrape_configs"].items);
}

Status AddScrapeConfigFiles(const Value& root, std::vector<ScrapeConfig>& configs) {
  std::map<std::string, std::string> jobs;
  for (const ScrapeConfig& config : configs) jobs[config.job_name] = "main config file";
  for (const Value& pattern : root["scrape_config_files"].items) {
    for (const std::string& path : Glob(pattern.text)) {
      const std::string name = go::Quote(AbsolutePath(path));
      auto read = ReadJobs(path, root["global"]);
      if (!read) return Fail(std::move(read).error().Wrap(name));
      for (const Value& job : *read) {
        NX_ASSIGN_OR_RETURN(ScrapeConfig config, ExtractScrapeConfig(job));
        const auto [known, is_new] = jobs.emplace(config.job_name, name);
        if (!is_new) {
          return Fail(Code::kInvalidArgument,
                      fmt::format("{}: found multiple scrape configs with job name {}, first "
                                  "found in {}",
                                  name, go::Quote(config.job_name), known->second));
        }
        configs.push_back(std::move(config));
      }
    }
  }
  return {};
}

Result<std::shared_ptr<const Config>> Extract(Value root, const LoadOptions& options) {
  auto config = std::make_shared<Config>();
  config->global = ExtractGlobal(root["global"]);
  config->storage = ExtractStorage(root["storage"]);
  for (const Value& path : root["rule_files"].items) config->rule_files.push_back(path.text);
  for (const Value& path : root["scrape_config_files"].items) {
    config->scrape_config_files.push_back(path.text);
  }
  for (const Value& job : root["scrape_configs"].items) {
    NX_ASSIGN_OR_RETURN(ScrapeConfig scrape_config, ExtractScrapeConfig(job));
    config->scrape_configs.push_back(std::move(scrape_config));
  }
  NX_ASSIGN_OR_RETURN(config->alerting,
                      ExtractAlerting(root["alerting"], config->global.legacy_names));
  NX_ASSIGN_OR_RETURN(config->remote_write,
                      ExtractRemoteWrite(root["remote_write"], config->global.legacy_names));
  config->remote_read = ExtractRemoteRead(root["remote_read"]);
  if (root["otlp"].set) config->otlp = ExtractOtlp(root["otlp"]);
  if (options.scrape_config_files) {
    NX_RETURN_IF_ERROR(AddScrapeConfigFiles(root, config->scrape_configs));
  }
  config->yaml = WriteYaml(root);
  for (const std::string_view section : kWithoutEffect) {
    if (!root[section].IsZero()) WarnOnce(section);
  }
  return config;
}

}  // namespace

Result<std::shared_ptr<const Config>> LoadText(std::string_view text, const std::string& path,
                                               const LoadOptions& options) {
  auto root = ReadYaml(text, ConfigType());
  if (!root) {
    return Fail(std::move(root).error().Wrap(fmt::format("parsing YAML file {}", path)));
  }
  // An empty text is never checked, so what the check fills in is filled here.
  (*root)["global"]["scrape_native_histograms"].set = true;
  (*root)["global"]["extra_scrape_metrics"].set = true;
  ExpandExternalLabels((*root)["global"]["external_labels"]);
  if (options.agent_mode) NX_RETURN_IF_ERROR(CheckAgentMode(*root));
  AnchorPaths(*root, FolderOf(path));
  FillRetention((*root)["storage"], options);
  if (options.protobuf_first) PreferProtobuf(*root);
  return Extract(std::move(*root), options);
}

Result<std::shared_ptr<const Config>> LoadFile(const std::string& path,
                                               const LoadOptions& options) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return LoadText(text, path, options);
}

}  // namespace narthex::config
