// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/xor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "narthex/base/check.h"
#include "narthex/base/coding.h"
#include "tsdb/chunkenc/bit_stream.h"
#include "tsdb/chunkenc/trim.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

// Wraps as in Go.
std::int64_t Minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

void PutDeltaOfDelta(BitTail& out, std::int64_t dod) {
  // A bin of n bits holds −(2ⁿ⁻¹−1) … 2ⁿ⁻¹.
  if (dod == 0) {
    out.Put(0, 1);
  } else if (dod >= -8191 && dod <= 8192) {
    out.Put(0b10ULL << 14 | (static_cast<std::uint64_t>(dod) & 0x3fff), 16);
  } else if (dod >= -65535 && dod <= 65536) {
    out.Put(0b110ULL << 17 | (static_cast<std::uint64_t>(dod) & 0x1ffff), 20);
  } else if (dod >= -524287 && dod <= 524288) {
    out.Put(0b1110ULL << 20 | (static_cast<std::uint64_t>(dod) & 0xfffff), 24);
  } else {
    out.Put(0b1111, 4);
    out.Put(static_cast<std::uint64_t>(dod), 64);
  }
}

void PutValue(BitTail& out, XorState& state, double v) {
  PutXor(out, std::bit_cast<std::uint64_t>(v) ^ std::bit_cast<std::uint64_t>(state.v),
         state.leading, state.trailing);
}

// The code of an interval that differs by a few minutes at most from the one before, which nearly
// all do; of another one nothing.
struct ShortCode {
  std::uint64_t bits = 0;
  unsigned size = 0;
};
ShortCode CodeOfDeltaOfDelta(std::int64_t dod) {
  const auto bits = static_cast<std::uint64_t>(dod);
  if (dod == 0) return {0, 1};
  if (dod >= -8191 && dod <= 8192) return {0b10U << 14 | (bits & 0x3fff), 16};
  if (dod >= -65535 && dod <= 65536) return {0b110U << 17 | (bits & 0x1ffff), 20};
  if (dod >= -524287 && dod <= 524288) return {0b1110U << 20 | (bits & 0xfffff), 24};
  return {};
}

// What PutShort takes at most, so that it fits a word whatever the bit that it begins at.
constexpr unsigned kMaxShortBits = 57;

// Writes the lowest n bits of v at bit `pos`, in a word that begins there.
void PutShort(std::uint8_t* bytes, std::size_t pos, std::uint64_t v, unsigned n) {
  std::uint8_t* const at = bytes + pos / 8;
  const unsigned before = pos % 8;
  const std::uint64_t kept = std::uint64_t{*at & (0xff00U >> before) & 0xff} << 56;
  StoreBe64(at, kept | v << (64 - before - n));
}

// The same in a word that ends within bytes[0, room). Slower where the bits before were written a
// moment ago, because the processor has them in a store that this word is not a part of.
void PutShortWithin(std::uint8_t* bytes, std::size_t room, std::size_t pos, std::uint64_t v,
                    unsigned n) {
  const std::size_t at = std::min(pos / 8, room - 8);
  const auto before = static_cast<unsigned>(pos - 8 * at);
  const std::uint64_t kept = LoadBe64(bytes + at) & ~(~std::uint64_t{0} >> before);
  StoreBe64(bytes + at, kept | v << (64 - before - n));
}

