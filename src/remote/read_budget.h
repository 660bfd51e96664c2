// SPDX-License-Identifier: Apache-2.0
//
// The memory that answers of remote servers may take.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "narthex/base/result.h"

namespace narthex::remote {

/// Thread safety: any thread.
struct ReadBudget {
  std::size_t max_answer_bytes = 0;
  std::size_t max_total_bytes = 0;
  std::atomic<std::size_t> held{0};
};

/// What one answer takes of it; given back at the end. Thread safety: one thread at a time.
class AnswerMemory final {
 public:
  explicit AnswerMemory(std::shared_ptr<ReadBudget> budget) : budget_(std::move(budget)) {}
  ~AnswerMemory() { budget_->held -= bytes_; }
  AnswerMemory(const AnswerMemory&) = delete;
  AnswerMemory& operator=(const AnswerMemory&) = delete;

  /// Before so many bytes are taken. Errors: kResourceExhausted naming the limit.
  Status Hold(std::size_t bytes);
  void Release(std::size_t bytes) {
    bytes_ -= bytes;
    budget_->held -= bytes;
  }

 private:
  const std::shared_ptr<ReadBudget> budget_;
  std::size_t bytes_ = 0;
};

}  // namespace narthex::remote
