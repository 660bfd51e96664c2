// SPDX-License-Identifier: Apache-2.0
#include "web/api/read_gate.h"

#include <thread>

namespace narthex::web {
namespace {

TEST(ReadGateTest, LetsTheNextOneInWhenOneLeaves) {
  ReadGate gate(1);
  ASSERT_TRUE(gate.Enter({}));
  std::thread second([&] {
    EXPECT_TRUE(gate.Enter({}));
    gate.Leave();
  });
  gate.Leave();
  second.join();
}

TEST(ReadGateTest, AStoppedOneDoesNotWait) {
  ReadGate gate(1);
  ASSERT_TRUE(gate.Enter({}));
  std::stop_source stop;
  std::thread second([&] { EXPECT_FALSE(gate.Enter(stop.get_token())); });
  stop.request_stop();
  second.join();
  EXPECT_FALSE(gate.Enter(stop.get_token()));
}

TEST(ReadGateTest, ZeroIsNoLimit) {
  ReadGate gate(0);
  EXPECT_TRUE(gate.Enter({}));
  EXPECT_TRUE(gate.Enter({}));
}

}  // namespace
}  // namespace narthex::web
