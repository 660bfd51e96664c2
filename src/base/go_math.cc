// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/go_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numbers>

#include "src/base/horner.h"

namespace narthex::go {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

constexpr std::uint64_t kMantissa = 0x000fffffffffffff;
constexpr int kBias = 1023;

// ln 2 in two parts, of which the first one has so few bits that products with exponents are exact.
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;

// Of log(1+f) - f by s = f/(2+f), in powers of s*s.
constexpr double kLogTerms[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                                2.857142874366239149e-01, 2.222219843214978396e-01,
                                1.818357216161805012e-01, 1.531383769920937332e-01,
                                1.479819860511658591e-01};

/// 2^k by its bits. @param k  −1022 to 1023
double PowerOfTwo(int k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + kBias) << 52);
}

/// fraction * 2^k, in two steps where the result has no full mantissa.
double Scale(double fraction, int k) {
  const int biased = k + kBias;
  if (biased >= 0x7ff) return kInf;
  if (biased > 0) return fraction * PowerOfTwo(k);
  if (biased < -52) return 0;
  return fraction * PowerOfTwo(biased - 1) * PowerOfTwo(1 - kBias);
}

bool IsOddInteger(double x) {
  if (std::fabs(x) >= 0x1p53) return false;
  double whole;
  return std::modf(x, &whole) == 0 && (static_cast<std::int64_t>(whole) & 1) != 0;
}

/// x^y where the rule needs no arithmetic. @return whether it is one of those
bool PowOfSpecial(double x, double y, double& result) {
  if (y == 0 || x == 1) {
    result = 1;
  } else if (y == 1) {
    result = x;
  } else if (std::isnan(x) || std::isnan(y)) {
    result = kNan;
  } else if (x == 0) {
    const bool negative = std::signbit(x) && IsOddInteger(y);
    result = std::copysign(y < 0 ? kInf : 0.0, negative ? -1.0 : 1.0);
  } else if (std::isinf(y)) {
    result = x == -1 ? 1 : (std::fabs(x) < 1) == (y > 0) ? 0 : kInf;
  } else if (std::isinf(x)) {
    result = x < 0 ? Pow(1 / x, -y) : y < 0 ? 0 : kInf;
  } else if (y == 0.5) {
    result = std::sqrt(x);
  } else if (y == -0.5) {
    result = 1 / std::sqrt(x);
  } else {
    return false;
  }
  return true;
}

/// What log1p works on: 1 + x = 2^k * (1 + f), and what rounding 1 + x lost.
struct Reduced {
  int k = 0;
  double f = 0;
  double lost = 0;
  bool tiny = false;  // |f| < 2^-20.
};

Reduced ReduceLog1p(double x) {
  constexpr std::uint64_t kSqrt2Mantissa = 0x0006a09e667f3bcd;
  Reduced r;
  double u = x;
  if (std::fabs(x) < 0x1p53) {
    u = 1 + x;
    r.k = static_cast<int>(std::bit_cast<std::uint64_t>(u) >> 52) - kBias;
    r.lost = (r.k > 0 ? 1 - (u - x) : x - (u - 1)) / u;
  } else {
    r.k = static_cast<int>(std::bit_cast<std::uint64_t>(u) >> 52) - kBias;
  }
  const std::uint64_t mantissa = std::bit_cast<std::uint64_t>(u) & kMantissa;
  if (mantissa < kSqrt2Mantissa) {
    u = std::bit_cast<double>(mantissa | 0x3ff0000000000000);
    r.tiny = mantissa == 0;
  } else {
    ++r.k;
    u = std::bit_cast<double>(mantissa | 0x3fe0000000000000);
    r.tiny = (kMantissa + 1 - mantissa) >> 2 == 0;
  }
  r.f = u - 1;
  return r;
}

}  // namespace

