// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_storage.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "narthex/model/exemplar.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/metadata.h"
#include "narthex/model/sample.h"

namespace narthex::testing {

using storage::AppendError;
using storage::SampleColumns;

namespace {

model::TimestampMs LastTime(const SampleColumns& columns) {
  model::TimestampMs last = model::kMinTime;
  if (!columns.t.empty()) last = columns.t.back();
  if (!columns.histogram_t.empty()) last = std::max(last, columns.histogram_t.back());
  return last;
}

// What a database finds out when it encodes a counter: whether it went on or began anew.
model::CounterResetHint HintAfter(const SampleColumns& columns, const model::FloatHistogram& h) {
  using Hint = model::CounterResetHint;
  if (h.counter_reset_hint == Hint::kGauge) return Hint::kGauge;
  if (h.counter_reset_hint == Hint::kReset) return Hint::kReset;
  const bool follows = !columns.histograms.empty() &&
                       (columns.t.empty() || columns.t.back() < columns.histogram_t.back());
  if (!follows || model::IsStale(h.sum)) return Hint::kUnknown;
  const model::FloatHistogram& previous = columns.histograms.back();
  if (previous.counter_reset_hint == Hint::kGauge || model::IsStale(previous.sum)) {
    return Hint::kUnknown;
  }
  model::FloatHistogram current = h;
  current.counter_reset_hint = Hint::kUnknown;
  // Prometheus keeps a reset that it found itself as unknown.
  return model::DetectReset(current, previous) ? Hint::kUnknown : Hint::kNotReset;
}

bool MatchesAll(const model::Labels& labels, std::span<const model::Matcher> matchers) {
  return std::all_of(matchers.begin(), matchers.end(), [&labels](const model::Matcher& m) {
    return m.Matches(labels.Get(m.name()));
  });
}

using Row = std::pair<model::Labels, const SampleColumns*>;

class MemorySeriesSet final : public storage::SeriesSet {
 public:
  MemorySeriesSet(std::shared_ptr<const void> owner, std::vector<Row> rows)
      : owner_(std::move(owner)), rows_(std::move(rows)) {}

  std::size_t size() const override { return rows_.size(); }
  model::Labels LabelsAt(std::size_t i) const override { return rows_[i].first; }

  Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
              SampleColumns& out) const override {
    const SampleColumns& columns = *rows_[i].second;
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      if (columns.t[k] < mint || columns.t[k] > maxt) continue;
      out.starts.Append(out.t.size(), columns.starts.At(k));
      out.t.push_back(columns.t[k]);
      out.v.push_back(columns.v[k]);
    }
    for (std::size_t k = 0; k < columns.histograms.size(); ++k) {
      if (columns.histogram_t[k] < mint || columns.histogram_t[k] > maxt) continue;
      out.histogram_starts.Append(out.histogram_t.size(), columns.histogram_starts.At(k));
      out.histogram_t.push_back(columns.histogram_t[k]);
      out.histograms.push_back(columns.histograms[k]);
    }
    return {};
  }

 private:
  std::shared_ptr<const void> owner_;
  std::vector<Row> rows_;
};

std::vector<std::string> Limited(const std::set<std::string>& all, std::size_t limit) {
  std::vector<std::string> out(all.begin(), all.end());
  if (limit > 0 && out.size() > limit) out.resize(limit);
  return out;
}

}  // namespace

class MemoryStorage::MemoryAppender final : public storage::Appender {
 public:
  explicit MemoryAppender(MemoryStorage& storage) : storage_(storage) {
    const MutexLock lock(storage_.mutex_);
    series_ = *storage_.series_;
  }

  AppendError Append(storage::SeriesRef&, const model::Labels& labels, model::TimestampMs t,
                     double value) override {
    SampleColumns& columns = series_[labels];
    if (t <= LastTime(columns)) return AppendError::kOutOfOrder;
    columns.starts.Append(columns.t.size(), start_);
    columns.t.push_back(t);
    columns.v.push_back(value);
    changed_.insert(labels);
    return AppendError::kNone;
  }

