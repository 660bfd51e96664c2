// SPDX-License-Identifier: Apache-2.0
//
// What each entry of a record of samples begins with: series and time, as differences.
#pragma once

#include <cstdint>

#include "narthex/base/coding.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::wal {

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

 private:
  // How an entry tells its start timestamp.
  enum StartTime : std::uint8_t { kNone = 0, kSameAsBefore = 1 };

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
      in.Varint();
      return true;
    }
    ref_ += TakeDifference(in);
    t_ = base_t_ + TakeDifference(in);
    if (in.Byte() > kSameAsBefore) in.Varint();
    return true;
  }

  const bool has_start_time_;
  bool first_ = true;
  WalRef base_ref_ = 0;
  std::uint64_t base_t_ = 0;
  WalRef ref_ = 0;
  std::uint64_t t_ = 0;
};

}  // namespace narthex::tsdb::wal
