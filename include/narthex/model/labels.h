// SPDX-License-Identifier: Apache-2.0
//
// Label sets: sorted by name, names unique, no empty values.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::model {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kInstanceLabel = "instance";
inline constexpr std::string_view kBucketLabel = "le";
inline constexpr std::string_view kAlertName = "alertname";

/// Longest name or value of a label, as Prometheus's. What makes labels from labels (relabelling,
/// label_replace) ends there; without an end, a few rules that double a value would take all
/// memory.
inline constexpr std::size_t kMaxLabelBytes = std::size_t{1} << 24;

struct LabelView {
  std::string_view name;
  std::string_view value;
};

/// An immutable label set in one string: for each label the length and bytes of the name, then of
/// the value. A length below 255 takes one byte, else 0xFF and four bytes in machine order.
/// Equal sets have equal bytes. Views from it live as long as the set. Copying copies the bytes.
class Labels {
 public:
  static constexpr unsigned char kLongField = 0xff;  // In the place of a length.

  Labels() = default;
  /// From pairs in any order; empty values are dropped; of equal names the last one wins.
  Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);
  static Labels FromPairs(std::vector<std::pair<std::string_view, std::string_view>> pairs);
  /// From pairs known to be sorted by name, unique and not empty.
  template <typename Range>
  static Labels FromSorted(const Range& pairs) {
    Labels labels;
    for (const auto& [name, value] : pairs) labels.AppendSorted(name, value);
    return labels;
  }

  /// From the encoding described above, which the caller knows to be right.
  static Labels FromBytes(std::string_view bytes) {
    Labels labels;
    labels.data_ = bytes;
    return labels;
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    using pointer = const LabelView*;
    using reference = LabelView;

    Iterator() = default;
    explicit Iterator(const char* p) : p_(p) {}
    LabelView operator*() const {
      const char* p = p_;
      const std::string_view name = ReadField(p);
      return {name, ReadField(p)};
    }
    Iterator& operator++() {
      ReadField(p_);
      ReadField(p_);
      return *this;
    }
    bool operator==(const Iterator& other) const { return p_ == other.p_; }

   private:
    friend class Labels;
    const char* position() const { return p_; }
    static std::string_view ReadField(const char*& p) {
      std::size_t size = static_cast<unsigned char>(*p++);
      if (size == kLongField) [[unlikely]] {
        std::uint32_t wide;
        std::memcpy(&wide, p, 4);
        p += 4;
        size = wide;
      }
      const std::string_view field(p, size);
      p += size;
      return field;
    }
    const char* p_ = nullptr;
  };
  Iterator begin() const { return Iterator(data_.data()); }
  Iterator end() const { return Iterator(data_.data() + data_.size()); }

  bool empty() const { return data_.empty(); }
  /// Number of labels; walks the set.
  std::size_t size() const;
  /// The value, "" when there is none.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  /// XXH3 of the bytes: for tables in memory.
  std::uint64_t Hash() const;
  /// The encoding described above.
  std::string_view bytes() const { return data_; }

  /// {a="b", c="d"} with Go quoting; names that are not legacy-valid are quoted too.
  std::string ToString() const;

  bool operator==(const Labels&) const = default;
  /// Prometheus's order: pair by pair, name then value by bytes; a prefix comes first.
  std::strong_ordering operator<=>(const Labels& other) const;

  /// A copy with these labels instead of its own of the same names. One with an empty value, which
  /// only `changes` may have, takes a label away.
  Labels With(const Labels& changes) const;
  /// Takes away the labels whose name `drop` says, in place.
  template <typename Drop>
  void EraseIf(Drop&& drop) {
    char* const data = data_.data();
    const char* const end = data + data_.size();
    std::size_t size = 0;  // Of what stays.
    for (Iterator it(data); it != Iterator(end);) {
      const char* const from = it.position();
      const bool dropped = drop((*it).name);
      ++it;
      if (dropped) continue;
      const auto bytes = static_cast<std::size_t>(it.position() - from);
      if (data + size != from) std::memmove(data + size, from, bytes);
      size += bytes;
    }
    data_.resize(size);
  }

  /// Adds a label that sorts after all present ones; for builders and decoders.
  void AppendSorted(std::string_view name, std::string_view value);
  /// Empties the set and keeps its memory; for decoders that fill one set again and again.
  void Clear() { data_.clear(); }

 private:
  std::string data_;
};

/// Changes a label set: start from one, set and delete, then Build.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { Reset(base); }
  void Reset(const Labels& base);

  /// An empty value deletes the label.
  LabelsBuilder& Set(std::string_view name, std::string_view value);
  LabelsBuilder& Delete(std::string_view name);
  template <typename Names>
  LabelsBuilder& Keep(const Names& names) {
    std::erase_if(pairs_, [&](const auto& pair) {
      for (const auto& name : names) {
        if (name == pair.first) return false;
      }
      return true;
    });
    return *this;
  }
  std::string_view Get(std::string_view name) const;
  /// Sorted by name.
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
  Labels Build() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;  // Sorted by name, values not empty.
};

/// [a-zA-Z_][a-zA-Z0-9_]*
bool IsLegacyLabelName(std::string_view name);
/// [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsLegacyMetricName(std::string_view name);
bool IsValidUtf8(std::string_view text);

}  // namespace narthex::model
