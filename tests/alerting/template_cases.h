// SPDX-License-Identifier: Apache-2.0
//
// Templates as annotations of an alert "A", with a few series to query.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "alerting/template/expand.h"

namespace narthex::alerting {

struct Case {
  const char* text;
  const char* want;
};

inline promql::Vector Rows() {
  promql::Vector rows;
  for (const auto& [n, value] : {std::pair{"a", 1.0}, {"b", 2.5}, {"c", 1234567.0}}) {
    promql::VectorSample& row = rows.emplace_back();
    row.metric = {{"__name__", "tpl"}, {"n", n}};
    row.v = value;
  }
  return rows;
}

/// Answers the few expressions of the cases.
inline Result<promql::Vector> FakeQuery(const std::string& expr, model::TimestampMs) {
  promql::Vector rows = Rows();
  if (expr == "tpl") return rows;
  if (expr == "nothing") return promql::Vector();
  rows.resize(1);
  if (expr == R"(tpl{n="a"})") return rows;
  if (expr.starts_with("label_replace(tpl")) {
    rows[0].metric = {{"__name__", "tpl"}, {"__value__", "a"}, {"n", "a"}};
    return rows;
  }
  return Fail(Code::kInvalidArgument, "1:5: parse error: unclosed left parenthesis");
}

inline std::string Expand(const std::string& text) {
  TemplateContext context;
  context.external_labels = {{"dc", "eu"}};
  context.external_url = "http://ex.org:9/pre";
  context.query = FakeQuery;
  const model::Labels labels = {{"instance", "host:80"}, {"job", "j"}};
  return AlertText("A", text).Expand(context, {labels, 12.34567}, 1'700'000'000'250);
}

/// Expand, where failures are written shorter: "parse: REASON" and "COLUMN <PLACE>: REASON".
inline std::string ExpandBrief(const std::string& text) {
  constexpr std::string_view kParse =
      "<error expanding template: error parsing template __alert_A: template: __alert_A:1: ";
  constexpr std::string_view kExecute =
      "<error expanding template: error executing template __alert_A: template: __alert_A:1:";
  constexpr std::string_view kWhere = ": executing \"__alert_A\" at ";
  std::string out = Expand(text);
  if (out.starts_with(kParse)) {
    return "parse: " + out.substr(kParse.size(), out.size() - kParse.size() - 1);
  }
  if (!out.starts_with(kExecute)) return out;
  out = out.substr(kExecute.size(), out.size() - kExecute.size() - 1);
  if (const auto at = out.find(kWhere); at != out.npos) out.replace(at, kWhere.size(), " ");
  return out;
}

inline void ExpectCases(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(ExpandBrief(c.text), c.want);
  }
}

}  // namespace narthex::alerting
