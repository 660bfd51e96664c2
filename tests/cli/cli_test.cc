// SPDX-License-Identifier: Apache-2.0
//
// The tools as a user calls them: arguments in, text and exit code out.
#include "narthex/cli/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "src/cli/command.h"
#include "tests/support/temp_dir.h"

namespace narthex::cli {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome Capture(const std::function<int()>& call) {
  Outcome outcome;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  outcome.exit_code = call();
  std::fflush(stdout);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

Outcome Call(const std::vector<std::string>& arguments) {
  return Capture([&] { return RunTool(arguments).value_or(-1); });
}

Outcome CallPromtool(const std::vector<std::string>& arguments) {
  return Capture([&] { return RunPromtool(arguments, "version 1\n"); });
}

std::size_t CountLines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class CliTest : public ::testing::Test {
 protected:
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  const testing::TempDir dir_;
  const std::string blocks_ = dir_.path() + "/blocks";
};

// Texts and exit codes are those of promtool 3.14, here and below.
TEST_F(CliTest, CheckConfig) {
  File("good_rules.yml", "groups: [{name: g, rules: [{record: r, expr: up}]}]\n");
  File("twice_rules.yml",
       "groups: [{name: g, rules: [{record: r, expr: up}, {record: r, expr: up}]}]\n");
  const std::string config = File("config.yml", R"(rule_files: ['*_rules.yml']
scrape_configs:
- job_name: j
  scrape_interval: 10m
  static_configs: [{targets: ['a:1']}]
  file_sd_configs: [{files: [none.json]}]
)");
  auto outcome = Call({"check", "config", config});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            fmt::format("Checking {0}/config.yml\n"
                        "  WARNING: file \"{0}/none.json\" for file_sd in scrape job \"j\" does "
                        "not exist\n"
                        "  SUCCESS: 2 rule files found\n"
                        " SUCCESS: {0}/config.yml is valid prometheus config file syntax\n\n"
                        "Checking {0}/good_rules.yml\n  SUCCESS: 1 rules found\n\n"
                        "Checking {0}/twice_rules.yml\n\n",
                        dir_.path()));
  EXPECT_EQ(outcome.err,
            "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: r\nLabel(s):\n"
            "Might cause inconsistency while recording expressions\n");

  EXPECT_EQ(Call({"check", "config", "--lint-fatal", config}).exit_code, 3);
  EXPECT_EQ(Call({"check", "config", "--lint=none", "--lint-fatal", config}).exit_code, 0);
  const std::vector<std::string> lint = {"check", "config", "--lint=too-long-scrape-interval",
                                         "--lint-fatal", config};
  outcome = Call(lint);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err,
            "  FAILED: too long scrape interval found, data point will be marked as stale - job: "
            "j, interval: 10m\n");
  auto longer = lint;
  longer.insert(longer.begin() + 1, "--query.lookback-delta=11m");
  EXPECT_EQ(Call(longer).exit_code, 0);
}

