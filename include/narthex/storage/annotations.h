// SPDX-License-Identifier: Apache-2.0
//
// Warnings and infos that travel beside a result.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace narthex::storage {

/// Byte range in a query that an annotation is about.
struct PositionRange {
  int start = 0;
  int end = 0;
};

/// Unique by text (without position); the last position wins. Iterates in order of text.
/// Thread safety: one thread at a time; merge per-thread ones.
class Annotations {
 public:
  void AddWarning(std::string text, std::optional<PositionRange> position = {}) {
    warnings_.insert_or_assign(std::move(text), position);
  }
  void AddInfo(std::string text, std::optional<PositionRange> position = {}) {
    infos_.insert_or_assign(std::move(text), position);
  }
  /// A warning that tells how often it was met; of several positions the first one stays.
  void CountWarning(const std::string& text, std::size_t times, PositionRange position) {
    if (times > 0)
      counted_.try_emplace(text, position, std::size_t{0}).first->second.second += times;
  }
  /// Calls fn(text, times, position) for each warning that is counted.
  template <typename Fn>
  void ForEachCounted(Fn&& fn) const {
    for (const auto& [text, met] : counted_) fn(text, met.second, met.first);
  }
  void Merge(const Annotations& other) {
    for (const auto& [text, position] : other.warnings_) AddWarning(text, position);
    for (const auto& [text, position] : other.infos_) AddInfo(text, position);
    other.ForEachCounted([this](const std::string& text, std::size_t times,
                                PositionRange position) { CountWarning(text, times, position); });
  }
  /// Makes warnings of what was counted. For the end of a query: later counts would stand apart.
  void Settle() {
    for (const auto& [text, met] : counted_) {
      const auto& [position, times] = met;
      AddWarning(times < 2 ? text : text + " (" + std::to_string(times) + " occurrences)",
                 position);
    }
    counted_.clear();
  }
  bool empty() const { return warnings_.empty() && infos_.empty() && counted_.empty(); }

  using Entries = std::map<std::string, std::optional<PositionRange>>;
  const Entries& warnings() const { return warnings_; }
  const Entries& infos() const { return infos_; }

 private:
  std::map<std::string, std::pair<PositionRange, std::size_t>> counted_;
  Entries warnings_;
  Entries infos_;
};

}  // namespace narthex::storage
