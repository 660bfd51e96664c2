// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "narthex/proto/write_request.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

// The number of the field that is the time, in the message of each kind.
constexpr std::int32_t kSampleTime = 2;
constexpr std::int32_t kExemplarTime = 3;
constexpr std::int32_t kHistogramTime = 15;

model::TimestampMs TimeIn(std::string_view message, std::int32_t number, std::string& error) {
  model::TimestampMs t = 0;
  WireReader fields(message, "Sample", error);
  while (fields.Next()) {
    if (fields.field() == number && fields.wire() == Wire::kVarint) {
      t = fields.Int64("Timestamp");
    } else {
      fields.Skip();
    }
  }
  return t;
}

}  // namespace

DroppedItems DropOlder(WriteVersion version, std::string_view request, model::TimestampMs limit,
                       std::string& out) {
  const bool v1 = version == WriteVersion::kV1;
  const std::int32_t series_field = v1 ? 1 : 5;
  const std::int32_t histograms_field = v1 ? 4 : 3;
  const std::int32_t exemplars_field = v1 ? 3 : 4;
  DroppedItems dropped;
  out.clear();
  std::string error;
  WireReader in(request, "Request", error);
  for (const char* begin = in.position(); in.Next(); begin = in.position()) {
    if (in.field() != series_field) {
      in.Skip();
      out.append(begin, in.position());
      continue;
    }
    // A sample or a histogram, maybe with exemplars, or one exemplar alone.
    std::optional<model::TimestampMs> t;
    model::TimestampMs exemplar_t = model::kMaxTime;
    DroppedItems has;
    WireReader fields(in.Bytes("Timeseries"), "TimeSeries", error);
    while (fields.Next()) {
      if (fields.field() == 2) {
        t = TimeIn(fields.Bytes("Samples"), kSampleTime, error);
        ++has.samples;
      } else if (fields.field() == histograms_field) {
        t = TimeIn(fields.Bytes("Histograms"), kHistogramTime, error);
        ++has.histograms;
      } else if (fields.field() == exemplars_field) {
        exemplar_t = TimeIn(fields.Bytes("Exemplars"), kExemplarTime, error);
        ++has.exemplars;
      } else {
        fields.Skip();
      }
    }
    if (t.value_or(exemplar_t) < limit) {
      dropped.samples += has.samples;
      dropped.histograms += has.histograms;
      dropped.exemplars += has.exemplars;
    } else {
      dropped.oldest = std::min(dropped.oldest, t.value_or(exemplar_t));
      out.append(begin, in.position());
    }
  }
  return dropped;
}

}  // namespace narthex::proto