// Appends a common sample. Without kTight there is room for kMaxXorSampleBytes.
template <bool kTight>
[[gnu::always_inline]] inline bool AppendCommon(XorState& state, std::uint8_t* bytes,
                                                std::size_t room, TimestampMs t, double v) {
  const std::int64_t delta = Minus(t, state.t);
  ShortCode code = CodeOfDeltaOfDelta(Minus(delta, state.delta));
  if (state.count < 2 || code.size == 0) return false;
  const std::uint64_t x = std::bit_cast<std::uint64_t>(v) ^ std::bit_cast<std::uint64_t>(state.v);
  const std::size_t pos = 8 * std::size_t{state.size} - (-state.tail_bits & 7U);
  unsigned leading = state.leading;
  unsigned trailing = state.trailing;
  unsigned significant = 0;
  if (x == 0) {
    code = {code.bits << 1, code.size + 1};
  } else {
    const unsigned lead = std::min(static_cast<unsigned>(std::countl_zero(x)), 31U);
    const unsigned trail = static_cast<unsigned>(std::countr_zero(x));
    // Never true of kNoWindow.
    if (lead >= leading && trail >= trailing) {
      significant = 64 - leading - trailing;
      code = {code.bits << 2 | 0b10, code.size + 2};
    } else {
      leading = lead;
      trailing = trail;
      significant = 64 - lead - trail;
      code = {code.bits << 13 | 0b11U << 11 | lead << 6 | (significant & 0x3f), code.size + 13};
    }
  }
  const unsigned size = code.size + significant;
  const std::size_t end = pos + size;
  if (kTight && end > 8 * room) return false;
  const bool spare = !kTight || pos / 8 + kMaxXorSampleBytes <= room;
  const auto put = [&](std::size_t at, std::uint64_t bits, unsigned n) {
    if (spare) {
      PutShort(bytes, at, bits, n);
    } else {
      PutShortWithin(bytes, room, at, bits, n);
    }
  };
  const std::uint64_t payload = x >> trailing;
  if (size <= kMaxShortBits) [[likely]] {
    const std::uint64_t whole = code.bits << significant | payload;
    // One store alone: finding out whether there is room to spare would take longer.
    if constexpr (kTight) {
      PutShortWithin(bytes, room, pos, whole, size);
    } else {
      PutShort(bytes, pos, whole, size);
    }
  } else {
    // Of the many significant bits that there are then, first one half, then the other.
    const unsigned half = significant / 2;
    put(pos, code.bits, code.size);
    put(pos + code.size, payload >> half, significant - half);
    put(end - half, payload & ((std::uint64_t{1} << half) - 1), half);
  }
  state.delta = delta;
  state.t = t;
  state.v = v;
  state.leading = static_cast<std::uint8_t>(leading);
  state.trailing = static_cast<std::uint8_t>(trailing);
  state.size = static_cast<std::uint16_t>((end + 7) / 8);
  state.tail_bits = static_cast<std::uint8_t>(end % 8);
  StoreBe16(bytes, ++state.count);
  return true;
}

// Where decoding is, between two samples.
struct Cursor {
  std::uint64_t pos = 0;  // Bits from the start of the buffer at hand.
  TimestampMs t = 0;
  std::uint64_t delta = 0;
  std::uint64_t v = 0;
  unsigned leading = 0;
  unsigned trailing = 0;
  bool has_window = false;
  bool bad = false;
};

// One sample beyond the second reads at most this far from the byte it starts in: 68 bits of time,
// 77 of value, and a 9-byte load for the last of them.
constexpr std::size_t kReadAhead = 32;

inline std::uint64_t ReadDeltaOfDelta(const std::uint8_t* p, Cursor& c, std::uint64_t window) {
  const unsigned ones = static_cast<unsigned>(std::countl_one(window));
  if (ones >= 4) {
    c.pos += 4;
    const std::uint64_t dod = PeekBits(p, c.pos);
    c.pos += 64;
    return dod;
  }
  const unsigned bits = 11 + 3 * ones;  // 14, 17, 20.
  const std::uint64_t raw = (window << (ones + 1)) >> (64 - bits);
  c.pos += ones + 1 + bits;
  return raw > (std::uint64_t{1} << (bits - 1)) ? raw - (std::uint64_t{1} << bits) : raw;
}

// The value code whose first bit, known to be 1, leads `window`.
[[gnu::always_inline]] inline void ReadChangedValue(const std::uint8_t* p, Cursor& c,
                                                    std::uint64_t window) {
  unsigned significant = 64 - c.leading - c.trailing;
  unsigned header = 2;
  if ((window & (std::uint64_t{1} << 62)) != 0) {
    c.leading = static_cast<unsigned>(window >> 57) & 0x1f;
    significant = static_cast<unsigned>(window >> 51) & 0x3f;
    if (significant == 0) significant = 64;
    if (c.leading + significant > 64) [[unlikely]] {
      c.bad = true;
      significant = 64 - c.leading;
    }
    c.trailing = 64 - c.leading - significant;
    c.has_window = true;
    header = 13;
  }
  // Most fit the window at hand, of which 56 bits are good.
  c.pos += header;
  std::uint64_t bits = window << header;
  if (header + significant > 56) {
    bits = significant <= 57 ? PeekShort(p, c.pos) : PeekBits(p, c.pos);
  }
  c.v ^= (bits >> (64 - significant)) << c.trailing;
  c.pos += significant;
}

