// SPDX-License-Identifier: Apache-2.0
#include "promql/testing/compare.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/promql/annotation_text.h"

namespace narthex::promql {
namespace {

using Difference = std::optional<std::string>;

std::string PointText(double value, const model::FloatHistogram* h) {
  return h != nullptr ? ToScript(*h) : go::FormatFloatG(value);
}

std::string PointText(const SequenceValue& value) {
  return PointText(value.value, value.histogram ? &*value.histogram : nullptr);
}

const ScriptSeries* FindSeries(const EvalCommand& eval, const model::Labels& labels,
                               std::size_t& position) {
  for (position = 0; position < eval.series.size(); ++position) {
    if (eval.series[position].labels == labels) return &eval.series[position];
  }
  return nullptr;
}

Difference Missing(const EvalCommand& eval, const std::set<std::size_t>& seen) {
  for (std::size_t i = 0; i < eval.series.size(); ++i) {
    if (!seen.contains(i)) {
      return fmt::format("expected series {} not found", eval.series[i].labels.ToString());
    }
  }
  return std::nullopt;
}

Difference ComparePoint(const model::Labels& labels, const SequenceValue& expected, double value,
                        const model::FloatHistogram* h) {
  const bool same = expected.histogram
                        ? h != nullptr && AlmostEqual(*expected.histogram, *h, expected.hint_given)
                        : h == nullptr && AlmostEqual(expected.value, value);
  if (same) return std::nullopt;
  return fmt::format("{}: expected {}, got {}", labels.ToString(), PointText(expected),
                     PointText(value, h));
}

Difference CompareVector(const EvalCommand& eval, const Vector& vector) {
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const VectorSample& row = vector[i];
    std::size_t position = 0;
    const ScriptSeries* expected = FindSeries(eval, row.metric, position);
    if (expected == nullptr || expected->values.empty()) {
      return fmt::format("unexpected series {} with {}", row.metric.ToString(),
                         PointText(row.v, row.h.get()));
    }
    if (eval.ordered && position != i) {
      return fmt::format("expected series {} at position {}, got it at {}", row.metric.ToString(),
                         position + 1, i + 1);
    }
    if (auto d = ComparePoint(row.metric, expected->values[0], row.v, row.h.get())) return d;
    seen.insert(position);
  }
  return Missing(eval, seen);
}

Difference CheckSorted(const Matrix& matrix) {
  for (std::size_t i = 1; i < matrix.size(); ++i) {
    if (matrix[i].metric < matrix[i - 1].metric) {
      return fmt::format("matrix is not sorted by labels: {} comes after {}",
                         matrix[i].metric.ToString(), matrix[i - 1].metric.ToString());
    }
  }
  return std::nullopt;
}

std::string PointsText(const MatrixSeries& series) {
  std::string out;
  for (const auto& p : series.floats) out += fmt::format(" {}@{}", go::FormatFloatG(p.v), p.t);
  for (const auto& p : series.histograms) out += fmt::format(" {}@{}", ToScript(p.h), p.t);
  return out;
}

Difference ComparePoints(const EvalCommand& eval, const ScriptSeries& expected,
                         const MatrixSeries& got) {
  const auto where = [&](std::string what) {
    return fmt::format("{}: {}; got{}", got.metric.ToString(), what, PointsText(got));
  };
  std::size_t next_float = 0;
  std::size_t next_histogram = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const SequenceValue& value = expected.values[i];
    const model::TimestampMs t = eval.start_ms + static_cast<std::int64_t>(i) * eval.step_ms;
    if (t > eval.end_ms) return where("more points are expected than the time range has");
    if (value.omitted) continue;
    if (value.histogram) {
      if (next_histogram >= got.histograms.size()) return where("fewer histograms than expected");
      const HistogramPoint& p = got.histograms[next_histogram++];
      if (p.t != t) return where(fmt::format("expected a histogram at {}, got one at {}", t, p.t));
      if (auto d = ComparePoint(got.metric, value, 0, &p.h)) return fmt::format("at {}: {}", t, *d);
    } else {
      if (next_float >= got.floats.size()) return where("fewer floats than expected");
      const model::Sample& p = got.floats[next_float++];
      if (p.t != t) return where(fmt::format("expected a float at {}, got one at {}", t, p.t));
      if (auto d = ComparePoint(got.metric, value, p.v, nullptr))
        return fmt::format("at {}: {}", t, *d);
    }
  }
  if (next_float != got.floats.size() || next_histogram != got.histograms.size()) {
    return where("more points than expected");
  }
  return std::nullopt;
}

