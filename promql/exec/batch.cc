// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/batch.h"

#include "narthex/model/float_histogram.h"
#include "promql/exec/label_map.h"

namespace narthex::promql {

void Batch::Reset(int n_steps, std::size_t rows) {
  n_steps_ = n_steps;
  metrics_.assign(rows, {});
  drop_names_.assign(rows, 0);
  values_.resize(rows * static_cast<std::size_t>(n_steps));
  present_.assign(rows * words(), 0);
  histograms_.clear();
  histograms_.resize(rows);
}

RowRef Batch::AddRow(model::Labels metric, bool drop_name) {
  metrics_.push_back(std::move(metric));
  drop_names_.push_back(drop_name);
  values_.resize(values_.size() + static_cast<std::size_t>(n_steps_));
  present_.resize(present_.size() + words(), 0);
  histograms_.resize(metrics_.size());
  return row(metrics_.size() - 1);
}

void Batch::Append(Batch&& other) {
  if (rows() == 0) {
    *this = std::move(other);
    return;
  }
  histograms_.resize(rows());
  other.histograms_.resize(other.rows());
  std::move(other.metrics_.begin(), other.metrics_.end(), std::back_inserter(metrics_));
  drop_names_.insert(drop_names_.end(), other.drop_names_.begin(), other.drop_names_.end());
  values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  present_.insert(present_.end(), other.present_.begin(), other.present_.end());
  std::move(other.histograms_.begin(), other.histograms_.end(), std::back_inserter(histograms_));
}

Batch Batch::CopyOf(std::size_t first, std::size_t count) const {
  Batch copy;
  copy.Reset(n_steps_, count);
  const auto n = static_cast<std::size_t>(n_steps_);
  for (std::size_t r = 0; r < count; ++r) {
    copy.metrics_[r] = metrics_[first + r];
    copy.drop_names_[r] = drop_names_[first + r];
    if (first + r < histograms_.size() && histograms_[first + r] != nullptr) {
      copy.histograms_[r] = std::make_unique<HistogramColumn>(*histograms_[first + r]);
    }
  }
  std::copy_n(values_.data() + first * n, count * n, copy.values_.data());
  std::copy_n(present_.data() + first * words(), count * words(), copy.present_.data());
  return copy;
}

std::size_t Batch::BytesOfCopy(std::size_t first, std::size_t count) const {
  std::size_t bytes = count * RowBytes(n_steps_);
  for (std::size_t r = first; r < first + count; ++r) {
    bytes += metrics_[r].bytes().size();
    if (r < histograms_.size() && histograms_[r] != nullptr) {
      bytes += histograms_[r]->size() * sizeof(HistogramPtr);
    }
  }
  return bytes;
}

void Batch::KeepRows(const std::vector<std::uint8_t>& keep) {
  histograms_.resize(rows());
  const auto n = static_cast<std::size_t>(n_steps_);
  std::size_t to = 0;
  for (std::size_t from = 0; from < keep.size(); ++from) {
    if (!keep[from]) continue;
    if (to != from) {
      metrics_[to] = std::move(metrics_[from]);
      drop_names_[to] = drop_names_[from];
      std::copy_n(values_.data() + from * n, n, values_.data() + to * n);
      std::copy_n(present_.data() + from * words(), words(), present_.data() + to * words());
      histograms_[to] = std::move(histograms_[from]);
    }
    ++to;
  }
  metrics_.resize(to);
  drop_names_.resize(to);
  values_.resize(to * n);
  present_.resize(to * words());
  histograms_.resize(to);
}

void Batch::DropEmptyRows() {
  std::vector<std::uint8_t> keep(rows());
  bool all = true;
  for (std::size_t r = 0; r < rows(); ++r) {
    keep[r] = !row(r).Empty();
    all = all && keep[r];
  }
  if (!all) KeepRows(keep);
}

void Batch::Reorder(const std::vector<std::uint32_t>& order) {
  histograms_.resize(rows());
  Batch sorted(n_steps_);
  const auto n = static_cast<std::size_t>(n_steps_);
  sorted.metrics_.reserve(order.size());
  sorted.values_.resize(order.size() * n);
  sorted.present_.resize(order.size() * words());
  for (std::size_t to = 0; to < order.size(); ++to) {
    const std::size_t from = order[to];
    sorted.metrics_.push_back(std::move(metrics_[from]));
    sorted.drop_names_.push_back(drop_names_[from]);
    std::copy_n(values_.data() + from * n, n, sorted.values_.data() + to * n);
    std::copy_n(present_.data() + from * words(), words(), sorted.present_.data() + to * words());
    sorted.histograms_.push_back(std::move(histograms_[from]));
  }
  *this = std::move(sorted);
}

bool Batch::has_histograms() const {
  for (const auto& column : histograms_) {
    if (column != nullptr) return true;
  }
  return false;
}

std::int64_t Batch::PointCount() const {
  std::int64_t count = 0;
  for (const std::uint64_t word : present_) count += std::popcount(word);
  return count;
}

std::int64_t Batch::SampleCount() const {
  std::int64_t count = PointCount();
  for (const auto& column : histograms_) {
    if (column == nullptr) continue;
    for (const HistogramPtr& h : *column) {
      if (h != nullptr) count += model::SampleWeight(*h) - 1;
    }
  }
  return count;
}

std::size_t Batch::Bytes() const {
  std::size_t bytes = values_.capacity() * sizeof(double) + present_.capacity() * 8 +
                      metrics_.capacity() * sizeof(model::Labels) + histograms_.capacity() * 8;
  for (const model::Labels& metric : metrics_) bytes += metric.bytes().size();
  for (const auto& column : histograms_) {
    // The histograms themselves are shared; a typical one is a few hundred bytes.
    if (column != nullptr) bytes += column->size() * (sizeof(HistogramPtr) + 256);
  }
  return bytes;
}

bool IsMetadataLabel(std::string_view name) {
  return name == "__name__" || name == "__type__" || name == "__unit__";
}

void DropMetadataLabels(model::Labels& labels) { labels.EraseIf(IsMetadataLabel); }

bool MergeEqualRows(Batch& batch) {
  if (batch.rows() < 2) return true;
  LabelViewMap<std::size_t> first_with;
  first_with.reserve(batch.rows());
  std::vector<std::uint8_t> keep(batch.rows(), 1);
  bool merged = false;
  const std::size_t words = PresenceWords(batch.n_steps());
  for (std::size_t r = 0; r < batch.rows(); ++r) {
    const auto [it, inserted] = first_with.try_emplace(batch.metric(r).bytes(), r);
    if (inserted) continue;
    RowRef to = batch.row(it->second), from = batch.row(r);
    for (std::size_t w = 0; w < words; ++w) {
      if ((to.present[w] & from.present[w]) != 0) return false;
    }
    ForEachPresent(from.present, from.n_steps, [&](int s) {
      if (HistogramPtr h = from.SharedHistogramAt(s)) {
        to.Set(s, std::move(h));
      } else {
        to.Set(s, from.v[s]);
      }
    });
    keep[r] = 0;
    merged = true;
  }
  if (merged) batch.KeepRows(keep);
  return true;
}

}  // namespace narthex::promql
