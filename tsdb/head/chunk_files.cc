// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/chunk_files.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/base/log.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb {
namespace {

constexpr std::uint32_t kMagic = 0x0130BC91;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFileHeaderBytes = 8;
constexpr std::uint64_t kMaxFileBytes = 128 << 20;
// Space is reserved, and mapped, in steps: the first small, for the small servers.
constexpr std::uint64_t kFirstReserve = 128 << 10;
constexpr std::uint64_t kReserveStep = 4 << 20;
// Reference and two times, encoding, length of at least one byte, checksum.
constexpr std::size_t kLeastChunkBytes = 24 + 1 + 1 + 4;
constexpr std::uint8_t kOutOfOrderBit = 0x80;

enum class Found { kChunk, kEnd, kCorrupt };

// Reads the record at `offset`. @param[out] next  offset of the following one
Found ParseChunk(ByteSpan file, std::uint64_t offset, HeadChunk& out, std::uint64_t& next) {
  const ByteSpan rest = file.subspan(offset);
  if (rest.size() < kLeastChunkBytes) {
    const bool zeros = std::all_of(rest.begin(), rest.end(), [](auto byte) { return byte == 0; });
    return zeros ? Found::kEnd : Found::kCorrupt;
  }
  Decoder in(rest);
  out.wal_ref = in.Be64();
  out.chunk.mint = static_cast<model::TimestampMs>(in.Be64());
  out.chunk.maxt = static_cast<model::TimestampMs>(in.Be64());
  if (out.wal_ref == 0 && out.chunk.mint == 0 && out.chunk.maxt == 0) return Found::kEnd;
  const std::uint8_t encoding = in.Byte();
  out.out_of_order = (encoding & kOutOfOrderBit) != 0;
  out.chunk.encoding = static_cast<Encoding>(encoding & ~kOutOfOrderBit);
  out.chunk.bytes = AsBytes(in.String());
  if (!in.ok() || in.remaining() < 4) return Found::kCorrupt;
  next = offset + static_cast<std::uint64_t>(in.position() - rest.data()) + 4;
  return Found::kChunk;
}

bool SumIsRight(ByteSpan file, std::uint64_t offset, std::uint64_t next) {
  return Crc32c(file.subspan(offset, next - offset - 4)) == LoadBe32(file.data() + next - 4);
}

void EncodeChunk(const HeadChunk& chunk, std::string& out) {
  const std::size_t start = out.size();
  Encoder encoder(out);
  encoder.Be64(chunk.wal_ref);
  encoder.Be64(static_cast<std::uint64_t>(chunk.chunk.mint));
  encoder.Be64(static_cast<std::uint64_t>(chunk.chunk.maxt));
  const auto encoding = static_cast<std::uint8_t>(chunk.chunk.encoding);
  encoder.Byte(chunk.out_of_order ? encoding | kOutOfOrderBit : encoding);
  encoder.String(AsText(chunk.chunk.bytes));
  encoder.Be32(Crc32c(AsBytes(out).subspan(start)));
}

}  // namespace

Status ChunkTimes(ChunkView& chunk) {
  storage::SampleColumns columns;
  NX_RETURN_IF_ERROR(
      DecodeChunk(chunk.encoding, chunk.bytes, model::kMinTime, model::kMaxTime, columns));
  const bool floats = !columns.t.empty();
  if (!floats && columns.histogram_t.empty()) {
    return Fail(Code::kCorruption, "a full head chunk has no samples");
  }
  chunk.mint = floats ? columns.t.front() : columns.histogram_t.front();
  chunk.maxt = floats ? columns.t.back() : columns.histogram_t.back();
  return {};
}

ChunkFiles::~ChunkFiles() {
  if (auto status = Close(); !status) {
    log::Error("Closing chunks_head failed", {{"err", status.error().message()}});
  }
}

std::string ChunkFiles::PathOf(std::uint32_t number) const {
  return JoinPath(dir_, fmt::format("{:06}", number));
}

