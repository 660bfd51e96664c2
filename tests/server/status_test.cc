// SPDX-License-Identifier: Apache-2.0
//
// Requests and the end of the server.
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "src/server/configuration.h"
#include "src/server/retrievers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::server {
namespace {

class ServerStatusTest : public ::testing::Test {
 protected:
  const ServerFlags flags_{};
  testing::FakeClock clock_;
  metrics::Registry registry_;
  const Configuration configuration_{"", {}, clock_, registry_};
  ServerStatus status_{flags_, configuration_, clock_};
};

TEST_F(ServerStatusTest, RequestsEnterWhileItIsReady) {
  EXPECT_FALSE(status_.Enter());
  status_.SetState(web::ServerState::kReady);
  EXPECT_TRUE(status_.Enter());
  EXPECT_TRUE(status_.Enter());
  status_.SetState(web::ServerState::kStopping);
  EXPECT_FALSE(status_.Enter());
  EXPECT_FALSE(status_.WaitForRequests(0)) << "two are there";
  status_.Leave();
  EXPECT_FALSE(status_.WaitForRequests(0)) << "one is there";
  status_.Leave();
  EXPECT_TRUE(status_.WaitForRequests(0));
}

// What a request uses may be closed once the wait is over, however the two meet.
TEST_F(ServerStatusTest, NoRequestIsThereAfterTheWait) {
  for (int round = 0; round < 200; ++round) {
    status_.SetState(web::ServerState::kReady);
    std::atomic<bool> closed = false;
    std::atomic<int> used_closed = 0;
    std::vector<std::thread> requests;
    for (int i = 0; i < 3; ++i) {
      requests.emplace_back([&] {
        while (status_.Enter()) {
          used_closed += closed ? 1 : 0;
          status_.Leave();
        }
      });
    }
    status_.SetState(web::ServerState::kStopping);
    ASSERT_TRUE(status_.WaitForRequests(60'000));
    closed = true;
    for (std::thread& request : requests) request.join();
    ASSERT_EQ(used_closed, 0);
  }
}

TEST_F(ServerStatusTest, TellsHowOftenTheLogWasCorrupt) {
  const testing::TempDir dir;
  std::filesystem::create_directory(dir.path() + "/wal");
  std::ofstream(dir.path() + "/wal/00000000") << std::string(100, 'x');
  EXPECT_EQ(status_.Runtime().corruption_count, 0);
  const auto db =
      tsdb::Db::Open(dir.path(), tsdb::DbOptions(), SystemFs(), clock_, registry_).value();
  status_.SetDb(db.get());
  EXPECT_EQ(status_.Runtime().corruption_count, 1);
}

}  // namespace
}  // namespace narthex::server
