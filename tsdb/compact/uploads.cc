// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/uploads.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "narthex/base/log.h"

namespace narthex::tsdb {
namespace {

namespace json = boost::json;

constexpr std::int64_t kKeepNs = 60'000'000'000;

Result<absl::flat_hash_set<std::string>> ReadUploaded(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  const auto wrong = [&](std::string_view what) {
    return Fail(Code::kCorruption, path + ": " + std::string(what));
  };
  boost::system::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error);
  if (error) return wrong(error.message());
  if (!document.is_object()) return wrong("not an object");
  absl::flat_hash_set<std::string> uploaded;
  const json::value* list = document.get_object().if_contains("uploaded");
  if (list == nullptr || list->is_null()) return uploaded;
  if (!list->is_array()) return wrong("\"uploaded\" is not a list");
  for (const json::value& ulid : list->get_array()) {
    if (!ulid.is_string()) return wrong("\"uploaded\" has something else than strings");
    uploaded.emplace(ulid.get_string().data(), ulid.get_string().size());
  }
  return uploaded;
}

}  // namespace

bool PendingUploads::IsPending(const BlockMeta& meta) {
  if (path_.empty() || meta.compaction.level > 1) return false;
  const std::int64_t now = clock_.MonotonicNs();
  if (!uploaded_ || now - read_at_ns_ >= kKeepNs) {
    auto read = ReadUploaded(fs_, path_);
    if (!read) {
      log::Warn("The file of uploaded blocks can't be read; compaction does not wait for it",
                {{"path", path_}, {"err", read.error().message()}});
      return false;
    }
    uploaded_ = std::move(*read);
    read_at_ns_ = now;
  }
  return !uploaded_->contains(meta.ulid);
}

}  // namespace narthex::tsdb
