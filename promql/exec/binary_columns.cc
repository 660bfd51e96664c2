// SPDX-License-Identifier: Apache-2.0
//
// Operators on whole columns: one loop per operator, without a switch inside.
#include <cmath>

#include "promql/exec/binary.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

/// Where both sides are present.
class BothPresent {
 public:
  BothPresent(const Column& lhs, const Column& rhs, int n_steps) : bits_(PresenceWords(n_steps)) {
    for (std::size_t w = 0; w < bits_.size(); ++w) bits_[w] = lhs.present[w] & rhs.present[w];
  }
  const std::vector<std::uint64_t>& bits() const { return bits_; }

 private:
  std::vector<std::uint64_t> bits_;
};

template <typename Fn>
void Arithmetic(const Column& lhs, const Column& rhs, const std::vector<std::uint64_t>& both,
                RowRef out, Fn fn) {
  const double* const l = lhs.v;
  const double* const r = rhs.v;
  double* const o = out.v;
  for (std::size_t w = 0; w < both.size(); ++w) {
    const int begin = static_cast<int>(w) * 64;
    if (both[w] == ~std::uint64_t{0}) {
      for (int s = begin; s < begin + 64; ++s) o[s] = fn(l[s], r[s]);
    } else {
      for (std::uint64_t bits = both[w]; bits != 0; bits &= bits - 1) {
        const int s = begin + std::countr_zero(bits);
        o[s] = fn(l[s], r[s]);
      }
    }
    out.present[w] = both[w];
  }
}

template <typename Fn>
void Comparison(const Column& lhs, const Column& rhs, const std::vector<std::uint64_t>& both,
                bool return_bool, bool keep_right, RowRef out, Fn fn) {
  for (std::size_t w = 0; w < both.size(); ++w) {
    std::uint64_t kept = 0;
    const int begin = static_cast<int>(w) * 64;
    for (std::uint64_t bits = both[w]; bits != 0; bits &= bits - 1) {
      const int bit = std::countr_zero(bits), s = begin + bit;
      const double l = lhs.v[s], r = rhs.v[s];
      const bool holds = fn(l, r);
      out.v[s] = return_bool ? (holds ? 1 : 0) : keep_right ? r : l;
      kept |= std::uint64_t{holds || return_bool} << bit;
    }
    out.present[w] = kept;
  }
}

void ApplyFloats(const BinaryNotes& notes, const Column& lhs, const Column& rhs, bool keep_right,
                 RowRef out) {
  const BothPresent present(lhs, rhs, out.n_steps);
  const auto& both = present.bits();
  const auto arithmetic = [&](auto fn) { Arithmetic(lhs, rhs, both, out, fn); };
  const auto comparison = [&](auto fn) {
    Comparison(lhs, rhs, both, notes.return_bool, keep_right, out, fn);
  };
  switch (notes.op) {
    case BinaryOp::kAdd:
      return arithmetic([](double a, double b) { return a + b; });
    case BinaryOp::kSub:
      return arithmetic([](double a, double b) { return a - b; });
    case BinaryOp::kMul:
      return arithmetic([](double a, double b) { return a * b; });
    case BinaryOp::kDiv:
      return arithmetic([](double a, double b) { return a / b; });
    case BinaryOp::kMod:
    case BinaryOp::kPow:
    case BinaryOp::kAtan2:
      return arithmetic([op = notes.op](double a, double b) { return ScalarBinary(op, a, b); });
    case BinaryOp::kEq:
      return comparison([](double a, double b) { return a == b; });
    case BinaryOp::kNe:
      return comparison([](double a, double b) { return a != b; });
    case BinaryOp::kGt:
      return comparison([](double a, double b) { return a > b; });
    case BinaryOp::kLt:
      return comparison([](double a, double b) { return a < b; });
    case BinaryOp::kGe:
      return comparison([](double a, double b) { return a >= b; });
    case BinaryOp::kLe:
      return comparison([](double a, double b) { return a <= b; });
    default:
      break;
  }
}

bool IsTrim(BinaryOp op) { return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower; }

}  // namespace

Column ColumnOf(const RowRef& row) { return {row.v, row.present, row.histograms->get()}; }

bool ChangesQuantity(BinaryOp op) { return op <= BinaryOp::kAtan2; }

void ApplyBinary(const BinaryNotes& notes, const Column& lhs, const Column& rhs, bool keep_right,
                 RowRef out) {
  if (lhs.histograms == nullptr && rhs.histograms == nullptr && !IsTrim(notes.op)) {
    return ApplyFloats(notes, lhs, rhs, keep_right, out);
  }
  const BothPresent present(lhs, rhs, out.n_steps);
  for (int s = 0; s < out.n_steps; ++s) {
    if (((present.bits()[s >> 6] >> (s & 63)) & 1) == 0) {
      out.Clear(s);
      continue;
    }
    const HistogramPtr* const lh = lhs.HistogramAt(s);
    const HistogramPtr* const rh = rhs.HistogramAt(s);
    const double lv = lhs.v[s], rv = rhs.v[s];
    const HistogramPtr right = rh == nullptr ? nullptr : *rh;
    BinaryOutcome outcome = ApplyToStep(notes, lv, lh, rv, rh);
    out.Clear(s);
    if (!outcome.valid || (!outcome.keep && !notes.return_bool)) continue;
    if (notes.return_bool) {
      out.Set(s, outcome.keep ? 1 : 0);
    } else if (keep_right && IsComparison(notes.op)) {
      if (right != nullptr) {
        out.Set(s, right);
      } else {
        out.Set(s, rv);
      }
    } else if (outcome.h != nullptr) {
      out.Set(s, std::move(outcome.h));
    } else {
      out.Set(s, outcome.v);
    }
  }
}

}  // namespace narthex::promql
