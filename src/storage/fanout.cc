// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/fanout.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <new>
#include <optional>

#include "narthex/base/thread_pool.h"
#include "narthex/storage/annotations.h"
#include "narthex/storage/merge.h"

namespace narthex::storage {
namespace {

using Sets = std::vector<std::unique_ptr<SeriesSet>>;

/// Threads of the pool that ask one secondary at the same time, for all queries.
constexpr int kMaxHelpers = 16;
using HelperCount = std::shared_ptr<std::atomic<int>>;

std::vector<std::string> Union(std::vector<std::string> a, std::vector<std::string> b) {
  if (b.empty()) return a;
  std::vector<std::string> both;
  std::set_union(std::make_move_iterator(a.begin()), std::make_move_iterator(a.end()),
                 std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()),
                 std::back_inserter(both));
  return both;
}

class FanoutQuerier final : public Querier {
 public:
  FanoutQuerier(std::unique_ptr<Querier> primary, ThreadPool& pool)
      : primary_(std::move(primary)), pool_(pool) {}

  void Add(std::unique_ptr<Querier> secondary, HelperCount helpers) {
    secondaries_.push_back(std::make_unique<Secondary>(std::move(secondary), std::move(helpers)));
  }
  bool has_secondaries() const { return !secondaries_.empty(); }
  std::unique_ptr<Querier> TakePrimary() { return std::move(primary_); }

  Result<std::unique_ptr<SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                            const SelectHints& hints,
                                            std::stop_token stop) const override {
    const Selection selection{matchers, hints};
    NX_ASSIGN_OR_RETURN(Sets sets, SelectAll(std::span(&selection, 1), std::move(stop)));
    return std::move(sets[0]);
  }

  Result<Sets> SelectAll(std::span<const Selection> selections,
                         std::stop_token stop) const override;

  Result<std::vector<std::string>> LabelValues(std::string_view name,
                                               std::span<const model::Matcher> matchers,
                                               std::size_t limit,
                                               std::stop_token stop) const override {
    return Unite(limit,
                 [&](const Querier& q) { return q.LabelValues(name, matchers, limit, stop); });
  }
  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              std::stop_token stop) const override {
    return Unite(limit, [&](const Querier& q) { return q.LabelNames(matchers, limit, stop); });
  }

  void CollectWarnings(Annotations& out) const override {
    primary_->CollectWarnings(out);
    for (const auto& secondary : secondaries_) {
      secondary->querier->CollectWarnings(out);
      MutexLock lock(secondary->mutex);
      for (const std::string& warning : secondary->warnings) out.AddWarning(warning);
    }
  }

 private:
  struct Secondary {
    Secondary(std::unique_ptr<Querier> q, HelperCount h)
        : querier(std::move(q)), helpers(std::move(h)) {}

    const std::unique_ptr<Querier> querier;
    const HelperCount helpers;
    Mutex mutex;
    bool failed NX_GUARDED_BY(mutex) = false;  // It is not asked to select any more.
    std::vector<std::string> warnings NX_GUARDED_BY(mutex);
  };

  /// One call of SelectAll.
  class Round {
   public:
    Round(const FanoutQuerier& querier, std::span<const Selection> selections,
          std::stop_token stop);

    /// Both at most once for each secondary and selection, from any thread.
    void AskPrimary();
    void AskSecondary(std::size_t s, std::size_t i);
    /// When all have been asked.
    Result<Sets> Finish();

   private:
    void StopAll() {
      for (std::stop_source& source : stops_) source.request_stop();
    }

    const FanoutQuerier& querier_;
    std::vector<Selection> selections_;
    const std::stop_token stop_;
    std::vector<std::stop_source> stops_;  // Of each secondary.
    std::stop_callback<std::function<void()>> forward_;
    std::optional<Result<Sets>> primary_;
    std::vector<Sets> answers_;  // Of each secondary, by selection; null = it gave none.
  };

  template <typename Ask>
  Result<std::vector<std::string>> Unite(std::size_t limit, Ask&& ask) const {
    NX_ASSIGN_OR_RETURN(std::vector<std::string> all, ask(*primary_));
    for (const auto& secondary : secondaries_) {
      Result<std::vector<std::string>> more = ask(*secondary->querier);
      if (more) {
        all = Union(std::move(all), std::move(*more));
        continue;
      }
      MutexLock lock(secondary->mutex);
      secondary->warnings.push_back(more.error().message());
    }
    if (limit != 0 && all.size() > limit) all.resize(limit);
    return all;
  }

  class Work;

  void CallHelper(std::size_t s, const std::shared_ptr<Work>& work) const;

  std::unique_ptr<Querier> primary_;
  std::vector<std::unique_ptr<Secondary>> secondaries_;
  ThreadPool& pool_;
};

FanoutQuerier::Round::Round(const FanoutQuerier& querier, std::span<const Selection> selections,
                            std::stop_token stop)
    : querier_(querier),
      selections_(selections.begin(), selections.end()),
      stop_(std::move(stop)),
      stops_(querier.secondaries_.size()),
      forward_(stop_, [this] { StopAll(); }),
      answers_(querier.secondaries_.size()) {
  for (Selection& selection : selections_) {
    selection.hints.any_order = false;  // Sorted sets are merged in one pass.
  }
  for (Sets& sets : answers_) sets.resize(selections_.size());
}

void FanoutQuerier::Round::AskPrimary() {
  struct Stopper {
    ~Stopper() {
      if (!round.primary_ || !*round.primary_) round.StopAll();
    }
    Round& round;
  };
  // Nobody wants the others' answers after a failure, nor when this ends by an exception.
  const Stopper stopper{*this};
  primary_ = querier_.primary_->SelectAll(selections_, stop_);
}