TEST_F(CliTest, CheckConfigLooksAtWhatItNames) {
  File("bad_sd.json", R"([{"targets": ["a:1", "b/c"]}])");
  File("job.yml", "scrape_configs: [{job_name: j}]\n");
  std::filesystem::create_symlink("none", dir_.path() + "/dangling.yml");
  const struct {
    const char* config;
    const char* error;  // {0} = the folder.
    int syntax_only;    // The exit code with --syntax-only.
  } cases[] = {
      {"foo: 1",
       "parsing YAML file {0}/c.yml: yaml: unmarshal errors:\n  line 1: field foo not found in "
       "type config.plain",
       1},
      {"rule_files: [none.yml]", "\"{0}/none.yml\" does not point to an existing file", 0},
      {"rule_files: [dangling.yml]",
       "error checking rule file \"{0}/dangling.yml\": stat {0}/dangling.yml: no such file or "
       "directory",
       0},
      {"scrape_config_files: [job.yml]\nscrape_configs: [{job_name: j}]",
       "error loading scrape configs: \"{0}/job.yml\": found multiple scrape configs with job name "
       "\"j\", first found in main config file",
       0},
      {"scrape_configs: [{job_name: j, file_sd_configs: [{files: ['*_sd.json']}]}]",
       "instance 1 in group : \"b/c\" is not a valid hostname", 0},
      {"scrape_configs: [{job_name: j, static_configs: [{targets: [a]}, {targets: [b, c/d]}]}]",
       "parsing YAML file {0}/c.yml: \"c/d\" is not a valid hostname (line 1)", 1},
      {"scrape_configs: [{job_name: j, authorization: {credentials_file: none}}]",
       "error checking authorization credentials or bearer token file \"{0}/none\": stat {0}/none: "
       "no such file or directory",
       0},
      {"scrape_configs: [{job_name: j, tls_config: {cert_file: c.pem, key_file: none}}]",
       "error checking client cert file \"{0}/c.pem\": stat {0}/c.pem: no such file or directory",
       0},
      {"alerting: {alertmanagers: [{static_configs: [{targets: [a/b]}]}]}",
       "parsing YAML file {0}/c.yml: \"a/b\" is not a valid hostname (line 1)", 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.config);
    const std::string config = File("c.yml", c.config);
    const auto outcome = Call({"check", "config", config});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "Checking " + config + "\n\n");
    EXPECT_EQ(outcome.err, "  FAILED: " + fmt::format(fmt::runtime(c.error), dir_.path()) + "\n");
    EXPECT_EQ(Call({"check", "config", "--syntax-only", config}).exit_code, c.syntax_only);
  }
  const std::string config = File("c.yml", "rule_files: ['*.rules']\n");
  EXPECT_EQ(Call({"check", "config", config}).exit_code, 0);
  EXPECT_EQ(Call({"check", "config", "--agent", config}).err,
            "  FAILED: field rule_files is not allowed in agent mode\n");
}

TEST_F(CliTest, ThroughALinkItIsPromtoolAlone) {
  const std::string config = File("c.yml", "");
  Outcome outcome = CallPromtool({"check", "config", config});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            fmt::format("Checking {0}\n SUCCESS: {0} is valid prometheus config file syntax\n\n",
                        config));
  outcome = CallPromtool({"--config.file=x"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(outcome.err.starts_with("promtool: error: ")) << outcome.err;
  outcome = CallPromtool({"check", "config", "--query.lookback-delta=x", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "promtool: error: time: invalid duration \"x\", try --help\n");
  outcome = CallPromtool({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "version 1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CliTest, CheckRules) {
  const std::string good =
      File("good.yml", "groups: [{name: g, rules: [{record: r, expr: up}]}]\n");
  auto outcome = Call({"check", "rules", good});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "Checking " + good + "\n  SUCCESS: 1 rules found\n\n");
  EXPECT_EQ(outcome.err, "");

  const std::string bad = File("bad.yml", R"(groups:
- name: g
  rules:
  - {record: r, expr: "up{", for: 1m}
  - {alert: A, expr: up, labels: {a: '{{ $x }}'}, annotations: {'': b}}
)");
  outcome = Call({"check", "rules", bad, good});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out,
            "Checking " + bad + "\nChecking " + good + "\n  SUCCESS: 1 rules found\n\n");
  EXPECT_EQ(outcome.err,
            fmt::format("  FAILED:\n"
                        "{0}: 4:23: group \"g\", rule 1, \"r\": could not parse expression: 1:4: "
                        "parse error: unexpected end of input inside braces\n"
                        "{0}: 4:14: group \"g\", rule 1, \"r\": invalid field 'for' in recording "
                        "rule\n"
                        "{0}: group \"g\", rule 2, \"A\": invalid annotation name: \n"
                        "{0}: group \"g\", rule 2, \"A\": label \"a\": template: __alert_A:1: "
                        "undefined variable \"$x\"\n",
                        bad));
}

TEST_F(CliTest, CheckRulesLintsDuplicates) {
  const std::string twice = File(
      "twice.yml",
      "groups: [{name: g, labels: {a: b}, rules: [{record: r, expr: up}, {record: r, expr: x}, "
      "{record: r, expr: x}, {record: r, expr: x, labels: {a: c}}]}]\n");
  const auto outcome = Call({"check", "rules", twice});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err,
            "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: r\nLabel(s):\n\ta: b\n"
            "Might cause inconsistency while recording expressions\n");
  EXPECT_EQ(Call({"check", "rules", "--lint-fatal", twice}).exit_code, 3);
  EXPECT_EQ(Call({"check", "rules", "--lint-fatal", "--lint=none", twice}).exit_code, 0);
  EXPECT_EQ(Call({"check", "rules", "--lint=x,all", twice}).out,
            "WARNING: unknown lint option: \"x\"\nChecking " + twice + "\n\n");
  const std::string extra = File("extra.yml", "groups: [{name: g, more: 1, rules: []}]\n");
  EXPECT_EQ(Call({"check", "rules", extra}).exit_code, 1);
  EXPECT_EQ(Call({"check", "rules", "--ignore-unknown-fields", extra}).exit_code, 0);
}

class TestRulesTest : public CliTest {
 protected:
  TestRulesTest() {
    File("rules.yml", R"(groups:
- name: g
  rules:
  - {record: 'x:double', expr: x * 2}
  - alert: Big
    expr: x:double > 4
    for: 1m
    annotations: {summary: '{{ $labels.a }} is {{ $value }} in {{ $externalLabels.dc }}'}
)");
  }
  std::string Test(const std::string& alert, const std::string& sample) {
    return File("test.yml", fmt::format(R"(rule_files: [rules.yml]
tests:
- name: first
  interval: 1m
  external_labels: {{dc: eu}}
  input_series:
  - {{series: 'x{{a="1"}}', values: '1+1x9'}}
  alert_rule_test:
  - {{eval_time: 3m30s, alertname: Big, exp_alerts: [{}]}}
  promql_expr_test:
  - {{expr: x:double, eval_time: 2m, exp_samples: [{}]}}
)",
                                        alert, sample));
  }
};

