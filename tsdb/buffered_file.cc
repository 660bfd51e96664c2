// SPDX-License-Identifier: Apache-2.0
#include "tsdb/buffered_file.h"

#include "narthex/base/crc32c.h"

namespace narthex::tsdb {

Result<BufferedFile> BufferedFile::Create(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto file, fs.OpenWritable(path, OpenMode::kCreate));
  return BufferedFile(std::move(file));
}

Status BufferedFile::Flush() {
  UpdateCrc();
  NX_RETURN_IF_ERROR(file_->Append(AsBytes(buffer_)));
  flushed_ += buffer_.size();
  buffer_.clear();
  crc_from_ = 0;
  return bypasses_cache_ && flushed_ - synced_ >= kMaxCachedBytes ? Sync() : Status();
}

Status BufferedFile::Sync() {
  NX_RETURN_IF_ERROR(file_->Sync());
  synced_ = flushed_;
  if (bypasses_cache_) file_->ForgetCached();
  return {};
}

void BufferedFile::Pad(std::size_t alignment) {
  const std::size_t over = position() % alignment;
  if (over != 0) buffer_.append(alignment - over, '\0');
}

void BufferedFile::BeginCrc() {
  in_crc_ = true;
  crc_ = 0;
  crc_from_ = buffer_.size();
}

std::uint32_t BufferedFile::EndCrc() {
  UpdateCrc();
  in_crc_ = false;
  return crc_;
}

Status BufferedFile::SyncAndClose() {
  NX_RETURN_IF_ERROR(Flush());
  NX_RETURN_IF_ERROR(Sync());
  return file_->Close();
}

void BufferedFile::UpdateCrc() {
  if (!in_crc_) return;
  crc_ = Crc32c(AsBytes(std::string_view(buffer_).substr(crc_from_)), crc_);
  crc_from_ = buffer_.size();
}

}  // namespace narthex::tsdb
