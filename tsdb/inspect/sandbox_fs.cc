// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/sandbox_fs.h"

#include <algorithm>

#include <fmt/format.h>

namespace narthex::tsdb::inspect {
namespace {

// The folder that a path is in; "" for a bare name.
std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

tl::unexpected<Error> NotThere(const std::string& path) {
  return Fail(Code::kNotFound, fmt::format("open {}: no such file or directory", path));
}

// Without the slashes at its end, as paths of what is in it have one.
std::string WithoutSlash(std::string folder) {
  while (folder.ends_with('/')) folder.pop_back();
  return folder;
}

class NoLock final : public FileLock {};

}  // namespace

SandboxFs::SandboxFs(Fs& base, std::string dir, std::string sandbox)
    : base_(base), dir_(WithoutSlash(std::move(dir))), sandbox_(WithoutSlash(std::move(sandbox))) {}

bool SandboxFs::Inside(const std::string& path) const { return IsBelow(path, dir_); }

Status SandboxFs::CheckInside(const std::string& path) const {
  if (Inside(path)) return {};
  return Fail(Code::kInternal, fmt::format("writing {} while inspecting {}", path, dir_));
}

std::string SandboxFs::SandboxPath(const std::string& path) const {
  return JoinPath(sandbox_, path.substr(dir_.size() + 1));
}

bool SandboxFs::Hidden(const std::string& path) const {
  for (std::string p = path; p.size() > dir_.size(); p = ParentOf(p)) {
    if (hidden_.contains(p)) return true;
  }
  return false;
}

Result<std::string> SandboxFs::RealLocked(const std::string& path) const {
  if (const auto it = placed_.find(path); it != placed_.end()) return it->second;
  if (Hidden(path)) return NotThere(path);
  return path;
}

Result<std::string> SandboxFs::Real(const std::string& path) const {
  MutexLock lock(mutex_);
  return RealLocked(path);
}

void SandboxFs::Forget(const std::string& path) {
  const auto it = placed_.find(path);
  if (it == placed_.end()) return;
  if (IsBelow(it->second, sandbox_)) (void)base_.Remove(it->second);
  placed_.erase(it);
}

Result<std::unique_ptr<WritableFile>> SandboxFs::OpenWritable(const std::string& path,
                                                              OpenMode mode) {
  NX_RETURN_IF_ERROR(CheckInside(path));
  const std::string own = SandboxPath(path);
  MutexLock lock(mutex_);
  const auto real = RealLocked(path);
  NX_RETURN_IF_ERROR(base_.CreateDirs(ParentOf(own)));
  NX_ASSIGN_OR_RETURN(auto file,
                      base_.OpenWritable(own, real && *real == own ? mode : OpenMode::kCreate));
  if (mode == OpenMode::kAppend && real && *real != own && base_.Exists(*real)) {
    NX_ASSIGN_OR_RETURN(const auto old, base_.Map(*real));
    NX_RETURN_IF_ERROR(file->Append(old->bytes()));
  }
  placed_[path] = own;
  return file;
}

Result<std::unique_ptr<ReadableFile>> SandboxFs::OpenReadable(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string real, Real(path));
  return base_.OpenReadable(real);
}

Result<std::unique_ptr<MappedFile>> SandboxFs::Map(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string real, Real(path));
  return base_.Map(real);
}

Result<std::string> SandboxFs::ReadFile(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string real, Real(path));
  return base_.ReadFile(real);
}

Result<std::uint64_t> SandboxFs::FileSize(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string real, Real(path));
  return base_.FileSize(real);
}

bool SandboxFs::Exists(const std::string& path) {
  {
    MutexLock lock(mutex_);
    if (folders_.contains(path)) return true;
  }
  const auto real = Real(path);
  return real && base_.Exists(*real);
}

Result<std::vector<DirEntry>> SandboxFs::ListDir(const std::string& path) {
  MutexLock lock(mutex_);
  std::vector<DirEntry> listed;
  const bool created = folders_.contains(path);
  if (!Hidden(path)) {
    auto found = base_.ListDir(path);
    if (!found && !created) return found;
    if (found) listed = std::move(*found);
  } else if (!created) {
    return NotThere(path);
  }
  std::vector<DirEntry> entries;
  for (auto& entry : listed) {
    const std::string child = JoinPath(path, entry.name);
    if (hidden_.contains(child) || placed_.contains(child)) continue;
    entries.push_back(std::move(entry));
  }
  for (const auto& [child, real] : placed_) {
    if (ParentOf(child) != path) continue;
    NX_ASSIGN_OR_RETURN(const std::uint64_t size, base_.FileSize(real));
    entries.push_back({child.substr(path.size() + 1), false, size});
  }
  for (const auto& folder : folders_) {
    if (ParentOf(folder) == path) entries.push_back({folder.substr(path.size() + 1), true, 0});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Status SandboxFs::CreateDirs(const std::string& path) {
  if (Exists(path)) return {};
  NX_RETURN_IF_ERROR(CheckInside(path));
  MutexLock lock(mutex_);
  for (std::string p = path; p.size() > dir_.size(); p = ParentOf(p)) {
    if (Hidden(p) || !base_.Exists(p)) folders_.insert(p);
  }
  return {};
}

Status SandboxFs::Rename(const std::string& from, const std::string& to) {
  NX_RETURN_IF_ERROR(Link(from, to));
  return Remove(from);
}

Status SandboxFs::Link(const std::string& from, const std::string& to) {
  NX_RETURN_IF_ERROR(CheckInside(from));
  NX_RETURN_IF_ERROR(CheckInside(to));
  MutexLock lock(mutex_);
  NX_ASSIGN_OR_RETURN(std::string real, RealLocked(from));
  NX_RETURN_IF_ERROR(base_.FileSize(real));  // Whether it is there.
  Forget(to);
  if (IsBelow(real, sandbox_)) {
    // Under its own name, as `from` may be written anew.
    const std::string own = SandboxPath(to);
    NX_RETURN_IF_ERROR(base_.CreateDirs(ParentOf(own)));
    NX_RETURN_IF_ERROR(base_.Link(real, own));
    real = own;
  }
  placed_[to] = std::move(real);
  return {};
}

Status SandboxFs::Remove(const std::string& path) {
  NX_RETURN_IF_ERROR(CheckInside(path));
  MutexLock lock(mutex_);
  NX_ASSIGN_OR_RETURN(const std::string real, RealLocked(path));
  if (!base_.Exists(real) && !folders_.contains(path)) return NotThere(path);
  Forget(path);
  folders_.erase(path);
  hidden_.insert(path);
  return {};
}

Status SandboxFs::RemoveAll(const std::string& path) {
  NX_RETURN_IF_ERROR(CheckInside(path));
  MutexLock lock(mutex_);
  const auto gone = [&](const std::string& p) { return p == path || IsBelow(p, path); };
  std::vector<std::string> files;
  for (const auto& [child, real] : placed_) {
    if (gone(child)) files.push_back(child);
  }
  for (const auto& file : files) Forget(file);
  std::erase_if(folders_, gone);
  hidden_.insert(path);
  return {};
}

// What is thrown away at the end needs no sync.
Status SandboxFs::SyncDir(const std::string& /*path*/) { return {}; }

Result<std::unique_ptr<FileLock>> SandboxFs::Lock(const std::string& /*path*/, bool& existed) {
  existed = false;
  return std::make_unique<NoLock>();
}

Result<Fs::Space> SandboxFs::DiskSpace(const std::string& /*path*/) {
  return base_.DiskSpace(sandbox_);
}

}  // namespace narthex::tsdb::inspect
