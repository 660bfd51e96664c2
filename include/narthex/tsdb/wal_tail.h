// SPDX-License-Identifier: Apache-2.0
//
// Follows a write-ahead log that another part of the process is writing.
//
//   WalTail tail(fs, dir, progress);
//   NX_RETURN_IF_ERROR(tail.Open());
//   for (;;) {
//     switch (tail.Next()) …
//   }
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/tsdb/wal_records.h"

namespace narthex::tsdb {

/// A place in a log: segment and byte within it.
struct WalPosition {
  int segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const WalPosition&) const = default;
};

/// How far a log is written. Telling costs its writer one store for each commit; who follows looks
/// now and then. Thread safety: any thread.
class WalProgress final {
 public:
  void Publish(WalPosition written) {
    packed_.store(static_cast<std::uint64_t>(written.segment) << kOffsetBits | written.offset,
                  std::memory_order_release);
  }
  /// Everything before it is in the file and stays there, until a checkpoint takes its place.
  WalPosition written() const {
    const std::uint64_t packed = packed_.load(std::memory_order_acquire);
    return {static_cast<int>(packed >> kOffsetBits), packed & ((1ULL << kOffsetBits) - 1)};
  }

 private:
  static constexpr int kOffsetBits = 36;  // 64 GiB; segments have a few hundred MiB.
  std::atomic<std::uint64_t> packed_{0};
};

enum class TailStep : std::uint8_t {
  kRecord,
  kCaughtUp,  // There is nothing more now.
  /// Segments that were not read yet are gone: a checkpoint took their place. The tail has begun
  /// anew with that one.
  kGap,
};

/// Reads the newest checkpoint and then the segments behind it, record after record, up to where
/// the log is written now; and on from there whenever it is asked. A torn end, which a kill leaves,
/// is passed over, as is the rest of a damaged segment, which is counted and logged.
/// Thread safety: one thread at a time.
class WalTail final {
 public:
  /// @param dir       the folder of the log
  /// @param progress  of its writer; null when there is none in this process: then what the files
  ///                  have counts, and a record that is only half there is waited for
  WalTail(Fs& fs, std::string dir, std::shared_ptr<const WalProgress> progress);
  ~WalTail();
  WalTail(const WalTail&) = delete;
  WalTail& operator=(const WalTail&) = delete;

  /// Begins (anew). @param samples_from  records of samples, histograms and exemplars before it,
  /// and
  ///                       those of the checkpoint, may be passed over, which is much faster
  /// Errors: kIo; kCorruption when segments are missing between others.
  Status Open(WalPosition samples_from = {});
  /// Goes to the next record. Errors: as Open, after which Open begins anew.
  Result<TailStep> Next();

  ByteSpan record() const;  // Valid until the next call of anything.
  /// Whether the record is of the checkpoint: what it stands for was read before, or is lost.
  bool in_checkpoint() const;
  /// Where the record begins, of the checkpoint: the number of the last segment that it covers.
  WalPosition position() const;
  /// Where the next record is looked for.
  WalPosition next_position() const;
  /// The first segment behind the checkpoint that is there.
  int first_segment() const;
  /// Records that could not be read, and what is lost behind them in their segments.
  std::uint64_t num_damaged() const;
  /// Where the log ends now.
  Result<WalPosition> End() const;

  /// When there is a newer checkpoint than the last one that was looked at, and all that it covers
  /// was read: calls `visit` with the number of the last segment that it covers and the series in
  /// it, and returns that number.
  Result<std::optional<int>> VisitNewCheckpoint(
      const std::function<void(int, std::span<const wal::WalRef>)>& visit);

  std::size_t held_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::tsdb
