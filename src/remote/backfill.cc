// SPDX-License-Identifier: Apache-2.0
#include "src/remote/backfill.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::remote {
namespace {

// Scrapes of one time come into the log one after another, and some samples have older times of
// their own, so a gap's ends are not sharp. Samples next to them are sent twice rather than not at
// all.
constexpr model::DurationMs kBeforeMs = 10 * 60'000;
constexpr model::DurationMs kBehindMs = 60'000;
constexpr model::DurationMs kRetryMs = 10'000;
constexpr int kMostTries = 30;  // Of reading, which are five minutes.

}  // namespace

Backfill::Backfill(Options options, storage::ChunkQueryable* history, QueueMetrics& metrics, Fs& fs,
                   Clock& clock)
    : options_(std::move(options)),
      metrics_(metrics),
      fs_(fs),
      clock_(clock),
      tally_(clock),
      sender_(options_.endpoint, metrics, tally_, clock),
      reader_(history == nullptr ? nullptr
                                 : std::make_unique<SliceReader>(options_.endpoint, options_.series,
                                                                 *history, metrics, clock)),
      failure_log_(clock) {}

Backfill::~Backfill() {
  Stop();
  std::thread thread;
  {
    MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void Backfill::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  stop_.request_stop();
  pause_.Stop();
  sender_.Stop();
}

void Backfill::Start() {
  auto gaps = ReadGaps(fs_, options_.path);
  if (!gaps) {
    log::Error("What remote write has still to send from blocks is not known",
               {{"remote_name", options_.endpoint->name}, {"err", gaps.error().message()}});
    return;
  }
  MutexLock lock(mutex_);
  gaps_ = std::move(*gaps);
  if (!gaps_.empty()) StartThread();
}

void Backfill::StartThread() {
  if (reader_ == nullptr || thread_.joinable() || stopping_) return;
  thread_ = std::thread([this] { Run(); });
}

void Backfill::Add(Gap gap) {
  const model::TimestampMs now = clock_.NowMs();
  gap.from = model::Minus(std::min(gap.from, now), kBeforeMs);
  gap.to = model::Plus(std::min(gap.to, now), kBehindMs);
  if (reader_ == nullptr) {
    log::Error("Samples are lost for remote write, as there are no blocks to send them from",
               {{"remote_name", options_.endpoint->name}, {"from", gap.from}, {"to", gap.to}});
    return;
  }
  MutexLock lock(mutex_);
  AddGap(gaps_, gap);
  Save();
  StartThread();
  changed_.NotifyAll();
}

std::vector<Gap> Backfill::gaps() const {
  MutexLock lock(mutex_);
  return gaps_;
}

void Backfill::Save() {
  if (auto status = WriteGaps(fs_, options_.path, gaps_); !status) {
    failure_log_.Error(
        "Writing what remote write has still to send failed",
        {{"remote_name", options_.endpoint->name}, {"err", status.error().message()}});
  }
}

bool Backfill::NextSlice(Gap& slice) {
  const model::TimestampMs oldest = options_.oldest ? options_.oldest() : model::kMinTime;
  MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    if (gaps_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    Gap& gap = gaps_.front();
    gap.from = std::max(gap.from, oldest);
    if (const auto age = options_.endpoint->config.queue.sample_age_limit_ms; age > 0) {
      gap.from = std::max(gap.from, clock_.NowMs() - age);
    }
    if (gap.from > gap.to) {
      gaps_.erase(gaps_.begin());
      Save();
      continue;
    }
    slice = FirstSlice(gap);
    return true;
  }
}

void Backfill::SliceDone(const Gap& slice) {
  MutexLock lock(mutex_);
  if (const auto left = AfterSlice(gaps_.front(), slice)) {
    gaps_.front() = *left;
  } else {
    log::Info("A gap of remote write is filled",
              {{"remote_name", options_.endpoint->name}, {"to", slice.to}});
    gaps_.erase(gaps_.begin());
  }
  Save();
}

void Backfill::Run() {
  SetThreadName("rw-backfill");
  for (;;) {
    try {
      return SendGaps();
    } catch (const std::exception& e) {
      log::Error("Filling a gap of remote write failed",
                 {{"remote_name", options_.endpoint->name}, {"err", e.what()}});
    }
    if (!pause_.For(kRetryMs)) return;
  }
}

void Backfill::SendGaps() {
  Gap slice;
  while (NextSlice(slice)) {
    if (!SendSlice(slice)) return;
    SliceDone(slice);
  }
}

bool Backfill::SendSlice(const Gap& slice) {
  std::optional<model::Labels> last;
  for (int tries = 0;;) {
    auto piece = reader_->Read(slice, last, stop_.get_token());
    if (piece) {
      for (Batch& batch : piece->batches) {
        if (!sender_.Send(batch)) return false;
      }
      if (!piece->last) return true;
      last = std::move(piece->last);
      tries = 0;
      continue;
    }
    if (stop_.stop_requested()) return false;
    const bool gives_up = ++tries >= kMostTries;
    const std::initializer_list<log::Field> fields = {{"remote_name", options_.endpoint->name},
                                                      {"from", slice.from},
                                                      {"to", slice.to},
                                                      {"err", piece.error().message()}};
    if (gives_up) {
      log::Error("Samples could not be read for remote write, they are not sent", fields);
      metrics_.unreadable_slices.Add();
      return true;
    }
    failure_log_.Error("Reading samples for remote write failed, trying again", fields);
    if (!pause_.For(kRetryMs)) return false;
  }
}

}  // namespace narthex::remote