TEST_F(TestRulesTest, Passes) {
  const auto outcome =
      Call({"test", "rules",
            Test(R"({exp_labels: {a: 1}, exp_annotations: {summary: "1 is 8 in eu"}})",
                 R"({labels: 'x:double{a="1"}', value: 6})")});
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, "  SUCCESS\n\n");
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST_F(TestRulesTest, PrintsWhatWasExpectedAndGot) {
  const std::string junit = dir_.path() + "/junit.xml";
  const std::string test = Test("{exp_labels: {a: 2}}", "{labels: 'x:double', value: 5}");
  const auto outcome = Call({"test", "--junit", junit, "rules", test});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "\n\n\n");
  EXPECT_EQ(outcome.err,
            "  FAILED:\n    name: first,\n    alertname: Big, time: 3m30s, \n"
            "        exp:[\n            0:\n"
            "              Labels:{a=\"2\", alertname=\"Big\"}\n"
            "              Annotations:{}\n            ], \n"
            "        got:[\n            0:\n"
            "              Labels:{a=\"1\", alertname=\"Big\"}\n"
            "              Annotations:{summary=\"1 is 8 in eu\"}\n            ]\n"
            "    expr: \"x:double\", time: 2m,\n"
            "        exp: {__name__=\"x:double\"} 5E+00\n"
            "        got: {__name__=\"x:double\", a=\"1\"} 6E+00\n");
  std::ifstream file(junit);
  const std::string xml{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(xml.starts_with("<testsuites><testsuite name=\"" + test +
                              "\" tests=\"1\" failures=\"2\" errors=\"0\" skipped=\"0\" "))
      << xml;
  EXPECT_NE(xml.find("<testcase name=\"first\"><failure>    name: first,&#xA;"), std::string::npos);
}

