// SPDX-License-Identifier: Apache-2.0
//
// Property: any bytes are a request or are refused; a chunked body means the same however it
// arrives; routing and parameters take any path, query and form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/net/http_server.h"
#include "src/net/http1.h"

namespace narthex::net {
namespace {

/// The decoded body and what follows it; the state's number first.
std::string DecodeInSteps(std::string_view bytes, std::size_t step) {
  ChunkedDecoder decoder;
  std::string body, pending;
  ChunkedDecoder::State state = ChunkedDecoder::State::kNeedMore;
  for (std::size_t i = 0; i < bytes.size() && state == ChunkedDecoder::State::kNeedMore;
       i += step) {
    pending += bytes.substr(i, step);
    std::string_view input = pending, data;
    while ((state = decoder.Next(input, data)) == ChunkedDecoder::State::kData) body += data;
    pending.erase(0, pending.size() - input.size());
  }
  return std::to_string(static_cast<int>(state)) + body;
}

struct Discard final : ResponseWriter {
  void SetStatus(int) override {}
  void SetHeader(std::string_view, std::string_view value) override {
    NX_CHECK(value.find('\n') == std::string_view::npos, "a header value has a line break");
  }
  void AddHeader(std::string_view name, std::string_view value) override { SetHeader(name, value); }
  bool Write(std::string_view) override { return true; }
};

void Route(const RequestHead& head, std::string_view body) {
  Router router;
  const Handler ignore = [](const ServerRequest&, ResponseWriter&) {};
  router.Handle("GET", "/", ignore);
  router.Handle("GET", "/a/{name}/values", ignore);
  router.Handle("POST", "/a/*", ignore);
  router.Mount("/a");
  ServerRequest request;
  request.method = head.method;
  const std::size_t query = head.target.find('?');
  request.path = "/" + head.target.substr(0, query);
  if (query != std::string::npos) request.raw_query = head.target.substr(query + 1);
  request.headers = head.headers;
  request.body = body;
  request.Form();
  Discard discard;
  router.Dispatch(request, discard);
}

}  // namespace
}  // namespace narthex::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narthex::net;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = FindHeadEnd(bytes, 0);
  if (end == std::string_view::npos) return 0;
  const std::string_view body = bytes.substr(end);
  (void)ParseResponseHead(bytes.substr(0, end));
  const auto head = ParseRequestHead(bytes.substr(0, end));
  if (!head) return 0;
  NX_CHECK(DecodeInSteps(body, 1) == DecodeInSteps(body, size), "chunks depend on how they arrive");
  Route(*head, body);
  return 0;
}
