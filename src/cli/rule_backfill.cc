// SPDX-License-Identifier: Apache-2.0
//
// narthex tsdb create-blocks-from rules: what recording rules would have recorded.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "narthex/alerting/recording_rules.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "src/cli/command.h"
#include "src/cli/create_blocks.h"
#include "src/cli/range_query.h"

namespace narthex::cli {
namespace {

using alerting::RecordingGroup;
using alerting::RecordingRuleSpec;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kDefaultAgeSeconds = 3 * 3600;

// Whole seconds since 1970 of "1700000000.5" or RFC 3339.
Result<std::int64_t> ParseSeconds(const std::string& text) {
  if (const auto number = go::ParseFloat(text); number && std::abs(*number) < 1e15) {
    return static_cast<std::int64_t>(std::floor(*number));
  }
  if (const auto time = go::ParseTime(text)) return time->seconds;
  return Fail(Code::kInvalidArgument,
              fmt::format("cannot parse {} to a valid timestamp", go::Quote(text)));
}

struct Period {
  std::int64_t start_s = 0;  // Closed range.
  std::int64_t end_s = 0;
};

Result<Period> ParsePeriod(const RulesImport& import, Clock& clock) {
  Period period;
  period.end_s = clock.NowMs() / 1000 - kDefaultAgeSeconds;
  if (!import.end.empty()) {
    auto end = ParseSeconds(import.end);
    if (!end) return Fail(std::move(end).error().Wrap("error parsing end time"));
    period.end_s = *end;
  }
  auto start = ParseSeconds(import.start);
  if (!start) return Fail(std::move(start).error().Wrap("error parsing start time"));
  period.start_s = *start;
  if (period.start_s >= period.end_s) {
    return Fail(Code::kInvalidArgument, "start time is not before end time");
  }
  return period;
}

// The part of a block range that is asked for; nullopt when the group has no tick there.
std::optional<RangeQuery> QueryOf(const RecordingGroup& group, const RecordingRuleSpec& rule,
                                  Period part) {
  RangeQuery query;
  query.query = rule.query;
  query.step_ns = group.interval_ms * 1'000'000;
  query.start_ns = group.TickBefore(part.start_s * kNsPerSecond);
  while (query.start_ns < part.start_s * kNsPerSecond) query.start_ns += query.step_ns;
  query.end_ns = part.end_s * kNsPerSecond;
  if (query.start_ns > query.end_ns) return std::nullopt;
  return query;
}

Status ImportRange(const std::string& url, const RangeQuery& query, const RecordingRuleSpec& rule,
                   BlockMaker& maker) {
  auto result = QueryRange(url, query);
  if (!result) return Fail(std::move(result).error().Wrap("query range"));
  for (const auto& warning : result->warnings) {
    log::Warn("Range query returned a warning", {{"rule", rule.name}, {"warning", warning}});
  }
  NX_ASSIGN_OR_RETURN(const auto builder, maker.NewBuilder());
  for (const RangeSeries& series : result->series) {
    const model::Labels labels = rule.SeriesOf(series.labels);
    for (const auto& [t, v] : series.samples) NX_RETURN_IF_ERROR(builder->Append(labels, t, v));
  }
  return maker.Finish(*builder, true);  // promtool lists no blocks of rules.
}

Status ImportRule(const std::string& url, const RecordingGroup& group,
                  const RecordingRuleSpec& rule, Period period, BlockMaker& maker) {
  const std::int64_t block_s = maker.output().block_duration_ms / 1000;
  for (std::int64_t block = tsdb::AlignedStart(period.start_s, block_s); block <= period.end_s;
       block += block_s) {
    const Period part{std::max(block, period.start_s), std::min(block + block_s - 1, period.end_s)};
    if (const auto query = QueryOf(group, rule, part)) {
      NX_RETURN_IF_ERROR(ImportRange(url, *query, rule, maker));
    }
  }
  return {};
}

}  // namespace

Status ImportRules(const RulesImport& import, const BlockOutput& output) {
  for (const auto& file : import.files) {
    if (!SystemFs().Exists(file)) {
      return Fail(Code::kNotFound, fmt::format("path '{}' does not exist", file));
    }
  }
  NX_ASSIGN_OR_RETURN(const Period period, ParsePeriod(import, SystemClock()));
  auto groups = alerting::LoadRecordingRules(import.files, import.eval_interval_ns / 1'000'000);
  if (!groups) return Fail(std::move(groups).error().Wrap("rule importer parse error"));
  NX_ASSIGN_OR_RETURN(const auto maker, BlockMaker::Create(output));
  bool failed = false;
  for (const RecordingGroup& group : *groups) {
    log::Info("processing group", {{"file", group.file}, {"name", group.name}});
    for (const RecordingRuleSpec& rule : group.rules) {
      log::Info("processing rule", {{"name", rule.name}});
      if (auto status = ImportRule(import.url, group, rule, period, *maker); !status) {
        fmt::print(stderr, "rule importer error: {}\n", status.error().message());
        failed = true;
      }
    }
  }
  if (failed) return Fail(Code::kExecution, "error importing rules");
  return {};
}

void AddRuleBackfill(CLI::App& group, const std::shared_ptr<BlockOutput>& output, Command& chosen) {
  auto import = std::make_shared<RulesImport>();
  CLI::App* command =
      group.add_subcommand("rules", "Create blocks of data for new recording rules.");
  command->fallthrough();  // The group's flags may come behind.
  command->add_option("--url", import->url,
                      "The URL for the Prometheus API with the data where the rule will be "
                      "backfilled from (default http://localhost:9090).");
  command
      ->add_option("--start", import->start,
                   "The time to start backfilling the new rule from. Must be a RFC3339 formatted "
                   "date or Unix timestamp. Required.")
      ->required();
  command->add_option("--end", import->end,
                      "The time to backfill to. Default will backfill up to 3 hours ago.");
  command->add_option("--output-dir", output->dir,
                      "Output directory for generated blocks (default data/).");
  command->add_option_function<std::string>(
      "--eval-interval",
      [import](const std::string& text) {
        const auto ns = go::ParseDuration(text);
        if (!ns || *ns < 1'000'000) {
          throw CLI::ValidationError("--eval-interval", "invalid duration " + text);
        }
        import->eval_interval_ns = *ns;
      },
      "How frequently to evaluate rules when backfilling if a value is not set in the recording "
      "rule files (default 60s).");
  command
      ->add_option("RULE_FILES", import->files,
                   "Files containing recording rules to be backfilled. Alerting rules are not "
                   "evaluated.")
      ->required();
  command->callback([import, output, &chosen] {
    chosen = [import, output] {
      log::Configure(log::Level::kInfo, log::Format::kLogfmt);
      return ExitCode(ImportRules(*import, *output));
    };
  });
}

}  // namespace narthex::cli
