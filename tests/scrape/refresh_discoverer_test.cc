// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/refresh_discoverer.h"

#include <deque>
#include <limits>
#include <new>
#include <optional>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

config::TargetGroup Group(const std::string& source) {
  config::TargetGroup group;
  group.source = source;
  group.targets.push_back({{"__address__", source}});
  return group;
}

/// Answers what the test puts in; waits for it, until it is cancelled.
class ScriptedSource final : public RefreshSource {
 public:
  using Answer = Result<std::vector<config::TargetGroup>>;

  struct Script {
    Mutex mutex;
    CondVar changed;
    std::deque<Answer> answers NX_GUARDED_BY(mutex);
    int asked NX_GUARDED_BY(mutex) = 0;
    bool cancelled NX_GUARDED_BY(mutex) = false;
    int forgotten NX_GUARDED_BY(mutex) = 0;
    bool throws NX_GUARDED_BY(mutex) = false;  // The next refresh.

    void Put(Answer answer) {
      MutexLock lock(mutex);
      answers.push_back(std::move(answer));
      changed.NotifyAll();
    }
    void WaitForAsked(int times) {
      MutexLock lock(mutex);
      while (asked < times) changed.Wait(mutex);
    }
  };
  explicit ScriptedSource(Script& script) : script_(script) {}

  Answer Refresh() override {
    MutexLock lock(script_.mutex);
    ++script_.asked;
    script_.changed.NotifyAll();
    if (std::exchange(script_.throws, false)) throw std::bad_alloc();
    while (script_.answers.empty() && !script_.cancelled) script_.changed.Wait(script_.mutex);
    if (script_.cancelled) return Fail(Code::kCancelled, "context canceled");
    Answer answer = std::move(script_.answers.front());
    script_.answers.pop_front();
    return answer;
  }
  void Forget() noexcept override {
    MutexLock lock(script_.mutex);
    ++script_.forgotten;
  }
  void Cancel() noexcept override {
    MutexLock lock(script_.mutex);
    script_.cancelled = true;
    script_.changed.NotifyAll();
  }

 private:
  Script& script_;
};

class RefreshDiscovererTest : public ::testing::Test {
 protected:
  std::unique_ptr<RefreshDiscoverer> Make() {
    return std::make_unique<RefreshDiscoverer>("http", 30'000,
                                               std::make_unique<ScriptedSource>(script),
                                               DiscoveryContext{registry, clock, "scrape", "job"});
  }
  Discoverer::Update Record() {
    return [this](TargetUpdate update) {
      MutexLock lock(mutex);
      EXPECT_TRUE(update.complete);
      updates.push_back(std::move(update.groups));
      updated.NotifyAll();
    };
  }
  std::string SourceOfUpdate(std::size_t index) {
    MutexLock lock(mutex);
    while (updates.size() <= index) updated.Wait(mutex);
    return updates[index].at(0).source;
  }
  std::string Metrics() const {
    std::string text;
    registry.WriteText(text);
    return text;
  }

  testing::FakeClock clock;
  metrics::Registry registry;
  ScriptedSource::Script script;
  Mutex mutex;
  CondVar updated;
  std::vector<std::vector<config::TargetGroup>> updates;
};

TEST_F(RefreshDiscovererTest, AsksAtOnceAndEveryInterval) {
  auto discoverer = Make();
  script.Put(std::vector{Group("a")});
  discoverer->Start(Record());
  EXPECT_EQ(SourceOfUpdate(0), "a");
  script.Put(Fail(Code::kUnavailable, "server returned HTTP status 500"));
  script.Put(std::vector{Group("b")});
  clock.AdvanceMs(30'000);
  discoverer->Wake();
  script.WaitForAsked(2);
  clock.AdvanceMs(30'000);
  discoverer->Wake();
  EXPECT_EQ(SourceOfUpdate(1), "b");  // The failure in between was no update.
  EXPECT_NE(
      Metrics().find(R"(prometheus_sd_refresh_failures_total{config="job",mechanism="http"} 1)"),
      std::string::npos);
  EXPECT_NE(Metrics().find(
                R"(prometheus_sd_refresh_duration_seconds_count{config="job",mechanism="http"} 3)"),
            std::string::npos);
  EXPECT_NE(Metrics().find(
                R"(prometheus_sd_refresh_duration_histogram_seconds_count{mechanism="http"} 3)"),
            std::string::npos);
  discoverer->Stop();
}

TEST_F(RefreshDiscovererTest, AnExceptionIsAFailedRefresh) {
  {
    MutexLock lock(script.mutex);
    script.throws = true;
  }
  auto discoverer = Make();
  discoverer->Start(Record());
  script.WaitForAsked(1);
  script.Put(std::vector{Group("a")});
  clock.AdvanceMs(30'000);
  discoverer->Wake();
  EXPECT_EQ(SourceOfUpdate(0), "a");
  discoverer->Stop();
  EXPECT_NE(
      Metrics().find(R"(prometheus_sd_refresh_failures_total{config="job",mechanism="http"} 1)"),
      std::string::npos);
  MutexLock lock(script.mutex);
  EXPECT_EQ(script.forgotten, 1);
}

TEST_F(RefreshDiscovererTest, AnIntervalOfCenturiesDoesNotOverflow) {
  script.Put(std::vector{Group("a")});
  RefreshDiscoverer discoverer("http", std::numeric_limits<model::DurationMs>::max(),
                               std::make_unique<ScriptedSource>(script),
                               DiscoveryContext{registry, clock, "scrape", "job"});
  discoverer.Start(Record());
  EXPECT_EQ(SourceOfUpdate(0), "a");
  clock.AdvanceMs(30'000);
  discoverer.Wake();
  discoverer.Stop();
  MutexLock lock(script.mutex);
  EXPECT_EQ(script.asked, 1);
}

TEST_F(RefreshDiscovererTest, TooManyTargetsAreAFailedRefresh) {
  auto discoverer = Make();
  config::TargetGroup many;
  many.targets.resize(1'000'001);
  script.Put(std::vector{std::move(many)});
  discoverer->Start(Record());
  script.WaitForAsked(1);
  script.Put(std::vector{Group("a")});
  clock.AdvanceMs(30'000);
  discoverer->Wake();
  EXPECT_EQ(SourceOfUpdate(0), "a");
  discoverer->Stop();
}

TEST_F(RefreshDiscovererTest, StopEndsARunningRefresh) {
  auto discoverer = Make();
  discoverer->Start(Record());
  script.WaitForAsked(1);
  discoverer->Stop();
  EXPECT_TRUE(updates.empty());
  EXPECT_NE(
      Metrics().find("prometheus_sd_refresh_failures_total{config=\"job\",mechanism=\"http\"} 0"),
      std::string::npos);
}

TEST_F(RefreshDiscovererTest, MetricsAreSharedAndEndWithTheLast) {
  auto first = Make();
  auto second = Make();
  first = nullptr;
  EXPECT_NE(Metrics().find("prometheus_sd_refresh_failures_total"), std::string::npos);
  second = nullptr;
  EXPECT_EQ(Metrics().find("prometheus_sd_refresh_failures_total"), std::string::npos);
}

}  // namespace
}  // namespace narthex::scrape
