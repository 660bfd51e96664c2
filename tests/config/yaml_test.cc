// SPDX-License-Identifier: Apache-2.0
//
// Texts that try to break the reader of YAML. Errors in the wording of promtool 3.5.3.
#include <string>

#include <fmt/core.h>

#include "narthex/config/config.h"
#include "narthex/config/rule_file.h"

namespace narthex::config {
namespace {

std::string ErrorOf(const std::string& text) {
  const auto config = LoadText(text, "f.yml");
  return config ? "" : config.error().message();
}

TEST(ConfigYamlTest, NodesCannotContainThemselves) {
  const char* const texts[] = {
      "global:\n  external_labels: &x\n    <<: *x\n    a: b\n",
      "global: &x {external_labels: {<<: *x}}\n",
      "global: {external_labels: &x {<<: [{a: b}, *x]}}\n",
      "rule_files: &x [*x]\n",
      "&x {global: *x}\n",
  };
  for (const char* text : texts) {
    SCOPED_TRACE(text);
    EXPECT_EQ("parsing YAML file f.yml: yaml: anchor 'x' value contains itself", ErrorOf(text));
  }
}

TEST(ConfigYamlTest, MergesMaps) {
  const auto config = LoadText(
      "global:\n"
      "  external_labels: {<<: [{a: first, b: first}, {b: second, c: second}], d: own}\n",
      "f.yml");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(R"({a="first", b="first", c="second", d="own"})",
            (*config)->global.external_labels.ToString());
  for (const char* value : {"5", "[5]", "[[]]", "~"}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(
        "parsing YAML file f.yml: yaml: map merge requires map or sequence of maps as the value",
        ErrorOf(fmt::format("global: {{<<: {}}}\n", value)));
  }
}

// 10^9 targets in half a kilobyte, and 2^64 merges in two.
TEST(ConfigYamlTest, RefusesExcessiveAliasing) {
  const auto ten_times = [](const std::string& name) {
    std::string list;
    for (int i = 0; i < 1000; ++i) list += (i == 0 ? "*" : ", *") + name;
    return list;
  };
  const std::string bomb = "- targets: [&a x, " + ten_times("a") + "]\n  labels: &l {k: v}\n" +
                           "- &g {targets: [" + ten_times("a") + "]}\n" + "- *g\n";
  std::string groups = bomb;
  for (int i = 0; i < 1000; ++i) groups += "- *g\n";
  const auto targets = ParseTargetGroupsYaml(groups);
  ASSERT_FALSE(targets);
  EXPECT_EQ("yaml: document contains excessive aliasing", targets.error().message());
  EXPECT_TRUE(ParseTargetGroupsYaml(bomb)) << "a few are fine";

  std::string merges = "global: {external_labels: {m0: &m0 {a: b}";
  for (int i = 1; i <= 64; ++i)
    merges += fmt::format(", m{0}: &m{0} {{<<: [*m{1}, *m{1}]}}", i, i - 1);
  EXPECT_NE(std::string::npos, ErrorOf(merges + "}}\n").find("cannot unmarshal !!map into"));
}

TEST(ConfigYamlTest, BrokenTextsAreErrors) {
  const std::string texts[] = {
      "global: {",
      "global: 'x",
      "global: *x",
      "global:\n\tscrape_interval: 1s\n",
      std::string(100'000, '['),
      std::string(100'000, '{'),
      "a: &",
      "? [a]\n: b\n",
      "~: x\n",
      "1: x\n",
      "- a\n",
      "hello\n",
      "%YAML 9.9\n---\n",
      "\xc3\x28: x",
      std::string("global: {}\0x", 12),
      "!!binary x: y\n",
      "scrape_configs: [{job_name: a, metrics_path: !!binary '@'}]\n",
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 40));
    EXPECT_TRUE(ErrorOf(text).starts_with("parsing YAML file f.yml: yaml: ")) << ErrorOf(text);
    EXPECT_FALSE(LoadRuleText(text, "f.yml"));
  }
  for (const char* text :
       {"", "# nothing\n", "~\n", "global:\nscrape_configs:\n", "\xef\xbb\xbfglobal: {}\n",
        "global:\r\n  scrape_interval: 15s\r\n", "global: {}\n---\nfoo: x\n"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ("", ErrorOf(text));
  }
}

}  // namespace
}  // namespace narthex::config
