// SPDX-License-Identifier: Apache-2.0
#include "src/cli/test_rules.h"

#include <cstdio>
#include <ctime>
#include <optional>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/config/glob.h"
#include "narthex/config/rule_test_file.h"
#include "narthex/model/matcher.h"
#include "src/cli/junit.h"
#include "src/cli/rule_test_case.h"

namespace narthex::cli {
namespace {

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// Paths that the globs of rule_files match; relative ones are looked for beside the file.
std::vector<std::string> RuleFiles(const std::string& file,
                                   const std::vector<std::string>& patterns) {
  std::vector<std::string> paths;
  for (const std::string& written : patterns) {
    const bool relative = !written.empty() && written[0] != '/';
    const std::string pattern = relative ? FolderOf(file) + written : written;
    const auto found = config::Glob(pattern);
    if (found.empty()) fmt::print(stderr, "  WARNING: no file match pattern {}\n", pattern);
    paths.insert(paths.end(), found.begin(), found.end());
  }
  return paths;
}

std::string LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
  return text;
}

std::optional<std::string> RepeatedName(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) return name;
  }
  return std::nullopt;
}

/// @param run  null = all tests @return what failed
std::vector<std::string> TestFile(const std::string& path, const TestRulesOptions& options,
                                  const model::Regex* run, JUnitSuite& suite) {
  const auto abort = [&suite](const std::string& error) {
    suite.Abort(error);
    return std::vector{error};
  };
  const auto file = config::LoadRuleTestFile(path);
  if (!file) return abort(file.error().message());
  RuleTestContext context{*file,        RuleFiles(path, file->rule_files), options.debug,
                          options.diff, options.ignore_unknown_fields,     options.features};
  suite.timestamp = LocalTime();
  if (const auto twice = RepeatedName(file->group_eval_order)) {
    return abort("group name repeated in evaluation order: " + *twice);
  }
  std::vector<std::string> failures;
  for (std::size_t i = 0; i < file->tests.size(); ++i) {
    const config::RuleTestGroup& test = file->tests[i];
    if (run != nullptr && !run->Matches(test.name)) continue;
    const std::string name = test.name.empty() ? fmt::format("unnamed#{}", i) : test.name;
    JUnitCase& result = suite.cases.emplace_back();
    result.name = name;
    result.failures = RunRuleTest(context, test, name);
    failures.insert(failures.end(), result.failures.begin(), result.failures.end());
  }
  return failures;
}

Status WriteJUnit(const std::string& path, const std::vector<JUnitSuite>& suites) {
  std::FILE* out = std::fopen(path.c_str(), "w");
  if (out == nullptr) return Fail(Code::kIo, "open " + path + " failed");
  const std::string xml = JUnitXml(suites);
  const bool written = std::fwrite(xml.data(), 1, xml.size(), out) == xml.size();
  const bool closed = std::fclose(out) == 0;
  if (written && closed) return {};
  return Fail(Code::kIo, "write " + path + " failed");
}

Result<std::optional<model::Regex>> CompileRun(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return std::nullopt;
  std::string all;
  for (const std::string& pattern : patterns) all += (all.empty() ? "" : "|") + pattern;
  NX_ASSIGN_OR_RETURN(auto regex, model::Regex::Compile(".*(?:" + all + ").*"));
  return std::optional(std::move(regex));
}

}  // namespace

int TestRules(std::span<const std::string> files, const TestRulesOptions& options) {
  const auto run = CompileRun(options.run);
  if (!run) {
    fmt::print(stderr, "{}\n", run.error().message());
    return 1;
  }
  bool passed = true;
  std::vector<JUnitSuite> suites;
  for (const std::string& file : files) {
    suites.push_back({file, "", {}});
    const auto failures = TestFile(file, options, *run ? &**run : nullptr, suites.back());
    if (failures.empty()) {
      fmt::print("  SUCCESS\n");
    } else {
      fmt::print(stderr, "  FAILED:\n");
      for (const std::string& failure : failures) {
        fmt::print(stderr, "{}\n", failure);
        fmt::print("\n");
      }
      passed = false;
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
  if (!options.junit.empty()) {
    if (const Status status = WriteJUnit(options.junit, suites); !status) {
      fmt::print(stderr, "failed to write JUnit XML: {}\n", status.error().message());
    }
  }
  return passed ? 0 : 1;
}

}  // namespace narthex::cli
