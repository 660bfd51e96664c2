// SPDX-License-Identifier: Apache-2.0
//
// The text of HTTP/1.x messages: heads, body framing, chunked coding. Boost.Beast's parser behind a
// small door, shared by client and server; no I/O here. Strict where leniency lets two parsers
// disagree about where a message ends.
// Source: RFC 9112.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::net {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// Case-insensitive comparison of ASCII text.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
/// The first value of a header, null when there is none.
const std::string* FindHeader(const HeaderList& headers, std::string_view name);
/// Whether a comma-separated header (all its lines) has this token, in any case.
bool HeaderHasToken(const HeaderList& headers, std::string_view name, std::string_view token);
/// Adds the header, or replaces the value of the one that is there.
void SetHeader(HeaderList& headers, std::string_view name, std::string_view value);
std::string_view TrimSpace(std::string_view text);
/// RFC 9110 token: what methods and header names consist of.
bool IsToken(std::string_view text);

enum class BodyKind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
/// How the body of a message is delimited.
struct BodyFraming {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;  // Of kLength.
};

struct RequestHead {
  std::string method;
  std::string target;  // As sent.
  int minor_version = 1;
  HeaderList headers;
  BodyFraming framing;
};

struct ResponseHead {
  int status = 0;
  std::string reason;
  int minor_version = 1;
  HeaderList headers;
  BodyFraming framing;  // Without what method and status say about it: see ResponseFraming.
};

/// Length of the head with its empty line, or npos when `data` does not hold all of it.
/// @param from  where to look on; what is before was searched already
std::size_t FindHeadEnd(std::string_view data, std::size_t from);

/// Parse one whole head. Errors: kInvalidArgument; the message says what is malformed, and that is
/// also said of lengths and codings that contradict each other (request smuggling); kUnavailable
/// for a transfer coding other than chunked.
Result<RequestHead> ParseRequestHead(std::string_view head);
Result<ResponseHead> ParseResponseHead(std::string_view head);

/// The framing of the answer to a request with this method.
BodyFraming ResponseFraming(const ResponseHead& head, std::string_view method);

/// Whether the connection stays open after this message.
bool KeepsAlive(const HeaderList& headers, int minor_version);

/// Takes a chunked body apart, piece by piece.
class ChunkedDecoder final {
 public:
  ChunkedDecoder();
  ~ChunkedDecoder();
  ChunkedDecoder(const ChunkedDecoder&) = delete;
  ChunkedDecoder& operator=(const ChunkedDecoder&) = delete;

  enum class State : std::uint8_t { kNeedMore, kData, kDone, kError };

  /// Consumes from the front of `input`. kData: `data` is a view into what was consumed, valid
  /// until the next call.
  /// kDone: the trailer's end was consumed; the rest of `input` is the next message.
  State Next(std::string_view& input, std::string_view& data);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
  std::string partial_;           // The beginning of a line whose end has not come yet …
  bool more_in_partial_ = false;  // … or that and what follows it.
  std::string piece_;             // Data that was not in the input alone.
};

}  // namespace narthex::net