Result<std::vector<std::uint32_t>> ChunkFiles::ListFiles() const {
  NX_ASSIGN_OR_RETURN(const auto entries, fs_.ListDir(dir_));
  std::vector<std::uint32_t> numbers;
  for (const auto& entry : entries) {
    std::uint32_t number = 0;
    const char* const end = entry.name.data() + entry.name.size();
    const auto [stop, error] = std::from_chars(entry.name.data(), end, number);
    if (!entry.is_dir && error == std::errc() && stop == end) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void ChunkFiles::Publish(std::uint32_t number, std::shared_ptr<const MappedFile> file) {
  MutexLock lock(view_mutex_);
  auto next = std::make_shared<View>(*view_);
  (*next)[number] = std::move(file);
  view_ = std::move(next);
}

std::shared_ptr<const ChunkFiles::View> ChunkFiles::view() const {
  MutexLock lock(view_mutex_);
  return view_;
}

Status ChunkFiles::CheckHeader(std::uint32_t number, ByteSpan bytes) const {
  if (bytes.size() < kFileHeaderBytes || LoadBe32(bytes.data()) != kMagic) {
    return Fail(Code::kCorruption, fmt::format("{}: invalid magic number", PathOf(number)));
  }
  if (bytes[4] != kVersion) {
    return Fail(Code::kCorruption,
                fmt::format("{}: invalid chunk format version {}", PathOf(number), bytes[4]));
  }
  return {};
}

Status ChunkFiles::Adopt() {
  NX_RETURN_IF_ERROR(fs_.CreateDirs(dir_));
  NX_ASSIGN_OR_RETURN(const auto numbers, ListFiles());
  auto files = std::make_shared<View>();
  for (const std::uint32_t number : numbers) {
    NX_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, fs_.Map(PathOf(number)));
    NX_RETURN_IF_ERROR(CheckHeader(number, file->bytes()));
    (*files)[number] = std::move(file);
  }
  MutexLock lock(write_mutex_);
  if (!numbers.empty()) number_ = numbers.back();
  MutexLock view_lock(view_mutex_);
  view_ = std::move(files);
  return {};
}

Result<int> ChunkFiles::Load(const Visitor& visit) {
  NX_RETURN_IF_ERROR(fs_.CreateDirs(dir_));
  NX_ASSIGN_OR_RETURN(auto numbers, ListFiles());
  MutexLock lock(write_mutex_);
  number_ = 0;
  {
    MutexLock view_lock(view_mutex_);
    view_ = std::make_shared<View>();
  }
  const auto load_file = [&](std::uint32_t number, bool is_last) -> Status {
    NX_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, fs_.Map(PathOf(number)));
    const ByteSpan bytes = file->bytes();
    // A crash right after creation leaves an empty or zeroed last file.
    if (is_last && (bytes.size() < 4 || LoadBe32(bytes.data()) == 0)) {
      return fs_.Remove(PathOf(number));
    }
    NX_RETURN_IF_ERROR(CheckHeader(number, bytes));
    HeadChunk chunk;
    std::uint64_t next = 0;
    for (std::uint64_t at = kFileHeaderBytes; at < bytes.size(); at = next) {
      const Found found = ParseChunk(bytes, at, chunk, next);
      if (found == Found::kEnd) break;
      if (found == Found::kCorrupt || !SumIsRight(bytes, at, next)) {
        return Fail(Code::kCorruption,
                    fmt::format("{}: corrupt head chunk at offset {}", PathOf(number), at));
      }
    }
    // Only now: of a file with a bad chunk none is used.
    for (std::uint64_t at = kFileHeaderBytes;
         at < bytes.size() && ParseChunk(bytes, at, chunk, next) == Found::kChunk; at = next) {
      visit({number, static_cast<std::uint32_t>(at)}, chunk);
    }
    // Queries will want few of these pages.
    file->DropPages(0, bytes.size());
    Publish(number, file);
    return {};
  };
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto status = i > 0 && numbers[i] != numbers[i - 1] + 1
                      ? Status(Fail(Code::kCorruption,
                                    "found a gap in the numbers of head chunk "
                                    "files before " +
                                        PathOf(numbers[i])))
                      : load_file(numbers[i], i + 1 == numbers.size());
    if (status) {
      number_ = view()->empty() ? 0 : view()->rbegin()->first;
      continue;
    }
    if (status.error().code() != Code::kCorruption) return Fail(std::move(status).error());
    log::Error("Corrupt head chunk file; its samples and newer ones come from the WAL",
               {{"err", status.error().message()}});
    // New files continue the row where it is intact; a gap would be taken for corruption.
    for (std::size_t j = i; j < numbers.size(); ++j) {
      const std::string path = PathOf(numbers[j]);
      NX_RETURN_IF_ERROR(fs_.Rename(path, wal::AsidePath(fs_, path)));
    }
    return static_cast<int>(numbers.size() - i);
  }
  return 0;
}

