// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"

namespace narthex::scrape {

/// The groups that a source finds, or why it does not.
inline std::string Text(const MadeSource& source, std::string_view prefix) {
  return source ? RefreshText(**source, prefix) : source.error().message();
}

class CloudTest : public ::testing::Test {
 protected:
  net::FakeApi api_;
  metrics::Registry registry_;
};

}  // namespace narthex::scrape
