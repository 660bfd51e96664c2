// SPDX-License-Identifier: Apache-2.0
#include "web/api/reply.h"

#include <fmt/core.h>

namespace narthex::web {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;
constexpr std::size_t kMaxAnnotations = 10;

void WriteAnnotations(std::string_view key, std::string_view kind,
                      const storage::Annotations::Entries& entries, std::string_view query,
                      JsonWriter& out) {
  if (entries.empty()) return;
  out.Key(key);
  out.BeginArray();
  std::size_t written = 0;
  for (const auto& [text, position] : entries) {
    if (written++ == kMaxAnnotations) break;
    out.String(position && !query.empty()
                   ? fmt::format("{} ({})", text, PositionText(query, position->start))
                   : text);
  }
  if (entries.size() > kMaxAnnotations) {
    out.String(
        fmt::format("{} more {} annotations omitted", entries.size() - kMaxAnnotations, kind));
  }
  out.EndArray();
}

}  // namespace

ErrorClass ClassifyError(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return {400, "bad_data"};
    case Code::kNotFound:
      return {404, "not_found"};
    case Code::kExecution:
      return {422, "execution"};
    case Code::kTimeout:
      return {503, "timeout"};
    case Code::kCancelled:
      return {499, "canceled"};
    case Code::kUnavailable:
      return {500, "unavailable"};
    case Code::kIo:
    case Code::kCorruption:
    case Code::kResourceExhausted:
    case Code::kInternal:
      break;
  }
  return {500, "internal"};
}

std::string PositionText(std::string_view query, int byte) {
  if (byte < 0 || static_cast<std::size_t>(byte) > query.size()) return "invalid position";
  const std::string_view before = query.substr(0, static_cast<std::size_t>(byte));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_break = before.rfind('\n');
  const std::size_t column =
      line_break == std::string_view::npos ? before.size() + 1 : before.size() - line_break;
  return fmt::format("{}:{}", line, column);
}

void Reply::Data(const std::function<void(JsonWriter&)>& write,
                 const storage::Annotations& annotations, std::string_view query) {
  writer_.SetHeader("Content-Type", "application/json");
  const auto send = [this](std::string_view text) { gone_ = gone_ || !writer_.Write(text); };
  JsonWriter out(send, kFlushBytes);
  out.BeginObject();
  out.Key("status");
  out.String("success");
  out.Key("data");
  write(out);
  WriteAnnotations("warnings", "warning", annotations.warnings(), query, out);
  WriteAnnotations("infos", "info", annotations.infos(), query, out);
  out.EndObject();
  out.Flush();
}

void Reply::Break() {
  writer_.Abort();
  gone_ = true;
}

void Reply::Fail(const Error& error) {
  const ErrorClass kind = ClassifyError(error.code());
  writer_.SetStatus(kind.http_status);
  writer_.SetHeader("Content-Type", "application/json");
  JsonWriter out;
  out.BeginObject();
  out.Key("status");
  out.String("error");
  out.Key("errorType");
  out.String(kind.type);
  out.Key("error");
  out.String(error.message());
  out.EndObject();
  writer_.Write(out.TakeText());
}

}  // namespace narthex::web