  void SetStart(model::TimestampMs start) override { start_ = start; }

  void AppendColumn(std::span<const storage::SeriesRef>, model::TimestampMs,
                    std::span<const double>, std::span<AppendError> outcomes) override {
    // There are no references to append by.
    std::fill(outcomes.begin(), outcomes.end(), AppendError::kUnknownSeries);
  }

  AppendError AppendHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                              model::TimestampMs t, const model::Histogram& h) override {
    return AppendFloatHistogram(ref, labels, t, model::ToFloat(h));
  }

  AppendError AppendFloatHistogram(storage::SeriesRef&, const model::Labels& labels,
                                   model::TimestampMs t, const model::FloatHistogram& h) override {
    SampleColumns& columns = series_[labels];
    if (t <= LastTime(columns)) return AppendError::kOutOfOrder;
    const model::CounterResetHint hint = HintAfter(columns, h);
    columns.histogram_starts.Append(columns.histogram_t.size(), start_);
    columns.histogram_t.push_back(t);
    columns.histograms.push_back(h);
    columns.histograms.back().counter_reset_hint = hint;
    changed_.insert(labels);
    return AppendError::kNone;
  }

  AppendError AppendExemplar(storage::SeriesRef, const model::Labels&,
                             const model::Exemplar&) override {
    return AppendError::kExemplarsDisabled;
  }
  void UpdateMetadata(storage::SeriesRef, const model::Labels&, const model::Metadata&) override {}

  void SetDiscardOutOfOrder(bool) override {}

  // Another appender may have committed since this one took its copy.
  Status Commit() override {
    if (storage_.fail_commits_) return Fail(Code::kIo, "commits fail");
    const MutexLock lock(storage_.mutex_);
    auto merged = std::make_shared<Series>(*storage_.series_);
    for (const model::Labels& labels : changed_) (*merged)[labels] = std::move(series_[labels]);
    storage_.series_ = std::move(merged);
    return {};
  }
  void Rollback() noexcept override {
    series_.clear();
    changed_.clear();
  }

 private:
  MemoryStorage& storage_;
  Series series_;
  std::set<model::Labels> changed_;
  model::TimestampMs start_ = 0;
};

class MemoryStorage::MemoryQuerier final : public storage::Querier {
 public:
  explicit MemoryQuerier(std::shared_ptr<const Series> series) : series_(std::move(series)) {}

  Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                     const storage::SelectHints&,
                                                     std::stop_token) const override {
    std::vector<Row> rows;
    for (const auto& [labels, columns] : *series_) {
      if (MatchesAll(labels, matchers)) rows.emplace_back(labels, &columns);
    }
    return std::make_unique<MemorySeriesSet>(series_, std::move(rows));
  }

  Result<std::vector<std::string>> LabelValues(std::string_view name,
                                               std::span<const model::Matcher> matchers,
                                               std::size_t limit,
                                               std::stop_token stop) const override {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "cancelled");
    std::set<std::string> values;
    for (const auto& [labels, columns] : *series_) {
      if (MatchesAll(labels, matchers) && labels.Has(name)) values.emplace(labels.Get(name));
    }
    return Limited(values, limit);
  }

  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              std::stop_token stop) const override {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "cancelled");
    std::set<std::string> names;
    for (const auto& [labels, columns] : *series_) {
      if (!MatchesAll(labels, matchers)) continue;
      for (const auto& label : labels) names.emplace(label.name);
    }
    return Limited(names, limit);
  }

 private:
  std::shared_ptr<const Series> series_;
};

std::unique_ptr<storage::Appender> MemoryStorage::NewAppender() {
  return std::make_unique<MemoryAppender>(*this);
}

Result<std::unique_ptr<storage::Querier>> MemoryStorage::NewQuerier(model::TimestampMs,
                                                                    model::TimestampMs) {
  const MutexLock lock(mutex_);
  return std::make_unique<MemoryQuerier>(series_);
}

}  // namespace narthex::testing
