// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/compress_samples.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "narthex/base/coding.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::wal {
namespace {

constexpr std::size_t kHeadBytes = 17;      // Type and bases, before the first entry.
constexpr std::size_t kMinEntryBytes = 10;  // Two varints and a value.
constexpr std::size_t kMinCopyBytes = 4;

// The bytes in their order in memory, the first one lowest.
std::uint64_t Load(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// How many bytes the words have in common at their ends and at their beginnings.
std::size_t EqualAtEnd(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::size_t>(std::countl_zero(a ^ b)) / 8;
}
std::size_t EqualAtStart(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::size_t>(std::countr_zero(a ^ b)) / 8;
}

// Of one that has eight bytes at most, which are readable; more of any other.
std::size_t VarintBytes(const std::uint8_t* p) {
  return static_cast<std::size_t>(std::countr_zero(~Load(p) & 0x8080808080808080U)) / 8 + 1;
}

// Writes the elements of a snappy block, which say again, one after the other, all bytes of `in`.
class Elements {
 public:
  Elements(ByteSpan in, std::uint8_t* out) : in_(in), p_(out) { p_ += PutUvarint(p_, in.size()); }

  /// The bytes up to here have been said.
  std::size_t done() const { return done_; }

  /// in[from, to) is what came `distance` bytes before; what lies before it is said as it is.
  void Copy(std::size_t from, std::size_t to, std::size_t distance) {
    Literal(from);
    const std::size_t n = to - from;
    done_ = to;
    if (n <= 11 && distance < 2048) {
      *p_++ = static_cast<std::uint8_t>(1 | (n - 4) << 2 | distance >> 8 << 5);
      *p_++ = static_cast<std::uint8_t>(distance);
      return;
    }
    *p_++ = static_cast<std::uint8_t>(2 | (n - 1) << 2);
    *p_++ = static_cast<std::uint8_t>(distance);
    *p_++ = static_cast<std::uint8_t>(distance >> 8);
  }

  std::uint8_t* Finish() {
    Literal(in_.size());
    return p_;
  }

 private:
  // Says the bytes up to `end` as they are.
  void Literal(std::size_t end) {
    const std::size_t n = end - done_;
    if (n == 0) return;
    const std::uint8_t* const from = in_.data() + done_;
    if (n <= 16 && done_ + 16 <= in_.size()) [[likely]] {
      *p_++ = static_cast<std::uint8_t>((n - 1) << 2);
      std::memcpy(p_, from, 16);  // What is too much is written over.
    } else {
      PutLiteralHead(n - 1);
      std::memcpy(p_, from, n);
    }
    p_ += n;
  }

  void PutLiteralHead(std::size_t last) {
    if (last < 60) {
      *p_++ = static_cast<std::uint8_t>(last << 2);
      return;
    }
    const bool two_bytes = last > 0xff;
    *p_++ = static_cast<std::uint8_t>((two_bytes ? 61 : 60) << 2);
    *p_++ = static_cast<std::uint8_t>(last);
    if (two_bytes) *p_++ = static_cast<std::uint8_t>(last >> 8);
  }

  const ByteSpan in_;
  std::uint8_t* p_;
  std::size_t done_ = 0;
};

// Where earlier values lie in the record: its offsets have 16 bits. 0 = nowhere.
class Seen {
 public:
  /// The last place of a value that may be the same; from now on, it is `at`.
  std::size_t Exchange(std::uint64_t value, std::size_t at) {
    std::uint16_t& place = places_[value * 0x9e3779b97f4a7c15U >> (64 - kBits)];
    const std::size_t last = place;
    place = static_cast<std::uint16_t>(at);
    return last;
  }
  /// Behind the last value that ended in at least so many zero bytes, 4 to 8.
  std::size_t BehindZeros(std::size_t n) const { return behind_zeros_[n]; }
  void NoteZeros(std::size_t n, std::size_t behind) {
    for (std::size_t i = kMinCopyBytes; i <= n; ++i) {
      behind_zeros_[i] = static_cast<std::uint16_t>(behind);
    }
  }

 private:
  static constexpr unsigned kBits = 10;
  std::array<std::uint16_t, std::size_t{1} << kBits> places_{};
  std::array<std::uint16_t, 9> behind_zeros_{};
};

// A run begins below its base, and a second entry of the same time shows whether it is a scrape.
// Where the numbers or times are longer, snappy itself finds more: there they repeat, too.
bool IsRunOfOneTime(ByteSpan record) {
  constexpr auto kFirstOfRun = static_cast<std::uint8_t>(2 * kRunReach - 1);  // -kRunReach.
  constexpr std::size_t kSecond = kHeadBytes + kMinEntryBytes;
  return record.size() > kSecond + kMinEntryBytes && record[kHeadBytes] == kFirstOfRun &&
         record[kHeadBytes + 1] == 0 && record[kSecond + 1] == 0;
}

}  // namespace

std::size_t CompressSamples(ByteSpan record, std::uint8_t* out) {
  const std::size_t n = record.size();
  if (n > kMaxCompressSamplesBytes || !IsRunOfOneTime(record)) return 0;
  const std::uint8_t* const in = record.data();
  Elements elements(record, out);
  Seen seen;
  // A copy may go on into the varints that follow the value, of which there are two.
  const auto going_on = [&](std::size_t here, std::size_t there) -> std::size_t {
    if (here + 8 > n) return 0;
    return std::min<std::size_t>(2, EqualAtStart(Load(in + here), Load(in + there)));
  };
  for (std::size_t at = kHeadBytes; at < n;) {
    if (n - at < kMinEntryBytes) return 0;
    at += VarintBytes(in + at);
    if (n < at + 8) return 0;
    at += VarintBytes(in + at);
    if (n < at + 8) return 0;
    const std::uint64_t value = Load(in + at);
    const std::size_t end = at + 8;
    const auto zeros = static_cast<std::size_t>(std::countl_zero(value)) / 8;
    const std::size_t last = seen.Exchange(value, at);
    if (last != 0 && Load(in + last) == value) {
      const std::size_t before =
          std::min(at - elements.done(), EqualAtEnd(Load(in + at - 8), Load(in + last - 8)));
      elements.Copy(at - before, end + going_on(end, last + 8), at - last);
    } else if (zeros >= kMinCopyBytes && seen.BehindZeros(zeros) != 0) {
      const std::size_t behind = seen.BehindZeros(zeros);
      const std::size_t same = EqualAtEnd(value, Load(in + behind - 8));
      elements.Copy(end - same, end + going_on(end, behind), end - behind);
    }
    seen.NoteZeros(zeros, end);
    at = end;
  }
  return static_cast<std::size_t>(elements.Finish() - out);
}

}  // namespace narthex::tsdb::wal
