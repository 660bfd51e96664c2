// SPDX-License-Identifier: Apache-2.0
#include "src/net/session.h"

#include <latch>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include "narthex/base/thread_pool.h"
#include "narthex/net/access.h"
#include "src/net/lane.h"
#include "tests/support/fake_clock.h"

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class OneUser final : public AccessRules {
 public:
  bool uses_tls() const override { return false; }
  RateLimit rate_limit() const override { return {}; }
  Result<TlsContext> Tls() override { return Fail(Code::kInvalidArgument, "none"); }
  Result<std::shared_ptr<const RequestRules>> Requests() override {
    auto rules = std::make_shared<RequestRules>();
    rules->users["alice"] = "hash";
    return std::shared_ptr<const RequestRules>(std::move(rules));
  }
  void CountRefused(Refused) override {}
};

TEST(SessionTest, ARequestWhoseConnectionIsCutIsNotRun) {
  // Everything of the session runs on this thread, step by step.
  Lane lane("test");
  asio::io_context& context = lane.context();
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket client(context), accepted(context);
  client.connect(acceptor.local_endpoint());
  acceptor.accept(accepted);

  int calls = 0;
  Router router;
  router.Handle("*", "/", [&](const ServerRequest&, ResponseWriter&) { ++calls; });
  OneUser rules;
  testing::FakeClock clock;
  std::latch comparing(1), may_end(1);
  Gate gate(rules, clock, [&](auto, auto) {
    comparing.count_down();
    may_end.wait();
    return true;
  });
  ServerOptions options;
  options.max_bodies_bytes = options.max_body_bytes = 1000;
  ThreadPool workers("test", 1);
  const auto session =
      std::make_shared<Session>(std::move(accepted), lane, options, workers, router, &gate,
                                std::make_shared<std::atomic<std::size_t>>(0));
  asio::co_spawn(
      context, [session] { return session->Run(); }, asio::detached);
  asio::write(client, asio::buffer(std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                               "Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\nab")));
  while (!comparing.try_wait()) context.poll();
  may_end.count_down();  // From here on nothing runs but the comparison, until the next poll.
  std::latch free(1);
  workers.Submit([&] { free.count_down(); });  // The comparison has told its outcome by then.
  free.wait();
  session->CloseWhenIdle();
  client.non_blocking(true);
  boost::system::error_code ec;
  char byte = 0;
  do {
    context.poll();
    client.read_some(asio::buffer(&byte, 1), ec);
  } while (ec == asio::error::would_block);
  EXPECT_EQ(ec, asio::error::eof);
  EXPECT_EQ(0, calls);
}

}  // namespace
}  // namespace narthex::net