double Exp(double x) {
  constexpr double kLn2Upper = 0.69314718055966295651160180568695068359375;
  constexpr double kLn2Lower = 0.28235290563031577122588448175013436025525412068e-12;
  constexpr double kTerms[] = {2.4801587301587301587e-5,
                               1.9841269841269841270e-4,
                               1.3888888888888888889e-3,
                               8.3333333333333333333e-3,
                               4.1666666666666666667e-2,
                               1.6666666666666666667e-1,
                               0.5,
                               1.0};
  if (std::isnan(x) || x == kInf) return x;
  if (x > 7.09782712893384e+02) return kInf;
  if (x < -800) return 0;
  const double k = std::nearbyint(x * std::numbers::log2e);
  double y = std::fma(-k, kLn2Upper, x);
  y = std::fma(-k, kLn2Lower, y);
  // e^y - 1 of a sixteenth, then squared four times.
  y *= 0.0625;
  double sum = kTerms[0];
  for (std::size_t i = 1; i < std::size(kTerms); ++i) sum = std::fma(sum, y, kTerms[i]);
  y *= sum;
  for (int i = 0; i < 3; ++i) y *= y + 2;
  y = std::fma(y + 2, y, 1.0);
  return Scale(y, static_cast<int>(k));
}

double Exp2(double x) {
  constexpr double kTerms[] = {4.13813679705723846039e-08, -1.65339022054652515390e-06,
                               6.61375632143793436117e-05, -2.77777777770155933842e-03,
                               1.66666666666666657415e-01};
  if (std::isnan(x)) return x;
  if (x > 1.0239999999999999e+03) return kInf;
  if (x < -1.0740e+03) return 0;
  const int k = static_cast<int>(x > 0 ? x + 0.5 : x < 0 ? x - 0.5 : 0);
  const double t = x - k;
  const double high = t * kLn2High;
  const double low = -t * kLn2Low;
  const double r = high - low;
  const double square = r * r;
  const double c = r - square * Horner(kTerms, square);
  return std::ldexp(1 - ((low - (r * c) / (2 - c)) - high), k);
}

double Log(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == 0) return -kInf;
  if (x < 0) return kNan;
  // Numbers below the normal ones are not normalised, as Go does not on amd64.
  const auto bits = std::bit_cast<std::uint64_t>(x);
  double k = static_cast<int>(bits >> 52) - (kBias - 1);
  double f = std::bit_cast<double>((bits & kMantissa) | 0x3fe0000000000000);
  if (f <= std::numbers::sqrt2 / 2) {
    k -= 1;
    f *= 2;
  }
  f -= 1;
  const double s = f / (2 + f);
  const double s2 = s * s;
  const double s4 = s2 * s2;
  const auto& c = kLogTerms;
  const double odd = s2 * (c[0] + s4 * (c[2] + s4 * (c[4] + s4 * c[6])));
  const double even = s4 * (c[1] + s4 * (c[3] + s4 * c[5]));
  const double half_square = 0.5 * f * f;
  return k * kLn2High - ((half_square - (s * (half_square + (odd + even)) + k * kLn2Low)) - f);
}

double Log10(double x) { return Log(x) * std::numbers::log10e; }

double Log2(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  if (fraction == 0.5) return exponent - 1;
  if (std::isnan(x) || std::isinf(x)) return Log(x);
  return Log(fraction) * std::numbers::log2e + exponent;
}

double Log1p(double x) {
  if (x < -1 || std::isnan(x)) return kNan;
  if (x == -1) return -kInf;
  if (x == kInf) return kInf;
  const double size = std::fabs(x);
  constexpr double kSqrt2Minus1 = 4.142135623730950488017e-01;
  constexpr double kHalfSqrt2Minus1 = -2.928932188134524755992e-01;
  if (size < 0x1p-54) return x;
  if (size < 0x1p-29) return x - x * x * 0.5;
  const bool near = size < kSqrt2Minus1 && x > kHalfSqrt2Minus1;
  const Reduced r = near ? Reduced{.f = x} : ReduceLog1p(x);
  const double k = r.k;
  const double f = r.f;
  const double half_square = 0.5 * f * f;
  if (r.tiny) {
    if (f == 0) return k == 0 ? 0 : k * kLn2High + (r.lost + k * kLn2Low);
    const double rest = half_square * (1 - 0.66666666666666666 * f);
    return k == 0 ? f - rest : k * kLn2High - ((rest - (k * kLn2Low + r.lost)) - f);
  }
  const double s = f / (2 + f);
  const double z = s * s;
  double rest = kLogTerms[6];
  for (int i = 5; i >= 0; --i) rest = kLogTerms[i] + z * rest;
  rest *= z;
  if (k == 0) return f - (half_square - s * (half_square + rest));
  return k * kLn2High - ((half_square - (s * (half_square + rest) + (k * kLn2Low + r.lost))) - f);
}

