// SPDX-License-Identifier: Apache-2.0
#include "src/remote/patience.h"

namespace narthex::remote {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(PatienceTest, OneProbesAndTheOthersAreRefused) {
  Patience patience;
  bool probe = true;
  EXPECT_FALSE(patience.Refusal(0, probe));
  EXPECT_FALSE(patience.Refusal(0, probe));  // As many as come, while all is well.
  EXPECT_FALSE(probe);
  patience.WaitedInVain(0, Error(Code::kTimeout, "slow"));
  patience.WaitedInVain(0, Error(Code::kTimeout, "slow"));  // At the same time: counts once.
  const auto refusal = patience.Refusal(kSecond - 1, probe);
  ASSERT_TRUE(refusal);
  EXPECT_EQ("slow (not asked again before it answers)", refusal->message());
  EXPECT_EQ(Code::kTimeout, refusal->code());
  EXPECT_FALSE(patience.Refusal(kSecond, probe));
  EXPECT_TRUE(probe);
  bool other = true;
  EXPECT_TRUE(patience.Refusal(kSecond, other));
  EXPECT_FALSE(other);
  // In vain again: twice the time.
  patience.WaitedInVain(kSecond, Error(Code::kTimeout, "slow"));
  patience.EndProbe();
  EXPECT_TRUE(patience.Refusal(3 * kSecond - 1, probe));
  EXPECT_FALSE(patience.Refusal(3 * kSecond, probe));
  patience.EndProbe();  // It was told to stop: the next one is asked.
  EXPECT_FALSE(patience.Refusal(3 * kSecond, probe));
  patience.Answered();
  patience.EndProbe();
  EXPECT_FALSE(patience.Refusal(3 * kSecond, probe));
  EXPECT_FALSE(probe);
}

TEST(PatienceTest, APauseHasALimit) {
  Patience patience;
  bool probe = false;
  std::int64_t now = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(patience.Refusal(now, probe));
    patience.WaitedInVain(now, Error(Code::kTimeout, "slow"));
    patience.EndProbe();
    now += 64 * kSecond;
  }
}

}  // namespace
}  // namespace narthex::remote
