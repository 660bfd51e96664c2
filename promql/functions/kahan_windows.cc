// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/kahan_windows.h"

#include <algorithm>
#include <limits>

#include "promql/exec/lanes.h"

namespace narthex::promql {
namespace {

/// Compensated sums side by side. What a sum lost in rounding is a number that has one value, so
/// each of the two ways below finds it to the bit, unless the sum leaves the range of doubles: then
/// the compensation is not finite.
struct LaneSums {
  Lanes sum{}, compensation{};

  KahanSum Get(std::size_t i) const { return {sum[i], compensation[i]}; }
};

/// Needs no look at which operand is larger (Knuth).
struct AnyOrder {
  [[gnu::always_inline]] void Add(LaneSums& s, const Lanes& x) {
    const Lanes t = s.sum + x;
    const Lanes added = t - s.sum;
    s.compensation += (s.sum - (t - added)) + (x - added);
    s.sum = t;
  }
  static constexpr bool good() { return true; }
};

/// Half as many additions, but only right where no sum is smaller than what is added to it
/// (Dekker). So it is but for the first few of numbers with one sign.
struct SumIsLarger {
  LaneMask right = {-1, -1, -1, -1};

  [[gnu::always_inline]] void Add(LaneSums& s, const Lanes& x) {
    constexpr std::int64_t kNoSign = std::numeric_limits<std::int64_t>::max();
    const auto sum_size = reinterpret_cast<Lanes>(reinterpret_cast<LaneMask>(s.sum) & kNoSign);
    const auto x_size = reinterpret_cast<Lanes>(reinterpret_cast<LaneMask>(x) & kNoSign);
    right &= sum_size >= x_size;
    const Lanes t = s.sum + x;
    s.compensation += (s.sum - t) + x;
    s.sum = t;
  }
  bool good() const { return !AnyLane(~right); }
};

/// Goes over [0, n) with add(way, state, begin, end), in the cheap way wherever that is right.
/// @param cheap  whether to try it: false once it failed
template <typename State, typename AddRange>
[[gnu::always_inline]] inline void AddUp(std::size_t n, bool& cheap, State& state, AddRange&& add) {
  constexpr std::size_t kFirst = 8, kAtOnce = 64;
  AnyOrder any;
  std::size_t begin = std::min(n, kFirst);
  add(any, state, 0, begin);
  for (std::size_t end; begin < n; begin = end) {
    end = cheap ? std::min(n, begin + kAtOnce) : n;
    if (cheap) {
      State tried = state;
      SumIsLarger way;
      add(way, tried, begin, end);
      cheap = way.good();
      if (cheap) {
        state = tried;
        continue;
      }
    }
    add(any, state, begin, end);
  }
}

/// to[k] gets what each of four windows has at j + k.
[[gnu::always_inline]] inline void Across(const double* const* from, std::size_t j,
                                          Lanes (&to)[kLanes]) {
  Lanes a, b, c, d;
  LoadLanes(from[0] + j, a);
  LoadLanes(from[1] + j, b);
  LoadLanes(from[2] + j, c);
  LoadLanes(from[3] + j, d);
  const Lanes ab_even = __builtin_shufflevector(a, b, 0, 4, 2, 6);
  const Lanes ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
  const Lanes cd_even = __builtin_shufflevector(c, d, 0, 4, 2, 6);
  const Lanes cd_odd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
  to[0] = __builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5);
  to[1] = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5);
  to[2] = __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7);
  to[3] = __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7);
}

/// The same of one place.
[[gnu::always_inline]] inline void AcrossAt(const double* const* from, std::size_t j, Lanes& to) {
  to = Lanes{from[0][j], from[1][j], from[2][j], from[3][j]};
}

/// Windows that are added up at once: each has to wait for its last addition, so twice as many as
/// fit a register hide it.
constexpr std::size_t kSums = 2 * kLanes;

struct TwoLaneSums {
  LaneSums a, b;
};

template <bool kComparesLanes>
[[gnu::always_inline]] inline void SumWindowsWith(std::span<const double> v,
                                                  std::span<const std::uint32_t> lo,
                                                  std::span<const std::uint32_t> hi,
                                                  std::span<KahanSum> out) {
  bool cheap = kComparesLanes;
  const double* from[kSums];
  const auto add = [&](auto& way, TwoLaneSums& sums, std::size_t begin, std::size_t end)
      __attribute__((always_inline)) {
    std::size_t j = begin;
    for (; j + kLanes <= end; j += kLanes) {
      Lanes x[kLanes], y[kLanes];
      Across(from, j, x);
      Across(from + kLanes, j, y);
      for (std::size_t k = 0; k < kLanes; ++k) {
        way.Add(sums.a, x[k]);
        way.Add(sums.b, y[k]);
      }
    }
    for (; j < end; ++j) {
      Lanes x, y;
      AcrossAt(from, j, x);
      AcrossAt(from + kLanes, j, y);
      way.Add(sums.a, x);
      way.Add(sums.b, y);
    }
  };
  for (std::size_t i = 0; i < out.size(); i += kSums) {
    // Too few are made up by the last one again.
    const std::size_t windows = std::min(kSums, out.size() - i);
    std::size_t common = windows == 1 ? 0 : v.size();
    for (std::size_t k = 0; k < kSums; ++k) {
      const std::size_t w = i + std::min(k, windows - 1);
      from[k] = v.data() + lo[w];
      common = std::min<std::size_t>(common, hi[w] - lo[w]);
    }
    TwoLaneSums sums;
    AddUp(common, cheap, sums, add);
    for (std::size_t k = 0; k < windows; ++k) {
      KahanSum sum = k < kLanes ? sums.a.Get(k) : sums.b.Get(k - kLanes);
      for (std::size_t j = lo[i + k] + common; j < hi[i + k]; ++j) sum.Add(v[j]);
      out[i + k] = sum;
    }
  }
}