double Pow(double x, double y) {
  double result = 0;
  if (PowOfSpecial(x, y, result)) return result;
  double whole = 0;
  double part = std::modf(std::fabs(y), &whole);
  if (part != 0 && x < 0) return kNan;
  if (whole >= 0x1p63) return x == -1 ? 1 : (std::fabs(x) < 1) == (y > 0) ? 0 : kInf;
  // The result is fraction * 2^exponent.
  double fraction = 1;
  std::int64_t exponent = 0;
  if (part != 0) {
    if (part > 0.5) {
      part -= 1;
      whole += 1;
    }
    fraction = Exp(part * Log(x));
  }
  int base_exponent = 0;
  double base = std::frexp(x, &base_exponent);
  std::int64_t shift = base_exponent;
  for (auto bits = static_cast<std::uint64_t>(whole); bits != 0; bits >>= 1) {
    if (shift < -(1 << 12) || shift > 1 << 12) {  // Out of range whatever follows.
      exponent += shift;
      break;
    }
    if ((bits & 1) != 0) {
      fraction *= base;
      exponent += shift;
    }
    base *= base;
    shift *= 2;
    if (base < 0.5) {
      base += base;
      --shift;
    }
  }
  if (y < 0) {
    fraction = 1 / fraction;
    exponent = -exponent;
  }
  return std::ldexp(fraction, static_cast<int>(exponent));
}

double Sinh(double x) {
  constexpr double kUpper[] = {-0.2630563213397497062819489e+2, -0.2894211355989563807284660366e+4,
                               -0.8991272022039509355398013511e+5,
                               -0.6307673640497716991184787251e+6};
  constexpr double kLower[] = {1, -0.173678953558233699533450911e+3,
                               0.1521517378790019070696485176e+5,
                               -0.6307673640497716991212077277e+6};
  const double size = x < 0 ? -x : x;
  double result = 0;
  if (size > 21) {
    result = Exp(size) * 0.5;
  } else if (size > 0.5) {
    const double e = Exp(size);
    result = (e - 1 / e) * 0.5;
  } else {
    const double square = size * size;
    result = Horner(kUpper, square) * size / Horner(kLower, square);
  }
  return x < 0 ? -result : result;
}

double Cosh(double x) {
  const double size = std::fabs(x);
  const double e = Exp(size);
  return size > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

double Tanh(double x) {
  constexpr double kUpper[] = {-9.64399179425052238628e-1, -9.92877231001918586564e1,
                               -1.61468768441708447952e3};
  constexpr double kLower[] = {1, 1.12811678491632931402e2, 2.23548839060100448583e3,
                               4.84406305325125486048e3};
  const double size = std::fabs(x);
  if (size > 0.5 * 8.8029691931113054295988e+01) return x < 0 ? -1 : 1;
  if (size >= 0.625) return std::copysign(1 - 2 / (Exp(2 * size) + 1), x);
  if (x == 0) return x;
  const double square = x * x;
  return x + x * square * Horner(kUpper, square) / Horner(kLower, square);
}

double Asinh(double x) {
  if (std::isnan(x) || std::isinf(x)) return x;
  const double size = x < 0 ? -x : x;
  double result = size;
  if (size > 0x1p28) {
    result = Log(size) + std::numbers::ln2;
  } else if (size > 2) {
    result = Log(2 * size + 1 / (std::sqrt(size * size + 1) + size));
  } else if (size >= 0x1p-28) {
    result = Log1p(size + size * size / (1 + std::sqrt(1 + size * size)));
  }
  return x < 0 ? -result : x == 0 ? x : result;
}

double Acosh(double x) {
  if (x < 1 || std::isnan(x)) return kNan;
  if (x == 1) return 0;
  if (x >= 0x1p28) return Log(x) + std::numbers::ln2;
  if (x > 2) return Log(2 * x - 1 / (x + std::sqrt(x * x - 1)));
  const double t = x - 1;
  return Log1p(t + std::sqrt(2 * t + t * t));
}

double Atanh(double x) {
  if (x < -1 || x > 1 || std::isnan(x)) return kNan;
  if (x == 1 || x == -1) return x * kInf;
  const double size = x < 0 ? -x : x;
  double result = size;
  if (size >= 0.5) {
    result = 0.5 * Log1p((size + size) / (1 - size));
  } else if (size >= 0x1p-28) {
    const double twice = size + size;
    result = 0.5 * Log1p(twice + twice * size / (1 - size));
  }
  return x < 0 ? -result : x == 0 ? x : result;
}

}  // namespace narthex::go
