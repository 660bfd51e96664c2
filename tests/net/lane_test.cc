// SPDX-License-Identifier: Apache-2.0
#include "src/net/lane.h"

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using Task = std::function<void()>;

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() { lane_.Start(); }
  ~LaneTest() override {
    lane_.RequestStop();
    lane_.Join();
  }
  /// Runs a handler and returns when it has ended.
  void RunOnLoop(const Task& handler) {
    std::latch done(1);
    lane_.Post([&] {
      handler();
      done.count_down();
    });
    done.wait();
  }
  /// @return whether the lane took the task
  bool Defer(Task task) {
    bool taken = false;
    RunOnLoop([&] { taken = lane_.Defer(task); });
    return taken;
  }
  /// As often as the lane refuses it.
  void DeferSoon(const Task& task) {
    while (!Defer(task)) std::this_thread::yield();
  }
  std::thread::id LoopThread() {
    std::thread::id id;
    RunOnLoop([&] { id = std::this_thread::get_id(); });
    return id;
  }

  Lane lane_{"lane"};
};

TEST_F(LaneTest, TheLoopsThreadRunsATask) {
  for (int i = 0; i < 100; ++i) {
    std::thread::id handler, task;
    std::latch done(1);
    Task run = [&] {
      task = std::this_thread::get_id();
      done.count_down();
    };
    bool taken = false;
    while (!taken) {
      RunOnLoop([&] {
        handler = std::this_thread::get_id();
        taken = lane_.Defer(run);
      });
    }
    done.wait();
    EXPECT_EQ(handler, task);
  }
}

TEST_F(LaneTest, AHandlerThatIsPostedDoesNotWaitForALongTask) {
  for (int i = 0; i < 100; ++i) {
    std::latch answered(1), done(1);
    DeferSoon([&] {
      answered.wait();
      done.count_down();
    });
    lane_.Post([&] { answered.count_down(); });
    done.wait();
  }
}

TEST_F(LaneTest, WhatADescriptorOrATimerSaysDoesNotWaitForALongTask) {
  asio::local::stream_protocol::socket near(lane_.context()), far(lane_.context());
  asio::local::connect_pair(near, far);
  std::latch read(1), read_task(1);
  char byte = 0;
  RunOnLoop([&] {
    near.async_read_some(asio::buffer(&byte, 1), [&](auto, auto) { read.count_down(); });
  });
  DeferSoon([&] {
    read.wait();
    read_task.count_down();
  });
  asio::write(far, asio::buffer("x", 1));
  read_task.wait();

  std::latch rung(1), timer_task(1);
  std::optional<asio::steady_timer> timer;
  RunOnLoop([&] {
    timer.emplace(lane_.context(), std::chrono::milliseconds(1));
    timer->async_wait([&](auto) { rung.count_down(); });
  });
  DeferSoon([&] {
    rung.wait();
    timer_task.count_down();
  });
  timer_task.wait();
  RunOnLoop([&] { timer.reset(); });
}

TEST_F(LaneTest, ATaskMayWaitForWhatItPosts) {
  std::latch done(1);
  DeferSoon([&] {
    std::latch posted(1);
    lane_.Post([&] { posted.count_down(); });
    posted.wait();
    done.count_down();
  });
  done.wait();
}

TEST_F(LaneTest, TheLoopMayBeKept) {
  std::latch done(1);
  std::thread::id before, after;
  asio::post(lane_.context(), [&] {  // Not Post, which may call the stand-in a moment later.
    before = std::this_thread::get_id();
    Task task = [&] {
      const auto note = [&] {
        after = std::this_thread::get_id();
        done.count_down();
      };
      lane_.KeepLoop();
      lane_.Post(note);
    };
    EXPECT_TRUE(lane_.Defer(task));
  });
  done.wait();
  EXPECT_EQ(before, after);
}

