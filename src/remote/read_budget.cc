// SPDX-License-Identifier: Apache-2.0
#include "src/remote/read_budget.h"

#include <fmt/format.h>

namespace narthex::remote {

Status AnswerMemory::Hold(std::size_t bytes) {
  if (bytes > budget_->max_answer_bytes - bytes_) {
    return Fail(Code::kResourceExhausted,
                fmt::format("the answer takes more than {} bytes of memory; ask for less",
                            budget_->max_answer_bytes));
  }
  if (budget_->held.fetch_add(bytes) + bytes > budget_->max_total_bytes) {
    budget_->held -= bytes;
    return Fail(Code::kResourceExhausted,
                fmt::format("all answers together take more than {} bytes of memory",
                            budget_->max_total_bytes));
  }
  bytes_ += bytes;
  return {};
}

}  // namespace narthex::remote
