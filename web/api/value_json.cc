// SPDX-License-Identifier: Apache-2.0
#include "web/api/value_json.h"

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"

namespace narthex::web {
namespace {

void WriteHistogramPoint(model::TimestampMs t, const model::FloatHistogram& h, JsonWriter& out) {
  out.BeginArray();
  out.TimestampSeconds(t);
  WriteHistogram(h, out);
  out.EndArray();
}

void WriteVector(const promql::Vector& vector, const std::function<bool()>& gone, JsonWriter& out) {
  out.BeginArray();
  for (const promql::VectorSample& row : vector) {
    if (gone()) break;
    out.BeginObject();
    out.Key("metric");
    WriteLabels(row.metric, out);
    if (row.h != nullptr) {
      out.Key("histogram");
      WriteHistogramPoint(row.t, *row.h, out);
    } else {
      out.Key("value");
      out.SamplePoint(row.t, row.v);
    }
    out.EndObject();
  }
  out.EndArray();
}

void WriteSeries(const promql::MatrixSeries& row, JsonWriter& out) {
  out.BeginObject();
  out.Key("metric");
  WriteLabels(row.metric, out);
  if (!row.floats.empty()) {
    out.Key("values");
    out.BeginArray();
    for (const model::Sample& sample : row.floats) out.SamplePoint(sample.t, sample.v);
    out.EndArray();
  }
  if (!row.histograms.empty()) {
    out.Key("histograms");
    out.BeginArray();
    for (const auto& point : row.histograms) WriteHistogramPoint(point.t, point.h, out);
    out.EndArray();
  }
  out.EndObject();
}

void WriteMatrix(const promql::Matrix& matrix, const std::function<bool()>& gone, JsonWriter& out) {
  out.BeginArray();
  for (const promql::MatrixSeries& row : matrix) {
    if (gone()) break;
    WriteSeries(row, out);
  }
  out.EndArray();
}

/// Scalars and strings: the time as a plain JSON number.
void WriteTimeAndText(model::TimestampMs t, std::string_view text, JsonWriter& out) {
  out.BeginArray();
  out.Double(static_cast<double>(t) / 1000);
  out.String(text);
  out.EndArray();
}

}  // namespace

void WriteLabels(const model::Labels& labels, JsonWriter& out) {
  out.BeginObject();
  for (const auto [name, value] : labels) {
    out.PlainKey(name);
    out.PlainString(value);
  }
  out.EndObject();
}

void WriteHistogram(const model::FloatHistogram& h, JsonWriter& out) {
  out.BeginObject();
  out.Key("count");
  out.SampleValue(h.count);
  out.Key("sum");
  out.SampleValue(h.sum);
  std::vector<model::Bucket> buckets;
  model::AllBuckets(h, buckets);
  bool any = false;
  for (const model::Bucket& bucket : buckets) {
    if (bucket.count == 0) continue;
    if (!any) {
      out.Key("buckets");
      out.BeginArray();
      any = true;
    }
    const int closed = (bucket.lower_inclusive ? 1 : 0) | (bucket.upper_inclusive ? 2 : 0);
    static constexpr int kBoundaryRule[] = {2, 1, 0, 3};  // Open, [), (], closed.
    out.BeginArray();
    out.Int(kBoundaryRule[closed]);
    out.SampleValue(bucket.lower);
    out.SampleValue(bucket.upper);
    out.SampleValue(bucket.count);
    out.EndArray();
  }
  if (any) out.EndArray();
  out.EndObject();
}

std::string_view ResultType(const promql::Value& value) {
  static constexpr std::string_view kNames[] = {"scalar", "string", "vector", "matrix"};
  return kNames[value.index()];
}

void WriteValue(const promql::Value& value, const std::function<bool()>& gone, JsonWriter& out) {
  if (const auto* scalar = std::get_if<promql::ScalarValue>(&value)) {
    WriteTimeAndText(scalar->t, go::FormatFloatF(scalar->v), out);
  } else if (const auto* text = std::get_if<promql::StringValue>(&value)) {
    WriteTimeAndText(text->t, text->v, out);
  } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    WriteVector(*vector, gone, out);
  } else {
    WriteMatrix(std::get<promql::Matrix>(value), gone, out);
  }
}

Status WriteStream(promql::MatrixStream& stream, std::size_t limit,
                   const std::function<bool()>& gone, JsonWriter& out) {
  out.BeginArray();
  const std::size_t wanted = limit == 0 ? stream.size() : std::min(limit, stream.size());
  for (std::size_t written = 0; written < wanted && !gone(); ++written) {
    NX_ASSIGN_OR_RETURN(const promql::MatrixSeries* const row, stream.Next());
    if (row == nullptr) break;
    WriteSeries(*row, out);
  }
  out.EndArray();
  return {};
}

}  // namespace narthex::web
