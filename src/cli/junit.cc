// SPDX-License-Identifier: Apache-2.0
#include "src/cli/junit.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

namespace narthex::cli {
namespace {

/// As Go's encoding/xml escapes text and attributes.
std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\t':
        out += "&#x9;";
        break;
      case '\n':
        out += "&#xA;";
        break;
      case '\r':
        out += "&#xD;";
        break;
      default:
        // XML has no other control characters.
        out += static_cast<unsigned char>(c) < 0x20 ? "\uFFFD" : std::string(1, c);
    }
  }
  return out;
}

}  // namespace

void JUnitSuite::Abort(const std::string& error) {
  if (cases.empty()) cases.push_back({"unknown", {}, {}});
  cases.back().error = error;
}

std::string JUnitXml(const std::vector<JUnitSuite>& suites) {
  std::string out = "<testsuites>";
  for (const JUnitSuite& suite : suites) {
    std::size_t failures = 0;
    for (const JUnitCase& test : suite.cases) failures += test.failures.size();
    const auto errors = std::count_if(suite.cases.begin(), suite.cases.end(),
                                      [](const JUnitCase& test) { return !test.error.empty(); });
    out += fmt::format(
        R"(<testsuite name="{}" tests="{}" failures="{}" errors="{}" skipped="0" timestamp="{}">)",
        Escape(suite.name), suite.cases.size(), failures, errors, suite.timestamp);
    for (const JUnitCase& test : suite.cases) {
      out += fmt::format(R"(<testcase name="{}">)", Escape(test.name));
      for (const std::string& failure : test.failures) {
        out += fmt::format("<failure>{}</failure>", Escape(failure));
      }
      if (!test.error.empty()) out += fmt::format("<error>{}</error>", Escape(test.error));
      out += "</testcase>";
    }
    out += "</testsuite>";
  }
  return out + "</testsuites>";
}

}  // namespace narthex::cli
