// SPDX-License-Identifier: Apache-2.0
//
// Test results in JUnit's XML. Source: Prometheus util/junitxml.
#pragma once

#include <string>
#include <vector>

namespace narthex::cli {

struct JUnitCase {
  std::string name;
  std::vector<std::string> failures;
  std::string error;
};

/// One file of tests.
struct JUnitSuite {
  std::string name;
  std::string timestamp;  // Local time: "2026-01-02T15:04:05".
  std::vector<JUnitCase> cases;

  /// The file as a whole could not be run.
  void Abort(const std::string& error);
};

std::string JUnitXml(const std::vector<JUnitSuite>& suites);

}  // namespace narthex::cli
