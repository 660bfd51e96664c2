// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/target_budget.h"

#include <fmt/core.h>

#include "scrape/answers/naming.h"

namespace narthex::scrape {

void TargetBudget::TakeTargets(std::size_t count) {
  if (exhausted()) return;
  if (count > limits_.targets - targets_) {
    error_ = fmt::format("more than {} targets", limits_.targets);
    return;
  }
  targets_ += count;
}

bool TargetBudget::TakeLabel(std::size_t count, std::size_t bytes) {
  if (exhausted()) return false;
  if (count > limits_.labels_of_one) {
    error_ = fmt::format("more than {} labels of a target", limits_.labels_of_one);
  } else if (bytes > limits_.bytes - bytes_) {
    error_ = fmt::format("more than {} bytes of labels", limits_.bytes);
  } else {
    bytes_ += bytes;
  }
  return !exhausted();
}

Status TargetBudget::Add(model::Labels labels, config::TargetGroup& group) {
  TakeTargets(1);
  TakeLabel(labels.size(), labels.bytes().size());
  if (exhausted()) return status();
  group.targets.push_back(std::move(labels));
  return {};
}

Status TargetBudget::status() const {
  if (error_.empty()) return {};
  return Fail(Code::kResourceExhausted, error_);
}

void LabelList::Add(std::string_view name, std::string_view value) {
  if (!budget_.TakeLabel(pairs_.size() + 1, name.size() + value.size())) return;
  pairs_.emplace_back(name, value);
}

void LabelList::AddSanitized(std::string_view prefix, std::string_view name,
                             std::string_view value) {
  if (budget_.exhausted()) return;
  Add(std::string(prefix) + SanitizeLabelName(name), value);
}

model::Labels LabelList::Build() const {
  return model::Labels::FromPairs({pairs_.begin(), pairs_.end()});
}

}  // namespace narthex::scrape
