// SPDX-License-Identifier: Apache-2.0
#include "src/server/socket_activation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace narthex::server {
namespace {

class SocketActivationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Two descriptors one after the other, as a parent leaves them: open for children.
    first_ = fcntl(STDERR_FILENO, F_DUPFD, 500);
    ASSERT_EQ(first_ + 1, fcntl(STDERR_FILENO, F_DUPFD, first_ + 1));
  }
  void TearDown() override {
    close(first_);
    close(first_ + 1);
  }
  static void Tell(const std::string& pid, const std::string& count) {
    setenv("LISTEN_PID", pid.c_str(), 1);
    setenv("LISTEN_FDS", count.c_str(), 1);
    setenv("LISTEN_FDNAMES", "web:other", 1);
  }
  int first_ = -1;
};

TEST_F(SocketActivationTest, TakesWhatIsForThisProcess) {
  Tell(std::to_string(getpid()), "2");
  const auto sockets = TakeActivatedSockets(first_);
  ASSERT_TRUE(sockets) << sockets.error().message();
  EXPECT_EQ(*sockets, (std::vector<int>{first_, first_ + 1}));
  for (const int fd : *sockets) EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD)) << "not for children";
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    EXPECT_EQ(nullptr, std::getenv(variable)) << variable;
  }
}

TEST_F(SocketActivationTest, TakesNothingElse) {
  const std::string self = std::to_string(getpid());
  const struct {
    std::string pid, count;
  } cases[] = {{std::to_string(getppid()), "1"},
               {self, "0"},
               {self, "-1"},
               {self, "1x"},
               {self, ""},
               {"", "1"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pid + " " + c.count);
    Tell(c.pid, c.count);
    const auto sockets = TakeActivatedSockets(first_);
    ASSERT_FALSE(sockets);
    EXPECT_EQ(sockets.error().message(), "no socket activation file descriptors found");
  }
  EXPECT_FALSE(TakeActivatedSockets(first_)) << "no variables at all";
  Tell(self, "3");
  const auto sockets = TakeActivatedSockets(first_);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().message(),
            "file descriptor " + std::to_string(first_ + 2) + " of LISTEN_FDS=3 is not open");
}

}  // namespace
}  // namespace narthex::server
