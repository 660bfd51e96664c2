// SPDX-License-Identifier: Apache-2.0
//
// Loads the upstream configuration files below $NARTHEX_TESTDATA (folders config and rules). The
// good ones must load; the bad ones must be refused for the recorded reason.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/core.h>

#include "narthex/config/config.h"
#include "narthex/config/rule_file.h"

namespace narthex::config {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The string values of a flat JSON object of strings.
std::map<std::string, std::string> ReadExpectations(const std::string& path) {
  std::map<std::string, std::string> expected;
  const std::string text = Slurp(path);
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') continue;
    std::string s;
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      s += text[i];
    }
    strings.push_back(s);
  }
  for (std::size_t i = 0; i + 1 < strings.size(); i += 2) expected[strings[i]] = strings[i + 1];
  return expected;
}

std::vector<std::string> Files(const std::string& folder, std::string_view end) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(end)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool MustFail(const std::string& name) {
  return name.find(".bad.") != std::string::npos ||
         name.find(".incompatible.") != std::string::npos ||
         name == "config_with_deprecated_am_api_config.yml";
}

TEST(ConfigTestdata, ConfigurationFiles) {
  const char* root = std::getenv("NARTHEX_TESTDATA");
  if (root == nullptr) GTEST_SKIP() << "NARTHEX_TESTDATA is not set";
  const std::string folder = fmt::format("{}/config", root);
  auto expected = ReadExpectations(folder + "/expected_errors.json");
  int good = 0;
  int bad = 0;
  int reasons = 0;
  int missing = 0;
  for (const std::string& name : Files(folder, ".yml")) {
    SCOPED_TRACE(name);
    const auto config = LoadFile(folder + "/" + name);
    if (!config &&
        config.error().message().find("not available in Narthex yet") != std::string::npos) {
      ++missing;  // A service discovery that we do not have.
      continue;
    }
    EXPECT_EQ(config.has_value(), !MustFail(name))
        << (config ? "loaded" : config.error().message());
    if (config) {
      ++good;
      // Printing leaves out zeros that differ from the default, and what the environment filled in
      // is expanded once more: so it is with Prometheus.
      if (name.starts_with("otlp_") || name.starts_with("external_labels")) continue;
      const auto again = LoadText((*config)->yaml, folder + "/" + name);
      ASSERT_TRUE(again.has_value()) << again.error().message() << (*config)->yaml;
      EXPECT_EQ((*again)->yaml, (*config)->yaml);
      continue;
    }
    ++bad;
    if (expected.contains(name)) {
      std::string reason = expected[name];
      if (const auto at = reason.find("testdata/"); at != std::string::npos) {
        reason.replace(at, 9, folder + "/");
      }
      EXPECT_NE(config.error().message().find(reason), std::string::npos)
          << config.error().message() << "\nwant: " << reason;
      ++reasons;
    }
  }
  fmt::print(
      "{} good files loaded, {} bad ones refused ({} with a recorded reason), {} need a "
      "service discovery that is missing\n",
      good, bad, reasons, missing);
}

TEST(ConfigTestdata, RuleFiles) {
  const char* root = std::getenv("NARTHEX_TESTDATA");
  if (root == nullptr) GTEST_SKIP() << "NARTHEX_TESTDATA is not set";
  const std::string folder = fmt::format("{}/rules", root);
  auto expected = ReadExpectations(folder + "/expected_errors.json");
  for (const std::string& name : Files(folder, ".yaml")) {
    SCOPED_TRACE(name);
    const bool legacy = name.starts_with("legacy_validation");
    const auto groups = LoadRuleFile(folder + "/" + name, legacy);
    if (name == "bad_expr.bad.yaml") continue;  // Expressions are not parsed here.
    EXPECT_EQ(groups.has_value(), !MustFail(name)) << (groups ? "" : groups.error().message());
    if (!groups && expected.contains(name)) {
      EXPECT_NE(groups.error().message().find(expected[name]), std::string::npos)
          << groups.error().message();
    }
  }
}

}  // namespace
}  // namespace narthex::config
