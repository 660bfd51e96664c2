// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/xor2.h"

#include <string>

#include "narthex/base/coding.h"
#include "narthex/model/sample.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/trim.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kHeaderBytes = 3;

class Xor2Reader {
 public:
  explicit Xor2Reader(ByteSpan chunk)
      : in_(chunk.subspan(kHeaderBytes)), count_(LoadBe16(chunk.data())), st_(chunk[2]) {}

  bool Next() {
    if (read_ == count_ || !in_.ok()) return false;
    stale_ = false;
    if (read_ == 0) {
      t_ = in_.Varint();
      value_.bits = in_.Bits(64);
    } else if (read_ == 1) {
      delta_ = in_.Uvarint();
      Advance(0);
      ReadValue();
    } else {
      ReadLater();
    }
    SkipStartTime();
    ++read_;
    return in_.ok();
  }
  bool ok() const { return in_.ok(); }
  model::TimestampMs t() const { return t_; }
  double v() const { return stale_ ? model::kStaleNaN : value_.value(); }

 private:
  void Advance(std::int64_t delta_of_delta) {
    delta_ += static_cast<std::uint64_t>(delta_of_delta);
    t_ = static_cast<model::TimestampMs>(static_cast<std::uint64_t>(t_) + delta_);
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

  void SkipStartTime() {
    const unsigned first_change = st_ & 0x7f;
    if (read_ == 0) {
      if ((st_ & 0x80) != 0) in_.Varint();
    } else if (first_change != 0 && read_ >= first_change) {
      in_.VarbitInt();
    }
  }

  BitReader in_;
  unsigned count_;
  unsigned read_ = 0;
  std::uint8_t st_;
  model::TimestampMs t_ = 0;
  std::uint64_t delta_ = 0;
  XorField value_;
  bool stale_ = false;
};

}  // namespace

Status Xor2Decode(ByteSpan chunk, model::TimestampMs mint, model::TimestampMs maxt,
                  storage::SampleColumns& out) {
  const std::size_t base = out.t.size();
  const auto corrupt = [&] {
    out.t.resize(base);
    out.v.resize(base);
    return Fail(Code::kCorruption,
                "XOR2 chunk of " + std::to_string(chunk.size()) + " bytes is cut short or damaged");
  };
  if (chunk.size() < kHeaderBytes) return corrupt();
  Xor2Reader reader(chunk);
  while (reader.Next()) {
    out.t.push_back(reader.t());
    out.v.push_back(reader.v());
  }
  if (!reader.ok()) return corrupt();
  TrimFloats(out, base, mint, maxt);
  return {};
}

}  // namespace narthex::tsdb