TEST_F(TestRulesTest, EachProblemOfARuleFileIsAFailure) {
  File("rules.yml", "groups: [{name: g, rules: [{record: r, expr: 'x{'}, {alert: A}]}]\n");
  const std::string junit = dir_.path() + "/junit.xml";
  const auto outcome = Call({"test", "--junit", junit, "rules", Test("", "")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "\n\n\n");
  EXPECT_EQ(CountLines(outcome.err), 3U) << outcome.err;
  std::ifstream file(junit);
  const std::string xml{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(xml.find("tests=\"1\" failures=\"2\""), std::string::npos) << xml;
}

TEST_F(TestRulesTest, Flags) {
  const std::string test = Test("{exp_labels: {a: 2}}", "{labels: 'x:double', value: 5}");
  EXPECT_EQ(Call({"test", "rules", "--run", "other", test}).exit_code, 0);
  EXPECT_EQ(Call({"test", "rules", "--run", "other", "--run", "^fi", test}).exit_code, 1);
  const std::string diff = Call({"test", "rules", "--diff", test}).err;
  EXPECT_NE(diff.find("        diff: [\n                {\n"
                      "                    \"Annotations\": {\n"
                      "                        \033[0;32m\"summary\": \"1 is 8 in eu\"\033[0m\n"
                      "                    },\n"
                      "                    \"Labels\": {\n"
                      "                        \"a\": \033[0;33m\"2\" => \"1\"\033[0m,\n"
                      "                        \"alertname\": \"Big\"\n"),
            std::string::npos)
      << diff;
  const std::string debug = Call({"test", "rules", "--debug", test}).err;
  EXPECT_TRUE(
      debug.starts_with("DEBUG: Starting test first\nDEBUG: Dump of all data (input_series "
                        "and rules) at 3m31s:\n"))
      << debug;
  EXPECT_NE(debug.find("{__name__=\"x:double\", a=\"1\"} =>\n4 @[60000]\n6 @[120000]\n"),
            std::string::npos)
      << debug;
}

TEST_F(CliTest, OtherArgumentsAreForTheServer) {
  EXPECT_FALSE(RunTool({}));
  EXPECT_FALSE(RunTool(std::vector<std::string>{"--config.file=x"}));
}

TEST_F(CliTest, ChecksWebConfigs) {
  const std::string good =
      File("good.yml", "http_server_config: {headers: {X-Frame-Options: deny}}");
  const std::string bad = File("bad.yml", "tls_server_config:\n  cert_filse: x\n");
  const std::string no_cert = File("no_cert.yml", "tls_server_config: {cert_file: a, key_file: b}");
  Outcome outcome = Call({"check", "web-config", good});
  EXPECT_EQ(0, outcome.exit_code);
  EXPECT_EQ("", outcome.out);
  EXPECT_EQ(good + " SUCCESS\n", outcome.err);
  outcome = Call({"check", "web-config", bad, good, no_cert});
  EXPECT_EQ(1, outcome.exit_code);
  EXPECT_EQ(bad +
                " FAILED: yaml: unmarshal errors:\n  line 2: field cert_filse not found in type "
                "web.TLSConfig\n" +
                good + " SUCCESS\n" + no_cert + " FAILED: failed to read cert_file (" +
                dir_.path() + "/a): open " + dir_.path() + "/a: no such file or directory\n",
            outcome.err);
  EXPECT_EQ(1, Call({"check", "web-config"}).exit_code);
  EXPECT_EQ(1, Call({"check", "web-config", dir_.path() + "/nosuch.yml"}).exit_code);
  EXPECT_EQ(1, Call({"check", "web-config", dir_.path()}).exit_code);
  EXPECT_EQ(1, Call({"check"}).exit_code);
}

TEST_F(CliTest, WrongUsageExitsWithOne) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"tsdb"},
        {"tsdb", "nosuch"},
        {"tsdb", "list", "--nosuch"},
        {"tsdb", "dump", "--min-time=abc"},
        {"tsdb", "dump", "--format=xml"},
        {"tsdb", "list", "a", "b"},
        {"tsdb", "create-blocks-from", "openmetrics"},
        {"tsdb", "create-blocks-from", "--max-block-duration=x", "openmetrics", "f"},
        {"tsdb", "create-blocks-from", "rules", "file"}}) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    const auto outcome = Call(arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(outcome.err.starts_with("narthex: error: ")) << outcome.err;
    EXPECT_TRUE(outcome.err.ends_with(", try --help\n")) << outcome.err;
  }
  const auto help = Call({"tsdb", "dump", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("--sandbox-dir-root"), std::string::npos);
}

