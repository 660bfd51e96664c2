// SPDX-License-Identifier: Apache-2.0
//
// Whatever parses prints as text that parses to the same tree. The queries are those of the
// scripts and of the fuzzer's corpus, and seeded mutations of them: tokens left out, doubled,
// swapped, and taken over from other queries.
#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

Features AllFeatures() {
  Features features;
  features.experimental_functions = true;
  features.extended_range_selectors = true;
  features.binop_fill_modifiers = true;
  return features;
}

/// All that a tree says, but the order of matchers, and where in the text it stood.
class Shape {
 public:
  static std::string Of(const Expr& expr) {
    Shape shape;
    shape.Visit(expr);
    return std::move(shape.text_);
  }

 private:
  void Add(std::string_view part) {
    text_ += part;
    text_ += '\x1f';
  }
  void Add(double v) {
    Add(std::isnan(v) ? "NaN" : std::to_string(std::bit_cast<std::int64_t>(v)));
  }
  void AddInt(std::int64_t v) { Add(std::to_string(v)); }

  void Duration(const DurationExprPtr& expr, model::DurationMs ms) {
    if (expr == nullptr) return AddInt(ms);
    Visit(*expr);
  }
  void Time(const TimeModifiers& time) {
    Duration(time.offset_expr, time.offset_ms);
    AddInt(static_cast<int>(time.at));
    AddInt(time.at == AtKind::kTimestamp ? time.at_ms : 0);
  }
  void Selector(const VectorSelector& selector) {
    std::vector<std::string> matchers;
    for (const auto& m : selector.matchers) matchers.push_back(m.ToString());
    std::sort(matchers.begin(), matchers.end());
    for (const std::string& m : matchers) Add(m);
    Time(selector.time);
    AddInt(selector.anchored);
    AddInt(selector.smoothed);
  }
  void Matching(const VectorMatching& m) {
    AddInt(static_cast<int>(m.card));
    // An empty ignoring() is none.
    AddInt(m.on);
    for (const std::string& label : m.labels) Add(label);
    Add("include");
    for (const std::string& label : m.include) Add(label);
    for (const auto& fill : {m.fill_lhs, m.fill_rhs}) fill ? Add(*fill) : Add("-");
  }

  void Visit(const Expr& e) {
    // A plus sign says nothing, and is not printed.
    const auto* plus = As<DurationExpr>(e);
    if (plus != nullptr && plus->op == DurationOp::kAdd && plus->lhs == nullptr) {
      return Visit(*plus->rhs);
    }
    text_ += '(';
    AddInt(static_cast<int>(e.kind));
    AddInt(static_cast<int>(e.type));
    if (const auto* number = As<NumberLiteral>(e)) Add(number->value);
    if (const auto* text = As<StringLiteral>(e)) Add(text->value);
    if (const auto* selector = As<VectorSelector>(e)) Selector(*selector);
    if (const auto* matrix = As<MatrixSelector>(e)) Duration(matrix->range_expr, matrix->range_ms);
    if (const auto* subquery = As<SubqueryExpr>(e)) {
      Duration(subquery->range_expr, subquery->range_ms);
      Duration(subquery->step_expr, subquery->step_ms);
      Time(subquery->time);
    }
    if (const auto* call = As<Call>(e)) Add(call->function->name);
    if (const auto* aggregate = As<AggregateExpr>(e)) {
      AddInt(static_cast<int>(aggregate->op));
      AddInt(aggregate->without);
      for (const std::string& label : aggregate->grouping) Add(label);
    }
    if (const auto* binary = As<BinaryExpr>(e)) {
      AddInt(static_cast<int>(binary->op));
      AddInt(binary->return_bool);
      if (binary->matching) Matching(*binary->matching);
    }
    if (const auto* unary = As<UnaryExpr>(e)) AddInt(unary->negative);
    if (const auto* duration = As<DurationExpr>(e)) {
      AddInt(static_cast<int>(duration->op));
      if (duration->lhs != nullptr) Visit(*duration->lhs);
      if (duration->rhs != nullptr) Visit(*duration->rhs);
    }
    ForEachChild(e, [this](const Expr& child) { Visit(child); });
    text_ += ')';
  }

  std::string text_;
};

/// Where upstream's canonical form, which is ours, is another expression: times below a millisecond
/// print as 0s, not a number overflows, and the sign of +Inf becomes an operator before ^.
bool IsLossy(std::string_view printed) {
  for (const std::string_view part : {"[0s", ":0s]", "offset 0s", "offset -106751d", "Inf ^"}) {
    if (printed.find(part) != std::string_view::npos) return true;
  }
  return false;
}

/// The same: `offset (1m) + 5m` prints without the parentheses, which made the sum an offset.
bool HasBareOffset(const Expr& expr) {
  const auto bare = [](const DurationExprPtr& offset) {
    return offset != nullptr && !offset->wrapped && offset->lhs != nullptr &&
           offset->rhs != nullptr;
  };
  bool found = false;
  if (const auto* selector = As<VectorSelector>(expr)) found = bare(selector->time.offset_expr);
  if (const auto* subquery = As<SubqueryExpr>(expr)) found = bare(subquery->time.offset_expr);
  ForEachChild(expr, [&](const Expr& child) { found = found || HasBareOffset(child); });
  return found;
}

