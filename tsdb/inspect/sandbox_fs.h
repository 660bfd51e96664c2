// SPDX-License-Identifier: Apache-2.0
//
// A data folder that can be opened as if for writing while nothing in it changes: what is written,
// renamed or removed below the folder happens in a folder elsewhere.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"

namespace narthex::tsdb::inspect {

/// Files below `dir` are read from there until they are written; those written lie in `sandbox`, an
/// existing folder that the caller removes. Writing anywhere else fails with kInternal. Folders
/// can't be renamed, and nobody else is kept out by Lock. Thread safety: any thread.
class SandboxFs final : public Fs {
 public:
  /// `base` outlives this.
  SandboxFs(Fs& base, std::string dir, std::string sandbox);

  Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path,
                                                     OpenMode mode) override;
  Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override;
  Result<std::string> ReadFile(const std::string& path) override;
  Result<std::vector<DirEntry>> ListDir(const std::string& path) override;
  bool Exists(const std::string& path) override;
  Result<std::uint64_t> FileSize(const std::string& path) override;
  Status CreateDirs(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool& existed) override;
  Result<Space> DiskSpace(const std::string& path) override;

 private:
  bool Inside(const std::string& path) const;
  Status CheckInside(const std::string& path) const;
  std::string SandboxPath(const std::string& path) const;
  bool Hidden(const std::string& path) const NX_REQUIRES(mutex_);
  /// Where the bytes of a path are. Errors: kNotFound when it was removed.
  Result<std::string> Real(const std::string& path) const NX_EXCLUDES(mutex_);
  Result<std::string> RealLocked(const std::string& path) const NX_REQUIRES(mutex_);
  void Forget(const std::string& path) NX_REQUIRES(mutex_);

  Fs& base_;
  const std::string dir_;
  const std::string sandbox_;

  mutable Mutex mutex_;  // Leaf lock, but for the base's.
  // Paths of files that do not lie where their path says, and where they do: written ones in the
  // sandbox, renamed ones still under their old name.
  std::map<std::string, std::string> placed_ NX_GUARDED_BY(mutex_);
  std::set<std::string> hidden_ NX_GUARDED_BY(mutex_);   // What was removed or renamed.
  std::set<std::string> folders_ NX_GUARDED_BY(mutex_);  // Created ones that the base lacks.
};

}  // namespace narthex::tsdb::inspect
