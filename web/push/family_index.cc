// SPDX-License-Identifier: Apache-2.0
#include "web/push/family_index.h"

#include <string_view>

#include <fmt/format.h>

#include "narthex/model/labels.h"

namespace narthex::web {
namespace {

using proto::FamilyMetric;
using proto::FamilyType;
using proto::MetricFamily;

constexpr std::size_t kMaxProblems = 100;

/// What a page can tell. A NUL ends the text for those who read it.
bool IsReadable(std::string_view text) {
  return model::IsValidUtf8(text) && text.find('\0') == std::string_view::npos;
}

Hash128 SeriesHash(const FamilyMetric& metric, std::string& scratch) {
  scratch.clear();
  for (const auto& [name, value] : metric.labels) {
    scratch.append(name).append(1, '\xff').append(value).append(1, '\xff');
  }
  return HashBytes128(scratch);
}

std::string About(const MetricFamily& family, const FamilyMetric& metric) {
  return fmt::format("collected metric {} {{ {}}}", proto::QuoteTold(family.name),
                     metric.DebugText());
}

/// "" or what is wrong with a metric by itself. Its labels are sorted.
std::string ProblemOf(const MetricFamily& family, const FamilyMetric& metric, FamilyType type) {
  if (metric.kind != KindOf(type)) {
    return About(family, metric) + fmt::format(" is not a {}", FamilyTypeName(type));
  }
  const std::string* previous = nullptr;
  for (const auto& [name, value] : metric.labels) {
    if (previous != nullptr && *previous == name) {
      return About(family, metric) +
             " has two or more labels with the same name: " + std::string(proto::Told(name));
    }
    if (name.empty() || !IsReadable(name) || name.starts_with("__")) {
      return About(family, metric) +
             " has a label with an invalid name: " + std::string(proto::Told(name));
    }
    if (metric.kind == proto::MetricKind::kSummary && name == "quantile") {
      return About(family, metric) + " must not have an explicit \"quantile\" label";
    }
    if (!model::IsValidUtf8(value)) {
      return About(family, metric) +
             fmt::format(" has a label named {} whose value is not utf8: {}",
                         proto::QuoteTold(name), proto::QuoteTold(value));
    }
    if (!IsReadable(value)) {
      return About(family, metric) + fmt::format(" has a label named {} whose value has a NUL: {}",
                                                 proto::QuoteTold(name), proto::QuoteTold(value));
    }
    previous = &name;
  }
  return "";
}

bool HasSum(FamilyType type) {
  return type == FamilyType::kSummary || type == FamilyType::kHistogram;
}

}  // namespace

std::string FamilyIndex::Collision(const MetricFamily& family) const {
  const auto find = [this](const std::string& name) {
    const auto it = entries_.find(name);
    return it == entries_.end() ? nullptr : &it->second;
  };
  for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    if (!family.name.ends_with(suffix) || family.name.size() == suffix.size()) continue;
    const std::string base = family.name.substr(0, family.name.size() - suffix.size());
    const Entry* const other = find(base);
    if (other == nullptr) continue;
    if (other->type == FamilyType::kHistogram ||
        (other->type == FamilyType::kSummary && suffix != "_bucket")) {
      return fmt::format("collected metric named {} collides with previously collected {} named {}",
                         proto::QuoteTold(family.name),
                         other->type == FamilyType::kHistogram ? "histogram" : "summary",
                         proto::QuoteTold(base));
    }
  }
  if (!HasSum(family.type)) return "";
  for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    const bool bucket = suffix == "_bucket";
    if (bucket && family.type != FamilyType::kHistogram) continue;
    std::string other = family.name;
    other += suffix;
    if (find(other) == nullptr) continue;
    return fmt::format("collected {} named {} collides with previously collected metric named {}",
                       bucket ? "histogram" : "histogram or summary", proto::QuoteTold(family.name),
                       proto::QuoteTold(other));
  }
  return "";
}

bool FamilyIndex::Add(const MetricFamily& family, std::vector<std::string>& problems) {
  if (problems.size() == kMaxProblems) return false;
  bool fine = true;
  const auto complain = [&](std::string text) {
    fine = false;
    problems.push_back(std::move(text));
  };
  const auto [it, is_new] = entries_.try_emplace(family.name);
  Entry& entry = it->second;
  if (is_new) entry.type = family.type;
  if (family.name.empty() || !IsReadable(family.name)) {
    complain("invalid metric name " + proto::QuoteTold(family.name));
  } else if ((family.help && !IsReadable(*family.help)) || !IsReadable(family.unit)) {
    complain(fmt::format("collected metric family {} has a help text or unit that is not readable",
                         proto::QuoteTold(family.name)));
  } else if (is_new) {
    if (std::string text = Collision(family); !text.empty()) complain(std::move(text));
  }
  std::vector<Hash128> added;
  if (fine) {
    std::string scratch;
    added.reserve(family.metrics.size());
    for (const FamilyMetric& metric : family.metrics) {
      if (problems.size() == kMaxProblems) break;
      if (std::string text = ProblemOf(family, metric, entry.type); !text.empty()) {
        complain(std::move(text));
        continue;
      }
      const Hash128 hash = SeriesHash(metric, scratch);
      if (entry.series.insert(hash).second) {
        added.push_back(hash);
      } else {
        complain(About(family, metric) +
                 " was collected before with the same name and label values");
      }
    }
  }
  if (fine && family.type != entry.type) {  // Though its metrics are of the right kind.
    complain(fmt::format("gathered metric family {} has type {} but should have {}",
                         proto::Told(family.name), FamilyTypeName(family.type),
                         FamilyTypeName(entry.type)));
  }
  if (fine) {
    ++entry.num_families;
    return true;
  }
  for (const Hash128& hash : added) entry.series.erase(hash);
  if (entry.num_families == 0) entries_.erase(it);
  return false;
}

void FamilyIndex::Restore(const MetricFamily& family) {
  Entry& entry = entries_[family.name];
  entry.type = family.type;
  ++entry.num_families;
  std::string scratch;
  for (const FamilyMetric& metric : family.metrics) {
    entry.series.insert(SeriesHash(metric, scratch));
  }
}

void FamilyIndex::Remove(const MetricFamily& family) {
  const auto it = entries_.find(family.name);
  if (it == entries_.end()) return;
  if (--it->second.num_families == 0) {
    entries_.erase(it);
    return;
  }
  std::string scratch;
  for (const FamilyMetric& metric : family.metrics) {
    it->second.series.erase(SeriesHash(metric, scratch));
  }
}

}  // namespace narthex::web