Status ChunkFiles::EndFile() {
  if (file_ == nullptr) return {};
  NX_RETURN_IF_ERROR(file_->Truncate(written_));
  NX_RETURN_IF_ERROR(file_->Close());
  file_.reset();
  return {};
}

Status ChunkFiles::Reserve(std::size_t bytes) {
  const std::uint64_t end = written_ + bytes;
  if (end <= reserved_) return {};
  const std::uint64_t reserve =
      end <= kFirstReserve ? kFirstReserve : (end + kReserveStep - 1) / kReserveStep * kReserveStep;
  NX_RETURN_IF_ERROR(file_->Truncate(reserve));
  NX_ASSIGN_OR_RETURN(auto mapped, fs_.Map(PathOf(number_)));
  Publish(number_, std::move(mapped));
  reserved_ = reserve;
  return {};
}

Status ChunkFiles::EnsureFile(std::size_t bytes) {
  if (file_ != nullptr && written_ + bytes > kMaxFileBytes) NX_RETURN_IF_ERROR(EndFile());
  if (file_ != nullptr) return Reserve(bytes);
  NX_ASSIGN_OR_RETURN(auto file, fs_.OpenWritable(PathOf(number_ + 1), OpenMode::kCreate));
  std::uint8_t header[kFileHeaderBytes] = {};
  StoreBe32(header, kMagic);
  header[4] = kVersion;
  if (auto status = file->WriteAt(0, header); !status) {
    // An empty file in the row would be taken for corruption.
    file.reset();
    (void)fs_.Remove(PathOf(number_ + 1));
    return status;
  }
  file_ = std::move(file);
  ++number_;
  written_ = kFileHeaderBytes;
  reserved_ = 0;
  return Reserve(bytes);
}

Status ChunkFiles::Write(std::span<const HeadChunk> chunks, std::vector<ChunkPlace>& places) {
  MutexLock lock(write_mutex_);
  places.clear();
  buffer_.clear();
  for (const auto& chunk : chunks) {
    places.push_back({0, static_cast<std::uint32_t>(buffer_.size())});
    EncodeChunk(chunk, buffer_);
  }
  NX_RETURN_IF_ERROR(EnsureFile(buffer_.size()));
  if (auto status = file_->WriteAt(written_, AsBytes(buffer_)); !status) {
    // The torn bytes are overwritten by the next write, and zeroed in case there is none.
    (void)file_->Truncate(written_);
    (void)file_->Truncate(reserved_);
    return status;
  }
  for (auto& place : places) {
    place.file = number_;
    place.offset += static_cast<std::uint32_t>(written_);
  }
  written_ += buffer_.size();
  return {};
}

Result<ChunkView> ChunkFiles::Read(const View& view, ChunkPlace place) {
  const auto it = view.find(place.file);
  HeadChunk chunk;
  std::uint64_t next = 0;
  if (it == view.end() || place.offset >= it->second->bytes().size() ||
      ParseChunk(it->second->bytes(), place.offset, chunk, next) != Found::kChunk ||
      !SumIsRight(it->second->bytes(), place.offset, next)) {
    return Fail(Code::kCorruption,
                fmt::format("head chunk file {} has no intact chunk at offset {}", place.file,
                            place.offset));
  }
  return chunk.chunk;
}

std::size_t ChunkFiles::held_bytes() const {
  MutexLock lock(write_mutex_);
  return buffer_.capacity();
}

std::uint32_t ChunkFiles::first_unfinished() const {
  MutexLock lock(write_mutex_);
  return file_ != nullptr ? number_ : number_ + 1;
}

Status ChunkFiles::TruncateBefore(std::uint32_t first_needed) {
  NX_ASSIGN_OR_RETURN(const auto numbers, ListFiles());
  MutexLock write_lock(write_mutex_);
  for (const std::uint32_t number : numbers) {
    if (number >= first_needed || (file_ != nullptr && number == number_)) continue;
    NX_RETURN_IF_ERROR(fs_.Remove(PathOf(number)));
    MutexLock lock(view_mutex_);
    auto next = std::make_shared<View>(*view_);
    next->erase(number);
    view_ = std::move(next);
  }
  return written_ > kFileHeaderBytes ? EndFile() : Status();
}

Status ChunkFiles::Close() {
  MutexLock lock(write_mutex_);
  Status synced;
  if (file_ != nullptr) synced = file_->Sync();
  NX_RETURN_IF_ERROR(EndFile());
  return synced;
}

}  // namespace narthex::tsdb
