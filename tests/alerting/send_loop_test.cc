// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/send_loop.h"

#include <atomic>
#include <string>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "tests/alerting/fake_alertmanager.h"

namespace narthex::alerting {
namespace {

/// A clock that the test moves and that counts how often it is looked at.
class WatchedClock final : public Clock {
 public:
  std::int64_t NowMs() const override { return NowNs() / 1'000'000; }
  std::int64_t NowNs() const override { return MonotonicNs(); }
  std::int64_t MonotonicNs() const override {
    ++looks_;
    return ns_.load();
  }
  void Advance(std::int64_t ns) { ns_ += ns; }
  int looks() const { return looks_.load(); }

 private:
  std::atomic<std::int64_t> ns_{1'000'000'000};
  mutable std::atomic<int> looks_{0};
};

class SendLoopTest : public ::testing::Test {
 protected:
  SendLoopTest() : metrics_(registry_, 100, [] { return 1.0; }) {
    loop_ = std::make_unique<SendLoop>(fmt::format("http://{}/", am_.address()),
                                       net::HttpClientOptions(),
                                       SendLoop::Options{.queue_capacity = 100,
                                                         .batch_size = 100,
                                                         .timeout_ms = 30'000,
                                                         .min_backoff_ms = 250,
                                                         .max_backoff_ms = 1'500},
                                       clock_, metrics_);
  }

  /// Queues one more alert, which makes the loop look whether its pause is over.
  void Add() {
    auto alert = std::make_shared<Notification>();
    alert->labels = {{"alertname", std::to_string(++num_alerts_)}};
    const NotificationPtr alerts[] = {std::move(alert)};
    const int before = clock_.looks();
    loop_->Add(alerts);
    while (clock_.looks() == before) std::this_thread::yield();
  }
  int QueueLength() const {
    std::string text;
    registry_.WriteText(text);
    const std::string name = "\nprometheus_notifications_queue_length{";
    const std::size_t line = text.find(name);
    const std::size_t value = text.find("} ", line) + 2;
    return std::stoi(text.substr(value));
  }
  void WaitUntilGivenBack() const {
    while (QueueLength() != num_alerts_) std::this_thread::yield();
  }

  /// After a failure: nothing is sent before the pause is over, and all of it then.
  void ExpectPause(std::int64_t pause_ms) {
    SCOPED_TRACE(pause_ms);
    am_.WaitFor(num_requests_);
    WaitUntilGivenBack();
    clock_.Advance(pause_ms * 1'000'000 - 1);
    Add();
    Add();  // Had the one before begun a request, it would not be in the queue any more.
    EXPECT_EQ(QueueLength(), num_alerts_);
    EXPECT_EQ(am_.num_posts(), num_requests_);
    clock_.Advance(1);
    Add();
    ++num_requests_;
  }

  testing::FakeAlertmanager am_;
  WatchedClock clock_;
  metrics::Registry registry_;
  NotifierMetrics metrics_;
  std::unique_ptr<SendLoop> loop_;
  int num_alerts_ = 0;  // That wait, or are on their way.
  std::size_t num_requests_ = 0;
};

TEST_F(SendLoopTest, PausesDoubleUpToTheLongest) {
  am_.SetStatus(503);
  Add();
  ++num_requests_;
  for (const std::int64_t pause_ms : {250, 500, 1000, 1500}) ExpectPause(pause_ms);
  am_.WaitFor(num_requests_);
  am_.SetStatus(200);
  ExpectPause(1500);
  am_.WaitFor(num_requests_);
  while (QueueLength() != 0) std::this_thread::yield();
  num_alerts_ = 0;
  // After a success it begins with the shortest again.
  am_.SetStatus(503);
  Add();
  ++num_requests_;
  ExpectPause(250);
}

}  // namespace
}  // namespace narthex::alerting