// Decodes samples while fewer than n are done and the next one starts at or before `limit` bits.
// kReadAhead bytes from there on are readable. Returns the number done.
template <typename Sink>
inline std::size_t DecodeRun(const std::uint8_t* p, std::uint64_t limit, std::size_t n,
                             Cursor& cursor, Sink&& sink) {
  Cursor c = cursor;
  std::size_t i = 0;
  while (i < n && c.pos <= limit) {
    std::uint64_t window = PeekShort(p, c.pos);
    if (window >> 62 == 0) {
      // Each pair of zero bits is "same interval, same value"; 56 bits are good for 28 pairs.
      std::size_t same = static_cast<std::size_t>(std::countl_zero(window | 0x80)) / 2;
      same = std::min(same, n - i);
      c.pos += 2 * same;
      const double v = std::bit_cast<double>(c.v);
      for (const std::size_t end = i + same; i < end; ++i) {
        c.t = static_cast<TimestampMs>(static_cast<std::uint64_t>(c.t) + c.delta);
        sink(i, c.t, v);
      }
      continue;
    }
    if (window >> 63 != 0) {
      c.delta += ReadDeltaOfDelta(p, c, window);
      window = PeekShort(p, c.pos);
    } else {
      window <<= 1;
      ++c.pos;
    }
    c.t = static_cast<TimestampMs>(static_cast<std::uint64_t>(c.t) + c.delta);
    if (window >> 63 != 0) {
      ReadChangedValue(p, c, window);
    } else {
      ++c.pos;
    }
    sink(i, c.t, std::bit_cast<double>(c.v));
    ++i;
  }
  cursor = c;
  return i;
}

// Reads samples 0 and 1 (sample 1 up to its value). False when the bytes do not hold them.
bool ReadFirst(Decoder& in, Cursor& c) {
  c.t = in.Varint();
  c.v = in.Be64();
  return in.ok();
}

// Decodes a whole chunk: sink(i, t, v) for each sample. False when it is corrupt.
template <typename Sink>
bool DecodeAll(ByteSpan chunk, Cursor& c, Sink&& sink) {
  const std::size_t n = LoadBe16(chunk.data());
  if (n == 0) {
    c.pos = 8 * kXorHeaderBytes;
    return true;
  }
  Decoder in(chunk.subspan(kXorHeaderBytes));
  if (!ReadFirst(in, c)) return false;
  sink(0, c.t, std::bit_cast<double>(c.v));
  if (n > 1) c.delta = in.Uvarint();
  if (!in.ok()) return false;
  const auto start = static_cast<std::size_t>(in.position() - chunk.data());
  c.pos = 8 * start;
  if (n == 1) return true;

  // The end is read from a padded copy, so that the loop above needs no bounds check per load.
  const std::size_t size = chunk.size();
  std::uint8_t padded[2 * kReadAhead + 8 + kReadAhead] = {};
  std::size_t copied_from = size > 2 * kReadAhead ? size - 2 * kReadAhead : 0;
  copied_from = std::max(copied_from, std::min(start, size));
  const std::uint64_t end_bits = 8 * size;
  const std::uint64_t fast_limit = size > kReadAhead ? 8 * (size - kReadAhead) : 0;

  const auto second = [&](const std::uint8_t* p) {
    const std::uint64_t window = PeekShort(p, c.pos);
    if (window >> 63 != 0) {
      ReadChangedValue(p, c, window);
    } else {
      ++c.pos;
    }
    c.t = static_cast<TimestampMs>(static_cast<std::uint64_t>(c.t) + c.delta);
    sink(1, c.t, std::bit_cast<double>(c.v));
  };
  std::size_t done = 1;
  if (c.pos <= fast_limit && size > kReadAhead) {
    second(chunk.data());
    done = 2;
    done += DecodeRun(chunk.data(), fast_limit, n - 2, c,
                      [&](std::size_t i, TimestampMs t, double v) { sink(i + 2, t, v); });
  }
  if (done < n) {
    std::memcpy(padded, chunk.data() + copied_from, size - copied_from);
    const std::uint64_t shift = 8 * copied_from;
    c.pos -= shift;
    if (done == 1) {
      second(padded);
      done = 2;
    }
    const std::size_t base = done;
    done += DecodeRun(padded, end_bits - shift, n - base, c,
                      [&](std::size_t i, TimestampMs t, double v) { sink(i + base, t, v); });
    c.pos += shift;
  }
  return done == n && c.pos <= end_bits && !c.bad;
}

