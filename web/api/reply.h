// SPDX-License-Identifier: Apache-2.0
//
// The envelope of every API answer: {"status":"success","data":…} or an error.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "narthex/base/json_writer.h"
#include "narthex/base/result.h"
#include "narthex/net/http_server.h"
#include "narthex/storage/annotations.h"

namespace narthex::web {

/// HTTP status and errorType of a failure. Source: Prometheus web/api/v1.
struct ErrorClass {
  int http_status;
  std::string_view type;
};
ErrorClass ClassifyError(Code code);

/// One answer in the making. Exactly one of the functions is called.
class Reply {
 public:
  explicit Reply(net::ResponseWriter& writer) : writer_(writer) {}

  /// Streams a success. `write` writes one JSON value, the data.
  /// @param query  text that annotations' positions refer to; empty = they are left out
  void Data(const std::function<void(JsonWriter&)>& write,
            const storage::Annotations& annotations = {}, std::string_view query = {});
  /// 204: there are no data.
  void NoContent() { writer_.SetStatus(204); }
  void Fail(const Error& error);

  /// From within `write`: there is no rest of the data. The connection is cut where it is.
  void Break();

  net::ResponseWriter& writer() { return writer_; }
  /// Nothing reaches the client any more; what is left may be skipped.
  bool gone() const { return gone_; }

 private:
  net::ResponseWriter& writer_;
  bool gone_ = false;
};

/// "1:3": line and column, from 1, of a byte in the query.
std::string PositionText(std::string_view query, int byte);

}  // namespace narthex::web
