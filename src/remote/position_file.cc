// SPDX-License-Identifier: Apache-2.0
#include "src/remote/position_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::remote {
namespace {

constexpr std::string_view kMagic = "NXRWPOS1";
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kSummedBytes = 40;  // Of a shard's line.

void EndLine(std::string& out, std::size_t begin) {
  Encoder(out).Be32(Crc32c(AsBytes(std::string_view(out).substr(begin))));
  out.resize(begin + kLineBytes, '\0');
}

void AppendLine(const ShardPosition& position, std::string& out) {
  const std::size_t begin = out.size();
  Encoder encoder(out);
  for (const Mark& mark : {position.mark, position.sending}) {
    encoder.Be32(static_cast<std::uint32_t>(mark.record.segment));
    encoder.Be32(mark.index);
    encoder.Be64(mark.record.offset);
  }
  encoder.Be64(static_cast<std::uint64_t>(position.highest));
  EndLine(out, begin);
}

// Checks a line whose sum stands behind `bytes` bytes.
bool LineIsGood(std::string_view line, std::size_t bytes) {
  Decoder sum(AsBytes(line.substr(bytes)));
  return sum.Be32() == Crc32c(AsBytes(line.substr(0, bytes)));
}

ShardPosition ReadLine(std::string_view line) {
  ShardPosition position;
  Decoder in(AsBytes(line));
  for (Mark* mark : {&position.mark, &position.sending}) {
    mark->record.segment = static_cast<int>(in.Be32());
    mark->index = in.Be32();
    mark->record.offset = in.Be64();
  }
  position.highest = static_cast<model::TimestampMs>(in.Be64());
  return position;
}

}  // namespace

Result<std::optional<std::vector<ShardPosition>>> PositionFile::Load() {
  if (!fs_.Exists(path_)) return std::nullopt;
  NX_ASSIGN_OR_RETURN(const std::string text, fs_.ReadFile(path_));
  const std::string_view view = text;
  const auto bad = [&](std::string_view what) {
    return Fail(Code::kCorruption, fmt::format("{}: {}", path_, what));
  };
  if (view.size() < kLineBytes || !view.starts_with(kMagic)) return bad("not a file of positions");
  if (!LineIsGood(view.substr(0, kLineBytes), kMagic.size() + 4)) return bad("wrong checksum");
  const std::size_t count = Decoder(AsBytes(view.substr(kMagic.size()))).Be32();
  if (view.size() != kLineBytes * (count + 1) || count == 0) return bad("wrong length");
  std::vector<std::optional<ShardPosition>> lines(count);
  std::optional<ShardPosition> first;  // Of those that are good.
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view line = view.substr(kLineBytes * (i + 1), kLineBytes);
    if (!LineIsGood(line, kSummedBytes)) continue;
    lines[i] = ReadLine(line);
    if (!first || lines[i]->mark < first->mark) first = lines[i];
  }
  if (!first) return bad("wrong checksum");
  first->sending = {};
  std::vector<ShardPosition> positions;
  positions.reserve(count);
  // A power cut may tear a line; the shard is somewhere near the others then.
  for (const auto& line : lines) positions.push_back(line.value_or(*first));
  return positions;
}

Status PositionFile::WriteAll() {
  std::string text(kMagic);
  Encoder(text).Be32(static_cast<std::uint32_t>(positions_.size()));
  EndLine(text, 0);
  for (const ShardPosition& position : positions_) AppendLine(position, text);
  NX_RETURN_IF_ERROR(WriteFileAtomically(fs_, path_, AsBytes(text)));
  NX_ASSIGN_OR_RETURN(file_, fs_.OpenWritable(path_, OpenMode::kAppend));
  return {};
}

Status PositionFile::Reset(std::vector<ShardPosition> positions) {
  MutexLock lock(mutex_);
  file_ = nullptr;
  positions_ = std::move(positions);
  return WriteAll();
}

Status PositionFile::Save(std::size_t shard, ShardPosition position) {
  MutexLock lock(mutex_);
  position.mark = std::max(position.mark, positions_[shard].mark);  // A reader that begins anew.
  position.highest = std::max(position.highest, positions_[shard].highest);  // Late samples.
  if (positions_[shard] == position) return {};
  positions_[shard] = position;
  return WriteLine(shard);
}

Status PositionFile::SaveSending(std::size_t shard, const Mark& sending) {
  MutexLock lock(mutex_);
  positions_[shard].sending = sending;
  return WriteLine(shard);
}

Status PositionFile::WriteLine(std::size_t shard) {
  if (file_ == nullptr) return WriteAll();  // There was no room for it before.
  std::string line;
  AppendLine(positions_[shard], line);
  return file_->WriteAt(kLineBytes * (shard + 1), AsBytes(line));
}

std::vector<ShardPosition> PositionFile::positions() const {
  MutexLock lock(mutex_);
  return positions_;
}

}  // namespace narthex::remote
