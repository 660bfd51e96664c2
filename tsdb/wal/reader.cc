// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::tsdb::wal {
namespace {

// What was read of a mapped segment counts as memory until it is given back, in such pieces.
constexpr std::uint64_t kDropBytes = 1 << 20;

}  // namespace

bool SegmentReader::Bad(std::string reason) {
  reason_ = std::move(reason);
  record_ = {};
  return false;
}

const std::uint8_t* SegmentReader::Take(std::size_t n) {
  const std::uint64_t start = offset_;
  offset_ += n;
  if (start + n <= bytes_.size()) return bytes_.data() + start;
  // Past the end of the file: zeros up to the page border.
  const std::uint64_t page_end = (start / kPageBytes + 1) * kPageBytes;
  if (start + n > page_end ||
      page_end > (bytes_.size() + kPageBytes - 1) / kPageBytes * kPageBytes) {
    return nullptr;
  }
  scratch_.assign(n, '\0');
  if (start < bytes_.size()) {
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(start), bytes_.end(), scratch_.begin());
  }
  return reinterpret_cast<const std::uint8_t*>(scratch_.data());
}

bool SegmentReader::SkipPadding() {
  const std::uint64_t page_end = (offset_ + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::uint64_t end = std::min<std::uint64_t>(page_end, bytes_.size());
  for (; offset_ < end; ++offset_) {
    if (bytes_[offset_] != 0) {
      offset_ = page_end;
      return Bad("unexpected non-zero byte in padded page");
    }
  }
  offset_ = page_end;
  return true;
}

SegmentReader::Step SegmentReader::ReadFragment() {
  while (offset_ < bytes_.size()) {
    const std::uint8_t first = bytes_[offset_];
    type_ = static_cast<FragmentType>(first & kTypeMask);
    if (type_ == FragmentType::kPadding) {
      ++offset_;
      if (!SkipPadding()) return Step::kBad;
      continue;
    }
    const std::uint8_t* header = Take(kHeaderBytes);
    if (header == nullptr) {
      Bad("read remaining header: unexpected EOF");
      return Step::kBad;
    }
    flags_ = header[0];
    const std::size_t length = LoadBe16(header + 1);
    const std::uint32_t want = LoadBe32(header + 3);
    if (length > kMaxFragmentBytes) {
      Bad(fmt::format("invalid record size {}", length));
      return Step::kBad;
    }
    const std::uint8_t* payload = Take(length);
    if (payload == nullptr) {
      Bad("unexpected EOF");
      return Step::kBad;
    }
    fragment_ = {payload, length};
    if (const std::uint32_t crc = Crc32c(fragment_); crc != want) {
      Bad(fmt::format("unexpected checksum {:x}, expected {:x}", crc, want));
      return Step::kBad;
    }
    return Step::kFragment;
  }
  return Step::kEnd;
}

bool SegmentReader::CheckSequence(int position) {
  switch (type_) {
    case FragmentType::kFull:
      return position == 0 || Bad("unexpected full record");
    case FragmentType::kFirst:
      return position == 0 || Bad("unexpected first record, dropping buffer");
    case FragmentType::kMiddle:
      return position != 0 || Bad("unexpected middle record, dropping buffer");
    case FragmentType::kLast:
      return position != 0 || Bad("unexpected last record, dropping buffer");
    default:
      return Bad(fmt::format("unexpected record type {}", static_cast<int>(type_)));
  }
}

bool SegmentReader::FinishRecord() {
  const ByteSpan stored = type_ == FragmentType::kFull ? fragment_ : AsBytes(joined_);
  if ((flags_ & (kSnappyFlag | kZstdFlag)) == 0 || stored.empty()) {
    record_ = stored;
    return true;
  }
  if (auto status = decompressor_.Decompress(stored, flags_, plain_); !status) {
    return Bad(status.error().message());
  }
  record_ = AsBytes(plain_);
  return true;
}

bool SegmentReader::Next() {
  if (!reason_.empty()) return false;
  joined_.clear();
  for (int position = 0;; ++position) {
    switch (ReadFragment()) {
      case Step::kBad:
        return false;
      case Step::kEnd:
        if (position != 0) return Bad("last record is torn");
        record_ = {};
        return false;
      case Step::kFragment:
        break;
    }
    if (!CheckSequence(position)) return false;
    if (type_ != FragmentType::kFull) joined_.append(AsText(fragment_));
    if (type_ == FragmentType::kFull || type_ == FragmentType::kLast) return FinishRecord();
  }
}

bool LogReader::Next() {
  while (status_ && !corruption_) {
    if (reader_ && reader_->Next()) {
      // The last record may still be looked at.
      if (reader_->offset() - dropped_ >= 2 * kDropBytes) {
        file_->DropPages(dropped_, kDropBytes);
        dropped_ += kDropBytes;
      }
      return true;
    }
    if (reader_ && !reader_->reason().empty()) {
      corruption_ = Corruption{dir_, segment(), reader_->offset(), reader_->reason()};
      return false;
    }
    if (next_ > last_) return false;
    auto file = fs_.Map(SegmentPath(dir_, next_));
    if (!file) {
      status_ = Fail(std::move(file).error());
      return false;
    }
    reader_.reset();
    file_ = std::move(file).value();
    reader_.emplace(file_->bytes());
    dropped_ = 0;
    ++next_;
  }
  return false;
}

}  // namespace narthex::tsdb::wal