Status Corrupt(ByteSpan chunk) {
  return Fail(Code::kCorruption,
              "XOR chunk of " + std::to_string(chunk.size()) + " bytes is cut short or damaged");
}

}  // namespace

void XorAppendTail(XorState& state, std::uint8_t* tail, TimestampMs t, double v) {
  BitTail out(tail, state.tail_bits);
  if (state.count == 0) {
    std::uint8_t* p = tail + PutVarint(tail, t);
    StoreBe64(p, std::bit_cast<std::uint64_t>(v));
    state.size = static_cast<std::uint16_t>(state.size + (p + 8 - tail));
  } else {
    const std::int64_t delta = Minus(t, state.t);
    if (state.count == 1) {
      PutUvarintBits(out, static_cast<std::uint64_t>(delta));
    } else {
      PutDeltaOfDelta(out, Minus(delta, state.delta));
    }
    PutValue(out, state, v);
    state.delta = delta;
    state.size = static_cast<std::uint16_t>(state.tail_offset() + out.Finish(tail));
    state.tail_bits = static_cast<std::uint8_t>(out.used_bits());
  }
  state.t = t;
  state.v = v;
  ++state.count;
}

bool XorAppendWithin(XorState& state, std::uint8_t* bytes, std::size_t room, TimestampMs t,
                     double v) {
  return AppendCommon<true>(state, bytes, room, t, v);
}

void XorAppend(XorState& state, std::uint8_t* bytes, TimestampMs t, double v) {
  NX_DCHECK(state.count < kMaxXorSamples, "XOR chunk is full");
  if (AppendCommon<false>(state, bytes, 0, t, v)) return;
  XorAppendTail(state, bytes + state.tail_offset(), t, v);
  StoreBe16(bytes, state.count);
}

Result<XorState> XorRestore(ByteSpan chunk) {
  if (chunk.size() < kXorHeaderBytes || chunk.size() > 0xffff) return Fail(Corrupt(chunk).error());
  Cursor c;
  if (!DecodeAll(chunk, c, [](std::size_t, TimestampMs, double) {})) {
    return Fail(Corrupt(chunk).error());
  }
  XorState state;
  state.t = c.t;
  state.delta = static_cast<std::int64_t>(c.delta);
  state.v = std::bit_cast<double>(c.v);
  state.count = LoadBe16(chunk.data());
  state.size = static_cast<std::uint16_t>((c.pos + 7) / 8);
  state.leading = c.has_window ? static_cast<std::uint8_t>(c.leading) : XorState::kNoWindow;
  state.trailing = static_cast<std::uint8_t>(c.trailing);
  state.tail_bits = static_cast<std::uint8_t>(c.pos % 8);
  return state;
}

Status XorDecode(ByteSpan chunk, TimestampMs mint, TimestampMs maxt, storage::SampleColumns& out) {
  if (chunk.size() < kXorHeaderBytes) return Corrupt(chunk);
  const std::size_t base = out.t.size();
  const std::size_t n = LoadBe16(chunk.data());
  out.t.resize(base + n);
  out.v.resize(base + n);
  TimestampMs* const t = out.t.data() + base;
  double* const v = out.v.data() + base;
  Cursor c;
  const bool ok = DecodeAll(chunk, c, [t, v](std::size_t i, TimestampMs ti, double vi) {
    t[i] = ti;
    v[i] = vi;
  });
  if (!ok) {
    out.t.resize(base);
    out.v.resize(base);
    return Corrupt(chunk);
  }
  TrimFloats(out, base, mint, maxt);
  return {};
}

}  // namespace narthex::tsdb
