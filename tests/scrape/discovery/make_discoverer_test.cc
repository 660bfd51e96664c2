// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/make_discoverer.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

/// No file descriptor can be had any more.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

/// A reload that makes many discoveries must not end in the middle of them.
TEST(MakeDiscovererTest, LackOfDescriptorsIsAnError) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan, which comes with it, opens a pipe to look at the exception";
#endif
  metrics::Registry registry;
  testing::FakeClock clock;
  const DiscoveryContext context{registry, clock, "scrape", "job"};
  config::DockerSdConfig docker;
  docker.host = "http://127.0.0.1:1";
  const std::vector<config::DiscoverySettings> all = {
      docker, config::Ec2SdConfig(), config::AzureSdConfig(), config::VultrSdConfig()};
  for (const config::DiscoverySettings& settings : all) {
    config::DiscoveryConfig config;
    config.settings = settings;
    std::string error;
    {
      const NoDescriptors none;
      EXPECT_NO_THROW({
        const auto made = MakeDiscoverer(config, context);
        if (!made) error = made.error().message();
      });
    }
    EXPECT_TRUE(error.empty() || error.starts_with("a discovery can't be made: ")) << error;
  }
}

}  // namespace
}  // namespace narthex::scrape