void FanoutQuerier::Round::AskSecondary(std::size_t s, std::size_t i) {
  Secondary& secondary = *querier_.secondaries_[s];
  {
    MutexLock lock(secondary.mutex);
    if (secondary.failed) return;
  }
  Result<std::unique_ptr<SeriesSet>> set = Fail(Code::kInternal, "");
  try {
    set = secondary.querier->Select(selections_[i].matchers, selections_[i].hints,
                                    stops_[s].get_token());
  } catch (const std::exception& e) {
    set = Fail(Code::kInternal, e.what());  // Out of memory: the query goes on without this one.
  }
  if (set) {
    answers_[s][i] = std::move(*set);
    return;
  }
  MutexLock lock(secondary.mutex);
  // Of several failures the first one tells why; the others may be what it stopped.
  if (std::exchange(secondary.failed, true)) return;
  secondary.warnings.push_back(set.error().message());
  stops_[s].request_stop();
}

Result<Sets> FanoutQuerier::Round::Finish() {
  if (stop_.stop_requested()) return Fail(Code::kCancelled, "context canceled");
  if (!*primary_) return std::move(*primary_);
  for (std::size_t s = 0; s < answers_.size(); ++s) {
    MutexLock lock(querier_.secondaries_[s]->mutex);
    if (querier_.secondaries_[s]->failed) answers_[s].clear();
  }
  Sets merged;
  for (std::size_t i = 0; i < selections_.size(); ++i) {
    Sets sets;
    for (Sets& of_secondary : answers_) {
      if (!of_secondary.empty()) sets.push_back(std::move(of_secondary[i]));
    }
    sets.push_back(std::move((**primary_)[i]));  // Last: its samples win.
    merged.push_back(MergeSeriesSets(std::move(sets)));
  }
  return merged;
}

/// What is still to be asked of a round, for the threads that do it. Helpers may begin after all is
/// done: then they find nothing, and touch the round no more.
class FanoutQuerier::Work {
 public:
  Work(Round& round, std::size_t secondaries, std::size_t selections)
      : round_(round),
        selections_(selections),
        next_(secondaries),
        left_(secondaries * selections) {}

  /// Asks one secondary as long as there is something to ask.
  void Help(std::size_t s) {
    for (std::size_t i; (i = next_[s].fetch_add(1)) < selections_;) {
      round_.AskSecondary(s, i);
      MutexLock lock(mutex_);
      if (--left_ == 0) done_.NotifyAll();
    }
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (left_ > 0) done_.Wait(mutex_);
  }

 private:
  Round& round_;
  const std::size_t selections_;
  std::vector<std::atomic<std::size_t>> next_;  // Of each secondary: the first selection that
                                                // nobody has taken.
  Mutex mutex_;
  CondVar done_;
  std::size_t left_ NX_GUARDED_BY(mutex_);
};

void FanoutQuerier::CallHelper(std::size_t s, const std::shared_ptr<Work>& work) const {
  const HelperCount& helpers = secondaries_[s]->helpers;
  const bool enough = helpers->fetch_add(1) >= kMaxHelpers;
  const std::shared_ptr<void> counted(nullptr, [helpers](void*) { helpers->fetch_sub(1); });
  if (enough) return;
  pool_.Submit([work, s, counted] { work->Help(s); });
}

Result<Sets> FanoutQuerier::SelectAll(std::span<const Selection> selections,
                                      std::stop_token stop) const {
  Round round(*this, selections, std::move(stop));
  const auto work = std::make_shared<Work>(round, secondaries_.size(), selections.size());
  try {
    for (std::size_t i = 0; i < selections.size(); ++i) {
      for (std::size_t s = 0; s < secondaries_.size(); ++s) CallHelper(s, work);
    }
  } catch (const std::bad_alloc&) {
    // Then fewer help.
  }
  // Meanwhile this thread asks the primary, and then takes part: so it depends on no other.
  std::exception_ptr failure;
  try {
    round.AskPrimary();
  } catch (...) {
    failure = std::current_exception();
  }
  for (std::size_t s = 0; s < secondaries_.size(); ++s) work->Help(s);
  work->Wait();
  if (failure) std::rethrow_exception(failure);
  return round.Finish();
}

}  // namespace

struct FanoutQueryable::Member {
  std::shared_ptr<Queryable> queryable;
  HelperCount helpers = std::make_shared<std::atomic<int>>(0);
};

void FanoutQueryable::SetSecondaries(Secondaries secondaries) {
  auto members = std::make_shared<std::vector<Member>>();
  for (auto& queryable : secondaries) members->push_back({std::move(queryable)});
  MutexLock lock(mutex_);
  secondaries_ = members->empty() ? nullptr : std::move(members);
}

Result<std::unique_ptr<Querier>> FanoutQueryable::NewQuerier(model::TimestampMs mint,
                                                             model::TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(auto primary, primary_.NewQuerier(mint, maxt));
  std::shared_ptr<const std::vector<Member>> secondaries;
  {
    MutexLock lock(mutex_);
    secondaries = secondaries_;
  }
  if (secondaries == nullptr) return primary;
  auto fanout = std::make_unique<FanoutQuerier>(std::move(primary), pool_);
  for (const auto& [queryable, helpers] : *secondaries) {
    NX_ASSIGN_OR_RETURN(auto querier, queryable->NewQuerier(mint, maxt));
    if (querier != nullptr) fanout->Add(std::move(querier), helpers);
  }
  if (!fanout->has_secondaries()) return fanout->TakePrimary();
  return fanout;
}

}  // namespace narthex::storage
