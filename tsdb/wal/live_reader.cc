// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/live_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/tsdb/wal_records.h"

namespace narthex::tsdb::wal {
namespace {

constexpr std::uint64_t kWindowBytes = 256 << 10;

std::uint64_t PageEnd(std::uint64_t offset) { return (offset / kPageBytes + 1) * kPageBytes; }

}  // namespace

LiveReader::Step LiveReader::Bad(std::string reason) {
  reason_ = std::move(reason);
  window_.clear();  // The bytes may be others the next time.
  return Step::kBad;
}

const std::uint8_t* LiveReader::At(std::uint64_t offset, std::size_t n, std::uint64_t size) {
  if (offset < window_offset_ || offset + n > window_offset_ + window_.size()) {
    window_.resize(std::min(size - offset, std::max<std::uint64_t>(kWindowBytes, n)));
    window_offset_ = offset;
    if (auto read = file_->ReadAt(offset, window_); !read) {
      window_.clear();
      reason_ = read.error().message();
      return nullptr;
    }
  }
  return window_.data() + (offset - window_offset_);
}

LiveReader::Step LiveReader::SkipPadding(std::uint64_t size, bool whole) {
  const std::uint64_t page_end = PageEnd(offset_);
  const std::uint64_t end = std::min(page_end, size);
  const auto n = static_cast<std::size_t>(end - offset_);
  const std::uint8_t* bytes = At(offset_, n, size);
  if (bytes == nullptr) return Step::kBad;
  if (!std::all_of(bytes, bytes + n, [](std::uint8_t byte) { return byte == 0; })) {
    return Bad("unexpected non-zero byte in padded page");
  }
  if (end == page_end || whole) offset_ = end;
  return Step::kEnd;
}

// kRecord for a fragment.
LiveReader::Step LiveReader::ReadFragment(std::uint64_t size, bool whole) {
  while (offset_ < size) {
    const std::uint8_t* header = At(offset_, 1, size);
    if (header == nullptr) return Step::kBad;
    type_ = static_cast<FragmentType>(header[0] & kTypeMask);
    if (type_ == FragmentType::kPadding) {
      const std::uint64_t before = offset_;
      if (SkipPadding(size, whole) == Step::kBad) return Step::kBad;
      if (offset_ == before) return Step::kEnd;
      continue;
    }
    if (offset_ + kHeaderBytes > size) return Step::kEnd;
    header = At(offset_, kHeaderBytes, size);
    if (header == nullptr) return Step::kBad;
    flags_ = header[0];
    const std::size_t length = LoadBe16(header + 1);
    const std::uint32_t want = LoadBe32(header + 3);
    if (length > kMaxFragmentBytes || offset_ + kHeaderBytes + length > PageEnd(offset_)) {
      return Bad(fmt::format("invalid record size {}", length));
    }
    if (offset_ + kHeaderBytes + length > size) return Step::kEnd;
    const std::uint8_t* payload = At(offset_, kHeaderBytes + length, size);
    if (payload == nullptr) return Step::kBad;
    fragment_ = {payload + kHeaderBytes, length};
    if (const std::uint32_t crc = Crc32c(fragment_); crc != want) {
      return Bad(fmt::format("unexpected checksum {:x}, expected {:x}", crc, want));
    }
    offset_ += kHeaderBytes + length;
    return Step::kRecord;
  }
  return Step::kEnd;
}

// Leaves the record as it is stored.
LiveReader::Step LiveReader::ReadRecord(std::uint64_t size, bool whole) {
  reason_.clear();
  joined_.clear();
  record_ = {};
  std::uint64_t begin = offset_;
  for (bool first = true;; first = false) {
    const Step step = ReadFragment(size, whole);
    if (step != Step::kRecord) {
      // A record whose end is not there is read anew when it is.
      if (!first) offset_ = begin;
      return step;
    }
    const bool begins = type_ == FragmentType::kFull || type_ == FragmentType::kFirst;
    if (begins != first || type_ > FragmentType::kLast) {
      offset_ = begin;
      return Bad(fmt::format("unexpected record type {}", static_cast<int>(type_)));
    }
    if (first) begin = offset_ - kHeaderBytes - fragment_.size();
    if (type_ != FragmentType::kFull) joined_.append(AsText(fragment_));
    if (type_ == FragmentType::kFull || type_ == FragmentType::kLast) break;
  }
  record_offset_ = begin;
  record_ = type_ == FragmentType::kFull ? fragment_ : AsBytes(joined_);
  return Step::kRecord;
}

// By the first byte of the record, which is where a snappy block begins: with its length as varint,
// and then a literal, whose own length takes up to four bytes beside the tag.
bool LiveReader::HasSamples() const {
  std::size_t at = 0;
  if ((flags_ & kZstdFlag) != 0) return false;  // Not known.
  if ((flags_ & kSnappyFlag) != 0) {
    while (at < record_.size() && record_[at] >= 0x80) ++at;
    ++at;
    if (at >= record_.size() || (record_[at] & 3) != 0) return false;
    const std::size_t length = record_[at] >> 2;
    at += 1 + (length >= 60 ? length - 59 : 0);
  }
  if (at >= record_.size()) return false;
  switch (TypeOf(record_.subspan(at, 1))) {
    case RecordType::kSamples:
    case RecordType::kSamplesV2:
    case RecordType::kExemplars:
    case RecordType::kHistograms:
    case RecordType::kFloatHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kHistogramsV2:
    case RecordType::kFloatHistogramsV2:
      return true;
    default:
      return false;
  }
}

LiveReader::Step LiveReader::Next(std::uint64_t size, bool whole, bool skip_samples) {
  do {
    if (const Step step = ReadRecord(size, whole); step != Step::kRecord) return step;
  } while (skip_samples && HasSamples());
  if ((flags_ & (kSnappyFlag | kZstdFlag)) == 0 || record_.empty()) return Step::kRecord;
  if (auto status = decompressor_.Decompress(record_, flags_, plain_); !status) {
    offset_ = record_offset_;
    return Bad(status.error().message());
  }
  record_ = AsBytes(plain_);
  return Step::kRecord;
}

}  // namespace narthex::tsdb::wal
