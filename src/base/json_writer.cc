// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Bytes of the UTF-8 sequence that starts at p, 0 when it is not valid.
std::size_t Utf8Length(const char* p, const char* end) {
  const auto byte = [p](int i) { return static_cast<unsigned char>(p[i]); };
  const auto tail = [&](int i) { return p + i < end && (byte(i) & 0xc0) == 0x80; };
  const unsigned char b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (b == 0xe0 && byte(1) < 0xa0) return 0;
    if (b == 0xed && byte(1) > 0x9f) return 0;  // Surrogates.
    return 3;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (b == 0xf0 && byte(1) < 0x90) return 0;
    if (b == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

constexpr std::array<bool, 256> PlainCharacters(bool escape_html) {
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  if (escape_html) plain['<'] = plain['>'] = plain['&'] = false;
  return plain;
}
constexpr auto kPlain = PlainCharacters(false);
constexpr auto kPlainInHtml = PlainCharacters(true);

constexpr std::size_t kMaxTimestampBytes = 24;

// Unix milliseconds as seconds with 0 or 3 decimals.
char* WriteTimestamp(char* out, std::int64_t ms) {
  if (ms < 0) *out++ = '-';
  const std::uint64_t magnitude =
      ms < 0 ? -static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  out = std::to_chars(out, out + 20, magnitude / 1000).ptr;
  if (const unsigned rest = static_cast<unsigned>(magnitude % 1000); rest != 0) {
    *out++ = '.';
    *out++ = static_cast<char>('0' + rest / 100);
    *out++ = static_cast<char>('0' + rest / 10 % 10);
    *out++ = static_cast<char>('0' + rest % 10);
  }
  return out;
}

char* WriteQuotedValue(char* out, double v) {
  *out++ = '"';
  out = go::WriteFloatJson(out, v, true);
  *out++ = '"';
  return out;
}

void AppendAsciiEscape(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

// Appends a text in quotes, with a comma before it or a colon behind it, all at once. Nearly all
// texts allow that. @return false for one that is long or has to be escaped; then nothing is done
bool AppendShort(std::string& out, bool comma, std::string_view text, bool colon,
                 const std::array<bool, 256>& plain) {
  constexpr std::size_t kLongest = 124;
  if (text.size() > kLongest) return false;
  char bytes[kLongest + 4];
  char* p = bytes;
  if (comma) *p++ = ',';
  *p++ = '"';
  for (const char c : text) {
    if (!plain[static_cast<unsigned char>(c)]) return false;
    *p++ = c;
  }
  *p++ = '"';
  if (colon) *p++ = ':';
  out.append(bytes, p);
  return true;
}

}  // namespace

void JsonWriter::Quote(std::string_view text, bool escape_html) {
  const auto& plain = escape_html ? kPlainInHtml : kPlain;
  buffer_ += '"';
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char* run = p;
    while (run < end && plain[static_cast<unsigned char>(*run)]) ++run;
    buffer_.append(p, run);
    p = run;
    if (p == end) break;
    const auto c = static_cast<unsigned char>(*p);
    if (c < 0x80) {
      AppendAsciiEscape(buffer_, c);
      ++p;
      continue;
    }
    const std::size_t n = Utf8Length(p, end);
    if (n == 0) {
      buffer_ += "\\ufffd";
      ++p;
    } else if (n == 3 && std::string_view(p, 2) == "\xe2\x80" && (p[2] & ~1) == '\xa8') {
      buffer_ += p[2] == '\xa8' ? "\\u2028" : "\\u2029";  // Not legal in JavaScript strings.
      p += n;
    } else {
      buffer_.append(p, n);
      p += n;
    }
  }
  buffer_ += '"';
}

void JsonWriter::BeforeValue() {
  if (need_comma_) buffer_ += ',';
}

void JsonWriter::AfterValue() {
  need_comma_ = true;
  if (buffer_.size() >= limit_) Flush();
}

void JsonWriter::Open(char c) {
  BeforeValue();
  buffer_ += c;
  need_comma_ = false;
}

void JsonWriter::Close(char c) {
  buffer_ += c;
  AfterValue();
}

void JsonWriter::Key(std::string_view key) {
  if (!AppendShort(buffer_, need_comma_, key, true, kPlainInHtml)) {
    BeforeValue();
    Quote(key, true);
    buffer_ += ':';
  }
  need_comma_ = false;
}

void JsonWriter::PlainKey(std::string_view key) {
  if (!AppendShort(buffer_, need_comma_, key, true, kPlain)) {
    BeforeValue();
    Quote(key, false);
    buffer_ += ':';
  }
  need_comma_ = false;
}

void JsonWriter::String(std::string_view text) {
  if (!AppendShort(buffer_, need_comma_, text, false, kPlainInHtml)) {
    BeforeValue();
    Quote(text, true);
  }
  AfterValue();
}

void JsonWriter::PlainString(std::string_view text) {
  if (!AppendShort(buffer_, need_comma_, text, false, kPlain)) {
    BeforeValue();
    Quote(text, false);
  }
  AfterValue();
}

void JsonWriter::Int(std::int64_t v) {
  BeforeValue();
  const fmt::format_int text(v);
  buffer_.append(text.data(), text.size());
  AfterValue();
}

void JsonWriter::Uint(std::uint64_t v) {
  BeforeValue();
  const fmt::format_int text(v);
  buffer_.append(text.data(), text.size());
  AfterValue();
}

void JsonWriter::Bool(bool v) {
  BeforeValue();
  buffer_ += v ? "true" : "false";
  AfterValue();
}

void JsonWriter::Null() {
  BeforeValue();
  buffer_ += "null";
  AfterValue();
}

void JsonWriter::Double(double v) {
  if (!std::isfinite(v)) {
    Null();
    return;
  }
  BeforeValue();
  go::AppendFloatJson(buffer_, v, false);
  AfterValue();
}

void JsonWriter::TimestampSeconds(std::int64_t ms) {
  BeforeValue();
  char text[kMaxTimestampBytes];
  buffer_.append(text, WriteTimestamp(text, ms));
  AfterValue();
}

void JsonWriter::SampleValue(double v) {
  BeforeValue();
  char text[go::kMaxFloatJsonBytes + 2];
  buffer_.append(text, WriteQuotedValue(text, v));
  AfterValue();
}

void JsonWriter::SamplePoint(std::int64_t ms, double v) {
  // An answer is mostly these, so they are put together outside of the buffer.
  char text[kMaxTimestampBytes + go::kMaxFloatJsonBytes + 6];
  char* p = text;
  if (need_comma_) *p++ = ',';
  *p++ = '[';
  p = WriteTimestamp(p, ms);
  *p++ = ',';
  p = WriteQuotedValue(p, v);
  *p++ = ']';
  buffer_.append(text, p);
  AfterValue();
}

void JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  buffer_ += json;
  AfterValue();
}

void JsonWriter::Flush() {
  if (!sink_ || buffer_.empty()) return;
  sink_(buffer_);
  buffer_.clear();
}

}  // namespace narthex
