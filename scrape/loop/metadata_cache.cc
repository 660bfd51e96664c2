// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/metadata_cache.h"

#include <span>

#include "narthex/base/heap_bytes.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

namespace {

constexpr std::uint64_t kKeptScrapes = 10;

// What samples of a type have behind the family's name, or may.
std::span<const std::string_view> SuffixesOf(model::MetricType type) {
  static constexpr std::string_view kCounter[] = {"_total"};
  static constexpr std::string_view kHistogram[] = {"_bucket", "_sum", "_count"};
  static constexpr std::string_view kGaugeHistogram[] = {"_bucket", "_gsum", "_gcount"};
  static constexpr std::string_view kSummary[] = {"_sum", "_count"};
  static constexpr std::string_view kInfo[] = {"_info"};
  switch (type) {
    case model::MetricType::kCounter:
      return kCounter;
    case model::MetricType::kHistogram:
      return kHistogram;
    case model::MetricType::kGaugeHistogram:
      return kGaugeHistogram;
    case model::MetricType::kSummary:
      return kSummary;
    case model::MetricType::kInfo:
      return kInfo;
    default:
      return {};
  }
}

std::string_view WithoutSuffix(std::string_view name, std::span<const std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

}  // namespace

bool IsOfFamily(std::string_view name, std::string_view family, model::MetricType type) {
  if (!name.starts_with(family)) return false;
  const auto suffixes = SuffixesOf(type);
  // Text formats have the suffix in the name of such a family, too.
  if (type == model::MetricType::kCounter || type == model::MetricType::kInfo) {
    family = WithoutSuffix(family, suffixes);
  }
  return WithoutSuffix(name, suffixes) == family;
}

std::size_t MetadataCache::BytesOf(const Families::value_type& family) {
  // A node of the tree has four words before the value; its block has a multiple of 16 bytes.
  std::size_t bytes = (sizeof(Families::value_type) + 4 * sizeof(void*) + 15) / 16 * 16;
  const auto& [name, entry] = family;
  for (const auto* text :
       {&name, &entry.metadata.help, &entry.metadata.unit, &entry.escaped_help}) {
    bytes += HeapBytes(*text);
  }
  return bytes;
}

template <typename Fn>
void MetadataCache::Change(const Fn& change) {
  MutexLock lock(mutex_);
  memory_bytes_ -= BytesOf(*hint_);
  change(hint_->second);
  memory_bytes_ += BytesOf(*hint_);
  hint_->second.last_change = scrape_;
}

void MetadataCache::SetType(std::string_view family, model::MetricType type) {
  if (Touch(family).metadata.type == type) return;
  Change([&](Entry& entry) { entry.metadata.type = type; });
}

void MetadataCache::SetHelp(std::string_view family, std::string_view help, HelpEscapes escapes) {
  const Entry& known = Touch(family);
  const bool same =
      known.escaped_help.empty() ? known.metadata.help == help : known.escaped_help == help;
  if (same) return;
  Change([&](Entry& entry) {
    entry.metadata.help = escapes == HelpEscapes::kNone
                              ? std::string(help)
                              : Unescape(help, escapes == HelpEscapes::kOpenMetrics);
    entry.escaped_help = entry.metadata.help == help ? std::string() : std::string(help);
  });
}

void MetadataCache::SetUnit(std::string_view family, std::string_view unit) {
  if (Touch(family).metadata.unit == unit) return;
  Change([&](Entry& entry) { entry.metadata.unit = unit; });
}

void MetadataCache::FinishScrape(bool flush) {
  if (flush) {
    MutexLock lock(mutex_);
    std::erase_if(families_, [this](const auto& family) {
      const bool old = scrape_ - family.second.last_scrape > kKeptScrapes;
      if (old) memory_bytes_ -= BytesOf(family);
      return old;
    });
  }
  hint_ = families_.end();
  ++scrape_;
}

bool MetadataCache::Visit(
    std::string_view family,
    const std::function<bool(std::string_view, const model::Metadata&)>& visit) const {
  MutexLock lock(mutex_);
  if (!family.empty()) {
    const auto found = families_.find(family);
    return found == families_.end() || visit(found->first, found->second.metadata);
  }
  for (const auto& [name, entry] : families_) {
    if (!visit(name, entry.metadata)) return false;
  }
  return true;
}

std::size_t MetadataCache::size() const {
  MutexLock lock(mutex_);
  return families_.size();
}

std::size_t MetadataCache::bytes() const {
  MutexLock lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [name, entry] : families_) {
    sum += entry.metadata.help.size() + entry.metadata.unit.size() +
           model::MetricTypeName(entry.metadata.type).size();
  }
  return sum;
}

MetadataCache::Entry& MetadataCache::Touch(std::string_view family) {
  if (hint_ == families_.end() || hint_->first != family) {
    // Families mostly come sorted, so the next one is a good guess.
    if (hint_ != families_.end()) ++hint_;
    if (hint_ == families_.end() || hint_->first != family) hint_ = families_.find(family);
    if (hint_ == families_.end()) {
      MutexLock lock(mutex_);
      hint_ = families_.emplace(std::string(family), Entry()).first;
      hint_->second.last_change = scrape_;
      memory_bytes_ += BytesOf(*hint_);
    }
  }
  hint_->second.last_scrape = scrape_;
  return hint_->second;
}

}  // namespace narthex::scrape
