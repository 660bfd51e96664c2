// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/data.h"

#include <utility>

#include "narthex/model/float_histogram.h"

namespace narthex::alerting::tmpl {
namespace {

/// The path of "http://host/path".
std::string PathOf(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  return slash == std::string::npos ? "" : url.substr(slash);
}

}  // namespace

Value ToMap(const model::Labels& labels) {
  auto map = std::make_shared<MapValue>();
  for (const auto& [name, value] : labels) {
    map->entries.insert_or_assign(std::string(name), Value(std::string(value)));
  }
  return Value::Map(std::move(map));
}

Value ToValue(const model::FloatHistogram& h) {
  auto value = std::make_shared<StructValue>();
  value->type = "*histogram.FloatHistogram";
  value->fields = {{"CounterResetHint", static_cast<std::int64_t>(h.counter_reset_hint)},
                   {"Schema", static_cast<std::int64_t>(h.schema)},
                   {"ZeroThreshold", h.zero_threshold},
                   {"ZeroCount", h.zero_count},
                   {"Count", h.count},
                   {"Sum", h.sum}};
  value->text = model::ToString(h);
  return Value::Struct(std::move(value));
}

Value ToList(const promql::Vector& vector) {
  auto list = std::make_shared<ListValue>();
  for (const promql::VectorSample& sample : vector) {
    auto item = std::make_shared<StructValue>();
    item->type = kSampleType;
    item->fields = {{"Labels", ToMap(sample.metric)},
                    {"Value", sample.h ? ToValue(*sample.h) : Value(sample.v)}};
    list->items.emplace_back(Value::Struct(std::move(item)));
  }
  return Value::List(std::move(list));
}

Environment EnvironmentAt(const std::string& external_url, model::TimestampMs t) {
  Environment env;
  env.external_url = external_url;
  env.path_prefix = PathOf(external_url);
  env.now_ms = t;
  return env;
}

}  // namespace narthex::alerting::tmpl
