// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/labels.h"

#include <algorithm>
#include <cstring>

#include "narthex/base/go_format.h"
#include "narthex/base/hash.h"

namespace narthex::model {
namespace {

void AppendField(std::string& out, std::string_view text) {
  if (text.size() < Labels::kLongField) {
    out += static_cast<char>(text.size());
  } else {
    const auto size = static_cast<std::uint32_t>(text.size());
    char bytes[4];
    std::memcpy(bytes, &size, 4);
    out += static_cast<char>(Labels::kLongField);
    out.append(bytes, 4);
  }
  out += text;
}

bool IsNameChar(char c, bool first, bool colon) {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || c == '_' || (colon && c == ':') ||
         (!first && c >= '0' && c <= '9');
}

bool IsLegacyName(std::string_view name, bool colon) {
  if (name.empty()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!IsNameChar(name[i], i == 0, colon)) return false;
  }
  return true;
}

// Length of the valid UTF-8 sequence at the start of text, 0 when there is none.
std::size_t Utf8SequenceLength(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto in = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned char b = at(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return in(1, 0x80, 0xbf) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    const unsigned low = b == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = b == 0xed ? 0x9f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    const unsigned low = b == 0xf0 ? 0x90 : 0x80;
    const unsigned high = b == 0xf4 ? 0x8f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) && in(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

}  // namespace

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs)
    : Labels(FromPairs({pairs.begin(), pairs.end()})) {}

Labels Labels::FromPairs(std::vector<std::pair<std::string_view, std::string_view>> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Labels labels;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const bool overridden = i + 1 < pairs.size() && pairs[i + 1].first == pairs[i].first;
    if (!overridden && !pairs[i].second.empty()) {
      labels.AppendSorted(pairs[i].first, pairs[i].second);
    }
  }
  return labels;
}

void Labels::AppendSorted(std::string_view name, std::string_view value) {
  // Nearly all are short: put together aside, they go to the string at once.
  if (name.size() + value.size() < 256 && name.size() < kLongField && value.size() < kLongField) {
    char bytes[2 + 256];
    char* p = bytes;
    *p++ = static_cast<char>(name.size());
    p += name.copy(p, name.size());
    *p++ = static_cast<char>(value.size());
    p += value.copy(p, value.size());
    data_.append(bytes, p);
    return;
  }
  AppendField(data_, name);
  AppendField(data_, value);
}

Labels Labels::With(const Labels& changes) const {
  Labels result;
  result.data_.reserve(data_.size() + changes.data_.size());
  const auto add = [&](const LabelView& change) {
    if (!change.value.empty()) result.AppendSorted(change.name, change.value);
  };
  Iterator change = changes.begin();
  for (const LabelView label : *this) {
    for (; change != changes.end() && (*change).name < label.name; ++change) add(*change);
    if (change != changes.end() && (*change).name == label.name) {
      add(*change);
      ++change;
    } else {
      result.AppendSorted(label.name, label.value);
    }
  }
  for (; change != changes.end(); ++change) add(*change);
  return result;
}

std::size_t Labels::size() const {
  std::size_t n = 0;
  for (auto it = begin(); it != end(); ++it) ++n;
  return n;
}

std::string_view Labels::Get(std::string_view name) const {
  for (const auto& [label, value] : *this) {
    if (label == name) return value;
    if (label > name) break;
  }
  return {};
}

bool Labels::Has(std::string_view name) const { return !Get(name).empty(); }

std::uint64_t Labels::Hash() const { return Hash64(data_); }

std::string Labels::ToString() const {
  std::string out = "{";
  for (const auto& [name, value] : *this) {
    if (out.size() > 1) out += ", ";
    out += IsLegacyLabelName(name) ? std::string(name) : go::Quote(name);
    out += '=';
    out += go::Quote(value);
  }
  return out + '}';
}

std::strong_ordering Labels::operator<=>(const Labels& other) const {
  // Most neighbours share a long prefix of equal fields; skip what is equal byte by byte only as
  // whole fields, because lengths come before texts.
  auto a = begin();
  auto b = other.begin();
  for (; a != end() && b != other.end(); ++a, ++b) {
    const LabelView x = *a;
    const LabelView y = *b;
    if (const auto order = x.name <=> y.name; order != 0) return order;
    if (const auto order = x.value <=> y.value; order != 0) return order;
  }
  if (a != end()) return std::strong_ordering::greater;
  if (b != other.end()) return std::strong_ordering::less;
  return std::strong_ordering::equal;
}

void LabelsBuilder::Reset(const Labels& base) {
  pairs_.clear();
  for (const auto& [name, value] : base) pairs_.emplace_back(name, value);
}

LabelsBuilder& LabelsBuilder::Set(std::string_view name, std::string_view value) {
  if (value.empty()) return Delete(name);
  const auto it = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                                   [](const auto& pair, auto n) { return pair.first < n; });
  if (it != pairs_.end() && it->first == name) {
    it->second = std::string(value);  // A copy first: value may view into this very string.
  } else {
    pairs_.emplace(it, std::string(name), std::string(value));
  }
  return *this;
}

LabelsBuilder& LabelsBuilder::Delete(std::string_view name) {
  std::erase_if(pairs_, [name](const auto& pair) { return pair.first == name; });
  return *this;
}

std::string_view LabelsBuilder::Get(std::string_view name) const {
  for (const auto& [label, value] : pairs_) {
    if (label == name) return value;
  }
  return {};
}

Labels LabelsBuilder::Build() const { return Labels::FromSorted(pairs_); }

bool IsLegacyLabelName(std::string_view name) { return IsLegacyName(name, false); }
bool IsLegacyMetricName(std::string_view name) { return IsLegacyName(name, true); }

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    // Most labels are ASCII, which eight bytes at a time can show.
    if (std::uint64_t word = 0; text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080) == 0) {
        text.remove_prefix(sizeof word);
        continue;
      }
    }
    const std::size_t n = Utf8SequenceLength(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

}  // namespace narthex::model
