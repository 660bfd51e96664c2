// SPDX-License-Identifier: Apache-2.0
#include "src/cli/alert_diff.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::cli {
namespace {

constexpr std::string_view kAdded = "\033[0;32m";
constexpr std::string_view kRemoved = "\033[0;31m";
constexpr std::string_view kChanged = "\033[0;33m";
constexpr std::string_view kEnd = "\033[0m";
constexpr std::size_t kStep = 4;

std::string Coloured(std::string_view colour, const std::string& text) {
  return colour.empty() ? text : fmt::format("{}{}{}", colour, text, kEnd);
}

class Writer {
 public:
  explicit Writer(const std::string& indent) : indent_(indent) {}

  /// An alert that both sides have in this place, or one of them (the other is null).
  void Alert(const TestedAlert* want, const TestedAlert* got, bool last) {
    const std::string_view colour = want == nullptr ? kAdded : got == nullptr ? kRemoved : "";
    Line(1, Coloured(colour, "{"));
    const auto labels_of = [](const TestedAlert* alert, auto member) {
      return alert == nullptr ? model::Labels() : alert->*member;
    };
    for (const auto& [name, member] : {std::pair("Annotations", &TestedAlert::annotations),
                                       std::pair("Labels", &TestedAlert::labels)}) {
      Map(name, labels_of(want, member), labels_of(got, member), colour,
          std::string_view(name) == "Labels");
    }
    Line(1, Coloured(colour, "}") + (last ? "" : ","));
  }

  std::string Take() { return "[" + std::move(text_) + "\n" + indent_ + "]"; }

 private:
  using Entry = std::pair<std::optional<std::string_view>, std::optional<std::string_view>>;

  void Line(std::size_t level, const std::string& text) {
    text_ += '\n' + indent_ + std::string(level * kStep, ' ') + text;
  }

  static std::string EntryText(std::string_view key, const Entry& entry) {
    const auto& [want, got] = entry;
    const std::string name = go::Quote(key) + ": ";
    if (want && got) {
      if (*want == *got) return name + go::Quote(*want);
      return name + Coloured(kChanged, go::Quote(*want) + " => " + go::Quote(*got));
    }
    return Coloured(want ? kRemoved : kAdded, name + go::Quote(want ? *want : *got));
  }

  /// @param colour  of the whole alert when only one side has it
  void Map(std::string_view name, const model::Labels& want, const model::Labels& got,
           std::string_view colour, bool last) {
    std::map<std::string_view, Entry> entries;
    for (const auto& [key, value] : want) entries[key].first = value;
    for (const auto& [key, value] : got) entries[key].second = value;
    const std::string comma = last ? "" : ",";
    const std::string head = go::Quote(name) + ": {";
    // The comma between two entries of a coloured alert is coloured, too.
    const auto line = [&](std::size_t level, const std::string& text) {
      Line(level, Coloured(colour, text));
    };
    if (entries.empty()) return line(2, head + "}" + comma);
    line(2, head);
    std::size_t left = entries.size();
    for (const auto& [key, entry] : entries) {
      const std::string separator = --left > 0 ? "," : "";
      if (colour.empty()) {
        Line(3, EntryText(key, entry) + separator);
      } else {
        const std::string_view value = entry.first ? *entry.first : *entry.second;
        line(3, go::Quote(key) + ": " + go::Quote(value) + separator);
      }
    }
    line(2, "}" + comma);
  }

  const std::string& indent_;
  std::string text_;
};

}  // namespace

std::string AlertDiff(std::vector<TestedAlert> want, std::vector<TestedAlert> got,
                      const std::string& indent) {
  if (want.empty()) want.emplace_back();
  if (got.empty()) got.emplace_back();
  Writer writer(indent);
  const std::size_t count = std::max(want.size(), got.size());
  for (std::size_t i = 0; i < count; ++i) {
    writer.Alert(i < want.size() ? &want[i] : nullptr, i < got.size() ? &got[i] : nullptr,
                 i + 1 == count);
  }
  return writer.Take();
}

}  // namespace narthex::cli
