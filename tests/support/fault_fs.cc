// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_fs.h"

namespace narthex::testing {
namespace {

tl::unexpected<Error> NoSpace(const std::string& path) {
  return Fail(Code::kIo, path + ": No space left on device");
}

class FaultFile final : public WritableFile {
 public:
  FaultFile(FaultFs& fs, std::string path, std::unique_ptr<WritableFile> base)
      : fs_(fs), path_(std::move(path)), base_(std::move(base)) {}

  Status Append(ByteSpan bytes) override { return Write(base_->size(), bytes); }
  Status WriteAt(std::uint64_t offset, ByteSpan bytes) override { return Write(offset, bytes); }
  Status Truncate(std::uint64_t size) override {
    switch (fs_.Ask(FileOp::kTruncate, path_)) {
      case Fault::kNone:
        return base_->Truncate(size);
      case Fault::kDrop:
        return {};
      default:
        return NoSpace(path_);
    }
  }
  Status Sync() override {
    const Fault fault = fs_.Ask(FileOp::kSync, path_);
    if (fault == Fault::kNone) return base_->Sync();
    return fault == Fault::kDrop ? Status() : Status(NoSpace(path_));
  }
  Status Close() override { return base_->Close(); }
  std::uint64_t size() const override { return base_->size(); }
  void ForgetCached() override {
    fs_.CountForgotten();
    base_->ForgetCached();
  }

 private:
  Status Write(std::uint64_t offset, ByteSpan bytes) {
    switch (fs_.Ask(FileOp::kWrite, path_)) {
      case Fault::kNone:
        return base_->WriteAt(offset, bytes);
      case Fault::kDrop:
        return {};
      case Fault::kTear:
        NX_RETURN_IF_ERROR(base_->WriteAt(offset, bytes.first(bytes.size() / 2)));
        return NoSpace(path_);
      case Fault::kFail:
        break;
    }
    return NoSpace(path_);
  }

  FaultFs& fs_;
  const std::string path_;
  const std::unique_ptr<WritableFile> base_;
};

class FaultReadableFile final : public ReadableFile {
 public:
  FaultReadableFile(FaultFs& fs, std::string path, std::unique_ptr<ReadableFile> base)
      : fs_(fs), path_(std::move(path)), base_(std::move(base)) {}

  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    if (fs_.Ask(FileOp::kRead, path_) != Fault::kNone) return NoSpace(path_);
    return base_->ReadAt(offset, out);
  }
  std::uint64_t size() const override { return base_->size(); }

 private:
  FaultFs& fs_;
  const std::string path_;
  const std::unique_ptr<ReadableFile> base_;
};

}  // namespace

void FaultFs::SetHook(Hook hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
  count_ = 0;
}

void FaultFs::SetDiskFull(bool full) {
  if (!full) {
    SetHook({});
    return;
  }
  SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kWrite ? Fault::kTear : op == FileOp::kOpen ? Fault::kFail : Fault::kNone;
  });
}

void FaultFs::SetDiskSpace(Result<Space> space) {
  MutexLock lock(mutex_);
  space_ = std::move(space);
}

Result<Fs::Space> FaultFs::DiskSpace(const std::string& path) {
  {
    MutexLock lock(mutex_);
    if (space_) return *space_;
  }
  return base_.DiskSpace(path);
}

void FaultFs::SetBefore(Before before) {
  auto next = before ? std::make_shared<const Before>(std::move(before)) : nullptr;
  MutexLock lock(mutex_);
  before_ = std::move(next);
}

Fault FaultFs::Ask(FileOp op, const std::string& path) {
  std::shared_ptr<const Before> before;
  {
    MutexLock lock(mutex_);
    before = before_;
  }
  if (before != nullptr) (*before)(op, path);
  MutexLock lock(mutex_);
  if (!hook_) return Fault::kNone;
  return hook_(op, path, count_++);
}

Result<std::unique_ptr<WritableFile>> FaultFs::OpenWritable(const std::string& path,
                                                            OpenMode mode) {
  if (Ask(FileOp::kOpen, path) != Fault::kNone) return NoSpace(path);
  NX_ASSIGN_OR_RETURN(auto file, base_.OpenWritable(path, mode));
  return std::make_unique<FaultFile>(*this, path, std::move(file));
}

Result<std::unique_ptr<ReadableFile>> FaultFs::OpenReadable(const std::string& path) {
  if (Ask(FileOp::kRead, path) != Fault::kNone) return NoSpace(path);
  NX_ASSIGN_OR_RETURN(auto file, base_.OpenReadable(path));
  return std::make_unique<FaultReadableFile>(*this, path, std::move(file));
}

Result<std::unique_ptr<MappedFile>> FaultFs::Map(const std::string& path) {
  if (Ask(FileOp::kMap, path) != Fault::kNone) return NoSpace(path);
  return base_.Map(path);
}

Result<std::string> FaultFs::ReadFile(const std::string& path) {
  if (Ask(FileOp::kRead, path) != Fault::kNone) return NoSpace(path);
  return base_.ReadFile(path);
}

Result<std::vector<DirEntry>> FaultFs::ListDir(const std::string& path) {
  if (Ask(FileOp::kList, path) != Fault::kNone) return NoSpace(path);
  return base_.ListDir(path);
}

// An operation that has no content: done, dropped or failed.
template <typename Do>
Status FaultFs::Plain(FileOp op, const std::string& path, const Do& run) {
  const Fault fault = Ask(op, path);
  if (fault == Fault::kNone) return run();
  return fault == Fault::kDrop ? Status() : Status(NoSpace(path));
}

Status FaultFs::Rename(const std::string& from, const std::string& to) {
  return Plain(FileOp::kRename, to, [&] { return base_.Rename(from, to); });
}

Status FaultFs::Remove(const std::string& path) {
  return Plain(FileOp::kRemove, path, [&] { return base_.Remove(path); });
}

Status FaultFs::CreateDirs(const std::string& path) {
  return Plain(FileOp::kCreateDir, path, [&] { return base_.CreateDirs(path); });
}

Status FaultFs::Link(const std::string& from, const std::string& to) {
  return Plain(FileOp::kLink, to, [&] { return base_.Link(from, to); });
}

Status FaultFs::RemoveAll(const std::string& path) {
  return Plain(FileOp::kRemoveAll, path, [&] { return base_.RemoveAll(path); });
}

Status FaultFs::SyncDir(const std::string& path) {
  return Plain(FileOp::kSyncDir, path, [&] { return base_.SyncDir(path); });
}

}  // namespace narthex::testing
