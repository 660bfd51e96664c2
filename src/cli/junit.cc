// SPDX-License-Identifier: Apache-2.0
#include "src/cli/junit.h"

#include <algorithm>

#include <fmt/core.h>

#include "narthex/base/markup.h"

namespace narthex::cli {

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
        EscapeXml(suite.name), suite.cases.size(), failures, errors, suite.timestamp);
    for (const JUnitCase& test : suite.cases) {
      out += fmt::format(R"(<testcase name="{}">)", EscapeXml(test.name));
      for (const std::string& failure : test.failures) {
        out += fmt::format("<failure>{}</failure>", EscapeXml(failure));
      }
      if (!test.error.empty()) out += fmt::format("<error>{}</error>", EscapeXml(test.error));
      out += "</testcase>";
    }
    out += "</testsuite>";
  }
  return out + "</testsuites>";
}

}  // namespace narthex::cli
