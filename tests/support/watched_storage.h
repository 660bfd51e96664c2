// SPDX-License-Identifier: Apache-2.0
//
// A storage in memory whose selections and reads a test sees, and lets fail.
#pragma once

#include <atomic>
#include <climits>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "tests/support/memory_storage.h"

namespace narthex::testing {

/// What a test sees of the storage's use, and how it makes it fail.
struct Watch {
  std::function<void(std::span<const model::Matcher>, const storage::SelectHints&)> on_select =
      [](auto, const auto&) {};
  std::atomic<int> reads{0};
  std::atomic<int> live_sets{0};
  int fail_after = INT_MAX;  // Reads that succeed.
  std::function<void()> on_read = [] {};
};

/// Whatever the test adds to `data`, watched.
class WatchedStorage final : public storage::Queryable {
 public:
  class Set final : public storage::SeriesSet {
   public:
    Set(std::unique_ptr<storage::SeriesSet> set, Watch& watch)
        : set_(std::move(set)), watch_(watch) {
      ++watch_.live_sets;
    }
    ~Set() override { --watch_.live_sets; }
    std::size_t size() const override { return set_->size(); }
    model::Labels LabelsAt(std::size_t i) const override { return set_->LabelsAt(i); }
    Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
                storage::SampleColumns& out) const override {
      watch_.on_read();
      if (++watch_.reads > watch_.fail_after)
        return narthex::Fail(Code::kCorruption, "chunk is bad");
      return set_->Read(i, mint, maxt, out);
    }

   private:
    std::unique_ptr<storage::SeriesSet> set_;
    Watch& watch_;
  };

  class Querier final : public storage::Querier {
   public:
    Querier(std::unique_ptr<storage::Querier> querier, Watch& watch)
        : querier_(std::move(querier)), watch_(watch) {}
    Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                       const storage::SelectHints& hints,
                                                       std::stop_token stop) const override {
      watch_.on_select(matchers, hints);
      NX_ASSIGN_OR_RETURN(auto set, querier_->Select(matchers, hints, stop));
      return std::make_unique<Set>(std::move(set), watch_);
    }
    Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                 std::span<const model::Matcher> matchers,
                                                 std::size_t limit,
                                                 std::stop_token stop) const override {
      return querier_->LabelValues(name, matchers, limit, stop);
    }
    Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                                std::size_t limit,
                                                std::stop_token stop) const override {
      return querier_->LabelNames(matchers, limit, stop);
    }

   private:
    std::unique_ptr<storage::Querier> querier_;
    Watch& watch_;
  };

  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    NX_ASSIGN_OR_RETURN(auto querier, data.NewQuerier(mint, maxt));
    return std::make_unique<Querier>(std::move(querier), watch);
  }

  testing::MemoryStorage data;
  Watch watch;
};

}  // namespace narthex::testing
