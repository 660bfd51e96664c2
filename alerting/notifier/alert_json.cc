// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/alert_json.h"

#include <ctime>
#include <string_view>

#include <fmt/core.h>

#include "narthex/base/json_writer.h"

namespace narthex::alerting {
namespace {

void WriteTime(std::string_view key, std::int64_t unix_ns, JsonWriter& out) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::int64_t seconds = unix_ns / kNsPerSecond;
  std::int64_t ns = unix_ns % kNsPerSecond;
  if (ns < 0) {
    ns += kNsPerSecond;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  out.Key(key);
  out.String(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                         utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                         ns / 1'000'000));
}

void WriteLabels(std::string_view key, const model::Labels& labels, JsonWriter& out) {
  out.Key(key);
  out.BeginObject();
  for (const auto& [name, value] : labels) {
    out.Key(name);
    out.String(value);
  }
  out.EndObject();
}

}  // namespace

std::string AlertsJson(std::span<const std::shared_ptr<const Notification>> alerts) {
  JsonWriter out;
  out.BeginArray();
  for (const auto& alert : alerts) {
    out.BeginObject();
    if (!alert->annotations.empty()) WriteLabels("annotations", alert->annotations, out);
    WriteTime("endsAt", alert->ends_at_ns, out);
    WriteTime("startsAt", alert->starts_at_ns, out);
    if (!alert->generator_url.empty()) {
      out.Key("generatorURL");
      out.String(alert->generator_url);
    }
    WriteLabels("labels", alert->labels, out);
    out.EndObject();
  }
  out.EndArray();
  return out.TakeText();
}

}  // namespace narthex::alerting
