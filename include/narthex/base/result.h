// SPDX-License-Identifier: Apache-2.0
//
// Outcomes of operations that can fail for outside reasons.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace narthex {

/// What kind of failure; web maps each to an HTTP status and error type in one place.
enum class Code : std::uint8_t {
  kInvalidArgument,  // The caller's input is wrong (400 bad_data).
  kNotFound,         // 404 not_found.
  kExecution,        // A query could not be evaluated (422 execution).
  kTimeout,          // 503 timeout.
  kCancelled,        // 499 canceled.
  kUnavailable,      // Not ready, or switched off (500 unavailable, as upstream).
  kIo,               // The operating system refused; the message has its reason.
  kCorruption,       // Stored bytes are not what their format says.
  kResourceExhausted,
  kInternal,
};

/// A failure: its kind and a message that names the object, the value found and the value wanted.
class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  /// Puts "context: " before the message.
  Error Wrap(std::string_view context) && {
    message_.insert(0, ": ");
    message_.insert(0, context);
    return std::move(*this);
  }

 private:
  Code code_;
  std::string message_;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace narthex

#define NX_CONCAT_INNER(a, b) a##b
#define NX_CONCAT(a, b) NX_CONCAT_INNER(a, b)

/// Evaluates a Status or Result; on failure returns its error from the enclosing function.
#define NX_RETURN_IF_ERROR(expr)                            \
  do {                                                      \
    if (auto nx_status = (expr); !nx_status) [[unlikely]]   \
      return ::narthex::Fail(std::move(nx_status).error()); \
  } while (false)

/// NX_ASSIGN_OR_RETURN(auto x, F()): x = value of F(), or return F()'s error.
#define NX_ASSIGN_OR_RETURN(decl, expr) \
  NX_ASSIGN_OR_RETURN_INNER(NX_CONCAT(nx_result_, __LINE__), decl, expr)
#define NX_ASSIGN_OR_RETURN_INNER(result, decl, expr)  \
  auto result = (expr);                                \
  if (!result) [[unlikely]]                            \
    return ::narthex::Fail(std::move(result).error()); \
  decl = std::move(result).value()