TEST_F(CliTest, ImportsListsAndDumps) {
  const std::string file = File("in.om",
                                "# TYPE a gauge\na{x=\"1\"} 1 1000\na{x=\"1\"} 2 20000.5\n"
                                "b 3 7199.999\n# EOF\n");
  const auto import =
      Call({"tsdb", "create-blocks-from", "openmetrics", file, blocks_, "--label=from=file"});
  EXPECT_EQ(import.exit_code, 0);
  EXPECT_EQ(import.err, "");
  EXPECT_EQ(CountLines(import.out), 3U);  // One header, two blocks.
  const auto list = Call({"tsdb", "list", blocks_});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_EQ(list.out, import.out);
  EXPECT_EQ(Call({"tsdb", "dump", blocks_}).out,
            "{__name__=\"a\", from=\"file\", x=\"1\"} 1 1000000\n"
            "{__name__=\"a\", from=\"file\", x=\"1\"} 2 20000500\n"
            "{__name__=\"b\", from=\"file\"} 3 7199999\n");
  EXPECT_EQ(Call({"tsdb", "dump-openmetrics", "--max-time=7199999", "--match=b", "--match={x='1'}",
                  blocks_})
                .out,
            "a{from=\"file\",x=\"1\"} 1 1000.000\nb{from=\"file\"} 3 7199.999\n# EOF\n");
  EXPECT_EQ(Call({"tsdb", "dump", "--format=seriesjson", blocks_}).out,
            "{\"__name__\":\"a\",\"from\":\"file\",\"x\":\"1\"}\n"
            "{\"__name__\":\"b\",\"from\":\"file\"}\n");
  const auto analyze = Call({"tsdb", "analyze", "--limit=1", "--match=a", blocks_});
  EXPECT_EQ(analyze.exit_code, 0);
  EXPECT_NE(analyze.out.find("Matcher: a\n"), std::string::npos);
  // What was written last is listed alone, and nothing when quiet.
  const auto quiet = Call({"tsdb", "create-blocks-from", "-q", "openmetrics", file, blocks_ + "2"});
  EXPECT_EQ(quiet.out, "");
  EXPECT_EQ(CountLines(Call({"tsdb", "list", "-r", blocks_ + "2"}).out), 3U);
  const auto one = Call({"tsdb", "create-blocks-from", "--max-block-duration=6h", "openmetrics",
                         file, blocks_ + "3", "-r"});
  EXPECT_EQ(CountLines(one.out), 2U);
  EXPECT_NE(one.out.find("1970-01-01 00:16:40 +0000 UTC"), std::string::npos) << one.out;
}

TEST_F(CliTest, FailuresExitWithOneAndAReason) {
  const std::string bad = File("bad.om", "a 1 1\nb 2\n# EOF\n");
  const std::string far = File("far.om", "a 1 1\nb 2 1700000000000000000\n# EOF\n");
  const struct {
    std::vector<std::string> arguments;
    std::string reason;
  } cases[] = {
      {{"tsdb", "list", blocks_},
       fmt::format("opening the db dir: stat {}: no such file or directory", blocks_)},
      {{"tsdb", "dump", "--match={a=", dir_.path()},
       "1:4: parse error: unexpected end of input inside braces"},
      {{"tsdb", "create-blocks-from", "openmetrics", bad, blocks_},
       fmt::format("getting min and max timestamp: expected timestamp for series got none ({}, "
                   "line 2)",
                   bad)},
      {{"tsdb", "create-blocks-from", "openmetrics", far, blocks_},
       fmt::format("getting min and max timestamp: timestamp out of range, expected seconds since "
                   "1970 ({}, line 2)",
                   far)},
      {{"tsdb", "create-blocks-from", "openmetrics", bad, blocks_, "--label=x"},
       "expected KEY=VALUE got 'x'"},
      {{"tsdb", "create-blocks-from", "rules", "--start=x", bad},
       "error parsing start time: cannot parse \"x\" to a valid timestamp"},
      {{"tsdb", "create-blocks-from", "rules", "--start=5", "--end=5", bad},
       "start time is not before end time"},
      {{"tsdb", "create-blocks-from", "rules", "--start=5", blocks_},
       fmt::format("path '{}' does not exist", blocks_)},
  };
  for (const auto& [arguments, reason] : cases) {
    SCOPED_TRACE(reason);
    const auto outcome = Call(arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err, reason + "\n");
  }
  EXPECT_FALSE(std::filesystem::exists(blocks_));
}

// What stands in the buffer of stdout may not reach its file: a script must not take the part for
// the whole.
TEST(ExitCodeTest, OutputThatWasNotWrittenIsAFailure) {
  std::fflush(stdout);
  const int saved = ::dup(STDOUT_FILENO);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  ::dup2(full, STDOUT_FILENO);
  ::testing::internal::CaptureStderr();
  const bool printed = PrintOut("a line\n").has_value();
  const int code = ExitCode({});
  std::clearerr(stdout);
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  ::close(full);
  EXPECT_TRUE(printed);
  EXPECT_EQ(code, 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "write stdout: No space left on device\n");
  EXPECT_EQ(ExitCode({}), 0);
}

}  // namespace
}  // namespace narthex::cli