Difference CompareMatrix(const EvalCommand& eval, const Matrix& matrix) {
  if (auto d = CheckSorted(matrix)) return d;
  std::set<std::size_t> seen;
  for (const auto& row : matrix) {
    std::size_t position = 0;
    const ScriptSeries* expected = FindSeries(eval, row.metric, position);
    if (expected == nullptr) {
      return fmt::format("unexpected series {} with{}", row.metric.ToString(), PointsText(row));
    }
    if (auto d = ComparePoints(eval, *expected, row)) return d;
    seen.insert(position);
  }
  return Missing(eval, seen);
}

Difference CompareTexts(const std::vector<TextPattern>& expected, bool none,
                        const std::vector<std::string>& got, std::string_view kind) {
  if (none && !got.empty()) return fmt::format("expected no {}, got: {}", kind, got.front());
  if (expected.empty()) return std::nullopt;
  for (const auto& pattern : expected) {
    const auto matches = [&pattern](const std::string& text) { return pattern.Matches(text); };
    if (std::none_of(got.begin(), got.end(), matches)) {
      return fmt::format("expected {} {}, got {}", kind, go::Quote(pattern.text),
                         got.empty() ? "none" : got.front());
    }
  }
  for (const auto& text : got) {
    const auto matches = [&text](const TextPattern& pattern) { return pattern.Matches(text); };
    if (std::none_of(expected.begin(), expected.end(), matches)) {
      return fmt::format("unexpected {} {}", kind, go::Quote(text));
    }
  }
  return std::nullopt;
}

std::vector<std::string> Texts(const storage::Annotations::Entries& entries,
                               std::string_view query) {
  std::vector<std::string> texts;
  for (const auto& [text, position] : entries) {
    texts.push_back(AnnotationText(text, position, query));
  }
  return texts;
}

}  // namespace

std::optional<std::string> CompareValue(const EvalCommand& eval, const Value& value) {
  if (const auto* text = std::get_if<StringValue>(&value)) {
    if (eval.text && *eval.text == text->v) return std::nullopt;
    return fmt::format("expected string {}, got {}", go::Quote(eval.text.value_or("")),
                       go::Quote(text->v));
  }
  if (const auto* scalar = std::get_if<ScalarValue>(&value)) {
    if (!eval.scalar)
      return fmt::format("expected series, got scalar {}", go::FormatFloatG(scalar->v));
    if (AlmostEqual(*eval.scalar, scalar->v)) return std::nullopt;
    return fmt::format("expected scalar {}, got {}", go::FormatFloatG(*eval.scalar),
                       go::FormatFloatG(scalar->v));
  }
  const auto* vector = std::get_if<Vector>(&value);
  if (eval.scalar) {
    return fmt::format("expected scalar {}, got a {}", go::FormatFloatG(*eval.scalar),
                       vector != nullptr ? "vector" : "matrix");
  }
  if (vector != nullptr) return CompareVector(eval, *vector);
  if (eval.ordered) return "expected ordered result, but query returned a matrix";
  return CompareMatrix(eval, std::get<Matrix>(value));
}

std::optional<std::string> CompareAnnotations(const EvalCommand& eval, std::string_view query,
                                              const storage::Annotations& annotations) {
  const auto warnings = Texts(annotations.warnings(), query);
  if (auto d = CompareTexts(eval.warnings, eval.no_warning, warnings, "warning")) return d;
  return CompareTexts(eval.infos, eval.no_info, Texts(annotations.infos(), query), "info");
}

std::optional<std::string> CompareError(const EvalCommand& eval, std::string_view message) {
  if (!eval.fail) return fmt::format("query failed: {}", message);
  if (eval.fail->Matches(message)) return std::nullopt;
  return fmt::format("expected error {}, got {}", go::Quote(eval.fail->text), go::Quote(message));
}

}  // namespace narthex::promql
