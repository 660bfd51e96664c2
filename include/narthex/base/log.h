// SPDX-License-Identifier: Apache-2.0
//
// Structured logging to stderr in Prometheus's forms:
//   time=2026-11-20T09:20:17.557Z level=INFO source=head.cc:81 msg="WAL replay done" duration=1.2s
//
//   log::Info("WAL replay done", {{"segments", n}, {"duration", text}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace narthex::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kLogfmt, kJson };

/// One key with its value already as text.
struct Field {
  template <typename T>
  Field(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
  std::string_view key;
  std::string value;
};

/// The place of a log call. (std::source_location is not there for Clang 14.)
struct Where {
  explicit Where(const char* f = __builtin_FILE(), int l = __builtin_LINE()) : file(f), line(l) {}
  const char* file;
  int line;
};

/// Call once before threads start. Default: kInfo, kLogfmt.
void Configure(Level level, Format format);
bool Enabled(Level level);
void Write(Level level, std::string_view message, std::initializer_list<Field> fields, Where where);

inline void Debug(std::string_view message, std::initializer_list<Field> fields = {},
                  Where where = Where()) {
  if (Enabled(Level::kDebug)) Write(Level::kDebug, message, fields, where);
}
inline void Info(std::string_view message, std::initializer_list<Field> fields = {},
                 Where where = Where()) {
  if (Enabled(Level::kInfo)) Write(Level::kInfo, message, fields, where);
}
inline void Warn(std::string_view message, std::initializer_list<Field> fields = {},
                 Where where = Where()) {
  if (Enabled(Level::kWarn)) Write(Level::kWarn, message, fields, where);
}
inline void Error(std::string_view message, std::initializer_list<Field> fields = {},
                  Where where = Where()) {
  Write(Level::kError, message, fields, where);
}

}  // namespace narthex::log
