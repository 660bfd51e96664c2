// SPDX-License-Identifier: Apache-2.0
//
// All groups merged by family, as text or as protobuf.
#include "web/push/exposition_page.h"

#include <algorithm>
#include <map>
#include <string>

#include "narthex/model/labels.h"
#include "web/api/family_text.h"

namespace narthex::web {
namespace {

using proto::Distribution;
using proto::FamilyMetric;
using proto::MetricFamily;

constexpr std::size_t kPieceBytes = 32 << 10;

/// A family over all groups.
struct Merged {
  const MetricFamily* first = nullptr;
  std::vector<const FamilyMetric*> metrics;
};

bool Before(const FamilyMetric* a, const FamilyMetric* b) {
  if (a->labels.size() != b->labels.size()) return a->labels.size() < b->labels.size();
  for (std::size_t i = 0; i < a->labels.size(); ++i) {
    if (const int order = a->labels[i].second.compare(b->labels[i].second); order != 0) {
      return order < 0;
    }
  }
  // Not in the original, whose order is by chance for label sets that differ in names alone.
  return a->labels < b->labels;
}

std::map<std::string_view, Merged> Merge(
    const std::vector<std::shared_ptr<const PushGroup>>& groups) {
  std::map<std::string_view, Merged> out;
  for (const auto& group : groups) {
    for (const auto& [name, stored] : group->families) {
      if (stored.family->metrics.empty()) continue;
      Merged& merged = out[name];
      if (merged.first == nullptr) merged.first = stored.family.get();
      for (const auto& metric : stored.family->metrics) merged.metrics.push_back(&metric);
    }
  }
  for (auto& [name, merged] : out) std::sort(merged.metrics.begin(), merged.metrics.end(), Before);
  return out;
}

/// A copy with escaped names, for protobuf; the metrics are copied only where theirs are.
void AppendMessage(const Merged& merged, NameEscaping escaping, std::string& out) {
  MetricFamily family;
  family.name = WrittenName(merged.first->name, escaping);
  family.help = merged.first->help;
  family.unit = merged.first->unit;
  family.type = merged.first->type;
  std::vector<FamilyMetric> copies;
  copies.reserve(merged.metrics.size());  // Pointers into it are kept.
  std::vector<const FamilyMetric*> metrics = merged.metrics;
  for (const FamilyMetric*& metric : metrics) {
    const bool plain =
        std::all_of(metric->labels.begin(), metric->labels.end(),
                    [](const auto& label) { return model::IsLegacyLabelName(label.first); });
    if (plain || escaping == NameEscaping::kAllowUtf8) continue;
    FamilyMetric& copy = copies.emplace_back();
    copy.labels = metric->labels;
    for (auto& label : copy.labels) label.first = WrittenLabel(label.first, escaping);
    copy.kind = metric->kind;
    copy.value = metric->value;
    copy.wire = metric->wire;
    if (metric->distribution) {
      copy.distribution = std::make_unique<Distribution>(*metric->distribution);
    }
    metric = &copy;
  }
  proto::EncodeFamily(family, metrics, out);
}

}  // namespace

void WritePushedMetrics(const std::vector<std::shared_ptr<const PushGroup>>& groups,
                        Exposition form, const std::function<bool(std::string_view)>& write) {
  std::string piece;
  const auto flush = [&](std::size_t least) {
    if (piece.size() < least || piece.empty()) return true;
    const bool go_on = write(piece);
    piece.clear();
    return go_on;
  };
  for (const auto& [name, merged] : Merge(groups)) {
    if (form.protobuf) {
      AppendMessage(merged, form.escaping, piece);
      if (!flush(kPieceBytes)) return;
      continue;
    }
    const MetricFamily& first = *merged.first;
    FamilyText text(first.name, first.help, first.type, form.escaping, piece);
    for (const FamilyMetric* metric : merged.metrics) {
      text.Append(*metric);
      if (!flush(kPieceBytes)) return;
    }
  }
  flush(0);
}

}  // namespace narthex::web
