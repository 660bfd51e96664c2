// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/api_messages.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <fmt/core.h>

#include "scrape/answers/kubernetes/json_fields.h"
#include "scrape/answers/kubernetes/read_object.h"

namespace narthex::scrape::kubernetes {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxErrorBytes = std::size_t{1} << 20;

/// A parsed text with the memory that it lies in: one block after the other, freed at once.
class Document {
 public:
  Document() : root_(json::storage_ptr(&memory_)) {}

  /// Errors: kInvalidArgument.
  Status Parse(std::string_view text) {
    boost::system::error_code error;
    json::parse_options options;
    options.max_depth = kMaxDepth;
    root_ = json::parse({text.data(), text.size()}, error, &memory_, options);
    if (error) return Fail(Code::kInvalidArgument, "json: " + error.message());
    if (!root_.is_object()) return Fail(Code::kInvalidArgument, "json: not an object");
    return {};
  }
  const json::object* root() const { return root_.if_object(); }

 private:
  json::monotonic_resource memory_;
  json::value root_;
};

ApiError ReadStatus(const json::object* status, int otherwise) {
  JsonReader read;
  const std::int32_t code = read.Int(status, "code");
  ApiError error{code == 0 ? otherwise : code, read.Text(status, "message")};
  const std::string reason = read.Text(status, "reason");
  if (reason == "Expired" || reason == "Gone") error.status = 410;
  if (error.message.empty()) error.message = reason;
  return error;
}

std::string VersionOf(JsonReader& read, const json::object* object) {
  return read.Text(read.Object(object, "metadata"), "resourceVersion");
}

}  // namespace

Result<ObjectList> ParseList(Resource resource, std::string_view body) {
  Document document;
  NX_RETURN_IF_ERROR(document.Parse(body));
  ObjectList list;
  JsonReader read;
  const json::object* metadata = read.Object(document.root(), "metadata");
  list.version = read.Text(metadata, "resourceVersion");
  list.next_page = read.Text(metadata, "continue");
  const json::value* items = JsonReader::Member(document.root(), "items");
  if (items != nullptr && !items->is_array()) read.WrongType("items", "a list");
  if (!read.status()) return Fail(read.status().error());
  // Without a version it could not be watched; whatever it is, it is no list of the API.
  if (list.version.empty()) return Fail(Code::kInvalidArgument, "the answer is not a list");
  if (items == nullptr) return list;
  list.objects.reserve(items->get_array().size());
  for (const json::value& item : items->get_array()) {
    NX_ASSIGN_OR_RETURN(ObjectPtr object, ReadObject(resource, item));
    list.objects.push_back(std::move(object));
  }
  return list;
}

std::string FailureKind(std::string_view why) {
  constexpr std::string_view kUrl = "Get \"";
  constexpr std::string_view kAfterUrl = "\": ";
  if (why.starts_with(kUrl)) {
    const std::size_t end = why.find(kAfterUrl);
    if (end != std::string_view::npos) why.remove_prefix(end + kAfterUrl.size());
  }
  std::string kind;
  bool port = false;
  for (const char c : why) {
    port = c == ':' || (port && c >= '0' && c <= '9');
    if (!port || c == ':') kind += c;
  }
  return kind;
}

ApiError ParseApiError(int status, std::string_view reason, std::string_view body) {
  Document document;
  if (body.size() <= kMaxErrorBytes && document.Parse(body)) {
    JsonReader read;
    if (read.Text(document.root(), "kind") == "Status") {
      ApiError error = ReadStatus(document.root(), status);
      if (!error.message.empty()) return error;
    }
  }
  return {status, fmt::format("server returned HTTP status {} {}", status, reason)};
}

bool WatchReader::Feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (pending_.size() + std::min(end, piece.size()) > kMaxLineBytes) {
      return Broken(
          fmt::format("an event of the watch is longer than {} MiB", kMaxLineBytes >> 20));
    }
    if (end == std::string_view::npos) {
      pending_ += piece;
      return true;
    }
    const std::string_view rest = piece.substr(0, end);
    piece.remove_prefix(end + 1);
    if (pending_.empty()) {
      if (!Line(rest)) return false;
      continue;
    }
    pending_ += rest;
    const bool go_on = Line(pending_);
    pending_.clear();
    if (!go_on) return false;
    constexpr std::size_t kKeptBytes = 1 << 16;
    if (pending_.capacity() > kKeptBytes) pending_.shrink_to_fit();
  }
  return true;
}

bool WatchReader::Broken(std::string why) {
  error_ = {0, "unable to decode an event from the watch stream: " + std::move(why)};
  return false;
}

bool WatchReader::Line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  Document document;
  if (Status parsed = document.Parse(line); !parsed) return Broken(parsed.error().message());
  JsonReader read;
  const std::string type = read.Text(document.root(), "type");
  const json::object* object = read.Object(document.root(), "object");
  if (object == nullptr) return Broken("an event without an object");
  if (type == "ERROR") {
    error_ = ReadStatus(object, 500);
    return false;
  }
  Event event;
  event.version = VersionOf(read, object);
  if (!read.status()) return Broken(read.status().error().message());
  if (type == "ADDED" || type == "MODIFIED" || type == "DELETED") {
    auto known = ReadObject(resource_, *JsonReader::Member(document.root(), "object"));
    if (!known) return Broken(known.error().message());
    event.type = type == "DELETED" ? Event::Type::kRemove : Event::Type::kPut;
    event.object = std::move(*known);
  } else if (type != "BOOKMARK") {
    return Broken(fmt::format("an event of type \"{}\"", type));
  }
  ++num_events_;
  handle_(std::move(event));
  return true;
}

}  // namespace narthex::scrape::kubernetes
