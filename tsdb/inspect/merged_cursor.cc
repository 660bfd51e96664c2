// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/merged_cursor.h"

namespace narthex::tsdb::inspect {

SampleChain::SampleChain() : heap_(ByTime{this}) {}

void SampleChain::Reset(std::vector<const SampleRun*> runs) {
  runs_ = std::move(runs);
  next_.assign(runs_.size(), 0);
  heap_.clear();
  current_ = 0;
  started_ = any_ = false;
  ended_ = runs_.empty();
}

bool SampleChain::Advance(std::size_t i) {
  if (next_[i] == runs_[i]->size()) return false;
  ++next_[i];
  return true;
}

bool SampleChain::Next() {
  if (ended_) return false;
  if (!started_) {
    started_ = true;
    for (std::size_t i = 1; i < runs_.size(); ++i) {
      if (Advance(i)) heap_.Push(i);
    }
  }
  const auto repeated = [&] { return any_ && TimeOf(current_) == last_; };
  for (;;) {
    if (Advance(current_)) {
      if (repeated()) continue;
      // The run at hand goes on while it is strictly ahead of all others.
      if (heap_.empty() || TimeOf(current_) < TimeOf(heap_.top())) break;
      heap_.Push(current_);
    } else if (heap_.empty()) {
      ended_ = true;
      return false;
    }
    current_ = heap_.Pop();
    if (!repeated()) break;
  }
  last_ = TimeOf(current_);
  any_ = true;
  return true;
}

MergedCursor::MergedCursor(std::vector<std::unique_ptr<SeriesCursor>> parts)
    : parts_(std::move(parts)), runs_(parts_.size()), heap_(ByLabels{this}) {}

Status MergedCursor::Advance(std::size_t part) {
  NX_ASSIGN_OR_RETURN(const bool more, parts_[part]->Next());
  if (more) heap_.Push(part);
  return {};
}

Result<bool> MergedCursor::Next() {
  // A single part is not compared with itself, so it may be in any order.
  if (!started_) {
    started_ = true;
    for (std::size_t i = 0; i < parts_.size(); ++i) NX_RETURN_IF_ERROR(Advance(i));
  } else {
    for (const std::size_t part : group_) NX_RETURN_IF_ERROR(Advance(part));
  }
  group_.clear();
  if (heap_.empty()) return false;
  group_.push_back(heap_.Pop());
  while (!heap_.empty() && parts_[heap_.top()]->labels() == labels()) {
    group_.push_back(heap_.Pop());
  }
  return true;
}

Status MergedCursor::Read(SampleChain& chain) {
  std::vector<const SampleRun*> runs;
  for (const std::size_t part : group_) {
    NX_RETURN_IF_ERROR(parts_[part]->Read(runs_[part]));
    runs.push_back(&runs_[part]);
  }
  chain.Reset(std::move(runs));
  return {};
}

}  // namespace narthex::tsdb::inspect
