// SPDX-License-Identifier: Apache-2.0
#include "web/push/groups_json.h"

#include <functional>
#include <map>
#include <string_view>

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"

namespace narthex::web {
namespace {

using proto::FamilyMetric;
using proto::MetricFamily;

// Go writes the keys of a map in order, so families stand between "labels" and
// "last_push_successful".
using Members = std::map<std::string, std::function<void(JsonWriter&)>>;

void WriteObject(const Members& members, JsonWriter& out) {
  out.BeginObject();
  for (const auto& [key, write] : members) {
    out.Key(key);
    write(out);
  }
  out.EndObject();
}

template <typename Pairs>
void WriteTexts(const Pairs& pairs, JsonWriter& out) {
  out.BeginObject();
  for (const auto& [name, value] : pairs) {
    out.Key(name);
    out.String(value);
  }
  out.EndObject();
}

std::string CountText(std::uint64_t count, double count_float) {
  return count_float > 0 ? go::FormatFloatG(count_float) : std::to_string(count);
}

void WriteDistribution(const FamilyMetric& metric, JsonWriter& out) {
  const proto::Distribution& d = *metric.distribution;
  const bool histogram = metric.kind == proto::MetricKind::kHistogram;
  std::map<std::string, std::string> parts;
  for (const auto& bucket : d.buckets) {
    parts[go::FormatFloatG(bucket.upper_bound)] = CountText(bucket.count, bucket.count_float);
  }
  for (const auto& quantile : d.quantiles) {
    parts[go::FormatFloatG(quantile.quantile)] = go::FormatFloatG(quantile.value);
  }
  const auto text = [](std::string value) {
    return [value = std::move(value)](JsonWriter& writer) { writer.String(value); };
  };
  WriteObject({{histogram ? "buckets" : "quantiles",
                [&parts](JsonWriter& writer) { WriteTexts(parts, writer); }},
               {"count", text(CountText(d.count, d.count_float))},
               {"labels", [&metric](JsonWriter& writer) { WriteTexts(metric.labels, writer); }},
               {"sum", text(go::FormatFloatG(d.sum))}},
              out);
}

void WriteMetric(const FamilyMetric& metric, JsonWriter& out) {
  if (metric.distribution) return WriteDistribution(metric, out);
  out.BeginObject();
  out.Key("labels");
  WriteTexts(metric.labels, out);
  out.Key("value");
  out.String(go::FormatFloatG(metric.value));
  out.EndObject();
}

void WriteFamily(const PushGroup::Family& stored, JsonWriter& out) {
  const MetricFamily& family = *stored.family;
  out.BeginObject();
  out.Key("time_stamp");
  out.String(go::FormatTime(stored.pushed_ns));
  out.Key("type");
  out.String(FamilyTypeName(family.type));
  if (family.help && !family.help->empty()) {
    out.Key("help");
    out.String(*family.help);
  }
  out.Key("metrics");
  out.BeginArray();
  for (const FamilyMetric& metric : family.metrics) WriteMetric(metric, out);
  out.EndArray();
  out.EndObject();
}

bool LastPushSucceeded(const PushGroup& group) {
  const auto time = [&group](const char* name) {
    const auto it = group.families.find(name);
    return it == group.families.end() ? 0 : it->second.family->metrics.front().value;
  };
  return time("push_failure_time_seconds") <= time("push_time_seconds");
}

}  // namespace

std::string GroupsJson(const std::vector<std::shared_ptr<const PushGroup>>& groups) {
  JsonWriter out;
  out.BeginObject();
  out.Key("status");
  out.String("success");
  out.Key("data");
  out.BeginArray();
  for (const auto& group : groups) {
    Members members;
    members["labels"] = [&group](JsonWriter& writer) { WriteTexts(group->labels, writer); };
    members["last_push_successful"] = [&group](JsonWriter& writer) {
      writer.Bool(LastPushSucceeded(*group));
    };
    for (const auto& [name, stored] : group->families) {
      members[name] = [&stored = stored](JsonWriter& writer) { WriteFamily(stored, writer); };
    }
    WriteObject(members, out);
  }
  out.EndArray();
  out.EndObject();
  return out.TakeText();
}

}  // namespace narthex::web
