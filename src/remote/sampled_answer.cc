// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "narthex/proto/remote_read.h"
#include "narthex/proto/remote_write.h"
#include "narthex/proto/snappy.h"
#include "narthex/tsdb/histogram_check.h"
#include "src/remote/read_answer.h"
#include "src/remote/sample_order.h"

namespace narthex::remote {
namespace {

constexpr std::int32_t kFinestSchema = 8;     // That is computed with …
constexpr std::int32_t kReservedSchema = 52;  // … and that newer servers may send.

std::size_t BytesOf(const model::FloatHistogram& h) {
  const auto bytes = [](const auto& list) { return list.capacity() * sizeof(list[0]); };
  return sizeof(h) + sizeof(model::TimestampMs) + bytes(h.positive_spans) +
         bytes(h.negative_spans) + bytes(h.positive_buckets) + bytes(h.negative_buckets) +
         bytes(h.custom_values);
}

/// With float counts, and no finer than what is computed with. Errors: kUnavailable, why it is
/// none.
Result<model::FloatHistogram> Checked(model::AnyHistogram& any) {
  return std::visit(
      [](auto& h) -> Result<model::FloatHistogram> {
        if (h.schema > kFinestSchema && h.schema <= kReservedSchema) {
          model::CoarsenChecked(h, kFinestSchema);
        }
        if (std::string problem = tsdb::ProblemOf(h); !problem.empty()) {
          return Fail(Code::kUnavailable, std::move(problem));
        }
        if constexpr (std::is_same_v<std::decay_t<decltype(h)>, model::Histogram>) {
          return model::ToFloat(h);
        } else {
          return std::move(h);
        }
      },
      any);
}

}  // namespace

Status SampledAnswer::Fill(std::string_view body) {
  const auto size = proto::SnappyDecodedSize(body);
  if (size) NX_RETURN_IF_ERROR(memory_.Hold(*size));
  std::string message;
  const Status decoded = size ? proto::SnappyDecode(body, *size, message) : Fail(size.error());
  if (!decoded) {
    return Fail(Code::kUnavailable, "error reading response: " + decoded.error().message());
  }
  const auto result = proto::DecodeReadResponse(message);
  if (!result) {
    const Error& why = result.error();
    // Another number of results is no matter of the message's form.
    if (why.code() == Code::kNotFound) return Fail(Code::kUnavailable, why.message());
    return Fail(Code::kUnavailable, "unable to unmarshal response body: " + why.message());
  }
  NX_RETURN_IF_ERROR(FillFrom(*result));
  memory_.Release(*size);
  Arrange();
  return {};
}

Status SampledAnswer::FillFrom(std::string_view result) {
  proto::WriteRequestReader reader(proto::WriteVersion::kV1, result);
  proto::WriteSample sample;
  proto::WriteHistogram histogram;
  storage::SampleColumns samples;
  while (reader.NextSeries()) {
    NX_ASSIGN_OR_RETURN(model::Labels labels, MakeLabels(reader.labels(), scope_.without));
    NX_RETURN_IF_ERROR(memory_.Hold(2 * (sizeof(Part) + sizeof(Range)) + labels.bytes().size()));
    // Twice: the lists may double when they grow.
    NX_RETURN_IF_ERROR(
        memory_.Hold(reader.num_samples() * 2 * (sizeof(double) + sizeof(sample.t))));
    samples.Clear();
    while (reader.NextSample(sample)) {
      samples.t.push_back(sample.t);
      samples.v.push_back(sample.value);
    }
    while (reader.NextHistogram(histogram)) {
      NX_ASSIGN_OR_RETURN(model::FloatHistogram h, Checked(histogram.value));
      NX_RETURN_IF_ERROR(memory_.Hold(BytesOf(h)));
      samples.histogram_t.push_back(histogram.t);
      samples.histograms.push_back(std::move(h));
    }
    Keep(samples, std::move(labels));
  }
  if (const Status status = reader.status(); !status) {
    return Fail(Code::kUnavailable,
                "unable to unmarshal response body: " + status.error().message());
  }
  return {};
}

void SampledAnswer::Keep(storage::SampleColumns& samples, model::Labels labels) {
  PutInOrder(samples);
  Range range{t_.size(), 0, histogram_t_.size(), 0};
  t_.insert(t_.end(), samples.t.begin(), samples.t.end());
  v_.insert(v_.end(), samples.v.begin(), samples.v.end());
  histogram_t_.insert(histogram_t_.end(), samples.histogram_t.begin(), samples.histogram_t.end());
  histograms_.insert(histograms_.end(), std::make_move_iterator(samples.histograms.begin()),
                     std::make_move_iterator(samples.histograms.end()));
  range.floats_end = t_.size();
  range.histograms_end = histogram_t_.size();
  parts().push_back({std::move(labels), ranges_.size(), ranges_.size() + 1});
  ranges_.push_back(range);
}

Status SampledAnswer::ReadPart(const Part& part, model::TimestampMs mint, model::TimestampMs maxt,
                               storage::SampleColumns& out) const {
  mint = std::max(mint, scope_.mint);
  maxt = std::min(maxt, scope_.maxt);
  if (mint > maxt) return {};
  const Range& range = ranges_[part.begin];
  const auto within = [&](const std::vector<model::TimestampMs>& t, std::size_t begin,
                          std::size_t end) {
    const auto from = t.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to = t.begin() + static_cast<std::ptrdiff_t>(end);
    return std::pair(std::lower_bound(from, to, mint) - t.begin(),
                     std::upper_bound(from, to, maxt) - t.begin());
  };
  const auto [first, last] = within(t_, range.floats, range.floats_end);
  out.t.insert(out.t.end(), t_.begin() + first, t_.begin() + last);
  out.v.insert(out.v.end(), v_.begin() + first, v_.begin() + last);
  const auto [first_h, last_h] = within(histogram_t_, range.histograms, range.histograms_end);
  out.histogram_t.insert(out.histogram_t.end(), histogram_t_.begin() + first_h,
                         histogram_t_.begin() + last_h);
  out.histograms.insert(out.histograms.end(), histograms_.begin() + first_h,
                        histograms_.begin() + last_h);
  return {};
}

}  // namespace narthex::remote
