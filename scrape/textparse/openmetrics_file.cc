// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "narthex/scrape/openmetrics.h"
#include "scrape/textparse/openmetrics_parser.h"

namespace narthex::scrape {
namespace {

Error SystemError(std::string_view operation, const std::string& path) {
  std::string reason = std::strerror(errno);
  reason[0] = static_cast<char>(std::tolower(reason[0]));
  return {errno == ENOENT ? Code::kNotFound : Code::kIo,
          fmt::format("{} {}: {}", operation, path, reason)};
}

// The text of a file with readable bytes behind its end.
class PaddedText {
 public:
  PaddedText() = default;
  ~PaddedText() {
    if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  }
  PaddedText(const PaddedText&) = delete;
  PaddedText& operator=(const PaddedText&) = delete;

  Status Load(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Fail(SystemError("open", path));
    struct stat st {};
    Status status = ::fstat(fd, &st) != 0 ? Status(Fail(SystemError("stat", path)))
                    : S_ISREG(st.st_mode) ? Map(fd, static_cast<std::size_t>(st.st_size), path)
                                          : ReadAll(fd, path);
    ::close(fd);
    return status;
  }
  std::string_view text() const { return text_; }

 private:
  // Maps the file over zeros that go on for a page behind it.
  Status Map(int fd, std::size_t size, const std::string& path) {
    mapped_bytes_ = size + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* address = ::mmap(nullptr, mapped_bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return Fail(SystemError("mmap", path));
    mapped_ = address;
    if (size > 0 &&
        ::mmap(address, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
      return Fail(SystemError("mmap", path));
    }
    text_ = {static_cast<const char*>(address), size};
    return {};
  }

  // A pipe or terminal can be read only once.
  Status ReadAll(int fd, const std::string& path) {
    char buffer[65536];
    for (;;) {
      const ssize_t n = ::read(fd, buffer, sizeof(buffer));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fail(SystemError("read", path));
      if (n == 0) break;
      read_.append(buffer, static_cast<std::size_t>(n));
    }
    const std::size_t size = read_.size();
    read_.append(OpenMetricsParser::kPadding, '\0');
    text_ = std::string_view(read_).substr(0, size);
    return {};
  }

  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::string read_;
  std::string_view text_;
};

}  // namespace

struct OpenMetricsFile::Impl {
  std::string path;
  PaddedText file;
  std::optional<OpenMetricsParser> parser;
  SeriesHint last;       // The series of the last sample: often also that of the next one.
  bool checked = false;  // The file was read to its end once.

  // The parser only looks for the ends of a series' text until its labels are asked for.
  Status CheckSeries() {
    if (checked || parser->hint_matched()) return {};
    ParsedLabels labels;
    NX_RETURN_IF_ERROR(parser->ReadLabels(labels));
    last = {parser->series_hash(), static_cast<std::uint32_t>(parser->series().size())};
    return {};
  }
};

OpenMetricsFile::OpenMetricsFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenMetricsFile::~OpenMetricsFile() = default;

Result<std::unique_ptr<OpenMetricsFile>> OpenMetricsFile::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  NX_RETURN_IF_ERROR(impl->file.Load(path));
  std::unique_ptr<OpenMetricsFile> file(new OpenMetricsFile(std::move(impl)));
  file->Rewind();
  return file;
}

void OpenMetricsFile::Rewind() {
  impl_->parser.emplace(impl_->file.text());
  impl_->last = {};
}

Result<bool> OpenMetricsFile::Next() {
  for (;;) {
    switch (impl_->parser->Next(impl_->last)) {
      case EntryKind::kEnd:
        impl_->checked = true;
        return false;
      case EntryKind::kError:
        return Fail(Code::kInvalidArgument, impl_->parser->error() + Where());
      case EntryKind::kSeries:
        if (auto status = impl_->CheckSeries(); !status) {
          return Fail(Code::kInvalidArgument, status.error().message() + Where());
        }
        return true;
      default:
        continue;
    }
  }
}

bool OpenMetricsFile::has_timestamp() const { return impl_->parser->has_timestamp(); }
model::TimestampMs OpenMetricsFile::timestamp() const { return impl_->parser->timestamp(); }
double OpenMetricsFile::value() const { return impl_->parser->value(); }

Result<model::Labels> OpenMetricsFile::ReadLabels() const {
  ParsedLabels labels;
  if (auto status = impl_->parser->ReadLabels(labels); !status) {
    return Fail(Code::kInvalidArgument, status.error().message() + Where());
  }
  if (!labels.duplicate.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("label name \"{}\" is not unique: invalid sample{}", labels.duplicate,
                            Where()));
  }
  std::erase_if(labels.pairs, [](const auto& pair) { return pair.second.empty(); });
  return model::Labels::FromSorted(labels.pairs);
}

std::string OpenMetricsFile::Where() const {
  const auto before = impl_->file.text().substr(0, impl_->parser->line());
  return fmt::format(" ({}, line {})", impl_->path,
                     std::count(before.begin(), before.end(), '\n') + 1);
}

}  // namespace narthex::scrape
