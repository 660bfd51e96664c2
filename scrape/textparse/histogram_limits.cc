// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/histogram_limits.h"

#include <algorithm>
#include <cmath>

namespace narthex::scrape {

namespace {

constexpr std::int32_t kCoarsest = -4;
constexpr std::int32_t kFinest = 8;
// What a client may send: finer and coarser ones are reserved for the future.
constexpr std::int32_t kCoarsestReserved = -9;
constexpr std::int32_t kFinestReserved = 52;

}  // namespace

std::int32_t FinestSchema(double factor) {
  if (factor <= 1) return kFinest;
  const double schema = std::floor(-std::log2(std::log2(factor)));
  return static_cast<std::int32_t>(
      std::clamp(schema, static_cast<double>(kCoarsest), static_cast<double>(kFinest)));
}

bool LimitHistogram(model::AnyHistogram& histogram, std::int32_t finest_schema,
                    std::uint64_t max_buckets) {
  return std::visit(
      [&](auto& h) {
        // A histogram that can't be made coarser is broken, which storage will say.
        const bool known = h.schema >= kCoarsestReserved && h.schema <= kFinestReserved;
        if (finest_schema < kFinest && known && h.schema > finest_schema) {
          model::CoarsenChecked(h, finest_schema);
        }
        if (max_buckets == 0) return true;
        const auto too_many = [&] {
          return h.positive_buckets.size() + h.negative_buckets.size() > max_buckets;
        };
        while (too_many()) {
          if (h.schema <= kCoarsest || h.schema > kFinest) return false;
          if (!model::CoarsenChecked(h, h.schema - 1)) return true;
        }
        return true;
      },
      histogram);
}

}  // namespace narthex::scrape
