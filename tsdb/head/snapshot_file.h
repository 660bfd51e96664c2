// SPDX-License-Identifier: Apache-2.0
//
// The file of a head snapshot: named sections of bytes, each checksummed in pieces, so that large
// ones are read and checked by several threads. Format: docs/formats/head_snapshot.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"

namespace narthex::tsdb {

constexpr std::uint32_t SectionId(const char (&name)[5]) {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(name[0])) << 24 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[1])) << 16 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[2])) << 8 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[3]));
}

/// What a section holds. A new kind of state gets a section of its own here.
enum class SnapshotSection : std::uint32_t {
  kBase = SectionId("BASE"),         // What the snapshot stands on; text.
  kHead = SectionId("HEAD"),         // Times and counts.
  kSeriesFree = SectionId("SERF"),   // Free slots.
  kSeries = SectionId("SERD"),       // The slots.
  kHashSizes = SectionId("HASS"),    // Slots by labels: sizes of the tables …
  kHashTables = SectionId("HASH"),   // … and the tables.
  kSymbolState = SectionId("SYMS"),  // Arena of the symbols …
  kSymbolData = SectionId("SYMD"),   // … its memory …
  kSymbolTable = SectionId("SYMT"),  // … and their hash table.
  kRunState = SectionId("RUNS"),     // Arena of label runs and shapes.
  kRunData = SectionId("RUND"),
  kShapeTable = SectionId("RUNT"),    // Shapes by hash.
  kPostingState = SectionId("PSTS"),  // Arena of the short posting lists.
  kPostingData = SectionId("PSTD"),
  kPostingLists = SectionId("PSTL"),    // Names, values and their lists.
  kPostingBitmaps = SectionId("PSTB"),  // Long lists.
  kChunkState = SectionId("CHKS"),      // Arena of open chunks and lists of full ones.
  kChunkData = SectionId("CHKD"),
  kHistograms = SectionId("HIST"),  // Open chunks of native histograms.
  kTombstones = SectionId("TOMB"),  // Deleted intervals.
  kExemplars = SectionId("EXEM"),
  kLateChunks = SectionId("LATC"),   // Late samples: places of full chunks …
  kLateSamples = SectionId("LATS"),  // … and the samples of open ones.
  kMetadata = SectionId("META"),     // Type, unit and help of series.
};

/// "SERD".
std::string SectionName(SnapshotSection section);

/// Writes a snapshot: Begin, any number of Write, … Finish. An error makes all later calls do
/// nothing, and Finish tells it. Thread safety: one thread.
class SnapshotWriter {
 public:
  static Result<SnapshotWriter> Create(Fs& fs, const std::string& path);

  void Begin(SnapshotSection section);
  void Write(ByteSpan bytes);
  template <typename T>
  void WriteArray(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    Write({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  }
  template <typename T>
  void WriteValue(const T& value) {
    WriteArray(std::span<const T>(&value, 1));
  }
  /// Writes the table of sections and closes the file. It is not synced: a file that the machine's
  /// fall tears is found out by its checksums.
  Status Finish();
  std::uint64_t bytes_written() const { return position_; }

 private:
  struct Section {
    SnapshotSection id;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<std::uint32_t> sums;  // Of each piece.
  };
  explicit SnapshotWriter(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
  void Put(ByteSpan bytes);
  void Flush();

  std::unique_ptr<WritableFile> file_;
  std::vector<Section> sections_;
  std::string buffer_;  // Small writes, joined.
  std::uint64_t position_ = 0;
  std::uint64_t flushed_ = 0;  // Where the buffer belongs.
  Status status_;
};

/// Reads a snapshot. Everything that it gives out has been checked. Thread safety: Read any thread,
/// the rest one thread.
class SnapshotReader {
 public:
  /// Reads the table of sections. Errors: kNotFound, kCorruption, kIo.
  static Result<SnapshotReader> Open(Fs& fs, const std::string& path);

  bool Has(SnapshotSection section) const { return sections_.contains(section); }
  /// 0 when there is no such section.
  std::uint64_t Length(SnapshotSection section) const;
  std::uint64_t Offset(SnapshotSection section) const;
  std::vector<SnapshotSection> Sections() const;
  /// A whole section. Errors: kCorruption.
  Result<std::string> Read(SnapshotSection section) const;

  /// Has a section read into memory that lives until Run has returned: its bytes fill `runs` one
  /// after another.
  void Queue(SnapshotSection section, std::vector<std::span<std::uint8_t>> runs);
  /// Has a function called by Run, in any thread, before or after anything else that is queued.
  void Queue(std::function<Status()> task) { tasks_.push_back(std::move(task)); }
  /// Does all that was queued, with several threads. @return the first error
  Status Run();

 private:
  struct Section {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<std::uint32_t> sums;
  };
  SnapshotReader(std::unique_ptr<ReadableFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  Status ReadTable();
  tl::unexpected<Error> Corrupt(std::string_view what) const;
  Status ReadPiece(SnapshotSection id, const Section& section, std::size_t piece,
                   std::span<const std::span<std::uint8_t>> runs) const;

  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  std::map<SnapshotSection, Section> sections_;
  std::vector<std::function<Status()>> tasks_;   // Queued as such: they take longest.
  std::vector<std::function<Status()>> pieces_;  // Of sections.
};

/// Takes trivial values out of a section's bytes. After the first read past the end ok() is false
/// and every value is zero or empty.
class SnapshotCursor {
 public:
  explicit SnapshotCursor(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const auto bytes = Bytes(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  /// Appends `count` values to `out`.
  template <typename T>
  void Array(std::size_t count, std::vector<T>& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count > rest_.size() / sizeof(T)) ok_ = false;
    const auto bytes = Bytes(ok_ ? count * sizeof(T) : 0);
    if (bytes.empty()) return;
    const std::size_t old = out.size();
    out.resize(old + count);
    std::memcpy(out.data() + old, bytes.data(), bytes.size());
  }
  std::string_view Bytes(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto bytes = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return bytes;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace narthex::tsdb
