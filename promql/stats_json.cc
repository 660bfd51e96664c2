// SPDX-License-Identifier: Apache-2.0
#include <string_view>
#include <utility>

#include "narthex/base/json_writer.h"
#include "narthex/promql/engine.h"

namespace narthex::promql {
namespace {

void WriteSteps(std::string_view key, const std::vector<std::int64_t>& counts,
                model::TimestampMs start, model::DurationMs step, JsonWriter& out) {
  out.Key(key);
  out.BeginArray();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out.BeginArray();
    out.TimestampSeconds(start + static_cast<std::int64_t>(i) * step);
    out.Int(counts[i]);
    out.EndArray();
  }
  out.EndArray();
}

}  // namespace

void WriteStats(const QueryStats& stats, bool per_step, model::TimestampMs start,
                model::DurationMs step, JsonWriter& out) {
  out.BeginObject();
  out.Key("timings");
  out.BeginObject();
  const std::pair<std::string_view, double> timings[] = {
      {"evalTotalTime", stats.eval_total_s},
      {"resultSortTime", stats.result_sort_s},
      {"queryPreparationTime", stats.preparation_s},
      {"innerEvalTime", stats.inner_eval_s},
      {"execQueueTime", stats.queue_s},
      {"execTotalTime", stats.exec_total_s}};
  for (const auto& [name, seconds] : timings) {
    out.Key(name);
    out.Double(seconds);
  }
  out.EndObject();
  out.Key("samples");
  out.BeginObject();
  if (per_step) WriteSteps("totalQueryableSamplesPerStep", stats.total_per_step, start, step, out);
  out.Key("totalQueryableSamples");
  out.Int(stats.total_queryable_samples);
  if (per_step) WriteSteps("samplesReadPerStep", stats.read_per_step, start, step, out);
  out.Key("samplesRead");
  out.Int(stats.samples_read);
  out.Key("peakSamples");
  out.Int(stats.peak_samples);
  out.EndObject();
  out.EndObject();
}

}  // namespace narthex::promql
