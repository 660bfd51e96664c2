// SPDX-License-Identifier: Apache-2.0
//
// Property: any bytes give a tree or kInvalidArgument; what a tree prints as is a fixed point of
// parsing and printing, on one line and pretty.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/base/json_writer.h"
#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"

namespace narthex::promql {
namespace {

Features AllFeatures() {
  Features features;
  features.experimental_functions = true;
  features.extended_range_selectors = true;
  features.binop_fill_modifiers = true;
  return features;
}

// Where upstream's canonical form, which is ours, is another expression: times below a millisecond
// print as 0s, not a number overflows, and the sign of +Inf becomes an operator before ^.
bool IsLossy(std::string_view printed) {
  for (const std::string_view part : {"[0s", "offset 0s", "offset -106751d", "Inf ^"}) {
    if (printed.find(part) != std::string_view::npos) return true;
  }
  return false;
}

void CheckFixedPoint(const Expr& expr, const Features& features) {
  const std::string printed = ToString(expr);
  if (IsLossy(printed)) return;
  const auto again = ParseExpr(printed, features);
  NX_CHECK(again.has_value(), "the printed form does not parse");
  NX_CHECK(ToString(**again) == printed, "the printed form is no fixed point");
  const auto pretty = ParseExpr(Pretty(expr), features);
  NX_CHECK(pretty.has_value(), "the pretty form does not parse");
  NX_CHECK(ToString(**pretty) == printed, "the pretty form is another expression");
}

void CheckExpr(std::string_view text) {
  Features features = AllFeatures();
  const auto expr = ParseExpr(text, features);
  if (!expr) {
    NX_CHECK(expr.error().code() == Code::kInvalidArgument, "unexpected code");
    return;
  }
  JsonWriter json;
  WriteJson(**expr, json);
  ToString(**expr);
  // Arithmetic on durations loses the parentheses around its numbers.
  features.duration_expressions = false;
  if (const auto plain = ParseExpr(text, features)) CheckFixedPoint(**plain, features);
}

void CheckOthers(std::string_view text) {
  if (const auto matchers = ParseMetricSelector(text); !matchers) {
    NX_CHECK(matchers.error().code() == Code::kInvalidArgument, "unexpected code");
  }
  if (const auto labels = ParseMetric(text); !labels) {
    NX_CHECK(labels.error().code() == Code::kInvalidArgument, "unexpected code");
  }
  if (text.size() > 1000) return;  // A short text can already ask for millions of values.
  if (const auto series = ParseSeriesDescription(text); !series) {
    NX_CHECK(series.error().code() == Code::kInvalidArgument, "unexpected code");
  }
}

}  // namespace
}  // namespace narthex::promql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  narthex::promql::CheckExpr(text);
  narthex::promql::CheckOthers(text);
  return 0;
}
