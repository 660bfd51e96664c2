// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "narthex/proto/otlp.h"

namespace narthex::proto {

/// A request with one metric, of which the members are given.
inline std::string OneMetric(const std::string& data) {
  return R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{)" + data + "}]}]}]}";
}

/// The message that the text stands for.
inline std::string WireOf(std::string_view json) {
  std::string wire;
  const Status status = OtlpJsonToWire(json, wire);
  EXPECT_TRUE(status) << status.error().message();
  return wire;
}

/// How a body that is read to its end is broken; "" = it is not.
inline std::string ErrorOf(std::string_view body) {
  const auto checked = OtlpCheckForDelta(body);
  return checked ? "" : checked.error().message();
}

}  // namespace narthex::proto
