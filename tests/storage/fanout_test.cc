// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/fanout.h"

#include <atomic>
#include <future>
#include <thread>

#include "narthex/base/thread_pool.h"
#include "narthex/model/sample.h"
#include "narthex/storage/annotations.h"
#include "tests/support/memory_storage.h"

namespace narthex::storage {
namespace {

using model::Labels;
using model::Matcher;

/// A storage whose answer to each selection a test makes up.
class FakeSecondary final : public Queryable {
 public:
  using Answer = std::function<Status(const Matcher& first, std::stop_token stop)>;

  explicit FakeSecondary(testing::MemoryStorage* data = nullptr, Answer answer = {})
      : data_(data), answer_(std::move(answer)) {}

  Result<std::unique_ptr<Querier>> NewQuerier(model::TimestampMs mint,
                                              model::TimestampMs maxt) override {
    if (data_ == nullptr) return std::unique_ptr<Querier>();
    NX_ASSIGN_OR_RETURN(auto querier, data_->NewQuerier(mint, maxt));
    return std::make_unique<FakeQuerier>(std::move(querier), answer_, asked_);
  }
  int asked() const { return asked_; }

 private:
  class FakeQuerier final : public Querier {
   public:
    FakeQuerier(std::unique_ptr<Querier> data, const Answer& answer, std::atomic<int>& asked)
        : data_(std::move(data)), answer_(answer), asked_(asked) {}
    Result<std::unique_ptr<SeriesSet>> Select(std::span<const Matcher> matchers,
                                              const SelectHints& hints,
                                              std::stop_token stop) const override {
      EXPECT_FALSE(hints.any_order);
      ++asked_;
      if (answer_) NX_RETURN_IF_ERROR(answer_(matchers[0], stop));
      return data_->Select(matchers, hints, stop);
    }
    Result<std::vector<std::string>> LabelValues(std::string_view, std::span<const Matcher>,
                                                 std::size_t, std::stop_token) const override {
      return Fail(Code::kUnavailable, "not implemented");
    }
    Result<std::vector<std::string>> LabelNames(std::span<const Matcher>, std::size_t,
                                                std::stop_token) const override {
      return std::vector<std::string>{"a", "zone"};
    }

   private:
    const std::unique_ptr<Querier> data_;
    const Answer& answer_;
    std::atomic<int>& asked_;
  };

  testing::MemoryStorage* const data_;
  const Answer answer_;
  std::atomic<int> asked_{0};
};

void Append(testing::MemoryStorage& storage, const std::string& name,
            const std::vector<model::Sample>& samples) {
  const auto appender = storage.NewAppender();
  for (const model::Sample& s : samples) {
    SeriesRef ref{};
    ASSERT_EQ(AppendError::kNone, appender->Append(ref, {{"__name__", name}}, s.t, s.v));
  }
  ASSERT_TRUE(appender->Commit());
}

class FanoutTest : public ::testing::Test {
 protected:
  FanoutTest() { Append(local_, "a", {{100, 1}, {200, 2}}); }

  void Use(std::vector<std::shared_ptr<FakeSecondary>> secondaries) {
    fanout_.SetSecondaries({secondaries.begin(), secondaries.end()});
  }
  /// Selects by names; "labels t=v t=v;" for each series of each selection, or the error.
  std::string Select(const std::vector<std::string>& names, std::stop_token stop = {}) {
    if (querier_ == nullptr) querier_ = *fanout_.NewQuerier(0, 1000);
    std::vector<std::vector<Matcher>> matchers;
    for (const auto& name : names) matchers.push_back({Matcher::Equal("__name__", name)});
    SelectHints hints;
    hints.end_ms = 1000;
    hints.any_order = true;
    std::vector<Selection> selections;
    for (const auto& m : matchers) selections.push_back({m, hints});
    const auto sets = querier_->SelectAll(selections, stop);
    if (!sets) return sets.error().message();
    std::string text;
    for (const auto& set : *sets) {
      for (std::size_t i = 0; i < set->size(); ++i) {
        SampleColumns columns;
        EXPECT_TRUE(set->Read(i, 0, 1000, columns));
        text += set->LabelsAt(i).ToString();
        for (std::size_t k = 0; k < columns.t.size(); ++k) {
          text += " " + std::to_string(columns.t[k]) + "=" +
                  std::to_string(static_cast<int>(columns.v[k]));
        }
        text += ';';
      }
    }
    return text;
  }
  std::string Warnings() const {
    Annotations annotations;
    querier_->CollectWarnings(annotations);
    std::string text;
    for (const auto& [warning, position] : annotations.warnings()) text += warning + ";";
    return text;
  }

