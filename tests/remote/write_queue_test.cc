// SPDX-License-Identifier: Apache-2.0
#include "src/remote/write_queue.h"

#include "src/remote/queue_metrics.h"
#include "tests/remote/fixture.h"

namespace narthex::remote::testing {
namespace {

class WriteQueueTest : public RemoteWriteTest {
 protected:
  void StartQueue(const Receiver& receiver, const std::string& queue = {}) {
    auto config = config::LoadText(Section(receiver.Url(), "", queue), "x");
    ASSERT_TRUE(config) << config.error().message();
    auto endpoint = std::make_shared<Endpoint>();
    endpoint->config = (*config)->remote_write[0];
    endpoint->url = net::ParseUrl(receiver.Url()).value();
    endpoint->name = "q";
    endpoint->shown_url = receiver.Url();
    metrics_ = std::make_unique<QueueMetrics>(registry_, "q", receiver.Url());
    ASSERT_TRUE(SystemFs().CreateDirs(dir_ + "/remote_write"));
    queue_ =
        std::make_unique<WriteQueue>(WriteQueue::Options{.endpoint = endpoint,
                                                         .external_labels = {},
                                                         .state_path = dir_ + "/remote_write/q",
                                                         .flush_deadline_ms = 10'000},
                                     WalSource{.dir = dir_ + "/wal",
                                               .progress = db_->wal_progress(),
                                               .totals = {},
                                               .history = db_.get()},
                                     *metrics_, SystemFs(), SystemClock());
    queue_->Start();
  }
  ~WriteQueueTest() override { queue_ = nullptr; }

  std::unique_ptr<QueueMetrics> metrics_;
  std::unique_ptr<WriteQueue> queue_;
};

TEST_F(WriteQueueTest, ReshardingKeepsTheOrderOfASeries) {
  Receiver receiver;
  StartQueue(receiver, ", max_samples_per_send: 5, max_shards: 7");
  int sent = 0;
  AppendMany(11, sent, 10);
  sent += 10;
  receiver.WaitForTaken(11 * 10);
  // So many samples want all shards that there may be.
  queue_->Tick(1e9, static_cast<double>(kStart / 1000));
  for (int rounds = 0; metrics_->shards.value() != 7 && rounds < 100; ++rounds) {
    AppendMany(11, sent, 1);
    ++sent;
    receiver.WaitForTaken(static_cast<std::size_t>(11 * sent));
  }
  EXPECT_EQ(metrics_->shards.value(), 7);
  EXPECT_GT(metrics_->shards_desired.value(), 7);
  AppendMany(11, sent, 10);
  sent += 10;
  EXPECT_EQ(receiver.WaitForTaken(static_cast<std::size_t>(11 * sent)), Many(11, 0, sent));

  // Another run begins with as many, and without a repetition.
  queue_ = nullptr;
  AppendMany(11, sent, 2);
  sent += 2;
  StartQueue(receiver, ", max_samples_per_send: 5, max_shards: 7");
  EXPECT_EQ(metrics_->shards.value(), 7);
  EXPECT_EQ(receiver.WaitForTaken(static_cast<std::size_t>(11 * sent)), Many(11, 0, sent));
}

TEST_F(WriteQueueTest, NoReshardingWhileRequestsFail) {
  Receiver receiver;
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 1) return {.status = "503 Unavailable", .headers = "Retry-After: 60\r\n"};
    return Receiver::Taken(sent);
  });
  StartQueue(receiver, ", max_shards: 7");
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  AppendMany(1, 1, 1);
  receiver.WaitForRequests(2);
  // The answer is known to the queue when it has said that it waits.
  queue_->Tick(1e9, static_cast<double>(kStart / 1000));
  EXPECT_EQ(metrics_->shards.value(), 1);
  queue_->Stop(WriteQueue::Ending::kNow);
  EXPECT_EQ(receiver.NumTaken(), 1U);
}

// What waits for a dead endpoint has a bound, whatever is appended.
TEST_F(WriteQueueTest, MemoryHasABound) {
  Receiver receiver;
  receiver.Always("500 Internal Server Error");
  StartQueue(receiver, ", capacity: 100, max_samples_per_send: 10");
  AppendMany(100, 0, 50);
  for (int rounds = 0; metrics_->enqueue_retries.value() == 0 && rounds < 1000; ++rounds) {
    receiver.WaitForRequests(receiver.requests().size() + 1);
  }
  EXPECT_LE(metrics_->samples.pending.value(), 100 + 2 * 10);
  EXPECT_GT(metrics_->enqueue_retries.value(), 0U);
  receiver.OnRequest({});
  EXPECT_EQ(receiver.WaitForTaken(5000), Many(100, 0, 50));
}

}  // namespace
}  // namespace narthex::remote::testing
