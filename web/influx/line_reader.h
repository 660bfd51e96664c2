// SPDX-License-Identifier: Apache-2.0
//
// InfluxDB's line protocol, read in place:
//   measurement[,tag=value…] field=value[,field=value…] [timestamp]
// Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/; where versions
// differ, as VictoriaMetrics reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::web {

struct InfluxField {
  std::string_view key;
  double value = 0;        // Of a number; a boolean is 1 or 0.
  bool is_string = false;  // Its text is not kept.
};

struct InfluxSeries {
  std::string_view measurement;
  std::vector<std::pair<std::string_view, std::string_view>> tags;  // Sorted by name, unique.
};

struct InfluxLimits {
  std::size_t max_line_bytes = 256 << 10;
  std::size_t max_tags = 64;
};

/// Walks the lines of a body; empty ones and comments are passed over. Views live as long as the
/// body or, of what has escapes in it, until the next line. Thread safety: one thread.
class InfluxLineReader final {
 public:
  explicit InfluxLineReader(std::string_view body, InfluxLimits limits = {})
      : body_(body), limits_(limits) {}

  /// Goes to the next line, good or bad. @return false at the end
  bool Next();

  /// "" or why the current line is bad, in InfluxDB's wording.
  const std::string& error() const { return error_; }
  std::size_t line_number() const { return line_number_; }  // From 1.
  std::string_view text() const { return line_; }

  // Of a good line:
  /// Measurement and tags as they stand there; equal texts mean equal series.
  std::string_view series_text() const { return series_; }
  /// Reads them. False, with error() set, when they are bad, which only this finds out.
  bool ReadSeries(InfluxSeries& series);
  const std::vector<InfluxField>& fields() const { return fields_; }
  /// In the unit that the request names.
  std::optional<std::int64_t> timestamp() const { return timestamp_; }

 private:
  std::string_view TakeLine();
  bool ReadFields(std::string_view& rest);
  bool ReadValue(std::string_view text, InfluxField& field);
  bool ReadTimestamp(std::string_view text);
  std::string_view Unescape(std::string_view text);
  bool Complain(std::string_view what);

  const std::string_view body_;
  const InfluxLimits limits_;
  std::size_t at_ = 0;
  std::size_t lines_passed_ = 0;  // Before at_.
  bool quotes_end_ = true;        // A quote from here on may have another one that ends it.

  std::size_t line_number_ = 0;
  std::string_view line_, series_;
  std::vector<InfluxField> fields_;
  std::optional<std::int64_t> timestamp_;
  std::string error_;
  std::deque<std::string> unescaped_;  // Of this line.
};

}  // namespace narthex::web
