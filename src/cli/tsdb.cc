// SPDX-License-Identifier: Apache-2.0
//
// narthex tsdb list|analyze|dump|dump-openmetrics: looks into a data folder, as promtool does.
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "narthex/base/fs.h"
#include "narthex/promql/parser.h"
#include "narthex/tsdb/inspect.h"
#include "src/cli/command.h"
#include "src/cli/temp_folder.h"

namespace narthex::cli {
namespace {

constexpr const char* kDefaultFolder = "data/";
constexpr const char* kEverySeries = "{__name__=~'(?s:.*)'}";

void AddList(CLI::App& tsdb, Command& chosen) {
  struct Options {
    std::string dir = kDefaultFolder;
    bool readable = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = tsdb.add_subcommand("list", "List tsdb blocks.");
  list->add_flag("-r,--human-readable", options->readable, "Print human readable values.");
  list->add_option("DB_PATH", options->dir, "Database path (default is data/).");
  list->callback([options, &chosen] {
    chosen = [options] {
      return ExitCode(tsdb::ListBlocks(SystemFs(), options->dir, options->readable, PrintOut));
    };
  });
}

void AddAnalyze(CLI::App& tsdb, Command& chosen) {
  auto options = std::make_shared<tsdb::AnalyzeOptions>();
  auto limit = std::make_shared<std::int64_t>(20);
  options->dir = kDefaultFolder;
  CLI::App* analyze = tsdb.add_subcommand(
      "analyze", "Analyze churn, label pair cardinality and compaction efficiency.");
  analyze->add_option("--limit", *limit, "How many items to show in each list (default 20).");
  analyze->add_flag("--extended", options->extended, "Run extended analysis.");
  analyze->add_option("--match", options->match_text, "Series selector to analyze: one only.");
  analyze->add_option("DB_PATH", options->dir, "Database path (default is data/).");
  analyze->add_option("BLOCK_ID", options->block, "Block to analyze (default is the last block).");
  const auto run = [options, limit]() -> Status {
    options->limit = *limit < 0 ? 0 : static_cast<std::size_t>(*limit);
    if (!options->match_text.empty()) {
      NX_ASSIGN_OR_RETURN(options->matchers, promql::ParseMetricSelector(options->match_text));
    }
    return tsdb::AnalyzeBlock(SystemFs(), *options, PrintOut);
  };
  analyze->callback([run, &chosen] { chosen = [run] { return ExitCode(run()); }; });
}

struct DumpArguments {
  tsdb::DumpOptions options;
  std::string sandbox_root;
  std::vector<std::string> selectors = {kEverySeries};
  std::string format = "prom";
};

Status RunDump(DumpArguments& arguments) {
  for (const auto& selector : arguments.selectors) {
    NX_ASSIGN_OR_RETURN(auto matchers, promql::ParseMetricSelector(selector));
    arguments.options.matcher_sets.push_back(std::move(matchers));
  }
  NX_ASSIGN_OR_RETURN(const TempFolder sandbox, TempFolder::Create(arguments.sandbox_root));
  arguments.options.sandbox = sandbox.path();
  return tsdb::Dump(SystemFs(), arguments.options, PrintOut);
}

// @return the subcommand, for options of its own
CLI::App* AddDump(CLI::App& tsdb, Command& chosen, const char* name, const char* description,
                  const std::shared_ptr<DumpArguments>& arguments) {
  arguments->options.dir = kDefaultFolder;
  CLI::App* dump = tsdb.add_subcommand(name, description);
  dump->add_option(
      "--sandbox-dir-root", arguments->sandbox_root,
      "Where a folder is created for what replaying the WAL has to write (default: the "
      "system's temporary folder; nothing is written to the database path). It is "
      "removed at the end.");
  dump->add_option("--min-time", arguments->options.min_time,
                   "Minimum timestamp to dump, in milliseconds since the Unix epoch.");
  dump->add_option("--max-time", arguments->options.max_time,
                   "Maximum timestamp to dump, in milliseconds since the Unix epoch.");
  dump->add_option("--match", arguments->selectors,
                   "Series selector. Can be specified multiple times.")
      ->allow_extra_args(false);
  dump->add_option("DB_PATH", arguments->options.dir, "Database path (default is data/).");
  dump->callback([arguments, &chosen] {
    chosen = [arguments] {
      if (arguments->format == "seriesjson") {
        arguments->options.format = tsdb::DumpFormat::kSeriesJson;
      }
      return ExitCode(RunDump(*arguments));
    };
  });
  return dump;
}

}  // namespace

void AddTsdbCommands(CLI::App& app, Command& chosen) {
  CLI::App* tsdb = app.add_subcommand("tsdb", "Run tsdb commands.");
  tsdb->require_subcommand(1);
  AddList(*tsdb, chosen);
  AddAnalyze(*tsdb, chosen);
  auto dump = std::make_shared<DumpArguments>();
  AddDump(*tsdb, chosen, "dump",
          "Dump data (series and samples, or series alone) from a TSDB: blocks and WAL.", dump)
      ->add_option("--format", dump->format, "prom (default) or seriesjson.")
      ->check(CLI::IsMember({"prom", "seriesjson"}));
  auto open_metrics = std::make_shared<DumpArguments>();
  open_metrics->options.format = tsdb::DumpFormat::kOpenMetrics;
  AddDump(*tsdb, chosen, "dump-openmetrics",
          "[Experimental] Dump samples from a TSDB into OpenMetrics text format, excluding native "
          "histograms, which are not representable in it.",
          open_metrics);
  AddCreateBlocksCommands(*tsdb, chosen);
}

}  // namespace narthex::cli
