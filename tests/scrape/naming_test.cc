// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/naming.h"

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

TEST(NamingTest, SanitizeLabelName) {
  EXPECT_EQ(SanitizeLabelName("a-b.c/d_E9"), "a_b_c_d_E9");
  EXPECT_EQ(SanitizeLabelName(""), "");
  EXPECT_EQ(SanitizeLabelName("gr\xc3\xb6\xc3\x9f\x65\xe2\x82\xac"), "gr__e_");
  EXPECT_EQ(SanitizeLabelName("a\xff\xc3"), "a__");  // Not UTF-8: byte by byte.
  EXPECT_EQ(SanitizeLabelName("\xe2\x82z\xf0\x9f\x99\x82"), "__z_");
}

TEST(NamingTest, JoinHostPort) {
  EXPECT_EQ(JoinHostPort("h.example", 80), "h.example:80");
  EXPECT_EQ(JoinHostPort("10.0.0.1", "http"), "10.0.0.1:http");
  EXPECT_EQ(JoinHostPort("fe80::1", 9100), "[fe80::1]:9100");
  EXPECT_EQ(JoinHostPort("", 9100), ":9100");
}

}  // namespace
}  // namespace narthex::scrape
