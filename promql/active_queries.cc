// SPDX-License-Identifier: Apache-2.0
#include "promql/active_queries.h"

#include <algorithm>

#include "narthex/base/clock.h"
#include "narthex/base/json_writer.h"

namespace narthex::promql {
namespace {

constexpr std::size_t kEntrySize = 1000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::string EntryOf(std::string_view query, std::int64_t seconds) {
  JsonWriter out;
  out.BeginObject();
  out.Key("query");
  out.String(query);
  out.Key("timestamp_sec");
  out.Int(seconds);
  out.EndObject();
  return out.TakeText();
}

/// The longest beginning of at most so many bytes that does not end within a character.
std::string_view Beginning(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

/// An entry that fits, with room for the comma. Escapes make text longer, so that the query may
/// have to be cut more than once.
std::string FittingEntry(std::string_view query, std::int64_t seconds) {
  std::size_t room = kEntrySize - 1 - EntryOf("", seconds).size();
  while (true) {
    std::string entry = EntryOf(Beginning(query, room), seconds);
    if (entry.size() < kEntrySize) return entry;
    constexpr std::size_t kLongestEscape = 6;
    room -= std::min(room, (entry.size() - kEntrySize) / kLongestEscape + 1);
  }
}

/// The list that the entries make without what separates them.
std::string ListOf(std::string text) {
  std::erase(text, '\0');
  if (text.size() <= 1) return {};
  text.back() = ']';  // The last comma.
  return text;
}

}  // namespace

ActiveQueries::ActiveQueries(std::unique_ptr<WritableFile> file, int places, const Clock& clock)
    : clock_(clock), failure_log_(clock), file_(std::move(file)) {
  for (int i = places - 1; i >= 0; --i) free_.push_back(static_cast<std::size_t>(i));
}

Result<std::unique_ptr<ActiveQueries>> ActiveQueries::Open(Fs& fs, const std::string& path,
                                                           int places, const Clock& clock,
                                                           std::string& unfinished) {
  if (fs.Exists(path)) {
    NX_ASSIGN_OR_RETURN(std::string text, fs.ReadFile(path));
    unfinished = ListOf(std::move(text));
  }
  NX_ASSIGN_OR_RETURN(auto file, fs.OpenWritable(path, OpenMode::kCreate));
  // All of it now: later the disk may be full.
  std::string empty(1 + static_cast<std::size_t>(places) * kEntrySize, '\0');
  empty.front() = '[';
  NX_RETURN_IF_ERROR(file->Append(AsBytes(empty)));
  return std::unique_ptr<ActiveQueries>(new ActiveQueries(std::move(file), places, clock));
}

void ActiveQueries::Write(std::size_t place, std::string_view entry) {
  const Status written = file_->WriteAt(1 + place * kEntrySize, AsBytes(entry));
  if (!written) failure_log_.Error("can't note active query", {{"err", written.error().message()}});
}

std::size_t ActiveQueries::Insert(std::string_view query) {
  std::string entry = FittingEntry(query, clock_.NowNs() / kNsPerSecond);
  entry.resize(kEntrySize - 1);
  entry += ',';
  MutexLock lock(mutex_);
  const std::size_t place = free_.back();
  free_.pop_back();
  Write(place, entry);
  return place;
}

void ActiveQueries::Remove(std::size_t place) {
  const std::string nothing(kEntrySize, '\0');
  MutexLock lock(mutex_);
  Write(place, nothing);
  free_.push_back(place);
}

}  // namespace narthex::promql
