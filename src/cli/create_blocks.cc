// SPDX-License-Identifier: Apache-2.0
#include "src/cli/create_blocks.h"

#include <algorithm>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/scrape/openmetrics.h"
#include "narthex/tsdb/inspect.h"
#include "src/cli/command.h"

namespace narthex::cli {

using model::TimestampMs;

Result<std::unique_ptr<BlockMaker>> BlockMaker::Create(const BlockOutput& output) {
  if (auto status = SystemFs().CreateDirs(output.dir); !status) {
    return Fail(std::move(status).error().Wrap("create output dir"));
  }
  // Beside the blocks: where there is room for them there is some for their parts, which the
  // system's folder for temporary files, often in memory, may lack.
  NX_ASSIGN_OR_RETURN(auto spill, TempFolder::Create(output.dir));
  return std::unique_ptr<BlockMaker>(new BlockMaker(output, std::move(spill)));
}

Result<std::unique_ptr<tsdb::BlockBuilder>> BlockMaker::NewBuilder() {
  tsdb::BlockBuilderOptions options;
  options.block_duration_ms = output_.block_duration_ms;
  options.spill_dir = spill_.path();
  return tsdb::BlockBuilder::Create(output_.dir, options, SystemFs(), SystemClock());
}

Status BlockMaker::Finish(tsdb::BlockBuilder& builder, bool quiet) {
  NX_ASSIGN_OR_RETURN(const auto block, builder.Finish());
  if (!block || quiet) return {};
  const bool header = !std::exchange(header_printed_, true);
  return PrintOut(tsdb::FormatBlockTable({&*block, 1}, header, output_.readable));
}

namespace {

// Up to here the seconds of a file, which are doubles, tell each millisecond: the year 287396. What
// is beyond is a time in another unit.
constexpr TimestampMs kMostTime = TimestampMs{1} << 53;

// The closed range of times in the file; an empty one when there is no sample.
struct TimeRange {
  TimestampMs mint = model::kMaxTime;
  TimestampMs maxt = model::kMinTime;
};

Result<TimeRange> ReadTimes(scrape::OpenMetricsFile& file) {
  TimeRange range;
  for (;;) {
    auto more = file.Next();
    if (!more) return Fail(std::move(more).error().Wrap("next"));
    if (!*more) return range;
    if (!file.has_timestamp()) {
      return Fail(Code::kInvalidArgument, "expected timestamp for series got none" + file.Where());
    }
    if (file.timestamp() < -kMostTime || file.timestamp() > kMostTime) {
      return Fail(Code::kInvalidArgument,
                  "timestamp out of range, expected seconds since 1970" + file.Where());
    }
    range.mint = std::min(range.mint, file.timestamp());
    range.maxt = std::max(range.maxt, file.timestamp());
  }
}

Result<model::Labels> LabelsOf(const scrape::OpenMetricsFile& file,
                               const std::map<std::string, std::string>& extra) {
  NX_ASSIGN_OR_RETURN(auto labels, file.ReadLabels());
  if (extra.empty()) return labels;
  model::LabelsBuilder builder(labels);
  for (const auto& [name, value] : extra) builder.Set(name, value);
  return builder.Build();
}

// Adds the samples with from ≤ t < to. @return the time of the first later sample, if there is one
Result<std::optional<TimestampMs>> AddRange(scrape::OpenMetricsFile& file, TimestampMs from,
                                            TimestampMs to, const OpenMetricsImport& import,
                                            tsdb::BlockBuilder& builder) {
  std::optional<TimestampMs> next;
  for (file.Rewind();;) {
    NX_ASSIGN_OR_RETURN(const bool more, file.Next());
    if (!more) return next;
    const TimestampMs t = file.timestamp();
    if (t < from) continue;
    if (t >= to) {
      next = std::min(next.value_or(t), t);
      continue;
    }
    auto labels = LabelsOf(file, import.labels);
    if (!labels) return Fail(std::move(labels).error().Wrap("add sample"));
    NX_RETURN_IF_ERROR(builder.Append(*labels, t, file.value()));
  }
}

Status MakeBlocks(scrape::OpenMetricsFile& file, const OpenMetricsImport& import,
                  const BlockOutput& output, TimeRange range) {
  NX_ASSIGN_OR_RETURN(const auto maker, BlockMaker::Create(output));
  std::optional<TimestampMs> next = range.mint;
  while (next && *next <= range.maxt) {
    const TimestampMs from = tsdb::AlignedStart(*next, output.block_duration_ms);
    NX_ASSIGN_OR_RETURN(const auto builder, maker->NewBuilder());
    NX_ASSIGN_OR_RETURN(
        next, AddRange(file, from, model::Plus(from, output.block_duration_ms), import, *builder));
    NX_RETURN_IF_ERROR(maker->Finish(*builder, output.quiet));
  }
  return {};
}

void AddOpenMetrics(CLI::App& group, const std::shared_ptr<BlockOutput>& output, Command& chosen) {
  auto import = std::make_shared<OpenMetricsImport>();
  auto labels = std::make_shared<std::vector<std::string>>();
  CLI::App* command = group.add_subcommand(
      "openmetrics", "Import samples from OpenMetrics input and produce TSDB blocks.");
  command->fallthrough();  // The group's flags may come behind.
  command
      ->add_option("--label", *labels,
                   "Label to attach to metrics. Can be specified multiple times. Example "
                   "--label=label_name=label_value")
      ->allow_extra_args(false);
  command->add_option("INPUT_FILE", import->file, "OpenMetrics file to read samples from.")
      ->required();
  command->add_option("OUTPUT_DIRECTORY", output->dir, "Output directory for generated blocks.");
  const auto run = [import, labels, output]() -> Status {
    for (const auto& label : *labels) {
      const auto separator = label.find_first_of("=:");
      if (separator == std::string::npos) {
        return Fail(Code::kInvalidArgument, fmt::format("expected KEY=VALUE got '{}'", label));
      }
      import->labels[label.substr(0, separator)] = label.substr(separator + 1);
    }
    return ImportOpenMetrics(*import, *output);
  };
  command->callback([run, &chosen] { chosen = [run] { return ExitCode(run()); }; });
}

}  // namespace

Status ImportOpenMetrics(const OpenMetricsImport& import, const BlockOutput& output) {
  NX_ASSIGN_OR_RETURN(const auto file, scrape::OpenMetricsFile::Open(import.file));
  const auto range = ReadTimes(*file);
  if (!range) return Fail(Error(range.error()).Wrap("getting min and max timestamp"));
  if (auto status = MakeBlocks(*file, import, output, *range); !status) {
    return Fail(std::move(status).error().Wrap("block creation: process blocks"));
  }
  return {};
}

void AddCreateBlocksCommands(CLI::App& tsdb, Command& chosen) {
  CLI::App* group = tsdb.add_subcommand(
      "create-blocks-from", "[Experimental] Import samples from input and produce TSDB blocks.");
  group->require_subcommand(1);
  auto output = std::make_shared<BlockOutput>();
  group->add_flag("-r,--human-readable", output->readable, "Print human readable values.");
  group->add_flag("-q,--quiet", output->quiet, "Do not print created blocks.");
  group
      ->add_option_function<std::string>(
          "--max-block-duration",
          [output](const std::string& text) {
            const auto ns = go::ParseDuration(text);
            if (!ns) throw CLI::ValidationError("--max-block-duration", "invalid duration " + text);
            output->block_duration_ms = tsdb::CompatibleBlockDuration(*ns / 1'000'000);
          },
          "Maximum duration created blocks may span. Anything less than 2h is ignored.")
      ->group("");
  AddOpenMetrics(*group, output, chosen);
  AddRuleBackfill(*group, output, chosen);
}

}  // namespace narthex::cli
