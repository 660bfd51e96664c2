// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunks/segments.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::tsdb {
namespace {

constexpr std::uint32_t kMagic = 0x85BD40DD;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kCrcBytes = 4;
// The size field is written as a uvarint of 32 bits.
constexpr std::size_t kMaxSizeFieldBytes = 5;

bool IsSegmentName(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Status CheckHeader(ByteSpan file, const std::string& path) {
  if (file.size() < kHeaderBytes) {
    return Fail(Code::kCorruption, fmt::format("{}: invalid segment header: {} bytes, want {}",
                                               path, file.size(), kHeaderBytes));
  }
  if (const std::uint32_t magic = LoadBe32(file.data()); magic != kMagic) {
    return Fail(Code::kCorruption, fmt::format("{}: invalid magic number {:x}", path, magic));
  }
  if (file[4] != kVersion) {
    return Fail(Code::kCorruption,
                fmt::format("{}: invalid chunk format version {}", path, file[4]));
  }
  return {};
}

}  // namespace

std::string ChunkSegmentName(std::uint32_t segment) { return fmt::format("{:06}", segment + 1); }

Status ChunkSegmentWriter::Open() { return fs_.CreateDirs(dir_); }

Status ChunkSegmentWriter::CutSegment() {
  if (file_) NX_RETURN_IF_ERROR(file_->SyncAndClose());
  NX_ASSIGN_OR_RETURN(file_,
                      BufferedFile::Create(fs_, JoinPath(dir_, ChunkSegmentName(num_segments_))));
  ++num_segments_;
  if (bypass_cache_) file_->BypassCache();
  Encoder header(file_->buffer());
  header.Be32(kMagic);
  header.Byte(kVersion);
  header.Bytes(std::string_view("\0\0\0", 3));
  return {};
}

Result<std::uint64_t> ChunkSegmentWriter::Add(Encoding encoding, ByteSpan bytes) {
  const std::uint64_t need = kMaxSizeFieldBytes + 1 + bytes.size() + kCrcBytes;
  const bool full =
      file_ && file_->position() > kHeaderBytes && file_->position() + need > max_segment_bytes_;
  if (!file_ || full) NX_RETURN_IF_ERROR(CutSegment());
  const std::uint64_t ref = static_cast<std::uint64_t>(num_segments_ - 1) << 32 | file_->position();
  Encoder out(file_->buffer());
  out.Uvarint(bytes.size());
  file_->BeginCrc();
  out.Byte(static_cast<std::uint8_t>(encoding));
  out.Bytes(AsText(bytes));
  out.Be32(file_->EndCrc());
  NX_RETURN_IF_ERROR(file_->Spill());
  return ref;
}

Status ChunkSegmentWriter::Finish() {
  if (file_) NX_RETURN_IF_ERROR(file_->SyncAndClose());
  file_.reset();
  return fs_.SyncDir(dir_);
}

Result<ChunkSegmentReader> ChunkSegmentReader::Open(Fs& fs, const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  ChunkSegmentReader reader;
  for (const DirEntry& entry : entries) {
    if (!IsSegmentName(entry.name)) continue;
    const std::string path = JoinPath(dir, entry.name);
    NX_ASSIGN_OR_RETURN(auto file, fs.Map(path));
    NX_RETURN_IF_ERROR(CheckHeader(file->bytes(), path));
    reader.size_bytes_ += file->bytes().size();
    reader.segments_.push_back(std::move(file));
  }
  return reader;
}

Result<StoredChunk> ChunkSegmentReader::Read(std::uint64_t ref) const {
  const std::uint64_t segment = ref >> 32;
  const std::uint64_t offset = ref & 0xffffffff;
  if (segment >= segments_.size()) {
    return Fail(Code::kCorruption, fmt::format("segment index {} out of range", segment));
  }
  const ByteSpan file = segments_[segment]->bytes();
  Decoder in(file.subspan(std::min<std::size_t>(offset, file.size())));
  const std::uint64_t length = in.Uvarint();
  if (!in.ok()) {
    return Fail(Code::kCorruption,
                fmt::format("segment doesn't include enough bytes to read the chunk size data "
                            "field - required:{}, available:{}",
                            offset + kMaxSizeFieldBytes, file.size()));
  }
  const auto start = static_cast<std::uint64_t>(in.position() - file.data());
  if (length > file.size() || in.remaining() < length + 1 + kCrcBytes) {
    return Fail(Code::kCorruption,
                fmt::format("segment doesn't include enough bytes to read the chunk - required:{}, "
                            "available:{}",
                            start + length + 1 + kCrcBytes, file.size()));
  }
  const ByteSpan checked = file.subspan(start, length + 1);
  const std::uint32_t want = LoadBe32(file.data() + start + length + 1);
  if (const std::uint32_t got = Crc32c(checked); got != want) {
    return Fail(Code::kCorruption,
                fmt::format("chunk {}/{}: checksum mismatch expected:{:x}, actual:{:x}", segment,
                            offset, want, got));
  }
  return StoredChunk{static_cast<Encoding>(checked[0]), checked.subspan(1)};
}

}  // namespace narthex::tsdb
