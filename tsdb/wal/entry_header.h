// SPDX-License-Identifier: Apache-2.0
//
// What each entry of a record of samples begins with: series, time and maybe start time, as
// differences.
#pragma once

#include <cstdint>

#include "narthex/base/coding.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::wal {

/// How an entry tells its start time.
enum class StartMark : std::uint8_t { kNone = 0, kSameAsBefore = 1, kOwn = 2 };

/// Writes the headers of a record whose entries have start times. Thread safety: one thread.
class StartedHeaderWriter {
 public:
  void Put(Encoder& out, WalRef ref, model::TimestampMs t, model::TimestampMs start) {
    const auto ut = static_cast<std::uint64_t>(t);
    if (first_) {
      first_ = false;
      out.Varint(static_cast<std::int64_t>(ref));
      out.Varint(t);
      out.Varint(start);
      first_t_ = ut;
      first_start_ = static_cast<std::uint64_t>(start);
    } else {
      out.Varint(static_cast<std::int64_t>(ref - ref_));
      out.Varint(static_cast<std::int64_t>(ut - first_t_));
      PutMark(out, start);
    }
    ref_ = ref;
    start_ = start;
  }

 private:
  void PutMark(Encoder& out, model::TimestampMs start) const {
    const StartMark mark = start == 0        ? StartMark::kNone
                           : start == start_ ? StartMark::kSameAsBefore
                                             : StartMark::kOwn;
    out.Byte(static_cast<std::uint8_t>(mark));
    if (mark != StartMark::kOwn) return;
    out.Varint(static_cast<std::int64_t>(static_cast<std::uint64_t>(start) - first_start_));
  }

  bool first_ = true;
  WalRef ref_ = 0;
  std::uint64_t first_t_ = 0;
  std::uint64_t first_start_ = 0;
  model::TimestampMs start_ = 0;
};

/// Reads the headers of a record's entries one after another. Thread safety: one thread.
class EntryHeader {
 public:
  explicit EntryHeader(RecordType type)
      : has_start_time_(type == RecordType::kSamplesV2 || type == RecordType::kHistogramsV2 ||
                        type == RecordType::kFloatHistogramsV2) {}

  /// @return false when the record has a base and no entry; `in` tells of bad bytes
  bool Next(Decoder& in) { return has_start_time_ ? NextWithStartTime(in) : NextFromBase(in); }
  WalRef ref() const { return ref_; }
  model::TimestampMs t() const { return static_cast<model::TimestampMs>(t_); }
  model::TimestampMs start() const { return static_cast<model::TimestampMs>(start_); }

 private:
  // Differences wrap as in Go: corrupt or extreme numbers must not be undefined behaviour here.
  static std::uint64_t TakeDifference(Decoder& in) {
    return static_cast<std::uint64_t>(in.Varint());
  }

  bool NextFromBase(Decoder& in) {
    if (first_) {
      first_ = false;
      base_ref_ = in.Be64();
      base_t_ = in.Be64();
      if (in.remaining() == 0) return false;
    }
    ref_ = base_ref_ + TakeDifference(in);
    t_ = base_t_ + TakeDifference(in);
    return true;
  }

  bool NextWithStartTime(Decoder& in) {
    if (first_) {
      first_ = false;
      ref_ = TakeDifference(in);
      t_ = base_t_ = TakeDifference(in);
      start_ = base_start_ = TakeDifference(in);
      return true;
    }
    ref_ += TakeDifference(in);
    t_ = base_t_ + TakeDifference(in);
    const std::uint8_t mark = in.Byte();
    if (mark == static_cast<std::uint8_t>(StartMark::kNone)) {
      start_ = 0;
    } else if (mark > static_cast<std::uint8_t>(StartMark::kSameAsBefore)) {
      start_ = base_start_ + TakeDifference(in);
    }
    return true;
  }

  const bool has_start_time_;
  bool first_ = true;
  WalRef base_ref_ = 0;
  std::uint64_t base_t_ = 0;
  WalRef ref_ = 0;
  std::uint64_t t_ = 0;
  std::uint64_t base_start_ = 0;
  std::uint64_t start_ = 0;
};

}  // namespace narthex::tsdb::wal
