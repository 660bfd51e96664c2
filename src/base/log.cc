// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/log.h"

#include <atomic>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/json_file_log.h"
#include "narthex/base/json_writer.h"
#include "src/base/log_text.h"

namespace narthex::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<Format> g_format{Format::kLogfmt};

// spdlog does the locking and the writing; the line is already in its final form.
spdlog::logger& Logger() {
  static const auto logger = [] {
    auto l = std::make_shared<spdlog::logger>("narthex",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
    l->set_pattern("%v");
    l->set_level(spdlog::level::trace);
    return l;
  }();
  return *logger;
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

std::string LogfmtLine(Level level, std::string_view message, std::initializer_list<Field> fields,
                       Where where) {
  std::string line = fmt::format(
      "time={} level={} source={} msg={}", LogTimeText(SystemClock().NowMs()), LevelName(level),
      PlaceText(where), NeedsQuotes(message) ? go::Quote(message) : message);
  for (const Field& field : fields) {
    line += fmt::format(" {}={}", field.key,
                        NeedsQuotes(field.value) ? go::Quote(field.value) : field.value);
  }
  return line;
}

std::string JsonLine(Level level, std::string_view message, std::initializer_list<Field> fields,
                     Where where) {
  JsonWriter json;
  json.BeginObject();
  const auto add = [&json](std::string_view key, std::string_view value) {
    json.Key(key);
    json.PlainString(value);
  };
  add("time", LogTimeText(SystemClock().NowMs()));
  add("level", LevelName(level));
  add("source", PlaceText(where));
  add("msg", message);
  for (const Field& field : fields) add(field.key, field.value);
  json.EndObject();
  return json.TakeText();
}

}  // namespace

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarn:
      return "WARN";
    case Level::kError:
      return "ERROR";
  }
  return "?";
}

std::string PlaceText(const Where& where) {
  std::string_view file = where.file;
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos) {
    file.remove_prefix(slash + 1);
  }
  return fmt::format("{}:{}", file, where.line);
}

void Configure(Level level, Format format) {
  g_level = level;
  g_format = format;
}

bool Enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void Write(Level level, std::string_view message, std::initializer_list<Field> fields,
           Where where) {
  if (!Enabled(level)) return;
  const std::string line = g_format == Format::kJson ? JsonLine(level, message, fields, where)
                                                     : LogfmtLine(level, message, fields, where);
  Logger().log(spdlog::level::critical, spdlog::string_view_t(line));
}

}  // namespace narthex::log