TEST_F(LaneTest, TakesOneTaskAtATime) {
  std::latch done(1);
  int ran = 0;
  lane_.Post([&] {
    // Both handlers are ready when the first leaves its task.
    asio::post(lane_.context(), [&] {
      Task task = [&] {
        ++ran;
        done.count_down();
      };
      EXPECT_TRUE(lane_.Defer(task));
      EXPECT_FALSE(task);
    });
    asio::post(lane_.context(), [&] {
      Task task = [&] { ++ran; };
      EXPECT_FALSE(lane_.Defer(task));
      EXPECT_TRUE(task) << "left to the caller";
      EXPECT_EQ(0, ran);
    });
  });
  done.wait();
  EXPECT_EQ(1, ran);
}

TEST_F(LaneTest, TakesNoTaskForAWhileAfterALongOne) {
  std::latch begun(1), may_end(1), ended(1);
  const std::thread::id before = LoopThread();
  ASSERT_TRUE(Defer([&] {
    begun.count_down();
    may_end.wait();
    ended.count_down();
  }));
  begun.wait();
  EXPECT_NE(before, LoopThread());
  EXPECT_FALSE(Defer([] {})) << "without a stand-in";
  may_end.count_down();
  ended.wait();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Defer([] {})) << "whether there is one again or not";
  std::latch again(1);
  DeferSoon([&] { again.count_down(); });
  again.wait();
}

TEST_F(LaneTest, AVeryLongTaskGetsAnotherStandIn) {
  // As a page that listens for notifications as long as it is open, and then one more.
  constexpr int kLong = 3;
  std::latch begun[kLong] = {std::latch(1), std::latch(1), std::latch(1)};
  std::latch may_end(1), ended(kLong);
  for (std::latch& one : begun) {
    DeferSoon([&] {
      one.count_down();
      may_end.wait();
      ended.count_down();
    });
    one.wait();
  }
  std::latch brief(1);
  DeferSoon([&] { brief.count_down(); });
  brief.wait();
  may_end.count_down();
  ended.wait();
  std::latch again(1);
  DeferSoon([&] { again.count_down(); });
  again.wait();
}

TEST_F(LaneTest, ATaskThatThrowsEndsOnlyItself) {
  DeferSoon([] { throw std::runtime_error("of a test"); });
  DeferSoon([] { throw 1; });
  RunOnLoop([] {});
}

TEST_F(LaneTest, StopsWhileATaskRuns) {
  std::latch may_end(1);
  std::atomic<bool> ended = false;
  ASSERT_TRUE(Defer([&] {
    may_end.wait();
    ended = true;
  }));
  lane_.RequestStop();
  may_end.count_down();
  lane_.Join();
  EXPECT_TRUE(ended);
}

TEST_F(LaneTest, StopsWhileTheLoopIsElsewhere) {
  std::latch begun(1), may_end(1);
  ASSERT_TRUE(Defer([&] {
    begun.count_down();
    may_end.wait();
  }));
  begun.wait();
  RunOnLoop([] {});  // By the stand-in.
  may_end.count_down();
  lane_.RequestStop();
  lane_.Join();
}

TEST_F(LaneTest, HandlersRunOneByOneWhoeverHasTheLoop) {
  constexpr int kPosters = 4, kEach = 2000;
  int handlers = 0;  // As the state of a session: without a lock.
  std::atomic<int> tasks = 0, refused = 0;
  {
    std::vector<std::jthread> posters;
    for (int p = 0; p < kPosters; ++p) {
      posters.emplace_back([&, p] {
        for (int i = 0; i < kEach; ++i) {
          const bool brief = (i + p) % 3 != 0;
          lane_.Post([&, brief] {
            ++handlers;
            Task task = [&, brief] {
              ++tasks;
              if (brief) return;
              std::latch seen(1);
              lane_.Post([&] { seen.count_down(); });
              seen.wait();
            };
            if (!lane_.Defer(task)) ++refused;
          });
        }
      });
    }
  }
  while (tasks + refused < kPosters * kEach) std::this_thread::yield();
  RunOnLoop([&] { EXPECT_EQ(kPosters * kEach, handlers); });
  EXPECT_GT(tasks, 0);
}

}  // namespace
}  // namespace narthex::net
