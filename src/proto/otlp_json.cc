// SPDX-License-Identifier: Apache-2.0
//
// The JSON form of OTLP. It is written out in the protobuf form as it is parsed, so there is one
// reader of messages, and no tree of JSON in memory. Source: the JSON encoding of
// https://opentelemetry.io/docs/specs/otlp/ as OpenTelemetry's collector reads it.
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/proto/otlp.h"
#include "src/proto/otlp_schema.h"
#include "src/proto/otlp_value.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

namespace json = boost::json;
using Errc = boost::system::error_code;

// Down to a value of a data point it takes 13 levels, and 4 for each value within it.
constexpr std::size_t kMaxDepth = 300;
// Lengths are written when a message ends, with as many bytes as were kept free for them.
constexpr std::size_t kLengthBytes = 5;

/// strconv.ParseInt and ParseUint of base 10.
template <typename T>
std::optional<T> ParseInteger(std::string_view text) {
  if (std::is_signed_v<T> && text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// strconv.ParseFloat, for which what is out of range is an error.
std::optional<double> ParseDouble(std::string_view text) {
  const auto value = go::ParseFloat(text);
  if (!value || !std::isinf(*value)) return value;
  const std::size_t letter = text.find_first_not_of("+-");
  const bool by_name = letter != std::string_view::npos && (text[letter] | 0x20) == 'i';
  return by_name ? value : std::nullopt;
}

std::optional<std::int32_t> TemporalityOf(std::string_view name) {
  if (name == "AGGREGATION_TEMPORALITY_UNSPECIFIED") return 0;
  if (name == "AGGREGATION_TEMPORALITY_DELTA") return 1;
  if (name == "AGGREGATION_TEMPORALITY_CUMULATIVE") return 2;
  return std::nullopt;
}

bool DecodeHex(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* const end = text.data() + i + 2;
    const auto parsed = std::from_chars(text.data() + i, end, byte, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return false;
    out += static_cast<char>(byte);
  }
  return true;
}

/// Boost.JSON calls its members for each token. What it returns false for ends the parsing.
class Transcoder {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the library looks for these names.
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  // NOLINTEND(readability-identifier-naming)

  explicit Transcoder(std::string& wire) : wire_(wire), writer_(wire) {}

  const std::string& error() const { return error_; }

  bool on_document_begin(Errc&) { return true; }
  bool on_document_end(Errc&) { return true; }
  bool on_object_begin(Errc& ec) { return skipping_ > 0 ? Deeper() : End(BeginObject(), ec); }
  bool on_object_end(std::size_t, Errc&) { return skipping_ > 0 ? Shallower() : EndObject(); }
  bool on_array_begin(Errc& ec) { return skipping_ > 0 ? Deeper() : End(BeginArray(), ec); }
  bool on_array_end(std::size_t, Errc&) {
    if (skipping_ > 0) return Shallower();
    frames_.back().in_array = false;
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, Errc&) { return Gather(part); }
  bool on_key(json::string_view part, std::size_t, Errc&) {
    const std::string_view key = Whole(part);
    if (skipping_ == 0) frames_.back().field = frames_.back().message->Find(key);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, Errc&) { return Gather(part); }
  bool on_string(json::string_view part, std::size_t, Errc& ec) {
    const std::string_view text = Whole(part);
    return Ignored() || End(String(text), ec);
  }
  bool on_number_part(json::string_view part, Errc&) { return Gather(part); }
  bool on_int64(std::int64_t, json::string_view part, Errc& ec) { return OnNumber(part, ec); }
  bool on_uint64(std::uint64_t, json::string_view part, Errc& ec) { return OnNumber(part, ec); }
  bool on_double(double, json::string_view part, Errc& ec) { return OnNumber(part, ec); }
  bool on_bool(bool value, Errc& ec) { return Ignored() || End(Bool(value), ec); }
  bool on_null(Errc& ec) { return Ignored() || End(Null(), ec); }
  bool on_comment_part(json::string_view, Errc&) { return true; }
  bool on_comment(json::string_view, Errc&) { return true; }

 private:
  struct Frame {
    const OtlpMessage* message;
    const OtlpField* field = nullptr;  // Whose value comes; null = not known.
    bool in_array = false;             // Among the values of a repeated field.
    std::size_t begin = 0;             // Of the message in wire_.
  };

  bool Deeper() {
    ++skipping_;
    return true;
  }
  bool Shallower() {
    --skipping_;
    return true;
  }
  bool Gather(json::string_view part) {
    gathered_.append(part.data(), part.size());
    return true;
  }
  // The token that ends with `part`; valid until the next one.
  std::string_view Whole(json::string_view part) {
    if (gathered_.empty()) return {part.data(), part.size()};
    Gather(part);
    whole_.swap(gathered_);
    gathered_.clear();
    return whole_;
  }
  bool OnNumber(json::string_view part, Errc& ec) {
    const std::string_view text = Whole(part);
    return Ignored() || End(Number(text), ec);
  }
  // A single value of a field that is not known.
  bool Ignored() const {
    return skipping_ > 0 || (!frames_.empty() && frames_.back().field == nullptr);
  }
  bool End(bool fine, Errc& ec) const {
    if (!fine) ec = json::make_error_code(json::error::syntax);
    return fine;
  }
  bool Mismatch(std::string_view found) {
    error_ = frames_.empty() ? fmt::format("json: {} found where the request belongs", found)
                             : fmt::format("json: {} found where it does not belong, in \"{}\"",
                                           found, frames_.back().field->camel);
    return false;
  }
  bool BadText(std::string_view text) {
    error_ = fmt::format("json: {} is not a value of \"{}\"", go::Quote(text.substr(0, 128)),
                         frames_.back().field->camel);
    return false;
  }

  bool BeginObject() {
    if (frames_.empty()) {
      if (done_) return Mismatch("a second object");
      frames_.push_back({.message = &kOtlpRequest});
      return true;
    }
    Frame& frame = frames_.back();
    if (frame.field == nullptr) return Deeper();
    if (frame.field->type != OtlpFieldType::kMessage || frame.field->repeated != frame.in_array) {
      return Mismatch("an object");
    }
    writer_.Raw(frame.field->number << 3 | 2);
    wire_.append(kLengthBytes, '\0');
    frames_.push_back({.message = frame.field->message, .begin = wire_.size()});
    return true;
  }

  bool EndObject() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    if (frames_.empty()) {
      done_ = true;
      return true;
    }
    std::size_t length = wire_.size() - frame.begin;
    for (std::size_t i = 0; i < kLengthBytes; ++i, length >>= 7) {
      const bool more = i + 1 < kLengthBytes;
      wire_[frame.begin - kLengthBytes + i] =
          static_cast<char>((length & 0x7f) | (more ? 0x80 : 0));
    }
    return true;
  }

  bool BeginArray() {
    if (frames_.empty()) return Mismatch("an array");
    Frame& frame = frames_.back();
    if (frame.field == nullptr) return Deeper();
    if (!frame.field->repeated || frame.in_array) return Mismatch("an array");
    frame.in_array = true;
    return true;
  }

  // Whether a single value may stand here.
  bool Takes(std::string_view found) {
    if (frames_.empty()) return Mismatch(found);
    const Frame& frame = frames_.back();
    return frame.field->repeated == frame.in_array || Mismatch(found);
  }

  bool Null() {
    if (frames_.empty()) return true;
    const Frame& frame = frames_.back();
    const OtlpField& field = *frame.field;
    if (field.repeated && !frame.in_array) return true;
    if (field.type != OtlpFieldType::kMessage && field.type != OtlpFieldType::kString) {
      return Mismatch("null");
    }
    writer_.Message(field.number, {});
    return true;
  }

  bool Bool(bool value) {
    if (!Takes("a bool")) return false;
    if (frames_.back().field->type != OtlpFieldType::kBool) return Mismatch("a bool");
    writer_.VarintAlways(frames_.back().field->number, value ? 1 : 0);
    return true;
  }

  bool String(std::string_view text) {
    if (!Takes("a string")) return false;
    const OtlpField& field = *frames_.back().field;
    switch (field.type) {
      case OtlpFieldType::kString:
        writer_.Message(field.number, text);
        return true;
      case OtlpFieldType::kBase64:
        bytes_.clear();
        if (!DecodeBase64(text, bytes_)) return BadText(text);
        writer_.Message(field.number, bytes_);
        return true;
      case OtlpFieldType::kHex:
        bytes_.clear();
        if (!DecodeHex(text, bytes_)) return BadText(text);
        writer_.Message(field.number, bytes_);
        return true;
      case OtlpFieldType::kTemporality:
        if (const auto temporality = TemporalityOf(text)) {
          writer_.VarintAlways(field.number, static_cast<std::uint64_t>(*temporality));
          return true;
        }
        return BadText(text);
      case OtlpFieldType::kBool:
      case OtlpFieldType::kMessage:
        return Mismatch("a string");
      default:
        return WriteNumber(field, text) || BadText(text);
    }
  }

  bool Number(std::string_view text) {
    if (!Takes("a number")) return false;
    const OtlpField& field = *frames_.back().field;
    switch (field.type) {
      case OtlpFieldType::kString:
      case OtlpFieldType::kBase64:
      case OtlpFieldType::kHex:
      case OtlpFieldType::kBool:
      case OtlpFieldType::kMessage:
        return Mismatch("a number");
      default:
        return WriteNumber(field, text) || BadText(text);
    }
  }

  bool WriteNumber(const OtlpField& field, std::string_view text) {
    switch (field.type) {
      case OtlpFieldType::kInt64:
        return Write<std::int64_t>(text, [&](std::int64_t n) {
          writer_.VarintAlways(field.number, static_cast<std::uint64_t>(n));
        });
      case OtlpFieldType::kUint64:
        return Write<std::uint64_t>(
            text, [&](std::uint64_t n) { writer_.VarintAlways(field.number, n); });
      case OtlpFieldType::kUint32:
        return Write<std::uint32_t>(
            text, [&](std::uint32_t n) { writer_.VarintAlways(field.number, n); });
      case OtlpFieldType::kSint32:
        return Write<std::int32_t>(text, [&](std::int32_t n) {
          const auto bits = static_cast<std::uint32_t>(n);
          writer_.VarintAlways(field.number, bits << 1 ^ (n < 0 ? UINT32_MAX : 0U));
        });
      case OtlpFieldType::kTemporality:
        return Write<std::int32_t>(text, [&](std::int32_t n) {
          writer_.VarintAlways(field.number, static_cast<std::uint64_t>(n));
        });
      case OtlpFieldType::kFixed64:
        return Write<std::uint64_t>(text, [&](std::uint64_t n) { WriteFixed(field, n); });
      case OtlpFieldType::kSfixed64:
        return Write<std::int64_t>(
            text, [&](std::int64_t n) { WriteFixed(field, static_cast<std::uint64_t>(n)); });
      default: {
        const auto value = ParseDouble(text);
        if (value) writer_.DoubleAlways(field.number, *value);
        return value.has_value();
      }
    }
  }

  template <typename T, typename Put>
  static bool Write(std::string_view text, Put put) {
    const auto value = ParseInteger<T>(text);
    if (value) put(*value);
    return value.has_value();
  }
  void WriteFixed(const OtlpField& field, std::uint64_t bits) {
    writer_.DoubleAlways(field.number, std::bit_cast<double>(bits));
  }

  std::string& wire_;
  WireWriter writer_;
  std::vector<Frame> frames_;
  std::size_t skipping_ = 0;  // Levels that are open within a value that is not known.
  bool done_ = false;
  std::string gathered_, whole_;  // Of a token that came in parts.
  std::string bytes_;
  std::string error_;
};

}  // namespace

Status OtlpJsonToWire(std::string_view text, std::string& wire) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  options.allow_invalid_utf8 = true;  // What Go reads, too.
  json::basic_parser<Transcoder> parser(options, wire);
  Errc ec;
  parser.write_some(false, text.data(), text.size(), ec);
  if (!ec) return {};
  const std::string& error = parser.handler().error();
  return Fail(Code::kInvalidArgument, error.empty() ? "json: " + ec.message() : error);
}

}  // namespace narthex::proto
