// SPDX-License-Identifier: Apache-2.0
#include "src/remote/backfill.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "narthex/model/matcher.h"
#include "narthex/tsdb/chunk_decoder.h"

namespace narthex::remote {
namespace {

// What is read at once; also what is sent twice after a kill.
constexpr model::DurationMs kSliceMs = 5 * 60 * 1000;
// Scrapes of one time come into the log one after another, so a gap's ends are not sharp. Samples
// next to them are sent twice rather than not at all.
constexpr model::DurationMs kEdgeMs = 10'000;
constexpr model::DurationMs kRetryMs = 10'000;
// Series whose labels are in memory together.
constexpr std::size_t kSeriesAtOnce = 4096;

bool ReadNumber(std::string_view& text, model::TimestampMs& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<std::vector<Gap>> ReadGaps(Fs& fs, const std::string& path) {
  std::vector<Gap> gaps;
  if (!fs.Exists(path)) return gaps;
  NX_ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  std::string_view rest = text;
  while (!rest.empty()) {
    Gap gap;
    const bool good = ReadNumber(rest, gap.from) && rest.starts_with(' ') &&
                      (rest.remove_prefix(1), ReadNumber(rest, gap.to)) && rest.starts_with('\n');
    if (!good) return Fail(Code::kCorruption, fmt::format("{}: not a file of gaps", path));
    rest.remove_prefix(1);
    gaps.push_back(gap);
  }
  return gaps;
}

Status WriteGaps(Fs& fs, const std::string& path, const std::vector<Gap>& gaps) {
  if (gaps.empty()) return fs.RemoveAll(path);
  std::string text;
  for (const Gap& gap : gaps) text += fmt::format("{} {}\n", gap.from, gap.to);
  return WriteFileAtomically(fs, path, AsBytes(text));
}

Gap FirstSlice(const Gap& gap) { return {gap.from, std::min(gap.to, gap.from + kSliceMs - 1)}; }

std::optional<Gap> AfterSlice(const Gap& gap, const Gap& slice) {
  if (slice.to >= gap.to) return std::nullopt;
  return Gap{slice.to + 1, gap.to};
}

Backfill::Backfill(Options options, storage::ChunkQueryable* history, QueueMetrics& metrics, Fs& fs,
                   Clock& clock)
    : options_(std::move(options)),
      history_(history),
      metrics_(metrics),
      fs_(fs),
      clock_(clock),
      tally_(clock),
      sender_(options_.endpoint, metrics, tally_, clock),
      max_items_(static_cast<std::size_t>(
          std::clamp(options_.endpoint->config.queue.max_samples_per_send, 1, 100'000))),
      with_histograms_(options_.endpoint->version() == proto::WriteVersion::kV2 ||
                       options_.endpoint->config.send_native_histograms) {}

Backfill::~Backfill() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    thread = std::move(thread_);
  }
  stop_.request_stop();
  sender_.Stop();
  if (thread.joinable()) thread.join();
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
  if (!gaps_.empty() && history_ != nullptr) thread_ = std::thread([this] { Run(); });
}

void Backfill::Add(Gap gap) {
  gap = {model::Minus(gap.from, kEdgeMs), model::Plus(gap.to, kEdgeMs)};
  if (history_ == nullptr) {
    log::Error("Samples are lost for remote write, as there are no blocks to send them from",
               {{"remote_name", options_.endpoint->name}, {"from", gap.from}, {"to", gap.to}});
    return;
  }
  MutexLock lock(mutex_);
  gaps_.push_back(gap);
  Save();
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { Run(); });
  changed_.NotifyAll();
}

std::vector<Gap> Backfill::gaps() const {
  MutexLock lock(mutex_);
  return gaps_;
}

void Backfill::Save() {
  if (auto status = WriteGaps(fs_, options_.path, gaps_); !status) {
    log::Error("Writing what remote write has still to send failed",
               {{"remote_name", options_.endpoint->name}, {"err", status.error().message()}});
  }
}

bool Backfill::NextSlice(Gap& slice) {
  MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    if (gaps_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    Gap& gap = gaps_.front();
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

bool Backfill::Wait(model::DurationMs ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) return true;
    changed_.WaitFor(mutex_, left);
  }
  return false;
}

void Backfill::Run() {
  SetThreadName("rw-backfill");
  Gap slice;
  while (NextSlice(slice)) {
    if (!SendSlice(slice)) return;
    SliceDone(slice);
  }
}

bool Backfill::SendSlice(const Gap& slice) {
  for (;;) {
    const Status status = ReadSlice(slice);
    partial_ = {};
    series_ = nullptr;
    if (status) return true;
    const Code code = status.error().code();
    if (code == Code::kCancelled) return false;
    log::Error("Reading samples for remote write failed", {{"remote_name", options_.endpoint->name},
                                                           {"from", slice.from},
                                                           {"to", slice.to},
                                                           {"err", status.error().message()}});
    // What is damaged stays so; what is not there now may be later.
    if (code == Code::kCorruption) return true;
    if (!Wait(kRetryMs)) return false;
  }
}

void Backfill::BeginSeries() {
  writer_ = nullptr;
  series_ = std::make_unique<SeriesStore>(options_.series);
  writer_ =
      std::make_unique<proto::WriteRequestWriter>(options_.endpoint->version(), series_->pairs());
}

Status Backfill::ReadSlice(const Gap& slice) {
  NX_ASSIGN_OR_RETURN(const model::Matcher all,
                      model::Matcher::Create(model::MatchType::kRegex, model::kMetricName, ".*"));
  storage::SelectHints hints;
  hints.start_ms = slice.from;
  hints.end_ms = slice.to;
  NX_ASSIGN_OR_RETURN(const auto set, history_->SelectChunks(slice.from, slice.to, {&all, 1}, hints,
                                                             stop_.get_token()));
  BeginSeries();
  for (std::size_t i = 0; i < set->size(); ++i) {
    if (i > 0 && i % kSeriesAtOnce == 0) {
      NX_RETURN_IF_ERROR(Flush());
      BeginSeries();
    }
    NX_RETURN_IF_ERROR(AddSeries(*set, i));
  }
  return Flush();
}

Status Backfill::AddSeries(const storage::ChunkSeriesSet& set, std::size_t i) {
  NX_RETURN_IF_ERROR(set.Read(i, chunks_));
  samples_.Clear();
  for (const storage::EncodedChunk& chunk : chunks_) {
    NX_RETURN_IF_ERROR(tsdb::DecodeChunk(chunk, samples_));
  }
  if (samples_.size() == 0) return {};
  const WalRef ref = i + 1;
  const tsdb::wal::SeriesEntry entry{ref, set.LabelsAt(i)};
  series_->Store({&entry, 1}, 0);
  const std::uint32_t series = series_->Find(ref);
  const auto& floats = samples_.floats;
  if (series == SeriesStore::kDropped) {
    metrics_.samples.Drop(DropReason::kDroppedSeries, floats.t.size());
    if (with_histograms_) {
      metrics_.histograms.Drop(DropReason::kDroppedSeries, samples_.histograms.size());
    }
    return {};
  }
  // In their order, whatever their kinds.
  std::size_t f = 0;
  std::size_t h = 0;
  while (f < floats.t.size() || h < samples_.histograms.size()) {
    const bool is_float = h == samples_.histograms.size() ||
                          (f < floats.t.size() && floats.t[f] < samples_.histograms[h].first);
    if (is_float) {
      partial_.AddFloat(series, floats.t[f], 0, floats.v[f]);
      ++f;
    } else {
      const auto& [t, value] = samples_.histograms[h++];
      if (!AddHistogram(series, t, value)) continue;
    }
    if (partial_.size() >= max_items_) NX_RETURN_IF_ERROR(Flush());
  }
  return {};
}

bool Backfill::AddHistogram(std::uint32_t series, model::TimestampMs t,
                            const model::AnyHistogram& value) {
  if (!with_histograms_) return false;
  return std::visit(
      [&](const auto& histogram) {
        const bool custom = histogram.schema == model::kCustomBucketsSchema;
        if (custom && options_.endpoint->version() == proto::WriteVersion::kV1) {
          metrics_.histograms.Drop(DropReason::kCustomBuckets, 1);
          return false;
        }
        message_.clear();
        proto::EncodeWriteHistogram(t, 0, histogram, message_);
        partial_.AddHistogram(series, t, message_);
        return true;
      },
      value);
}

Status Backfill::Flush() {
  if (partial_.empty()) return {};
  Batch batch = partial_.Take(*series_, *writer_, compressed_);
  if (sender_.Send(batch)) return {};
  return Fail(Code::kCancelled, "context canceled");
}

}  // namespace narthex::remote
