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
  void Merge(const Annotations& other) {
    for (const auto& [text, position] : other.warnings_) AddWarning(text, position);
    for (const auto& [text, position] : other.infos_) AddInfo(text, position);
  }
  bool empty() const { return warnings_.empty() && infos_.empty(); }

  using Entries = std::map<std::string, std::optional<PositionRange>>;
  const Entries& warnings() const { return warnings_; }
  const Entries& infos() const { return infos_; }

 private:
  Entries warnings_;
  Entries infos_;
};

}  // namespace narthex::storage
