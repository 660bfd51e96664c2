// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "narthex/base/go_math.h"
#include "src/base/horner.h"

namespace narthex::go {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;

/// x = octant * pi/4 + rest, with an even octant.
struct Angle {
  std::uint64_t octant = 0;  // 0 to 7.
  double rest = 0;
};

/// The bits of 4/pi: digit i has the weight 2^(-64 i).
constexpr std::uint64_t kFourByPi[] = {
    0x0000000000000001, 0x45f306dc9c882a53, 0xf84eafa3ea69bb81, 0xb6c52b3278872083,
    0xfca2c757bd778ac3, 0x6e48dc74849ba5c0, 0x0c925dd413a32439, 0xfc3bd63962534e7d,
    0xd1046bea5d768909, 0xd338e04d68befc82, 0x7323ac7306a673e9, 0x3908bf177bf25076,
    0x3ff12fffbc0b301f, 0xde5e2316b414da3e, 0xda6cfd9e4f96136e, 0x9e8c7ecd3cbfd45a,
    0xea4f758fd7cbe2f6, 0x7a0e73ef14a525d4, 0xd7f6bf623f1aba10, 0xac06608df8f6d757};

/// Of an angle so large that the products with parts of pi/4 are not exact any more.
Angle ReduceLarge(double x) {
  constexpr int kShift = 52;
  constexpr std::uint64_t kMantissa = (std::uint64_t{1} << kShift) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int exponent = static_cast<int>(bits >> kShift) - 1023 - kShift;
  const std::uint64_t mantissa = (bits & kMantissa) | (kMantissa + 1);
  const auto first = static_cast<unsigned>(exponent + 61) / 64;
  const auto shift = static_cast<unsigned>(exponent + 61) % 64;
  const auto digit = [&](unsigned i) {
    const std::uint64_t next = shift == 0 ? 0 : kFourByPi[first + i + 1] >> (64 - shift);
    return kFourByPi[first + i] << shift | next;
  };
  using Wide = unsigned __int128;
  // The product of the mantissa with three digits, without what is above the octant.
  const Wide low =
      Wide{digit(1)} * mantissa + static_cast<std::uint64_t>((Wide{digit(2)} * mantissa) >> 64);
  std::uint64_t high = digit(0) * mantissa + static_cast<std::uint64_t>(low >> 64);
  const auto rest = static_cast<std::uint64_t>(low);
  Angle angle{high >> 61, 0};
  // The fraction becomes a number: its first bit is the one that a mantissa does not store.
  high = high << 3 | rest >> 61;
  const auto zeros = static_cast<unsigned>(std::countl_zero(high));
  const std::uint64_t fraction_exponent = 1023 - (zeros + 1);
  high = high << (zeros + 1) | rest >> (64 - (zeros + 1));
  angle.rest = std::bit_cast<double>(high >> (64 - kShift) | fraction_exponent << kShift);
  if ((angle.octant & 1) != 0) {
    angle.octant = (angle.octant + 1) & 7;
    angle.rest -= 1;
  }
  angle.rest *= kPi / 4;
  return angle;
}

/// @param x  not negative, finite
Angle Reduce(double x) {
  // pi/4 in three parts.
  constexpr double kPart1 = 7.85398125648498535156e-1;
  constexpr double kPart2 = 3.77489470793079817668e-8;
  constexpr double kPart3 = 2.69515142907905952645e-15;
  if (x >= 0x1p29) return ReduceLarge(x);
  constexpr auto kPerOctant = static_cast<double>(4 / std::numbers::pi_v<long double>);
  auto octant = static_cast<std::uint64_t>(x * kPerOctant);
  octant += octant & 1;
  const auto y = static_cast<double>(octant);
  return {octant & 7, ((x - y * kPart1) - y * kPart2) - y * kPart3};
}

double SinOfRest(double z) {
  constexpr double kTerms[] = {1.58962301576546568060e-10, -2.50507477628578072866e-8,
                               2.75573136213857245213e-6,  -1.98412698295895385996e-4,
                               8.33333333332211858878e-3,  -1.66666666666666307295e-1};
  const double square = z * z;
  return z + z * square * Horner(kTerms, square);
}

double CosOfRest(double z) {
  constexpr double kTerms[] = {-1.13585365213876817300e-11, 2.08757008419747316778e-9,
                               -2.75573141792967388112e-7,  2.48015872888517045348e-5,
                               -1.38888888888730564116e-3,  4.16666666666665929218e-2};
  const double square = z * z;
  return 1.0 - 0.5 * square + square * square * Horner(kTerms, square);
}

/// @param x  at most tan(pi/8), about
double AtanOfSmall(double x) {
  constexpr double kUpper[] = {-8.750608600031904122785e-01, -1.615753718733365076637e+01,
                               -7.500855792314704667340e+01, -1.228866684490136173410e+02,
                               -6.485021904942025371773e+01};
  constexpr double kLower[] = {1,
                               2.485846490142306297962e+01,
                               1.650270098316988542046e+02,
                               4.328810604912902668951e+02,
                               4.853903996359136964868e+02,
                               1.945506571482613964425e+02};
  const double square = x * x;
  return x * (square * Horner(kUpper, square) / Horner(kLower, square)) + x;
}

double AtanOfPositive(double x) {
  constexpr double kMoreOfHalfPi = 6.123233995736765886130e-17;
  constexpr double kTan3Pi8 = 2.41421356237309504880;
  if (x <= 0.66) return AtanOfSmall(x);
  if (x > kTan3Pi8) return kPi / 2 - AtanOfSmall(1 / x) + kMoreOfHalfPi;
  return kPi / 4 + AtanOfSmall((x - 1) / (x + 1)) + 0.5 * kMoreOfHalfPi;
}

}  // namespace

