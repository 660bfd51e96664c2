// SPDX-License-Identifier: Apache-2.0
#include "web/influx/line_store.h"

#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "narthex/base/hash.h"
#include "narthex/model/labels.h"
#include "web/influx/line_reader.h"

namespace narthex::web {
namespace {

using storage::AppendError;
using storage::SeriesRef;

constexpr model::DurationMs kMaxAheadMs = 10 * 60 * 1000;
constexpr std::size_t kMostInCommit = 100'000;  // Samples.
constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::size_t kToldLines = 10;
constexpr std::size_t kToldBytes = 256;  // Of each.
constexpr std::string_view kDbLabel = "db";

InfluxDrop DropOf(AppendError error) {
  switch (error) {
    case AppendError::kOutOfOrder:
    case AppendError::kOutOfBounds:
    case AppendError::kTooOld:
      return InfluxDrop::kOutOfOrder;
    case AppendError::kDuplicate:
      return InfluxDrop::kDuplicate;
    default:
      return InfluxDrop::kOther;
  }
}

/// Appends the lines of one body.
class Storing {
 public:
  Storing(std::string_view body, const InfluxTarget& target, InfluxOutcome& outcome)
      : reader_(body),
        target_(target),
        appender_(target.storage.NewAppender()),
        outcome_(outcome) {}

  Result<std::unique_ptr<storage::Appender>> Run() {
    while (reader_.Next()) {
      if (!reader_.error().empty() || !StoreLine()) NoteBadLine();
      if (outcome_.stored - outcome_.committed < kMostInCommit) continue;
      NX_RETURN_IF_ERROR(appender_->Commit());
      outcome_.committed = outcome_.stored;
      appender_ = target_.storage.NewAppender();
    }
    return std::move(appender_);
  }

 private:
  bool StoreLine() {
    model::TimestampMs t = target_.now;
    if (const auto given = reader_.timestamp(); given && !ToMs(*given, t)) {
      own_error_ = "timestamp out of range";
      return false;
    }
    series_is_read_ = false;
    const Hash128 series = HashWith(db_hash_, reader_.series_text());
    for (const InfluxField& field : reader_.fields()) {
      if (field.is_string) {
        Drop(InfluxDrop::kString);
      } else if (t > target_.now + kMaxAheadMs) {
        Drop(InfluxDrop::kFuture);
      } else if (!StoreField(series, field, t)) {
        return false;
      }
    }
    return true;
  }

  /// @return false when the line's series turns out to be bad
  bool StoreField(const Hash128& series, const InfluxField& field, model::TimestampMs t) {
    const Hash128 hash = HashWith(series, field.key);
    SeriesRef* const ref = target_.refs.Find(hash);
    if (ref == nullptr) {
      if (!series_is_read_ && !ReadSeries()) return false;  // A bad line is told as one.
      Drop(InfluxDrop::kSeriesLimit);
      return true;
    }
    AppendError error = AppendError::kUnknownSeries;
    if (*ref != SeriesRef{0}) error = appender_->Append(*ref, kNoLabels, t, field.value);
    if (error == AppendError::kUnknownSeries) {
      if (!series_is_read_ && !ReadSeries()) {
        target_.refs.Forget(hash);
        return false;
      }
      *ref = SeriesRef{0};
      error = appender_->Append(*ref, LabelsOf(field.key), t, field.value);
      if (*ref == SeriesRef{0}) target_.refs.Forget(hash);
    }
    if (error == AppendError::kNone) {
      ++outcome_.stored;
    } else {
      Drop(DropOf(error));
    }
    return true;
  }

  bool ReadSeries() {
    series_is_read_ = reader_.ReadSeries(series_) && CheckTexts();
    return series_is_read_;
  }

  /// The limit of series bounds what they take only when each of them is bounded.
  bool CheckTexts() {
    bool fine = series_.measurement.size() <= kMaxTextBytes;
    for (const auto& [name, value] : series_.tags) {
      fine = fine && name.size() <= kMaxTextBytes && value.size() <= kMaxTextBytes;
    }
    for (const InfluxField& field : reader_.fields()) {
      fine = fine && field.key.size() <= kMaxTextBytes;
    }
    if (!fine) own_error_ = "a name or the value of a tag is longer than 4096 bytes";
    return fine;
  }

  model::Labels LabelsOf(std::string_view field) {
    name_.assign(series_.measurement).append(1, '_').append(field);
    std::vector<std::pair<std::string_view, std::string_view>> pairs;
    pairs.reserve(series_.tags.size() + 2);
    pairs.emplace_back(model::kMetricName, name_);
    pairs.emplace_back(kDbLabel, target_.db);
    // Of two labels of one name the last counts: a tag named db wins.
    pairs.insert(pairs.end(), series_.tags.begin(), series_.tags.end());
    return model::Labels::FromPairs(std::move(pairs));
  }

  Hash128 HashWith(const Hash128& before, std::string_view text) {
    key_.resize(sizeof(before));
    std::memcpy(key_.data(), &before, sizeof(before));
    key_.append(text);
    return HashBytes128(key_);
  }

  bool ToMs(std::int64_t given, model::TimestampMs& t) const {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    const InfluxPrecision& precision = target_.precision;
    if (given > kMost / precision.multiply || given < -(kMost / precision.multiply)) return false;
    t = given / precision.divide * precision.multiply;
    return true;
  }

  void Drop(InfluxDrop reason) { ++outcome_.dropped[static_cast<std::size_t>(reason)]; }

  void NoteBadLine() {
    const std::string_view why = own_error_.empty() ? reader_.error() : own_error_;
    if (outcome_.bad_lines++ == 0) outcome_.first_bad_line = reader_.line_number();
    if (outcome_.bad_lines <= kToldLines) {
      std::string& text = outcome_.bad_line_text;
      if (!text.empty()) text += '\n';
      text += fmt::format("unable to parse '{}': {} (line {})",
                          reader_.text().substr(0, kToldBytes), why, reader_.line_number());
    }
    own_error_ = {};
  }

  static inline const model::Labels kNoLabels;

  InfluxLineReader reader_;
  const InfluxTarget& target_;
  std::unique_ptr<storage::Appender> appender_;
  InfluxOutcome& outcome_;
  const Hash128 db_hash_ = HashBytes128(target_.db);
  InfluxSeries series_;  // Of the current line, once it was needed.
  bool series_is_read_ = false;
  std::string_view own_error_;
  std::string key_, name_;
};

}  // namespace

std::string_view InfluxDropText(InfluxDrop drop) {
  switch (drop) {
    case InfluxDrop::kString:
      return "string";
    case InfluxDrop::kOutOfOrder:
      return "out_of_order";
    case InfluxDrop::kDuplicate:
      return "duplicate";
    case InfluxDrop::kFuture:
      return "future";
    case InfluxDrop::kSeriesLimit:
      return "series_limit";
    case InfluxDrop::kOther:
      break;
  }
  return "other";
}

std::size_t InfluxOutcome::dropped_values() const {
  std::size_t sum = 0;
  for (const std::size_t n : dropped) sum += n;
  return sum - dropped[static_cast<std::size_t>(InfluxDrop::kString)];
}

Result<std::unique_ptr<storage::Appender>> AppendInfluxLines(std::string_view body,
                                                             const InfluxTarget& target,
                                                             InfluxOutcome& outcome) {
  return Storing(body, target, outcome).Run();
}

}  // namespace narthex::web
