// SPDX-License-Identifier: Apache-2.0
//
// What the API answers: lists, streams of watch events, and its errors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "scrape/answers/kubernetes/object.h"

namespace narthex::scrape::kubernetes {

/// One page of a list.
struct ObjectList {
  std::vector<ObjectPtr> objects;
  std::string version;
  std::string next_page;  // "" = this was the last.
};

/// Errors: kInvalidArgument: no JSON, or not what the API answers.
Result<ObjectList> ParseList(Resource resource, std::string_view body);

/// What a failure's text has in common with those of its kind: without the URL, which has a
/// version and a random time in it, and without port numbers.
std::string FailureKind(std::string_view why);

/// An error of the API, from a Status object or an answer that has none.
struct ApiError {
  int status = 0;  // As HTTP's: 410 = the version is too old. 0 = not from the server.
  std::string message;
};
/// A body of more than 1 MiB is none that has an error to tell.
ApiError ParseApiError(int status, std::string_view reason, std::string_view body);

/// Takes a watch stream apart: a line of JSON for each event.
class WatchReader final {
 public:
  struct Event {
    enum class Type : std::uint8_t { kPut, kRemove, kBookmark };
    Type type = Type::kBookmark;
    ObjectPtr object;     // Null for bookmarks.
    std::string version;  // From which a later watch goes on.
  };

  /// A line that is longer than this ends the stream: an object of the API has at most a few MB.
  static constexpr std::size_t kMaxLineBytes = std::size_t{16} << 20;

  WatchReader(Resource resource, std::function<void(Event)> handle)
      : resource_(resource), handle_(std::move(handle)) {}

  /// Takes the next piece of the stream, cut anywhere. @return false when it can't go on: error()
  bool Feed(std::string_view piece);

  std::size_t num_events() const { return num_events_; }
  /// What the server or a broken event has ended the stream with; a broken one has status 0.
  const std::optional<ApiError>& error() const { return error_; }

 private:
  bool Line(std::string_view line);
  bool Broken(std::string why);

  const Resource resource_;
  const std::function<void(Event)> handle_;
  std::string pending_;  // A line whose end is still to come.
  std::size_t num_events_ = 0;
  std::optional<ApiError> error_;
};

}  // namespace narthex::scrape::kubernetes