double Sin(double x) {
  if (x == 0 || std::isnan(x)) return x;
  if (std::isinf(x)) return kNan;
  const Angle angle = Reduce(std::fabs(x));
  const bool negative = (x < 0) != (angle.octant > 3);
  const std::uint64_t quarter = angle.octant & 3;
  const double y = quarter == 1 || quarter == 2 ? CosOfRest(angle.rest) : SinOfRest(angle.rest);
  return negative ? -y : y;
}

double Cos(double x) {
  if (std::isnan(x) || std::isinf(x)) return kNan;
  const Angle angle = Reduce(std::fabs(x));
  const std::uint64_t quarter = angle.octant & 3;
  const bool negative = (angle.octant > 3) != (quarter > 1);
  const double y = quarter == 1 || quarter == 2 ? SinOfRest(angle.rest) : CosOfRest(angle.rest);
  return negative ? -y : y;
}

double Tan(double x) {
  constexpr double kUpper[] = {-1.30936939181383777646e4, 1.15351664838587416140e6,
                               -1.79565251976484877988e7};
  constexpr double kLower[] = {1, 1.36812963470692954678e4, -1.32089234440210967447e6,
                               2.50083801823357915839e7, -5.38695755929454629881e7};
  if (x == 0 || std::isnan(x)) return x;
  if (std::isinf(x)) return kNan;
  const Angle angle = Reduce(std::fabs(x));
  const double z = angle.rest;
  const double square = z * z;
  double y = z;
  if (square > 1e-14) {
    y = z + z * (square * Horner(kUpper, square) / Horner(kLower, square));
  }
  if ((angle.octant & 2) != 0) y = -1 / y;
  return x < 0 ? -y : y;
}

double Asin(double x) {
  if (x == 0) return x;
  const double size = std::fabs(x);
  if (!(size <= 1)) return kNan;
  const double other = std::sqrt(1 - size * size);
  const double angle =
      size > 0.7 ? kPi / 2 - AtanOfPositive(other / size) : AtanOfPositive(size / other);
  return x < 0 ? -angle : angle;
}

double Acos(double x) { return kPi / 2 - Asin(x); }

double Atan(double x) {
  if (x == 0) return x;
  return x > 0 ? AtanOfPositive(x) : -AtanOfPositive(-x);
}

double Atan2(double y, double x) {
  if (std::isnan(y) || std::isnan(x)) return kNan;
  if (y == 0) return std::copysign(std::signbit(x) ? kPi : 0.0, y);
  if (x == 0) return std::copysign(kPi / 2, y);
  if (std::isinf(x)) {
    const double along = std::isinf(y) ? kPi / 4 : 0.0;
    return std::copysign(x > 0 ? along : std::isinf(y) ? 3 * kPi / 4 : kPi, y);
  }
  if (std::isinf(y)) return std::copysign(kPi / 2, y);
  const double q = Atan(y / x);
  if (x >= 0) return q;
  return q <= 0 ? q + kPi : q - kPi;
}

}  // namespace narthex::go
