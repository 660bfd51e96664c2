// SPDX-License-Identifier: Apache-2.0
//
// Type, help and unit of the metric families that a target exposes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "narthex/base/mutex.h"
#include "narthex/model/metadata.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Whether a series of this name is one of the family's: it has the family's name, or one of the
/// suffixes of the type behind it. Source: Prometheus scrape isSeriesPartOfFamily.
bool IsOfFamily(std::string_view name, std::string_view family, model::MetricType type);

/// Thread safety: Set* and FinishScrape on the loop's thread; the others on any.
class MetadataCache {
 public:
  void SetType(std::string_view family, model::MetricType type);
  /// `help` with its escapes.
  void SetHelp(std::string_view family, std::string_view help, HelpEscapes escapes);
  void SetUnit(std::string_view family, std::string_view unit);
  /// What the last Set* was about; null before the first one of a scrape.
  const model::Metadata* current() const {
    return hint_ == families_.end() ? nullptr : &hint_->second.metadata;
  }
  std::string_view current_family() const { return hint_->first; }
  /// Whether this scrape has told something new of it.
  bool current_changed() const { return hint_->second.last_change == scrape_; }
  /// Forgets families that the last ten scrapes did not have.
  void FinishScrape(bool flush);

  /// Calls `visit` for one family (all when empty), by name; ends when it gives false.
  bool Visit(std::string_view family,
             const std::function<bool(std::string_view, const model::Metadata&)>& visit) const;
  std::size_t size() const;
  /// Of the texts.
  std::size_t bytes() const;
  /// All that it holds. The loop's thread.
  std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Entry {
    model::Metadata metadata;
    std::string escaped_help;       // As it came, when that is not metadata.help. Read and written
    std::uint64_t last_scrape = 0;  // by the loop's thread alone, as are these.
    std::uint64_t last_change = 0;
  };
  using Families = std::map<std::string, Entry, std::less<>>;

  Entry& Touch(std::string_view family);
  static std::size_t BytesOf(const Families::value_type& family);
  // Changes the family of `hint_`.
  template <typename Fn>
  void Change(const Fn& change);

  mutable Mutex
      mutex_;  // Held to change; the loop's thread, the only one that does, reads without.
  Families families_;
  Families::iterator hint_ = families_.end();  // What came last: HELP and TYPE come in pairs.
  std::uint64_t scrape_ = 0;
  std::size_t memory_bytes_ = 0;  // The loop's thread.
};

}  // namespace narthex::scrape
