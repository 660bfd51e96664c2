// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/snapshot_file.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/base/thread_pool.h"

namespace narthex::tsdb {
namespace {

constexpr std::uint64_t kMagic = 0x4e58'4845'4144'534e;  // "NXHEADSN".
constexpr std::uint32_t kFileVersion = 1;
// Magic, version, length and checksum of the table, its offset, checksum of all that.
constexpr std::size_t kHeaderBytes = 8 + 4 + 4 + 4 + 8 + 4;
constexpr std::size_t kPieceBytes = 4 << 20;
constexpr std::size_t kBufferBytes = 256 << 10;
// Read and checked while they are in the core's cache.
constexpr std::size_t kStepBytes = 256 << 10;
constexpr std::size_t kMaxTableBytes = 64 << 20;
constexpr unsigned kMaxThreads = 8;

std::size_t PiecesOf(std::uint64_t length) {
  return static_cast<std::size_t>((length + kPieceBytes - 1) / kPieceBytes);
}

}  // namespace

std::string SectionName(SnapshotSection section) {
  std::string name(4, ' ');
  StoreBe32(reinterpret_cast<std::uint8_t*>(name.data()), static_cast<std::uint32_t>(section));
  return name;
}

Result<SnapshotWriter> SnapshotWriter::Create(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto file, fs.OpenWritable(path, OpenMode::kCreate));
  SnapshotWriter writer(std::move(file));
  // The header comes last, so that a file without its end has none.
  writer.position_ = kHeaderBytes;
  writer.flushed_ = kHeaderBytes;
  return writer;
}

void SnapshotWriter::Begin(SnapshotSection section) {
  sections_.push_back({section, position_, 0, {}});
}

void SnapshotWriter::Write(ByteSpan bytes) {
  Section& section = sections_.back();
  while (!bytes.empty()) {
    const std::size_t in_piece = section.length % kPieceBytes;
    if (in_piece == 0) section.sums.push_back(0);
    const auto part = bytes.first(std::min({bytes.size(), kPieceBytes - in_piece, kStepBytes}));
    section.sums.back() = Crc32c(part, section.sums.back());
    section.length += part.size();
    Put(part);
    bytes = bytes.subspan(part.size());
  }
}

void SnapshotWriter::Put(ByteSpan bytes) {
  position_ += bytes.size();
  if (bytes.size() >= kBufferBytes) {
    Flush();
    if (status_) status_ = file_->WriteAt(position_ - bytes.size(), bytes);
    return;
  }
  buffer_.append(AsText(bytes));
  if (buffer_.size() >= kBufferBytes) Flush();
}

void SnapshotWriter::Flush() {
  if (status_ && !buffer_.empty()) status_ = file_->WriteAt(flushed_, AsBytes(buffer_));
  flushed_ = position_;  // Put writes what it has in hand itself.
  buffer_.clear();
}

Status SnapshotWriter::Finish() {
  std::string table;
  Encoder out(table);
  for (const auto& section : sections_) {
    out.Be32(static_cast<std::uint32_t>(section.id));
    out.Be64(section.offset);
    out.Be64(section.length);
    for (const std::uint32_t sum : section.sums) out.Be32(sum);
  }
  const std::uint64_t table_offset = position_;
  Put(AsBytes(table));
  Flush();
  std::string header;
  Encoder head(header);
  head.Be64(kMagic);
  head.Be32(kFileVersion);
  head.Be32(static_cast<std::uint32_t>(table.size()));
  head.Be32(Crc32c(AsBytes(table)));
  head.Be64(table_offset);
  head.Be32(Crc32c(AsBytes(header)));
  if (status_) status_ = file_->WriteAt(0, AsBytes(header));
  if (auto closed = file_->Close(); status_ && !closed) status_ = std::move(closed);
  return status_;
}

tl::unexpected<Error> SnapshotReader::Corrupt(std::string_view what) const {
  return Fail(Code::kCorruption, fmt::format("{}: {}", path_, what));
}

Result<SnapshotReader> SnapshotReader::Open(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto file, fs.OpenReadable(path));
  SnapshotReader reader(std::move(file), path);
  NX_RETURN_IF_ERROR(reader.ReadTable());
  return reader;
}

