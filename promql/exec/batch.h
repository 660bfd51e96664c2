// SPDX-License-Identifier: Apache-2.0
//
// What operators exchange: rows (series) over all steps of an evaluation.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "narthex/base/uninit_vector.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::promql {

/// The evaluation times start, start+step, …
struct Grid {
  static constexpr int kTooManySteps = 2'000'000'000;  // Stands for any greater number, too.

  model::TimestampMs start = 0;
  model::DurationMs step = 1;
  int n = 0;

  model::TimestampMs At(int i) const { return start + i * step; }
  model::TimestampMs end() const { return At(n > 0 ? n - 1 : 0); }
  bool operator==(const Grid&) const = default;
};

/// One histogram per step, null where there is none. Shared, because a selector repeats the same
/// sample at many steps; never changed once it is in a column.
using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;
using HistogramColumn = std::vector<HistogramPtr>;

inline std::size_t PresenceWords(int n_steps) {
  return (static_cast<std::size_t>(n_steps) + 63) / 64;
}

/// One row that is written. Presence says at which steps the row has a sample; where the histogram
/// column holds one, the sample is that, else the float.
struct RowRef {
  double* v;
  std::uint64_t* present;
  std::unique_ptr<HistogramColumn>* histograms;
  int n_steps;

  bool Has(int s) const { return (present[s >> 6] >> (s & 63)) & 1; }
  void Set(int s, double value) {
    v[s] = value;
    present[s >> 6] |= std::uint64_t{1} << (s & 63);
  }
  void Set(int s, HistogramPtr h) {
    if (*histograms == nullptr) *histograms = std::make_unique<HistogramColumn>(n_steps);
    (**histograms)[s] = std::move(h);
    v[s] = 0;
    present[s >> 6] |= std::uint64_t{1} << (s & 63);
  }
  void Set(int s, model::FloatHistogram h) {
    Set(s, std::make_shared<const model::FloatHistogram>(std::move(h)));
  }
  void Clear(int s) {
    present[s >> 6] &= ~(std::uint64_t{1} << (s & 63));
    if (*histograms != nullptr) (**histograms)[s] = nullptr;
  }
  const model::FloatHistogram* HistogramAt(int s) const {
    return *histograms == nullptr ? nullptr : (**histograms)[s].get();
  }
  HistogramPtr SharedHistogramAt(int s) const {
    return *histograms == nullptr ? nullptr : (**histograms)[s];
  }
  bool HasHistograms() const { return *histograms != nullptr; }
  bool Empty() const {
    for (std::size_t w = 0; w < PresenceWords(n_steps); ++w) {
      if (present[w] != 0) return false;
    }
    return true;
  }
  int Count() const {
    int count = 0;
    for (std::size_t w = 0; w < PresenceWords(n_steps); ++w) count += std::popcount(present[w]);
    return count;
  }
  bool Full() const { return Count() == n_steps; }
};

/// Calls fn(step) for each step with a sample, rising.
template <typename Fn>
void ForEachPresent(const std::uint64_t* present, int n_steps, Fn&& fn) {
  for (std::size_t w = 0; w < PresenceWords(n_steps); ++w) {
    std::uint64_t bits = present[w];
    const int base = static_cast<int>(w) * 64;
    if (bits == ~std::uint64_t{0}) {
      for (int i = 0; i < 64; ++i) fn(base + i);
      continue;
    }
    while (bits != 0) {
      fn(base + std::countr_zero(bits));
      bits &= bits - 1;
    }
  }
}

/// Fills an empty row with floats: fn(step, value&) says whether there is one. Presence is put
/// together aside, so that a step does not wait for the one before it.
template <typename Fn>
void FillSteps(const RowRef& row, Fn&& fn) {
  for (int base = 0; base < row.n_steps; base += 64) {
    const int end = base + 64 < row.n_steps ? base + 64 : row.n_steps;
    std::uint64_t bits = 0;
    for (int s = base; s < end; ++s) {
      double v = 0;
      if (!fn(s, v)) continue;
      row.v[s] = v;
      bits |= std::uint64_t{1} << (s - base);
    }
    row.present[base >> 6] |= bits;
  }
}

/// Rows of equal length in contiguous columns: values row by row, a presence bitmap per row,
/// histogram columns only for the rows that have histograms.
class Batch {
 public:
  Batch() = default;
  explicit Batch(int n_steps) : n_steps_(n_steps) {}

  /// Drops all rows and makes `rows` empty ones.
  void Reset(int n_steps, std::size_t rows);
  /// Adds an empty row. References into the batch end here.
  RowRef AddRow(model::Labels metric, bool drop_name = false);
  /// Moves all rows of `other` behind the own ones.
  void Append(Batch&& other);
  /// A copy of `count` rows from `first` on; they share their histograms.
  Batch CopyOf(std::size_t first, std::size_t count) const;
  /// Memory that such a copy would take.
  std::size_t BytesOfCopy(std::size_t first, std::size_t count) const;
  /// Keeps the rows for which keep[row] is set, in order.
  void KeepRows(const std::vector<std::uint8_t>& keep);
  /// Keeps the rows that have a sample at some step.
  void DropEmptyRows();
  /// The rows in the order that `order` lists.
  void Reorder(const std::vector<std::uint32_t>& order);

  RowRef row(std::size_t r) {
    if (histograms_.size() <= r) histograms_.resize(metrics_.size());
    return {values_.data() + r * static_cast<std::size_t>(n_steps_), present_.data() + r * words(),
            &histograms_[r], n_steps_};
  }
  const double* values(std::size_t r) const {
    return values_.data() + r * static_cast<std::size_t>(n_steps_);
  }
  const std::uint64_t* present(std::size_t r) const { return present_.data() + r * words(); }

  std::size_t rows() const { return metrics_.size(); }
  int n_steps() const { return n_steps_; }
  model::Labels& metric(std::size_t r) { return metrics_[r]; }
  const model::Labels& metric(std::size_t r) const { return metrics_[r]; }
  /// The name is to be removed from the result (only with delayed name removal).
  std::uint8_t& drop_name(std::size_t r) { return drop_names_[r]; }
  bool drop_name(std::size_t r) const { return drop_names_[r] != 0; }
  bool has_histograms() const;
  std::vector<model::Labels>& metrics() { return metrics_; }

  /// Memory of a row over n steps, without its labels and histograms.
  static std::size_t RowBytes(int n_steps) {
    return static_cast<std::size_t>(n_steps) * sizeof(double) +
           PresenceWords(n_steps) * sizeof(std::uint64_t) + sizeof(model::Labels) + 16;
  }

  /// Samples in Prometheus's accounting: a histogram counts by its size.
  std::int64_t SampleCount() const;
  /// Samples, each counting as one.
  std::int64_t PointCount() const;
  /// Memory held.
  std::size_t Bytes() const;

 private:
  std::size_t words() const { return PresenceWords(n_steps_); }

  int n_steps_ = 0;
  std::vector<model::Labels> metrics_;
  std::vector<std::uint8_t> drop_names_;
  UninitVector<double> values_;
  std::vector<std::uint64_t> present_;
  std::vector<std::unique_ptr<HistogramColumn>> histograms_;  // Empty or one per row.
};

/// __name__, __type__ and __unit__.
bool IsMetadataLabel(std::string_view name);
/// Without those.
void DropMetadataLabels(model::Labels& labels);

/// Joins rows with equal labels when they have no step in common. @return false when they have
bool MergeEqualRows(Batch& batch);

}  // namespace narthex::promql
