// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/short_text.h"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(ShortTextTest, IsCutBetweenCharacters) {
  EXPECT_EQ(ShortText(""), "");
  EXPECT_EQ(ShortText(std::string(256, 'a')), std::string(256, 'a'));
  EXPECT_EQ(ShortText(std::string(257, 'a')), std::string(256, 'a') + "…");
  EXPECT_EQ(ShortText(std::string(255, 'a') + "ééé"), std::string(255, 'a') + "…");
  EXPECT_EQ(ShortText(std::string(300, '\x80')), "…");
}

}  // namespace
}  // namespace narthex
