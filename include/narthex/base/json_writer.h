// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON token by token, without a tree in memory. Escapes and formats floats as Go does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace narthex {

/// Commas are placed by the writer; the caller pairs Begin and End and writes a key before each
/// value in an object. Thread safety: one thread at a time.
class JsonWriter {
 public:
  /// Called with a full buffer; the text is valid only during the call.
  using Sink = std::function<void(std::string_view)>;

  /// Keeps everything in the buffer; see TakeText.
  JsonWriter() = default;
  /// Hands the buffer to the sink each time it passes `flush_bytes`, and at Flush.
  JsonWriter(Sink sink, std::size_t flush_bytes) : sink_(std::move(sink)), limit_(flush_bytes) {}

  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }

  /// An object key; HTML characters escaped, as Go's encoding/json does by default.
  void Key(std::string_view key);
  /// An object key without HTML escapes (label names).
  void PlainKey(std::string_view key);

  /// A string with <, > and & escaped as \u003c… (Go's encoding/json default).
  void String(std::string_view text);
  /// A string without HTML escapes (Prometheus's label names and values).
  void PlainString(std::string_view text);
  void Int(std::int64_t v);
  void Uint(std::uint64_t v);
  void Bool(bool v);
  void Null();
  /// A JSON number as Go's encoding/json prints a float64. NaN and infinities are not JSON: null.
  void Double(double v);

  /// Unix milliseconds as Prometheus's sample timestamp: seconds with 0 or 3 decimals.
  void TimestampSeconds(std::int64_t ms);
  /// A sample value: quoted, shortest, 'e' form below 1e-6 and from 1e21.
  void SampleValue(double v);
  /// An array of the two.
  void SamplePoint(std::int64_t ms, double v);

  /// Bytes that are JSON already (one whole value).
  void Raw(std::string_view json);

  void Flush();
  std::string TakeText() { return std::move(buffer_); }

 private:
  void Open(char c);
  void Close(char c);
  void BeforeValue();
  void AfterValue();
  void Quote(std::string_view text, bool escape_html);

  std::string buffer_;
  Sink sink_;
  std::size_t limit_ = static_cast<std::size_t>(-1);
  bool need_comma_ = false;
};

}  // namespace narthex
