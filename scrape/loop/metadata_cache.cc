// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/metadata_cache.h"

#include "scrape/textparse/entry.h"

namespace narthex::scrape {

namespace {

constexpr std::uint64_t kKeptScrapes = 10;

}  // namespace

void MetadataCache::SetType(std::string_view family, model::MetricType type) {
  Entry& entry = Touch(family);
  if (entry.metadata.type == type) return;
  MutexLock lock(mutex_);
  entry.metadata.type = type;
}

void MetadataCache::SetHelp(std::string_view family, std::string_view help, bool quotes_escaped) {
  Entry& entry = Touch(family);
  if (entry.raw_help == help) return;
  MutexLock lock(mutex_);
  entry.raw_help = help;
  entry.metadata.help = Unescape(help, quotes_escaped);
}

void MetadataCache::SetUnit(std::string_view family, std::string_view unit) {
  Entry& entry = Touch(family);
  if (entry.metadata.unit == unit) return;
  MutexLock lock(mutex_);
  entry.metadata.unit = unit;
}

void MetadataCache::FinishScrape(bool flush) {
  if (flush) {
    MutexLock lock(mutex_);
    std::erase_if(families_, [this](const auto& family) {
      return scrape_ - family.second.last_scrape > kKeptScrapes;
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
    }
  }
  hint_->second.last_scrape = scrape_;
  return hint_->second;
}

}  // namespace narthex::scrape
