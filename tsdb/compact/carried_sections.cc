// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/carried_sections.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace narthex::tsdb {
namespace {

namespace json = boost::json;

constexpr std::string_view kSection = "thanos";
// Those that must agree come first.
constexpr std::array<const char*, 4> kMembers = {"labels", "downsample", "version", "source"};
constexpr std::size_t kMustAgree = 2;

std::optional<json::object> SectionOf(const BlockMeta& meta) {
  const auto it = std::find_if(meta.unknown.begin(), meta.unknown.end(),
                               [](const auto& entry) { return entry.first == kSection; });
  if (it == meta.unknown.end()) return std::nullopt;
  boost::system::error_code error;
  json::value section = json::parse({it->second.data(), it->second.size()}, error);
  if (error || !section.is_object()) return std::nullopt;
  return std::move(section.get_object());
}

bool Agree(const json::object& a, const json::object& b, const char* member) {
  const json::value* in_a = a.if_contains(member);
  const json::value* in_b = b.if_contains(member);
  return in_a == nullptr || in_b == nullptr ? in_a == in_b : *in_a == *in_b;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CarriedSections(
    std::span<const BlockMeta* const> inputs) {
  if (inputs.empty()) return {};
  const auto first = SectionOf(*inputs[0]);
  if (!first) return {};
  json::object carried;
  for (const char* member : kMembers) {
    if (const json::value* value = first->if_contains(member)) carried[member] = *value;
  }
  for (const BlockMeta* meta : inputs.subspan(1)) {
    const auto other = SectionOf(*meta);
    if (!other) return {};
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
      if (Agree(*first, *other, kMembers[i])) continue;
      if (i < kMustAgree) return {};
      carried.erase(kMembers[i]);
    }
  }
  return {{std::string(kSection), json::serialize(carried)}};
}

}  // namespace narthex::tsdb
