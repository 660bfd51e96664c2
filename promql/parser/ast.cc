// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/ast.h"

#include <array>

namespace narthex::promql {

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
  }
  return "";
}

std::string_view AggregateOpName(AggregateOp op) {
  constexpr std::array<std::string_view, 14> kNames = {
      "sum",    "avg",  "count",   "min",    "max",         "group",    "stddev",
      "stdvar", "topk", "bottomk", "limitk", "limit_ratio", "quantile", "count_values"};
  return kNames[static_cast<std::size_t>(op)];
}

bool HasParam(AggregateOp op) { return op >= AggregateOp::kTopk; }

std::string_view BinaryOpName(BinaryOp op) {
  constexpr std::array<std::string_view, 18> kNames = {"+",     "-",  "*",  "/",   "%",  "^",
                                                       "atan2", "==", "!=", ">",   "<",  ">=",
                                                       "<=",    "</", ">/", "and", "or", "unless"};
  return kNames[static_cast<std::size_t>(op)];
}

}  // namespace narthex::promql
