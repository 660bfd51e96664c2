// SPDX-License-Identifier: Apache-2.0
//
// The one door to the file system: everything that the TSDB does with files goes through Fs, so
// that tests can fail, tear, delay and drop any operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"

namespace narthex {

using ByteSpan = std::span<const std::uint8_t>;

inline ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A file open for writing. Errors: kIo with path and reason. Thread safety: one thread at a time.
/// Destroyed open = closed, errors ignored.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// Writes all bytes at the end.
  virtual Status Append(ByteSpan bytes) = 0;
  /// Writes all bytes at an offset; the end moves when they pass it.
  virtual Status WriteAt(std::uint64_t offset, ByteSpan bytes) = 0;
  virtual Status Truncate(std::uint64_t size) = 0;
  /// Returns when the data is on the disk (fdatasync). May run beside Append and WriteAt.
  virtual Status Sync() = 0;
  virtual Status Close() = 0;
  virtual std::uint64_t size() const = 0;
  /// A hint: nobody will read soon what was synced, so it need not stay in the page cache.
  virtual void ForgetCached() {}
};

/// A file open for reading at any place. Thread safety: any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Fills `out` with the bytes from `offset` on. Errors: kIo, also when the file ends before.
  virtual Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  /// Of now, also when the file has grown since, or was removed.
  virtual std::uint64_t size() const = 0;
};

/// A read-only view of a whole file. The bytes live as long as this object, also after the file was
/// removed. Thread safety: any thread.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual ByteSpan bytes() const = 0;
  /// Gives the memory of pages that were read back; they are read again when needed. `offset` is a
  /// multiple of the page size.
  virtual void DropPages(std::uint64_t offset, std::uint64_t bytes) const = 0;
};

/// Holds an exclusive lock on a file until destroyed; then the file is removed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : std::uint8_t {
  kCreate,  // New or emptied.
  kAppend,  // Existing or new; Append goes to its end.
};

struct DirEntry {
  std::string name;  // Without its folder.
  bool is_dir = false;
  std::uint64_t size = 0;  // Bytes; 0 for folders.
};

/// Thread safety: any thread. Errors: kIo (kNotFound when the path does not exist), with path and
/// the system's reason.
class Fs {
 public:
  virtual ~Fs() = default;

  virtual Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path,
                                                             OpenMode mode) = 0;
  /// For large files that are read once, piece by piece: mapped, they would count as memory.
  virtual Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) = 0;
  virtual Result<std::unique_ptr<MappedFile>> Map(const std::string& path) = 0;
  /// Reads a whole file; for small ones.
  virtual Result<std::string> ReadFile(const std::string& path) = 0;
  /// The entries of a folder, sorted by name.
  virtual Result<std::vector<DirEntry>> ListDir(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> FileSize(const std::string& path) = 0;
  /// Creates a folder and its parents; an existing one is fine.
  virtual Status CreateDirs(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Link(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  /// Removes a file or a folder with all that is in it; a missing one is fine.
  virtual Status RemoveAll(const std::string& path) = 0;
  /// Makes renames and removals in a folder durable.
  virtual Status SyncDir(const std::string& path) = 0;
  /// Takes the lock, creating the file. Errors: kUnavailable when another process holds it.
  /// @param[out] existed  whether the file was left over from a process that did not end cleanly
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool& existed) = 0;
  /// Total and free bytes of the file system that holds the path.
  struct Space {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;
  };
  virtual Result<Space> DiskSpace(const std::string& path) = 0;
};

/// The machine's file system. Lives until the process ends.
Fs& SystemFs();

/// Writes a file whole or not at all: temporary file beside it, sync, rename, sync of the folder.
Status WriteFileAtomically(Fs& fs, const std::string& path, ByteSpan bytes);

/// Joins with exactly one '/'; an absolute `name` is returned as it is.
std::string JoinPath(std::string_view folder, std::string_view name);

}  // namespace narthex
