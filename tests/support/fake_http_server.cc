// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace narthex::testing {

std::string FakeHttpServer::Request::Header(const std::string& name) const {
  const std::string mark = "\r\n" + name + ": ";
  const std::size_t at = head.find(mark);
  if (at == std::string::npos) return "";
  const std::size_t from = at + mark.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

FakeHttpServer::FakeHttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool good = ::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                    ::listen(listener_, 64) == 0;
  if (!good) std::abort();
  socklen_t size = sizeof at;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FakeHttpServer::~FakeHttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string FakeHttpServer::Address() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeHttpServer::Accept() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void FakeHttpServer::Serve(int fd) {
  std::string pending;
  Request request;
  while (!stopping_ && ReadRequest(fd, pending, request)) {
    const Response response = handler_(request);
    if (response.hang) {
      char byte;
      while (::recv(fd, &byte, 1, 0) > 0) {
      }
      break;
    }
    std::string text = "HTTP/1.1 " + response.status +
                       "\r\nContent-Type: " + response.content_type + "\r\n" + response.headers +
                       "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n";
    text += response.cut ? response.body.substr(0, response.body.size() / 2) : response.body;
    if (!Send(fd, response.raw.value_or(text)) || response.cut || response.raw) break;
  }
  const std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  ::close(fd);
}

bool FakeHttpServer::ReadRequest(int fd, std::string& pending, Request& request) {
  const auto fill = [&] {
    char buffer[16384];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n > 0) pending.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  };
  std::size_t end;
  while ((end = pending.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return false;
  }
  request.head = pending.substr(0, end + 2);
  pending.erase(0, end + 4);
  const std::size_t space = request.head.find(' ');
  request.method = request.head.substr(0, space);
  request.target = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
  const std::size_t length = std::strtoul(request.Header("Content-Length").c_str(), nullptr, 10);
  while (pending.size() < length) {
    if (!fill()) return false;
  }
  request.body = pending.substr(0, length);
  pending.erase(0, length);
  return true;
}

bool FakeHttpServer::Send(int fd, const std::string& bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace narthex::testing
