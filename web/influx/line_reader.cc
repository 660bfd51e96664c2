// SPDX-License-Identifier: Apache-2.0
#include "web/influx/line_reader.h"

#include <algorithm>
#include <charconv>

#include "narthex/model/labels.h"

namespace narthex::web {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Where the first of some characters stands that no backslash is before; the size when nowhere.
std::size_t FindUnescaped(std::string_view text, std::string_view any) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (any.find(text[i]) != kNone) {
      return i;
    }
  }
  return text.size();
}

/// Where the string ends whose opening quote is at 0; npos when it does not.
std::size_t EndOfString(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return kNone;
}

void SkipSpaces(std::string_view& text) {
  const std::size_t end = text.find_first_not_of(' ');
  text.remove_prefix(end == kNone ? text.size() : end);
}

template <typename Int>
bool ReadInt(std::string_view digits, Int& out) {
  const char* const end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, out);
  return failure == std::errc() && stop == end && !digits.empty();
}

bool ReadFloat(std::string_view text, double& out) {
  // Words for infinities and NaN are no numbers here.
  if (text.find_first_not_of("+-.0123456789eE") != kNone) return false;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, out);
  return failure == std::errc() && stop == end;
}

std::optional<bool> ReadBool(std::string_view text) {
  for (const std::string_view word : {"t", "T", "true", "True", "TRUE"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"f", "F", "false", "False", "FALSE"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

}  // namespace

bool InfluxLineReader::Complain(std::string_view what) {
  error_ = what;
  return false;
}

/// The text up to a line's end; the strings of fields may have line ends in them.
std::string_view InfluxLineReader::TakeLine() {
  const std::string_view rest = body_.substr(at_);
  const std::size_t first_end = std::min(rest.find('\n'), rest.size());
  std::size_t end = first_end;
  std::size_t inner_lines = 0;
  const std::string_view first = rest.substr(0, first_end);
  // Only where a string could begin is there more to look at.
  if (quotes_end_ && !first.starts_with('#') && first.find("=\"") != kNone) {
    std::size_t i = FindUnescaped(first, " ");
    while (i < rest.size() && rest[i] != '\n') {
      if (rest[i] == '"' && rest[i - 1] == '=') {
        const std::size_t length = EndOfString(rest.substr(i));
        if (length == kNone) {
          // Not a string, so its line ends where it seems to. Nor can a later one have an end.
          quotes_end_ = false;
          i = kNone;
          break;
        }
        inner_lines += static_cast<std::size_t>(
            std::count(rest.begin() + static_cast<std::ptrdiff_t>(i),
                       rest.begin() + static_cast<std::ptrdiff_t>(i + length), '\n'));
        i += length;
      } else {
        ++i;
      }
    }
    if (i == kNone) {
      inner_lines = 0;
    } else {
      end = i;
    }
  }
  line_number_ = lines_passed_ + 1;
  lines_passed_ += inner_lines + 1;
  at_ += std::min(end + 1, rest.size());
  std::string_view line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool InfluxLineReader::Next() {
  do {
    if (at_ >= body_.size()) return false;
    line_ = TakeLine();
    SkipSpaces(line_);
  } while (line_.empty() || line_.starts_with('#'));
  error_.clear();
  fields_.clear();
  unescaped_.clear();
  timestamp_.reset();
  if (line_.size() > limits_.max_line_bytes) {
    Complain("line too long");
    return true;
  }
  const std::size_t end = FindUnescaped(line_, " ");
  series_ = line_.substr(0, std::min(end, line_.size()));
  std::string_view rest = line_.substr(series_.size());
  SkipSpaces(rest);
  if (series_.starts_with(',')) {
    Complain("missing measurement");
  } else if (rest.empty()) {
    Complain(series_.size() == line_.size() ? "missing fields" : "invalid field format");
  } else if (ReadFields(rest)) {
    ReadTimestamp(rest);
  }
  return true;
}

bool InfluxLineReader::ReadFields(std::string_view& rest) {
  for (;;) {
    const std::size_t equals = FindUnescaped(rest, "=, ");
    if (equals == rest.size() || rest[equals] != '=') return Complain("invalid field format");
    if (equals == 0) return Complain("missing field key");
    InfluxField& field = fields_.emplace_back();
    field.key = Unescape(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::size_t length = 0;
    if (rest.starts_with('"')) {
      length = EndOfString(rest);
      if (length == kNone) return Complain("unbalanced quotes");
      field.is_string = true;
    } else {
      length = std::min(rest.find_first_of(", "), rest.size());
      if (!ReadValue(rest.substr(0, length), field)) return false;
    }
    if (!model::IsValidUtf8(field.key)) return Complain("invalid field key: not UTF-8");
    rest.remove_prefix(length);
    if (rest.empty()) return true;
    if (rest.front() != ',' && rest.front() != ' ') return Complain("invalid field format");
    const bool more = rest.front() == ',';
    rest.remove_prefix(1);
    if (!more) return true;
  }
}

bool InfluxLineReader::ReadValue(std::string_view text, InfluxField& field) {
  if (text.empty()) return Complain("missing field value");
  const std::string_view digits = text.substr(0, text.size() - 1);
  if (text.back() == 'i') {
    std::int64_t value = 0;
    if (!ReadInt(digits, value)) return Complain("invalid number");
    field.value = static_cast<double>(value);
    return true;
  }
  if (text.back() == 'u') {
    std::uint64_t value = 0;
    if (!ReadInt(digits, value)) return Complain("invalid number");
    field.value = static_cast<double>(value);
    return true;
  }
  if (const auto truth = ReadBool(text)) {
    field.value = *truth ? 1 : 0;
    return true;
  }
  const char c = text.front();
  const bool number = (c >= '0' && c <= '9') || std::string_view("-.nNiI").find(c) != kNone;
  if (!number) return Complain("invalid boolean");
  return ReadFloat(text, field.value) || Complain("invalid number");
}

bool InfluxLineReader::ReadTimestamp(std::string_view text) {
  SkipSpaces(text);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.empty()) return true;
  std::int64_t timestamp = 0;
  if (!ReadInt(text, timestamp)) return Complain("bad timestamp");
  timestamp_ = timestamp;
  return true;
}

bool InfluxLineReader::ReadSeries(InfluxSeries& series) {
  series.tags.clear();
  std::string_view rest = series_;
  std::size_t end = FindUnescaped(rest, ",");
  series.measurement = Unescape(rest.substr(0, std::min(end, rest.size())));
  if (!model::IsValidUtf8(series.measurement)) return Complain("invalid measurement: not UTF-8");
  while (end < rest.size()) {
    rest.remove_prefix(end + 1);
    end = std::min(FindUnescaped(rest, ","), rest.size());
    const std::string_view tag = rest.substr(0, end);
    const std::size_t equals = FindUnescaped(tag, "=");
    if (equals == 0) return Complain("missing tag key");
    if (equals + 1 >= tag.size()) return Complain("missing tag value");
    if (series.tags.size() == limits_.max_tags) return Complain("too many tags");
    series.tags.emplace_back(Unescape(tag.substr(0, equals)), Unescape(tag.substr(equals + 1)));
    const auto& [name, value] = series.tags.back();
    if (!model::IsValidUtf8(name) || !model::IsValidUtf8(value)) {
      return Complain("invalid tag: not UTF-8");
    }
    if (name == model::kMetricName) return Complain("invalid tag key: __name__");
  }
  std::sort(series.tags.begin(), series.tags.end());
  const auto same =
      std::adjacent_find(series.tags.begin(), series.tags.end(),
                         [](const auto& a, const auto& b) { return a.first == b.first; });
  return same == series.tags.end() || Complain("duplicate tags");
}

/// Without the backslashes before commas, spaces, equals signs and backslashes; others stay.
std::string_view InfluxLineReader::Unescape(std::string_view text) {
  if (text.find('\\') == kNone) return text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size() &&
                         std::string_view(" ,=\\").find(text[i + 1]) != kNone;
    if (escapes) ++i;
    out += text[i];
  }
  return unescaped_.emplace_back(std::move(out));
}

}  // namespace narthex::web
