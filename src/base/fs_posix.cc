// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "narthex/base/fs.h"
#include "src/base/system_error.h"

namespace narthex {
namespace {

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path, std::uint64_t size)
      : fd_(fd), path_(std::move(path)), size_(size) {}
  ~PosixWritableFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Status Append(ByteSpan bytes) override {
    NX_RETURN_IF_ERROR(WriteAll(size_, bytes));
    size_ += bytes.size();
    return {};
  }

  Status WriteAt(std::uint64_t offset, ByteSpan bytes) override {
    NX_RETURN_IF_ERROR(WriteAll(offset, bytes));
    size_ = std::max(size_, offset + bytes.size());
    return {};
  }

  Status Truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return Fail(SystemError("truncate", path_, errno));
    }
    size_ = size;
    return {};
  }

  Status Sync() override {
    if (::fdatasync(fd_) != 0) return Fail(SystemError("sync", path_, errno));
    return {};
  }

  Status Close() override {
    if (fd_ < 0) return {};
    const int result = ::close(fd_);
    fd_ = -1;
    if (result != 0) return Fail(SystemError("close", path_, errno));
    return {};
  }

  std::uint64_t size() const override { return size_; }
  void ForgetCached() override { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

 private:
  Status WriteAll(std::uint64_t offset, ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0) {
        if (errno == EINTR) continue;
        return Fail(SystemError("write", path_, errno));
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  int fd_;
  const std::string path_;
  std::uint64_t size_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixReadableFile() override { ::close(fd_); }

  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    while (!out.empty()) {
      const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (n < 0) {
        if (errno == EINTR) continue;
        return Fail(SystemError("read", path_, errno));
      }
      if (n == 0) return Fail(Code::kIo, fmt::format("read {}: unexpected end of file", path_));
      out = out.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }
  std::uint64_t size() const override {
    struct stat st {};
    return ::fstat(fd_, &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
  }

 private:
  const int fd_;
  const std::string path_;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(void* address, std::size_t size) : address_(address), size_(size) {}
  ~PosixMappedFile() override {
    if (address_ != nullptr) ::munmap(address_, size_);
  }
  ByteSpan bytes() const override { return {static_cast<const std::uint8_t*>(address_), size_}; }
  void DropPages(std::uint64_t offset, std::uint64_t bytes) const override {
    if (offset >= size_) return;
    ::madvise(static_cast<std::byte*>(address_) + offset, std::min(bytes, size_ - offset),
              MADV_DONTNEED);
  }

 private:
  void* address_;
  std::size_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  PosixFileLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFileLock() override {
    ::unlink(path_.c_str());
    ::close(fd_);
  }

 private:
  int fd_;
  std::string path_;
};

struct OpenFile {
  int fd = -1;
  std::uint64_t size = 0;
};

// The caller closes the file.
Result<OpenFile> OpenSized(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags, 0666);
  if (fd < 0) return Fail(SystemError("open", path, errno));
  struct stat st {};
  if (::fstat(fd, &st) == 0) return OpenFile{fd, static_cast<std::uint64_t>(st.st_size)};
  const int error = errno;
  ::close(fd);
  return Fail(SystemError("stat", path, error));
}

class PosixFs final : public Fs {
 public:
  Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path,
                                                     OpenMode mode) override {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (mode == OpenMode::kCreate ? O_TRUNC : 0);
    NX_ASSIGN_OR_RETURN(const OpenFile file, OpenSized(path, flags));
    return std::make_unique<PosixWritableFile>(file.fd, path, file.size);
  }

  Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override {
    NX_ASSIGN_OR_RETURN(const OpenFile file, OpenSized(path, O_RDONLY | O_CLOEXEC));
    return std::make_unique<PosixReadableFile>(file.fd, path);
  }

  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    NX_ASSIGN_OR_RETURN(const OpenFile file, OpenSized(path, O_RDONLY | O_CLOEXEC));
    const auto [fd, size] = file;
    if (size == 0) {  // mmap refuses empty ranges.
      ::close(fd);
      return std::make_unique<PosixMappedFile>(nullptr, 0);
    }
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    ::close(fd);
    if (address == MAP_FAILED) return Fail(SystemError("mmap", path, error));
    return std::make_unique<PosixMappedFile>(address, size);
  }

  Result<std::string> ReadFile(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Fail(SystemError("open", path, errno));
    std::string content;
    std::size_t used = 0;
    while (true) {
      constexpr std::size_t kPiece = 64 << 10;
      content.resize(used + kPiece);
      const ssize_t n = ::read(fd, content.data() + used, kPiece);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        const int error = errno;
        ::close(fd);
        if (n < 0) return Fail(SystemError("read", path, error));
        content.resize(used);
        return content;
      }
      used += static_cast<std::size_t>(n);
    }
  }

  Result<std::vector<DirEntry>> ListDir(const std::string& path) override {
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) return Fail(SystemError("open", path, errno));
    std::vector<DirEntry> entries;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat st {};
      if (::fstatat(::dirfd(dir), entry->d_name, &st, 0) != 0) continue;  // Removed meanwhile.
      const bool is_dir = S_ISDIR(st.st_mode);
      entries.push_back({name, is_dir, is_dir ? 0 : static_cast<std::uint64_t>(st.st_size)});
    }
    ::closedir(dir);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Result<std::uint64_t> FileSize(const std::string& path) override {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return Fail(SystemError("stat", path, errno));
    return static_cast<std::uint64_t>(st.st_size);
  }

  Status CreateDirs(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Fail(SystemError("mkdir", path, error.value()));
    return {};
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return Fail(SystemError("rename", from + " " + to, errno));
    }
    return {};
  }

  Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) {
      return Fail(SystemError("link", from + " " + to, errno));
    }
    return {};
  }

  Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return Fail(SystemError("remove", path, errno));
    return {};
  }

  Status RemoveAll(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Fail(SystemError("remove", path, error.value()));
    return {};
  }

  Status SyncDir(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return Fail(SystemError("open", path, errno));
    const int result = ::fsync(fd);
    const int error = errno;
    ::close(fd);
    if (result != 0) return Fail(SystemError("sync", path, error));
    return {};
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool& existed) override {
    existed = Exists(path);
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return Fail(SystemError("open", path, errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(fd);
      if (error == EWOULDBLOCK) {
        return Fail(
            Code::kUnavailable,
            fmt::format("lock {}: resource temporarily unavailable (is another server using "
                        "this folder?)",
                        path));
      }
      return Fail(SystemError("lock", path, error));
    }
    return std::make_unique<PosixFileLock>(fd, path);
  }

  Result<Space> DiskSpace(const std::string& path) override {
    struct statvfs st {};
    if (::statvfs(path.c_str(), &st) != 0) return Fail(SystemError("statfs", path, errno));
    return Space{st.f_blocks * st.f_frsize, st.f_bavail * st.f_frsize};
  }
};

}  // namespace

Fs& SystemFs() {
  static PosixFs fs;
  return fs;
}

Status WriteFileAtomically(Fs& fs, const std::string& path, ByteSpan bytes) {
  const std::string temporary = path + ".tmp";
  NX_ASSIGN_OR_RETURN(const auto file, fs.OpenWritable(temporary, OpenMode::kCreate));
  NX_RETURN_IF_ERROR(file->Append(bytes));
  NX_RETURN_IF_ERROR(file->Sync());
  NX_RETURN_IF_ERROR(file->Close());
  NX_RETURN_IF_ERROR(fs.Rename(temporary, path));
  const auto slash = path.rfind('/');
  return fs.SyncDir(slash == std::string::npos ? "."
                                               : path.substr(0, std::max<std::size_t>(slash, 1)));
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || (!name.empty() && name.front() == '/')) return std::string(name);
  std::string path(folder);
  if (path.back() != '/') path += '/';
  return path.append(name);
}

}  // namespace narthex