  testing::MemoryStorage local_, remote_;
  ThreadPool pool_{"fanout", 4};
  FanoutQueryable fanout_{local_, pool_};
  std::unique_ptr<Querier> querier_;
};

TEST_F(FanoutTest, MergesAndLetsThePrimaryWin) {
  Append(remote_, "a", {{50, 7}, {200, 9}});
  Append(remote_, "b", {{60, 8}});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a"}));
  querier_ = nullptr;
  Use({std::make_shared<FakeSecondary>(&remote_)});
  EXPECT_EQ("{__name__=\"a\"} 50=7 100=1 200=2;{__name__=\"b\"} 60=8;", Select({"a", "b"}));
  EXPECT_EQ("", Warnings());
}

TEST_F(FanoutTest, OneThatHasNoQuerierIsNotAsked) {
  Use({std::make_shared<FakeSecondary>()});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a"}));
}

TEST_F(FanoutTest, AFailureLeavesOutAllThatThisOneSaid) {
  Append(remote_, "a", {{50, 7}});
  Append(remote_, "b", {{60, 8}});
  const auto failing = std::make_shared<FakeSecondary>(&remote_, [](const Matcher& m, auto) {
    return m.value() == "b" ? Status(Fail(Code::kUnavailable, "down")) : Status();
  });
  testing::MemoryStorage other;
  Append(other, "b", {{70, 6}});
  const auto good = std::make_shared<FakeSecondary>(&other);
  Use({failing, good});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;{__name__=\"b\"} 70=6;", Select({"a", "b"}));
  EXPECT_EQ("down;", Warnings());
  // Nor is it asked again by this querier, for its answers would be halves, too.
  const int asked = failing->asked();
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a"}));
  EXPECT_EQ(asked, failing->asked());
  EXPECT_EQ(3, good->asked());
}

TEST_F(FanoutTest, AsksAllAtTheSameTime) {
  // Each waits for the other one.
  std::promise<void> here[2];
  std::shared_future<void> there[2] = {here[0].get_future().share(), here[1].get_future().share()};
  std::vector<std::shared_ptr<FakeSecondary>> secondaries;
  for (int i = 0; i < 2; ++i) {
    secondaries.push_back(std::make_shared<FakeSecondary>(&remote_, [&, i](const Matcher&, auto) {
      here[i].set_value();
      const bool both =
          there[1 - i].wait_for(std::chrono::seconds(20)) == std::future_status::ready;
      return both ? Status() : Status(Fail(Code::kTimeout, "alone"));
    }));
  }
  Use(secondaries);
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a"}));
  EXPECT_EQ("", Warnings());
}

/// Waits until it is told to stop.
Status UntilStop(std::stop_token stop) {
  std::promise<void> stopped;
  const std::stop_callback callback(stop, [&] { stopped.set_value(); });
  stopped.get_future().wait();
  return Fail(Code::kCancelled, "context canceled");
}

TEST_F(FanoutTest, ACancelEndsTheCall) {
  std::stop_source source;
  Use({std::make_shared<FakeSecondary>(&remote_, [&](const Matcher&, std::stop_token stop) {
    source.request_stop();
    return UntilStop(std::move(stop));
  })});
  EXPECT_EQ("context canceled", Select({"a"}, source.get_token()));
}

TEST_F(FanoutTest, AFailureEndsTheOtherQuestionsToTheSameOne) {
  Use({std::make_shared<FakeSecondary>(&remote_, [](const Matcher& m, std::stop_token stop) {
    return m.value() == "b" ? Status(Fail(Code::kUnavailable, "down")) : UntilStop(std::move(stop));
  })});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a", "b"}));
  EXPECT_EQ("down;", Warnings());
}

class FailingPrimary final : public Queryable, public Querier {
 public:
  Result<std::unique_ptr<Querier>> NewQuerier(model::TimestampMs, model::TimestampMs) override {
    return std::make_unique<FailingPrimary>();
  }
  Result<std::unique_ptr<SeriesSet>> Select(std::span<const Matcher>, const SelectHints&,
                                            std::stop_token) const override {
    return Fail(Code::kIo, "broken disk");
  }
  Result<std::vector<std::string>> LabelValues(std::string_view, std::span<const Matcher>,
                                               std::size_t, std::stop_token) const override {
    return Fail(Code::kIo, "broken disk");
  }
  Result<std::vector<std::string>> LabelNames(std::span<const Matcher>, std::size_t,
                                              std::stop_token) const override {
    return Fail(Code::kIo, "broken disk");
  }
};

TEST_F(FanoutTest, AnErrorOfThePrimaryIsThatOfTheCall) {
  FailingPrimary primary;
  FanoutQueryable fanout(primary, pool_);
  fanout.SetSecondaries({std::make_shared<FakeSecondary>(
      &remote_, [](const Matcher&, std::stop_token stop) { return UntilStop(std::move(stop)); })});
  querier_ = *fanout.NewQuerier(0, 1000);
  EXPECT_EQ("broken disk", Select({"a"}));
  EXPECT_FALSE(querier_->LabelNames({}, 0));
}

TEST_F(FanoutTest, ASecondaryWithoutMemoryIsLeftOut) {
  Use({std::make_shared<FakeSecondary>(
      &remote_, [](const Matcher&, auto) -> Status { throw std::bad_alloc(); })});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;", Select({"a"}));
  EXPECT_EQ("std::bad_alloc;", Warnings());
}

TEST_F(FanoutTest, OneThatHangsLeavesTheOthersTheirThreads) {
  // The first one answers when the second one was asked.
  testing::MemoryStorage other;
  Append(other, "b", {{70, 6}});
  std::promise<void> asked;
  std::atomic<int> questions{0};
  const auto hanging = std::make_shared<FakeSecondary>(&remote_, [&](const Matcher&, auto) {
    if (++questions == 1) asked.get_future().wait();
    return Status(Fail(Code::kTimeout, "slow"));
  });
  const auto good = std::make_shared<FakeSecondary>(&other, [&](const Matcher& m, auto) {
    if (m.value() == "b") asked.set_value();
    return Status();
  });
  Use({hanging, good});
  EXPECT_EQ("{__name__=\"a\"} 100=1 200=2;{__name__=\"b\"} 70=6;", Select({"a", "b"}));
  EXPECT_EQ("slow;", Warnings());
}

TEST_F(FanoutTest, LabelsOfThoseThatKnowThem) {
  Use({std::make_shared<FakeSecondary>(&remote_), std::make_shared<FakeSecondary>(&remote_)});
  querier_ = *fanout_.NewQuerier(0, 1000);
  EXPECT_EQ((std::vector<std::string>{"__name__", "a", "zone"}), *querier_->LabelNames({}, 0));
  EXPECT_EQ("", Warnings());
  EXPECT_EQ((std::vector<std::string>{"__name__", "a"}), *querier_->LabelNames({}, 2));
  EXPECT_EQ((std::vector<std::string>{"a"}), *querier_->LabelValues("__name__", {}, 0));
  EXPECT_EQ("not implemented;", Warnings());
}

}  // namespace
}  // namespace narthex::storage