/// @return whether the query parses
bool CheckRoundTrip(const std::string& query) {
  const auto expr = ParseExpr(query, AllFeatures());
  if (!expr) return false;
  const std::string printed = ToString(**expr);
  if (IsLossy(printed) || HasBareOffset(**expr)) return true;
  for (const std::string& text : {printed, Pretty(**expr)}) {
    const auto again = ParseExpr(text, AllFeatures());
    EXPECT_TRUE(again) << query << "\nprints as\n"
                       << text << "\n"
                       << (again ? "" : again.error().message());
    if (!again) continue;
    EXPECT_EQ(Shape::Of(**again), Shape::Of(**expr)) << query << "\nprints as\n" << text;
    EXPECT_EQ(ToString(**again), printed) << query;
  }
  return true;
}

std::vector<std::string> Lines(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  const auto text = SystemFs().ReadFile(path.string());
  EXPECT_TRUE(text) << path;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

/// The queries behind "eval instant at TIME" and "eval range from … step TIME".
std::vector<std::string> Queries() {
  std::vector<std::string> queries = Lines("tests/fuzz/corpus/parser/valid.txt");
  for (const auto& entry : std::filesystem::directory_iterator("tests/promql/scripts")) {
    for (const std::string& line : Lines(entry.path())) {
      if (!line.starts_with("eval")) continue;
      for (const std::string_view mark : {" at ", " step "}) {
        const std::size_t at = line.find(mark);
        if (at == std::string::npos) continue;
        const std::size_t query = line.find(' ', at + mark.size());
        if (query != std::string::npos) queries.push_back(line.substr(query + 1));
      }
    }
  }
  return queries;
}

/// Words, numbers, strings, single signs and blanks.
std::vector<std::string> Tokens(const std::string& query) {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < query.size();) {
    std::size_t end = i + 1;
    if (query[i] == '"' || query[i] == '\'' || query[i] == '`') {
      end = std::min(query.find(query[i], i + 1), query.size() - 1) + 1;
    } else if (std::isalnum(static_cast<unsigned char>(query[i])) != 0 || query[i] == '_') {
      while (end < query.size() &&
             (std::isalnum(static_cast<unsigned char>(query[end])) != 0 || query[end] == '_')) {
        ++end;
      }
    }
    tokens.push_back(query.substr(i, end - i));
    i = end;
  }
  return tokens;
}

std::string Mutate(const std::string& query, const std::vector<std::string>& pool,
                   std::mt19937_64& random) {
  std::vector<std::string> tokens = Tokens(query);
  for (auto changes = random() % 3 + 1; changes > 0 && !tokens.empty(); --changes) {
    const auto at = tokens.begin() + static_cast<std::ptrdiff_t>(random() % tokens.size());
    switch (random() % 5) {
      case 0:
        tokens.erase(at);
        break;
      case 1:
        tokens.insert(at, std::string(*at));
        break;
      case 2:
        std::swap(*at, tokens[random() % tokens.size()]);
        break;
      case 3:
        *at = pool[random() % pool.size()];
        break;
      default:
        tokens.insert(at, " " + pool[random() % pool.size()] + " ");
        break;
    }
  }
  std::string mutated;
  for (const std::string& token : tokens) mutated += token;
  return mutated;
}

TEST(RoundTripTest, Queries) {
  const std::vector<std::string> queries = Queries();
  ASSERT_GT(queries.size(), 500U);
  std::size_t valid = 0;
  for (const std::string& query : queries) valid += CheckRoundTrip(query) ? 1 : 0;
  EXPECT_GT(valid, queries.size() * 8 / 10);
}

TEST(RoundTripTest, Mutations) {
  const std::vector<std::string> queries = Queries();
  std::vector<std::string> pool = {"-",      "^",   "(1)",         "[5m]",      "[5m:1m]", "offset",
                                   "@",      "by",  "bool",        "on",        "1e3",     "0x1F",
                                   "Inf",    "NaN", "-5m",         "step()",    "start()", "end()",
                                   "-1.5ms", "and", "atan2",       "anchored",  "fill(1)", "{}",
                                   "\"é\"",  "or",  "ignoring(a)", "group_left"};
  for (const std::string& query : queries) {
    for (std::string& token : Tokens(query)) pool.push_back(std::move(token));
  }
  std::mt19937_64 random(20260601);
  std::size_t valid = 0;
  for (int round = 0; round < 20 && !HasFailure(); ++round) {
    for (const std::string& query : queries) {
      valid += CheckRoundTrip(Mutate(query, pool, random)) ? 1 : 0;
    }
  }
  EXPECT_GT(valid, 1000U);
}

}  // namespace
}  // namespace narthex::promql
