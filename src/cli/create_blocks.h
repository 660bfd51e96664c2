// SPDX-License-Identifier: Apache-2.0
//
// narthex tsdb create-blocks-from openmetrics|rules: blocks of data that came from elsewhere.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/tsdb/block_builder.h"
#include "src/cli/command.h"
#include "src/cli/temp_folder.h"

namespace narthex::cli {

/// Where blocks go and what is told of them.
struct BlockOutput {
  std::string dir = "data/";
  bool readable = false;  // Times and sizes for people.
  bool quiet = false;     // Created blocks are not listed.
  model::DurationMs block_duration_ms = 7'200'000;
};

/// Makes blocks one after the other. Thread safety: one thread.
class BlockMaker {
 public:
  /// Creates the output folder and one for spilling. Errors: kIo.
  static Result<std::unique_ptr<BlockMaker>> Create(const BlockOutput& output);

  Result<std::unique_ptr<tsdb::BlockBuilder>> NewBuilder();
  /// Writes the block and lists it, unless it is empty or `quiet`.
  Status Finish(tsdb::BlockBuilder& builder, bool quiet);
  const BlockOutput& output() const { return output_; }

 private:
  BlockMaker(const BlockOutput& output, TempFolder spill)
      : output_(output), spill_(std::move(spill)) {}
  const BlockOutput output_;
  const TempFolder spill_;
  bool header_printed_ = false;
};

struct OpenMetricsImport {
  std::string file;
  std::map<std::string, std::string> labels;  // Set on every series.
};
/// Reads the file once for its times, then once for each block range that has samples.
Status ImportOpenMetrics(const OpenMetricsImport& import, const BlockOutput& output);

struct RulesImport {
  std::vector<std::string> files;
  std::string url = "http://localhost:9090";
  std::string start, end;  // Unix seconds or RFC 3339; end "" = three hours ago.
  std::int64_t eval_interval_ns = 60'000'000'000;
};
/// Evaluates recording rules over the past by range queries of a running server, one for each rule
/// and block range. Alerting rules are passed over. A rule that fails is named on stderr, and the
/// others go on.
Status ImportRules(const RulesImport& import, const BlockOutput& output);

/// Adds the subcommand `rules`; see AddCreateBlocksCommands.
void AddRuleBackfill(CLI::App& group, const std::shared_ptr<BlockOutput>& output, Command& chosen);

}  // namespace narthex::cli
