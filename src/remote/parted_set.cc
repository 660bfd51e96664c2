// SPDX-License-Identifier: Apache-2.0
#include "src/remote/parted_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/base/short_text.h"
#include "src/remote/sample_order.h"

namespace narthex::remote {
namespace {

std::string ProblemOf(const model::LabelView& label) {
  const bool valid_value = model::IsValidUtf8(label.value);
  if (label.name == model::kMetricName && (label.value.empty() || !valid_value)) {
    return fmt::format("invalid metric name: {}", ShortText(std::string(label.value)));
  }
  if (label.name.empty() || !model::IsValidUtf8(label.name)) {
    return fmt::format("invalid label name: {}", ShortText(std::string(label.name)));
  }
  if (!valid_value) {
    return fmt::format("invalid label value: {}", ShortText(std::string(label.value)));
  }
  if (label.name.size() > model::kMaxLabelBytes || label.value.size() > model::kMaxLabelBytes) {
    return fmt::format("label of more than {} bytes: {}", model::kMaxLabelBytes,
                       ShortText(std::string(label.name)));
  }
  return {};
}

}  // namespace

Result<model::Labels> MakeLabels(std::span<const model::LabelView> sent,
                                 std::span<const std::string> without) {
  std::vector<model::LabelView> sorted(sent.begin(), sent.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  model::Labels labels;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const model::LabelView& label = sorted[i];
    if (std::string problem = ProblemOf(label); !problem.empty()) {
      return Fail(Code::kUnavailable, std::move(problem));
    }
    if (i > 0 && label.name == sorted[i - 1].name) {
      return Fail(Code::kUnavailable,
                  fmt::format("duplicate label with name: {}", ShortText(std::string(label.name))));
    }
    if (label.value.empty()) continue;
    if (std::binary_search(without.begin(), without.end(), label.name)) continue;
    labels.AppendSorted(label.name, label.value);
  }
  return labels;
}

void PartedSet::Arrange() {
  // Stable: of samples for the same time the one that came later counts.
  const auto before = [](const Part& a, const Part& b) { return a.labels < b.labels; };
  if (!std::is_sorted(parts_.begin(), parts_.end(), before)) {
    std::stable_sort(parts_.begin(), parts_.end(), before);
  }
  starts_.clear();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0 && parts_[i].labels == parts_[i - 1].labels) continue;
    starts_.push_back(static_cast<std::uint32_t>(i));
  }
  starts_.push_back(static_cast<std::uint32_t>(parts_.size()));
}

Status PartedSet::Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
                       storage::SampleColumns& out) const {
  // What `out` has already is of other storages: the caller brings that in order.
  const bool alone = out.t.empty() && out.histogram_t.empty();
  storage::SampleColumns own;
  storage::SampleColumns& to = alone ? out : own;
  for (std::uint32_t p = starts_[i]; p < starts_[i + 1]; ++p) {
    const std::size_t before = to.histograms.size();
    NX_RETURN_IF_ERROR(ReadPart(parts_[p], mint, maxt, to));
    // What a part says of its first histogram is about one that this one does not follow.
    if (before > 0 && before < to.histograms.size()) ForgetReset(to.histograms[before]);
  }
  PutInOrder(to);
  if (alone) return {};
  out.Append(std::move(own));
  return {};
}

}  // namespace narthex::remote
