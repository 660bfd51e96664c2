// SPDX-License-Identifier: Apache-2.0
//
// A storage that keeps all committed samples, for looking at, and fails on demand.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/mutex.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/sample.h"
#include "narthex/storage/appender.h"

namespace narthex::scrape {

/// Refuses what a head without an out-of-order window refuses. Thread safety: any thread.
class RecordingStorage final : public storage::Appendable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<RecordingAppender>(*this);
  }

  /// Committed samples of a series as "value@t" ("stale@t"), blanks between them. Staleness
  /// markers, and only they, must have come with SetDiscardOutOfOrder.
  std::string Samples(const model::Labels& labels) {
    MutexLock lock(mutex_);
    if (!all_discards_right_) return "a wrong SetDiscardOutOfOrder";
    std::string text;
    const auto ref = refs_.find(labels);
    if (ref == refs_.end()) return text;
    for (const model::Sample& s : series_[ref->second].samples) {
      text += text.empty() ? "" : " ";
      text += model::IsStale(s.v) ? "stale" : go::FormatFloatF(s.v);
      text += fmt::format("@{}", s.t);
    }
    return text;
  }
  std::vector<std::string> Names() {
    MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [labels, ref] : refs_) {
      if (!series_[ref].samples.empty()) names.push_back(labels.ToString());
    }
    return names;
  }
  /// Forgets all references, as a head does that was truncated.
  void ForgetRefs() {
    MutexLock lock(mutex_);
    for (auto& [ref, series] : series_) series.forgotten = true;
  }
  /// Waits, looking after each commit, until `done` is true. @return false after half a minute
  bool WaitFor(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (done()) return true;
      MutexLock lock(mutex_);
      committed_.WaitFor(mutex_, std::chrono::milliseconds(100));
    }
    return done();
  }
  /// What came by UpdateMetadata since the last call, as "name type unit help".
  std::vector<std::string> TakeMetadata() {
    MutexLock lock(mutex_);
    return std::exchange(metadata_, {});
  }
  /// The samples with a start time since the last call: value, start time.
  std::vector<std::pair<double, model::TimestampMs>> TakeStarts() {
    MutexLock lock(mutex_);
    return std::exchange(starts_, {});
  }
  /// Committed native histograms of a series, as "int {…}@t".
  std::vector<std::string> Histograms(const model::Labels& labels) {
    MutexLock lock(mutex_);
    const auto ref = refs_.find(labels);
    return ref == refs_.end() ? std::vector<std::string>() : series_[ref->second].histograms;
  }
  /// What came by AppendExemplar since the last call, as "name {…} value@t".
  std::vector<std::string> TakeExemplars() {
    MutexLock lock(mutex_);
    return std::exchange(exemplars_, {});
  }
  /// Exemplars up to this time are out of order.
  void RefuseExemplarsUntil(model::TimestampMs t) { refused_exemplars_ = t; }
  /// Samples may come with SetDiscardOutOfOrder, too.
  void LetSamplesDiscard() { samples_may_discard_ = true; }
  void FailCommits(bool fail) { fail_commits_ = fail; }
  std::size_t column_samples() const { return column_samples_; }

 private:
  struct Series {
    std::vector<model::Sample> samples;
    std::vector<std::string> histograms;
    bool forgotten = false;
  };

  class RecordingAppender final : public storage::Appender {
   public:
    explicit RecordingAppender(RecordingStorage& storage) : storage_(storage) {}

    storage::AppendError Append(storage::SeriesRef& ref, const model::Labels& labels,
                                model::TimestampMs t, double value) override {
      MutexLock lock(storage_.mutex_);
      if (ref == storage::SeriesRef{0} || storage_.series_[ref].forgotten) {
        if (labels.empty()) return storage::AppendError::kUnknownSeries;
        ref = storage_.RefOf(labels);
      }
      return Add(ref, t, value);
    }
    void SetStart(model::TimestampMs start) override { start_ = start; }
    void AppendStartedColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                             std::span<const double> values,
                             std::span<const model::TimestampMs> starts,
                             std::span<storage::AppendError> outcomes) override {
      const model::TimestampMs own = start_;
      for (std::size_t i = 0; i < refs.size(); ++i) {
        start_ = starts[i];
        AppendColumn(refs.subspan(i, 1), t, values.subspan(i, 1), outcomes.subspan(i, 1));
      }
      start_ = own;
    }
    void AppendColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                      std::span<const double> values,
                      std::span<storage::AppendError> outcomes) override {
      MutexLock lock(storage_.mutex_);
      for (std::size_t i = 0; i < refs.size(); ++i) {
        outcomes[i] = storage_.series_[refs[i]].forgotten ? storage::AppendError::kUnknownSeries
                                                          : Add(refs[i], t, values[i]);
      }
      storage_.column_samples_ += refs.size();
    }
    storage::AppendError AppendHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                         model::TimestampMs t, const model::Histogram& h) override {
      return AddHistogram(ref, labels, t, "int " + model::ToString(model::ToFloat(h)));
    }
    storage::AppendError AppendFloatHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                              model::TimestampMs t,
                                              const model::FloatHistogram& h) override {
      return AddHistogram(ref, labels, t, "float " + model::ToString(h));
    }
    storage::AppendError AppendExemplar(storage::SeriesRef ref, const model::Labels&,
                                        const model::Exemplar& e) override {
      MutexLock lock(storage_.mutex_);
      if (e.t <= storage_.refused_exemplars_) return storage::AppendError::kExemplarOutOfOrder;
      for (const auto& [labels, known] : storage_.refs_) {
        if (known != ref) continue;
        storage_.exemplars_.push_back(fmt::format("{} {} {}@{}", labels.Get("__name__"),
                                                  e.labels.ToString(), go::FormatFloatF(e.value),
                                                  e.t));
      }
      return storage::AppendError::kNone;
    }
    storage::AppendError AppendStartZero(storage::SeriesRef& ref, const model::Labels& labels,
                                         model::TimestampMs t, model::TimestampMs start) override {
      if (start >= t) return storage::AppendError::kStartNotOlder;
      return Append(ref, labels, start, 0);
    }
    void UpdateMetadata(storage::SeriesRef ref, const model::Labels&,
                        const model::Metadata& metadata) override {
      MutexLock lock(storage_.mutex_);
      for (const auto& [labels, known] : storage_.refs_) {
        if (known != ref) continue;
        storage_.metadata_.push_back(fmt::format("{} {} {} {}", labels.Get("__name__"),
                                                 model::MetricTypeName(metadata.type),
                                                 metadata.unit, metadata.help));
      }
    }
    void SetDiscardOutOfOrder(bool discard) override { discard_ = discard; }
    Status Commit() override {
      if (storage_.fail_commits_) return Fail(Code::kIo, "no space left on device");
      MutexLock lock(storage_.mutex_);
      for (const auto& [ref, sample] : pending_) storage_.series_[ref].samples.push_back(sample);
      pending_.clear();
      for (auto& [ref, text] : pending_histograms_) {
        storage_.series_[ref].histograms.push_back(std::move(text));
      }
      pending_histograms_.clear();
      storage_.committed_.NotifyAll();
      return {};
    }
    void Rollback() noexcept override {
      pending_.clear();
      pending_histograms_.clear();
    }

   private:
    storage::AppendError AddHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                      model::TimestampMs t, std::string text) {
      MutexLock lock(storage_.mutex_);
      if (ref == storage::SeriesRef{0} || storage_.series_[ref].forgotten) {
        if (labels.empty()) return storage::AppendError::kUnknownSeries;
        ref = storage_.RefOf(labels);
      }
      pending_histograms_.emplace_back(ref, fmt::format("{}@{}", text, t));
      return storage::AppendError::kNone;
    }
    storage::AppendError Add(storage::SeriesRef ref, model::TimestampMs t, double value)
        NX_REQUIRES(storage_.mutex_) {
      storage_.all_discards_right_ &=
          discard_ == model::IsStale(value) || (discard_ && storage_.samples_may_discard_);
      const model::Sample* last = nullptr;
      const auto& samples = storage_.series_[ref].samples;
      if (!samples.empty()) last = &samples.back();
      for (const auto& [pending_ref, sample] : pending_) {
        if (pending_ref == ref) last = &sample;
      }
      if (last != nullptr && t < last->t) return storage::AppendError::kOutOfOrder;
      if (last != nullptr && t == last->t) {
        const bool same =
            std::bit_cast<std::uint64_t>(last->v) == std::bit_cast<std::uint64_t>(value);
        return same ? storage::AppendError::kNone : storage::AppendError::kDuplicate;
      }
      pending_.emplace_back(ref, model::Sample{t, value});
      if (start_ != 0) storage_.starts_.emplace_back(value, start_);
      return storage::AppendError::kNone;
    }

    RecordingStorage& storage_;
    bool discard_ = false;
    model::TimestampMs start_ = 0;
    std::vector<std::pair<storage::SeriesRef, model::Sample>> pending_;
    std::vector<std::pair<storage::SeriesRef, std::string>> pending_histograms_;
  };

  storage::SeriesRef RefOf(const model::Labels& labels) NX_REQUIRES(mutex_) {
    auto& ref = refs_[labels];
    if (ref == storage::SeriesRef{0} || series_[ref].forgotten) {
      const auto old = ref;
      ref = storage::SeriesRef{++last_ref_};
      if (old != storage::SeriesRef{0}) series_[ref].samples = series_[old].samples;
    }
    return ref;
  }

  Mutex mutex_;
  CondVar committed_;
  std::map<model::Labels, storage::SeriesRef> refs_;
  std::vector<std::string> metadata_ NX_GUARDED_BY(mutex_);
  std::vector<std::string> exemplars_ NX_GUARDED_BY(mutex_);
  model::TimestampMs refused_exemplars_ = 0;
  std::vector<std::pair<double, model::TimestampMs>> starts_ NX_GUARDED_BY(mutex_);
  std::map<storage::SeriesRef, Series> series_;
  std::uint64_t last_ref_ = 0;
  bool all_discards_right_ = true;
  bool samples_may_discard_ = false;
  std::atomic<bool> fail_commits_{false};
  std::atomic<std::size_t> column_samples_{0};
};

}  // namespace narthex::scrape
