// SPDX-License-Identifier: Apache-2.0
//
// A file system that fails on purpose.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"

namespace narthex::testing {

enum class FileOp : std::uint8_t {
  kOpen,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kRemove,
  kMap,
  kRead,  // Of a whole file, or of a part.
  kList,
  kCreateDir,
  kLink,
  kRemoveAll,
  kSyncDir,
};

enum class Fault : std::uint8_t {
  kNone,
  kFail,  // Nothing happens; the caller gets "No space left on device".
  kTear,  // Writes: the first half happens, and the caller gets the error.
  kDrop,  // Nothing happens; the caller is told that all is well.
};

/// Hands everything to another file system, but first asks a hook what to do with each operation.
/// Thread safety: any thread; SetHook as well.
class FaultFs final : public Fs {
 public:
  /// @param path    of the file
  /// @param number  of the operation, counted from 0 since the hook was set
  using Hook = std::function<Fault(FileOp op, const std::string& path, int number)>;

  explicit FaultFs(Fs& base) : base_(base) {}

  void SetHook(Hook hook);
  /// Called before each operation. Unlike the hook it may use this file system itself, which is how
  /// a test lets something happen in the middle of something else.
  using Before = std::function<void(FileOp op, const std::string& path)>;
  void SetBefore(Before before);
  /// Fails every write, creation and extension of files, as a full disk does.
  void SetDiskFull(bool full);
  /// What DiskSpace tells from now on as the size of the file system.
  void SetDiskSpace(Result<Space> space);
  /// What the hook says; counts the operation.
  Fault Ask(FileOp op, const std::string& path);
  /// How often a file was to leave the page cache.
  int num_forgotten() const { return num_forgotten_; }
  void CountForgotten() { ++num_forgotten_; }

  Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path,
                                                     OpenMode mode) override;
  Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override;
  Result<std::string> ReadFile(const std::string& path) override;
  Result<std::vector<DirEntry>> ListDir(const std::string& path) override;
  bool Exists(const std::string& path) override { return base_.Exists(path); }
  Result<std::uint64_t> FileSize(const std::string& path) override { return base_.FileSize(path); }
  Status CreateDirs(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool& existed) override {
    return base_.Lock(path, existed);
  }
  Result<Space> DiskSpace(const std::string& path) override;

 private:
  std::atomic<int> num_forgotten_{0};
  template <typename Do>
  Status Plain(FileOp op, const std::string& path, const Do& run);

  Fs& base_;
  Mutex mutex_;
  Hook hook_ NX_GUARDED_BY(mutex_);
  int count_ NX_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Before> before_ NX_GUARDED_BY(mutex_);
  std::optional<Result<Space>> space_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::testing
