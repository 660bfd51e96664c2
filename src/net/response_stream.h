// SPDX-License-Identifier: Apache-2.0
//
// Meeting point of a handler's thread, which produces an answer, and the session's coroutine, which
// sends it. Knows HTTP framing and compression, no sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/mutex.h"
#include "narthex/net/http_server.h"
#include "src/net/coding/inflate.h"
#include "src/net/http1.h"

namespace narthex::net {

/// "OK" for 200; "" for numbers without a name.
std::string_view ReasonPhrase(int status);

/// What Accept-Encoding asks for, as Prometheus reads it: the first gzip or deflate without weight.
Compression ChooseCompression(const HeaderList& request_headers);

class ResponseStream final : public ResponseWriter {
 public:
  struct Traits {
    bool head_only = false;  // HEAD: the body is counted, not sent.
    int minor_version = 1;   // 0: no chunked coding.
    bool keep_alive = true;  // As the client wishes.
    Compression compression = Compression::kNone;
  };
  /// Sends what can be sent without waiting. @return how many of the bytes
  using SendNow = std::function<std::size_t(std::string_view)>;

  /// @param wake  called from the handler's thread when there is something to Take
  /// @param send_now  called from that thread with an answer that is whole, before anything of it
  ///                  could be taken and never after Disconnect: its client need not wait until the
  ///                  session's thread has woken. May be empty
  ResponseStream(Traits traits, std::function<void()> wake, SendNow send_now = {});

  // The handler's side.
  void SetStatus(int status) override { status_ = status; }
  void SetHeader(std::string_view name, std::string_view value) override;
  void AddHeader(std::string_view name, std::string_view value) override;
  bool Write(std::string_view piece) override;
  void Abort() override { aborted_ = true; }
  bool Flush() override;
  /// The answer is complete, or was aborted.
  void Finish();
  /// The handler failed: 500 if nothing was sent, else the connection is cut.
  void Fail();

  // The session's side.
  struct Batch {
    std::string bytes;
    bool finished = false;  // Nothing comes after these bytes.
    bool keep_alive = false;
  };
  /// What is ready to be sent; makes room for the handler.
  Batch Take();
  /// The client is gone: Write gives false from now on.
  void Disconnect();

 private:
  bool MayCompress() const;
  std::string Head(bool complete, std::size_t body_bytes);
  void HandOver(bool last);

  Traits traits_;
  const std::function<void()> wake_;
  const SendNow send_now_;
  // The handler's own.
  int status_ = 200;
  HeaderList headers_;
  std::string body_;         // Not handed over yet; compressed if need be.
  std::size_t counted_ = 0;  // Body bytes of a HEAD request.
  bool head_sent_ = false;
  bool aborted_ = false;
  std::unique_ptr<Deflater> deflater_;
  // Shared.
  Mutex mutex_;
  CondVar room_;
  std::string queue_ NX_GUARDED_BY(mutex_);
  bool finished_ NX_GUARDED_BY(mutex_) = false;
  bool failed_ NX_GUARDED_BY(mutex_) = false;
  bool gone_ NX_GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::net