Status SnapshotReader::ReadTable() {
  if (file_->size() < kHeaderBytes) return Corrupt("shorter than its header");
  std::uint8_t header[kHeaderBytes];
  NX_RETURN_IF_ERROR(file_->ReadAt(0, header));
  Decoder head(header);
  const std::uint64_t magic = head.Be64();
  const std::uint32_t version = head.Be32();
  const std::uint32_t table_bytes = head.Be32();
  const std::uint32_t table_sum = head.Be32();
  const std::uint64_t table_offset = head.Be64();
  const std::uint32_t sum = head.Be32();
  if (magic != kMagic) return Corrupt("invalid magic number");
  if (sum != Crc32c(ByteSpan(header).first(kHeaderBytes - 4))) return Corrupt("header checksum");
  if (version != kFileVersion) return Corrupt(fmt::format("unknown version {}", version));
  if (table_bytes > kMaxTableBytes || table_offset > file_->size() ||
      table_bytes > file_->size() - table_offset) {
    return Corrupt("cut short");
  }
  std::vector<std::uint8_t> table(table_bytes);
  NX_RETURN_IF_ERROR(file_->ReadAt(table_offset, table));
  if (Crc32c(table) != table_sum) return Corrupt("checksum of the table of sections");
  Decoder in(table);
  while (!in.done()) {
    const auto id = static_cast<SnapshotSection>(in.Be32());
    Section section;
    section.offset = in.Be64();
    section.length = in.Be64();
    if (section.offset > table_offset || section.length > table_offset - section.offset) {
      return Corrupt("a section beyond the end");
    }
    for (std::size_t i = 0; i < PiecesOf(section.length); ++i) section.sums.push_back(in.Be32());
    sections_[id] = std::move(section);
  }
  return in.ok() ? Status() : Status(Corrupt("table of sections"));
}

std::uint64_t SnapshotReader::Length(SnapshotSection section) const {
  const auto it = sections_.find(section);
  return it == sections_.end() ? 0 : it->second.length;
}

std::uint64_t SnapshotReader::Offset(SnapshotSection section) const {
  const auto it = sections_.find(section);
  return it == sections_.end() ? 0 : it->second.offset;
}

std::vector<SnapshotSection> SnapshotReader::Sections() const {
  std::vector<SnapshotSection> ids;
  for (const auto& [id, section] : sections_) ids.push_back(id);
  return ids;
}

Result<std::string> SnapshotReader::Read(SnapshotSection id) const {
  const auto it = sections_.find(id);
  if (it == sections_.end()) return Corrupt("no section " + SectionName(id));
  std::string bytes(it->second.length, '\0');
  const std::span<std::uint8_t> run(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
  for (std::size_t i = 0; i < it->second.sums.size(); ++i) {
    NX_RETURN_IF_ERROR(ReadPiece(id, it->second, i, {&run, 1}));
  }
  return bytes;
}

Status SnapshotReader::ReadPiece(SnapshotSection id, const Section& section, std::size_t piece,
                                 std::span<const std::span<std::uint8_t>> runs) const {
  std::uint64_t at = piece * kPieceBytes;
  const std::uint64_t end = std::min<std::uint64_t>(section.length, at + kPieceBytes);
  std::uint64_t before = 0;  // Bytes in the runs so far.
  std::uint32_t sum = 0;
  for (const auto run : runs) {
    while (at < end && at < before + run.size()) {
      const std::uint64_t in_run = at - before;
      const auto step = static_cast<std::size_t>(
          std::min<std::uint64_t>({run.size() - in_run, end - at, kStepBytes}));
      const auto out = run.subspan(in_run, step);
      NX_RETURN_IF_ERROR(file_->ReadAt(section.offset + at, out));
      sum = Crc32c(out, sum);
      at += step;
    }
    before += run.size();
    if (at == end) break;
  }
  if (at == end && sum == section.sums[piece]) return {};
  return Corrupt(fmt::format("checksum of section {}, piece {}", SectionName(id), piece));
}

void SnapshotReader::Queue(SnapshotSection id, std::vector<std::span<std::uint8_t>> runs) {
  const auto it = sections_.find(id);
  std::uint64_t room = 0;
  for (const auto run : runs) room += run.size();
  if (it == sections_.end() || it->second.length != room) {
    tasks_.emplace_back(
        [this, id] { return Status(Corrupt("length of section " + SectionName(id))); });
    return;
  }
  const auto shared = std::make_shared<const std::vector<std::span<std::uint8_t>>>(std::move(runs));
  const Section& section = it->second;
  for (std::size_t i = 0; i < section.sums.size(); ++i) {
    pieces_.emplace_back(
        [this, id, &section, i, shared] { return ReadPiece(id, section, i, *shared); });
  }
}

Status SnapshotReader::Run() {
  auto tasks = std::exchange(tasks_, {});
  std::move(pieces_.begin(), pieces_.end(), std::back_inserter(tasks));
  pieces_.clear();
  std::vector<Status> results(tasks.size());
  ThreadPool pool("head-snapshot",
                  std::clamp(std::thread::hardware_concurrency(), 2U, kMaxThreads) - 1);
  pool.ParallelFor(tasks.size(), [&](std::size_t i) { results[i] = tasks[i](); });
  pool.Stop();
  for (auto& result : results) NX_RETURN_IF_ERROR(std::move(result));
  return {};
}

}  // namespace narthex::tsdb
