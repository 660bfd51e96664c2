// SPDX-License-Identifier: Apache-2.0
//
// The API over a real database, and requests of remote write and remote read made by Google's
// codec.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "narthex/proto/snappy.h"
#include "narthex/tsdb/db.h"
#include "prometheus.pb.h"
#include "tests/support/temp_dir.h"
#include "tests/web/fake_server.h"
#include "write_v2.pb.h"

namespace narthex::web {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline Pairs WriteHeaders(const std::string& parameters = "") {
  return {{"Content-Encoding", "snappy"}, {"Content-Type", "application/x-protobuf" + parameters}};
}
inline const std::string kV2Parameter = ";proto=io.prometheus.write.v2.Request";

template <typename Message>
std::string Packed(const Message& message) {
  std::string block;
  proto::SnappyEncode(message.SerializeAsString(), block);
  return block;
}

inline wire::TimeSeries& AddSeries(wire::WriteRequest& request, const Pairs& labels) {
  auto& series = *request.add_timeseries();
  for (const auto& [name, value] : labels) {
    auto& label = *series.add_labels();
    label.set_name(name);
    label.set_value(value);
  }
  return series;
}
template <typename Series>
void AddSample(Series& series, model::TimestampMs t, double v) {
  auto& sample = *series.add_samples();
  sample.set_timestamp(t);
  sample.set_value(v);
}

inline std::uint32_t SymbolOf(wire::v2::Request& request, const std::string& text) {
  if (request.symbols_size() == 0) request.add_symbols("");
  for (int i = 0; i < request.symbols_size(); ++i) {
    if (request.symbols(i) == text) return static_cast<std::uint32_t>(i);
  }
  request.add_symbols(text);
  return static_cast<std::uint32_t>(request.symbols_size() - 1);
}
inline wire::v2::TimeSeries& AddSeries(wire::v2::Request& request, const Pairs& labels) {
  auto& series = *request.add_timeseries();
  for (const auto& [name, value] : labels) {
    series.add_labels_refs(SymbolOf(request, name));
    series.add_labels_refs(SymbolOf(request, value));
  }
  return series;
}

/// An integer histogram with one observation in bucket `index`.
inline wire::Histogram OneObservation(model::TimestampMs t, std::int32_t schema,
                                      std::int32_t index) {
  wire::Histogram h;
  h.set_count_int(1);
  h.set_zero_count_int(0);
  h.set_sum(1);
  h.set_schema(schema);
  auto& span = *h.add_positive_spans();
  span.set_offset(index);
  span.set_length(1);
  h.add_positive_deltas(1);
  h.set_timestamp(t);
  return h;
}

class RemoteApiTest : public ::testing::Test {
 protected:
  static constexpr model::TimestampMs kNow = 1'700'000'000'000;  // The fake server's clock.

  RemoteApiTest() {
    tsdb::DbOptions options;
    options.max_exemplars = 100;
    auto db = tsdb::Db::Open(folder_.path() + "/data", options, SystemFs(), server_.clock,
                             server_.registry);
    EXPECT_TRUE(db);
    db_ = std::move(*db);
    server_.appendable = db_.get();
    server_.options.enable_remote_write_receiver = true;
  }

  template <typename Message>
  Answer Write(const Message& message, const std::string& parameters = "") {
    return server_.Post("/api/v1/write", Packed(message), WriteHeaders(parameters));
  }

  /// "{labels} t:v t:v\n…" of all that is stored; histograms as t:"text".
  std::string Stored() {
    const auto querier = db_->NewQuerier(model::kMinTime, model::kMaxTime);
    const std::vector<model::Matcher> all = {model::Matcher::NotEqual("nosuch", "x")};
    const auto set = (*querier)->Select(all, {});
    std::string text;
    for (std::size_t i = 0; i < (*set)->size(); ++i) {
      text += (*set)->LabelsAt(i).ToString();
      storage::SampleColumns columns;
      EXPECT_TRUE((*set)->Read(i, model::kMinTime, model::kMaxTime, columns));
      for (std::size_t k = 0; k < columns.t.size(); ++k) {
        text += " " + std::to_string(columns.t[k] - kNow) + ":" + go::FormatFloatG(columns.v[k]);
      }
      for (std::size_t k = 0; k < columns.histogram_t.size(); ++k) {
        text += " " + std::to_string(columns.histogram_t[k] - kNow) + ":" +
                model::ToString(columns.histograms[k]);
      }
      text += "\n";
    }
    return text;
  }

  testing::TempDir folder_;
  FakeServer server_;
  std::unique_ptr<tsdb::Db> db_;
};

}  // namespace narthex::web
