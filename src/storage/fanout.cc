// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/fanout.h"

#include <algorithm>
#include <functional>
#include <new>
#include <optional>

#include "narthex/base/thread_pool.h"
#include "narthex/storage/annotations.h"
#include "narthex/storage/merge.h"

namespace narthex::storage {
namespace {

using Sets = std::vector<std::unique_ptr<SeriesSet>>;

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
  FanoutQuerier(std::unique_ptr<Querier> primary, std::vector<std::unique_ptr<Querier>> others,
                ThreadPool& pool)
      : primary_(std::move(primary)), pool_(pool) {
    for (auto& querier : others) {
      secondaries_.push_back(std::make_unique<Secondary>(std::move(querier)));
    }
  }

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
                                               std::size_t limit) const override {
    return Unite(limit, [&](const Querier& q) { return q.LabelValues(name, matchers, limit); });
  }
  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit) const override {
    return Unite(limit, [&](const Querier& q) { return q.LabelNames(matchers, limit); });
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
    explicit Secondary(std::unique_ptr<Querier> q) : querier(std::move(q)) {}

    const std::unique_ptr<Querier> querier;
    Mutex mutex;
    bool failed NX_GUARDED_BY(mutex) = false;  // It is not asked to select any more.
    std::vector<std::string> warnings NX_GUARDED_BY(mutex);
  };

  /// One call of SelectAll.
  class Round {
   public:
    Round(const FanoutQuerier& querier, std::span<const Selection> selections,
          std::stop_token stop);

    /// Job 0 is the primary's; then each selection with each secondary.
    void Run(std::size_t job) {
      if (job == 0) return AskPrimary();
      const std::size_t n = querier_.secondaries_.size();
      AskSecondary((job - 1) % n, (job - 1) / n);
    }
    std::size_t num_jobs() const { return 1 + selections_.size() * querier_.secondaries_.size(); }
    /// When all jobs are done.
    Result<Sets> Finish();

   private:
    void AskPrimary();
    void AskSecondary(std::size_t s, std::size_t i);
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

  const std::unique_ptr<Querier> primary_;
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
  Result<std::unique_ptr<SeriesSet>> set = Fail(Code::kResourceExhausted, "out of memory");
  try {
    set = secondary.querier->Select(selections_[i].matchers, selections_[i].hints,
                                    stops_[s].get_token());
  } catch (const std::bad_alloc&) {
    // The query goes on without this one.
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

Result<Sets> FanoutQuerier::SelectAll(std::span<const Selection> selections,
                                      std::stop_token stop) const {
  Round round(*this, selections, std::move(stop));
  // This thread begins with the primary; the pool takes up the rest meanwhile.
  pool_.ParallelFor(round.num_jobs(), [&](std::size_t job) { round.Run(job); });
  return round.Finish();
}

}  // namespace

void FanoutQueryable::SetSecondaries(Secondaries secondaries) {
  auto shared =
      secondaries.empty() ? nullptr : std::make_shared<const Secondaries>(std::move(secondaries));
  MutexLock lock(mutex_);
  secondaries_ = std::move(shared);
}

Result<std::unique_ptr<Querier>> FanoutQueryable::NewQuerier(model::TimestampMs mint,
                                                             model::TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(auto primary, primary_.NewQuerier(mint, maxt));
  std::shared_ptr<const Secondaries> secondaries;
  {
    MutexLock lock(mutex_);
    secondaries = secondaries_;
  }
  if (secondaries == nullptr) return primary;
  std::vector<std::unique_ptr<Querier>> asked;
  for (const auto& queryable : *secondaries) {
    NX_ASSIGN_OR_RETURN(auto querier, queryable->NewQuerier(mint, maxt));
    if (querier != nullptr) asked.push_back(std::move(querier));
  }
  if (asked.empty()) return primary;
  return std::make_unique<FanoutQuerier>(std::move(primary), std::move(asked), pool_);
}

}  // namespace narthex::storage