template <bool kComparesLanes>
[[gnu::always_inline]] inline void SumLineWith(std::span<const model::TimestampMs> t,
                                               std::span<const double> v,
                                               model::TimestampMs reference, LineSums& out) {
  const auto ms = [&](std::size_t i) { return static_cast<double>(t[i] - reference); };
  const auto add = [&](auto& way, LaneSums& sums, std::size_t begin, std::size_t end)
      __attribute__((always_inline)) {
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const Lanes x = Lanes{ms(i), ms(i + 1), ms(i + 2), ms(i + 3)} / 1e3;
      Lanes y;
      LoadLanes(v.data() + i, y);
      const Lanes xy = x * y, xx = x * x;
      for (std::size_t k = 0; k < kLanes; ++k) {
        way.Add(sums, Lanes{x[k], y[k], xy[k], xx[k]});
      }
    }
    for (; i < end; ++i) {
      const double x = ms(i) / 1e3, y = v[i];
      way.Add(sums, Lanes{x, y, x * y, x * x});
    }
  };
  bool cheap = kComparesLanes;
  LaneSums sums;
  AddUp(v.size(), cheap, sums, add);
  out = {sums.Get(0), sums.Get(1), sums.Get(2), sums.Get(3)};
}

template <bool kComparesLanes>
[[gnu::always_inline]] inline void SumProductsWith(std::span<const double> x,
                                                   std::span<const double* const> windows,
                                                   std::span<KahanSum> y, std::span<KahanSum> xy) {
  const double* from[kLanes];
  for (std::size_t k = 0; k < kLanes; ++k) from[k] = windows[std::min(k, windows.size() - 1)];
  const auto add = [&](auto& way, TwoLaneSums& sums, std::size_t begin, std::size_t end)
      __attribute__((always_inline)) {
    std::size_t j = begin;
    for (; j + kLanes <= end; j += kLanes) {
      Lanes values[kLanes];
      Across(from, j, values);
      for (std::size_t k = 0; k < kLanes; ++k) {
        way.Add(sums.a, values[k]);
        way.Add(sums.b, values[k] * x[j + k]);
      }
    }
    for (; j < end; ++j) {
      Lanes values;
      AcrossAt(from, j, values);
      way.Add(sums.a, values);
      way.Add(sums.b, values * x[j]);
    }
  };
  bool cheap = kComparesLanes;
  TwoLaneSums sums;
  AddUp(x.size(), cheap, sums, add);
  for (std::size_t k = 0; k < windows.size(); ++k) {
    y[k] = sums.a.Get(k);
    xy[k] = sums.b.Get(k);
  }
}

}  // namespace

// Each once for any machine, where comparing Lanes may go one by one, and on x86-64 once with the
// longer registers that nearly all have.
#if defined(__x86_64__)
namespace {

__attribute__((target("avx2"))) void SumWindowsAvx2(std::span<const double> v,
                                                    std::span<const std::uint32_t> lo,
                                                    std::span<const std::uint32_t> hi,
                                                    std::span<KahanSum> out) {
  SumWindowsWith<true>(v, lo, hi, out);
}
__attribute__((target("avx2"))) void SumLineAvx2(std::span<const model::TimestampMs> t,
                                                 std::span<const double> v,
                                                 model::TimestampMs reference, LineSums& out) {
  SumLineWith<true>(t, v, reference, out);
}
__attribute__((target("avx2"))) void SumProductsAvx2(std::span<const double> x,
                                                     std::span<const double* const> windows,
                                                     std::span<KahanSum> y,
                                                     std::span<KahanSum> xy) {
  SumProductsWith<true>(x, windows, y, xy);
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2");

}  // namespace
#define NX_WITH_AVX2(call) \
  if (kHasAvx2) return call
#else
#define NX_WITH_AVX2(call)
#endif

void SumWindows(std::span<const double> v, std::span<const std::uint32_t> lo,
                std::span<const std::uint32_t> hi, std::span<KahanSum> out) {
  NX_WITH_AVX2(SumWindowsAvx2(v, lo, hi, out));
  SumWindowsWith<false>(v, lo, hi, out);
}

void SumLine(std::span<const model::TimestampMs> t, std::span<const double> v,
             model::TimestampMs reference, LineSums& out) {
  NX_WITH_AVX2(SumLineAvx2(t, v, reference, out));
  SumLineWith<false>(t, v, reference, out);
}

void SumProducts(std::span<const double> x, std::span<const double* const> windows,
                 std::span<KahanSum> y, std::span<KahanSum> xy) {
  NX_WITH_AVX2(SumProductsAvx2(x, windows, y, xy));
  SumProductsWith<false>(x, windows, y, xy);
}

}  // namespace narthex::promql
