// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/xor2.h"

#include <algorithm>
#include <bit>
#include <string>

#include "narthex/base/check.h"
#include "narthex/base/coding.h"
#include "narthex/model/sample.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/bit_stream.h"
#include "tsdb/chunkenc/trim.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

constexpr std::size_t kStartByte = 2;  // Of the header.

// A changed value: in the window of significant bits at hand, or behind the code for a new one.
void PutWindow(BitTail& out, XorState& state, std::uint64_t x, std::uint64_t new_code,
               unsigned new_bits) {
  const unsigned lead = std::min(static_cast<unsigned>(std::countl_zero(x)), 31U);
  const unsigned trail = static_cast<unsigned>(std::countr_zero(x));
  if (state.leading != XorState::kNoWindow && lead >= state.leading && trail >= state.trailing) {
    out.Put(0, 1);
    out.Put(x >> state.trailing, 64U - state.leading - state.trailing);
    return;
  }
  state.leading = static_cast<std::uint8_t>(lead);
  state.trailing = static_cast<std::uint8_t>(trail);
  const unsigned significant = 64 - lead - trail;
  out.Put(new_code << 11 | lead << 6 | (significant & 0x3f), new_bits + 11);
  out.Put(x >> trail, significant);
}

// Of a sample whose time has a code of its own.
void PutValue(BitTail& out, XorState& state, const Xor2More& more, double v) {
  if (model::IsStale(v)) return out.Put(0b111, 3);
  const std::uint64_t x = std::bit_cast<std::uint64_t>(v) ^ std::bit_cast<std::uint64_t>(more.base);
  if (x == 0) return out.Put(0, 1);
  out.Put(1, 1);
  PutWindow(out, state, x, 0b10, 2);
}

// Beyond the second sample: time and value at once where the interval is that of the last one.
void PutLater(BitTail& out, XorState& state, const Xor2More& more, std::int64_t dod, double v) {
  const auto bits = static_cast<std::uint64_t>(dod);
  if (dod == 0) {
    if (model::IsStale(v)) return out.Put(0b11111, 5);
    const std::uint64_t x =
        std::bit_cast<std::uint64_t>(v) ^ std::bit_cast<std::uint64_t>(more.base);
    if (x == 0) return out.Put(0, 1);
    out.Put(0b10, 2);
    return PutWindow(out, state, x, 0b1, 1);
  }
  if (dod >= -4096 && dod <= 4095) {
    out.Put(0b110ULL << 13 | (bits & 0x1fff), 16);
  } else if (dod >= -524288 && dod <= 524287) {
    out.Put(0b1110ULL << 20 | (bits & 0xfffff), 24);
  } else {
    out.Put(0b11110, 5);
    out.Put(bits, 64);
  }
  PutValue(out, state, more, v);
}

class Xor2Reader {
 public:
  explicit Xor2Reader(ByteSpan chunk)
      : in_(chunk.subspan(kXor2HeaderBytes)),
        count_(LoadBe16(chunk.data())),
        starts_(chunk[kStartByte]) {}

  bool Next() {
    if (read_ == count_ || !in_.ok()) return false;
    stale_ = false;
    const TimestampMs last_t = t_;
    if (read_ == 0) {
      ReadFirst();
    } else if (read_ == 1) {
      delta_ = in_.Uvarint();
      Advance(0);
      ReadValue();
    } else {
      ReadLater();
    }
    TakeStart(in_, starts_, start_, read_, last_t, t_);
    ++read_;
    return in_.ok();
  }
  bool ok() const { return in_.ok(); }
  TimestampMs t() const { return t_; }
  double v() const { return stale_ ? model::kStaleNaN : value_.value(); }
  TimestampMs start() const { return start_.start; }

 private:
  void ReadFirst() {
    t_ = in_.Varint();
    value_.bits = in_.Bits(64);
    // A staleness marker is not what the next value is coded against.
    stale_ = model::IsStale(value_.value());
    if (stale_) value_.bits = 0;
  }

  void Advance(std::int64_t delta_of_delta) {
    delta_ += static_cast<std::uint64_t>(delta_of_delta);
    t_ = static_cast<TimestampMs>(static_cast<std::uint64_t>(t_) + delta_);
  }

  void ReadValue() {
    switch (in_.Ones(3)) {
      case 0:
        return;
      case 1:
        return value_.ReadWindow(in_, false);
      case 2:
        return value_.ReadWindow(in_, true);
      default:
        stale_ = true;  // The next value is still coded against the last real one.
    }
  }

  // The leading ones tell time and value at once for the common cases.
  void ReadLater() {
    switch (in_.Ones(5)) {
      case 0:
        return Advance(0);
      case 1:
        Advance(0);
        return value_.ReadWindow(in_, in_.Bit());
      case 2:
        Advance(in_.Signed(13));
        return ReadValue();
      case 3:
        Advance(in_.Signed(20));
        return ReadValue();
      case 4:
        Advance(in_.Signed(64));
        return ReadValue();
      default:
        Advance(0);
        stale_ = true;
    }
  }

  BitReader in_;
  unsigned count_;
  unsigned read_ = 0;
  std::uint8_t starts_;
  StartState start_;
  TimestampMs t_ = 0;
  std::uint64_t delta_ = 0;
  XorField value_;
  bool stale_ = false;
};

}  // namespace

void Xor2AppendTail(XorState& state, Xor2More& more, std::uint8_t* header, std::uint8_t* tail,
                    TimestampMs t, double v, TimestampMs start) {
  NX_DCHECK(state.count < kMaxXorSamples, "XOR2 chunk is full");
  BitTail out(tail, state.tail_bits);
  const std::size_t before = state.tail_offset();
  const std::int64_t delta = TimeBetween(state.t, t);
  if (state.count == 0) {
    PutVarintBits(out, t);
    out.Put(std::bit_cast<std::uint64_t>(v), 64);
  } else if (state.count == 1) {
    PutUvarintBits(out, static_cast<std::uint64_t>(delta));
    PutValue(out, state, more, v);
    state.delta = delta;
  } else {
    PutLater(out, state, more, TimeBetween(state.delta, delta), v);
    state.delta = delta;
  }
  header[kStartByte] =
      PutStart(out, header[kStartByte], more.start, state.count, state.t, t, start);
  state.size = static_cast<std::uint16_t>(before + out.Finish(tail));
  state.tail_bits = static_cast<std::uint8_t>(out.used_bits());
  state.t = t;
  state.v = v;
  if (!model::IsStale(v)) more.base = v;
  StoreBe16(header, ++state.count);
}

Status Xor2Decode(ByteSpan chunk, TimestampMs mint, TimestampMs maxt, storage::SampleColumns& out) {
  const std::size_t base = out.t.size();
  const auto corrupt = [&] {
    out.t.resize(base);
    out.v.resize(base);
    out.starts.Truncate(base);
    return Fail(Code::kCorruption,
                "XOR2 chunk of " + std::to_string(chunk.size()) + " bytes is cut short or damaged");
  };
  if (chunk.size() < kXor2HeaderBytes) return corrupt();
  Xor2Reader reader(chunk);
  while (reader.Next()) {
    out.starts.Append(out.t.size(), reader.start());
    out.t.push_back(reader.t());
    out.v.push_back(reader.v());
  }
  if (!reader.ok()) return corrupt();
  TrimFloats(out, base, mint, maxt);
  return {};
}

}  // namespace narthex::tsdb
