// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace narthex::testing {

namespace {

constexpr int kMaxTries = 50;  // Until a port is free for both.

std::string U16(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::uint16_t ReadU16(const std::string& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

bool Bind(int fd, std::uint16_t port) {
  const sockaddr_in at = Loopback(port);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

}  // namespace

FakeDnsServer::FakeDnsServer() {
  for (int i = 0; i < kMaxTries; ++i) {
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    socklen_t size = sizeof at;
    if (!Bind(tcp_, 0) || ::listen(tcp_, 16) != 0) std::abort();
    ::getsockname(tcp_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    if (Bind(udp_, port_)) break;
    ::close(tcp_);
    ::close(udp_);
    if (i + 1 == kMaxTries) std::abort();
  }
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { Run(); });
}

FakeDnsServer::~FakeDnsServer() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
  thread_.join();
  for (const int fd : {udp_, tcp_, wake_}) ::close(fd);
}

void FakeDnsServer::Set(const std::string& name, Answer answer) {
  const std::lock_guard lock(mutex_);
  answers_[name] = std::move(answer);
}

std::vector<FakeDnsServer::Question> FakeDnsServer::questions() const {
  const std::lock_guard lock(mutex_);
  return questions_;
}

std::string FakeDnsServer::EncodeName(const std::string& name) {
  std::string bytes;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    if (dot > at) {
      bytes += static_cast<char>(dot - at);
      bytes += name.substr(at, dot - at);
    }
    at = dot + 1;
  }
  bytes += '\0';
  return bytes;
}

FakeDnsServer::Record FakeDnsServer::A(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                       std::uint8_t d) {
  return {1,
          {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)}};
}

FakeDnsServer::Record FakeDnsServer::Srv(const std::string& target, std::uint16_t port) {
  return {33, U16(10) + U16(20) + U16(port) + EncodeName(target)};
}

FakeDnsServer::Record FakeDnsServer::Mx(const std::string& target) {
  return {15, U16(10) + EncodeName(target)};
}

void FakeDnsServer::Run() {
  while (!stopping_) {
    pollfd fds[] = {{wake_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
    ::poll(fds, 3, -1);
    if (stopping_) return;
    if (fds[1].revents != 0) ServeUdp();
    if (fds[2].revents != 0) ServeTcp();
  }
}

void FakeDnsServer::ServeUdp() {
  char buffer[4096];
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const ssize_t n =
      ::recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (n <= 0) return;
  const std::string answer = AnswerTo({buffer, static_cast<std::size_t>(n)}, false);
  if (answer.empty()) return;
  ::sendto(udp_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
}

void FakeDnsServer::ServeTcp() {
  const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  char length[2];
  if (::recv(fd, length, 2, MSG_WAITALL) == 2) {
    std::string message(ReadU16({length, 2}, 0), '\0');
    if (::recv(fd, message.data(), message.size(), MSG_WAITALL) ==
        static_cast<ssize_t>(message.size())) {
      const std::string answer = AnswerTo(message, true);
      const std::string framed = U16(static_cast<std::uint16_t>(answer.size())) + answer;
      if (!answer.empty()) (void)!::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
  }
  ::close(fd);
}

std::string FakeDnsServer::AnswerTo(const std::string& message, bool tcp) {
  constexpr std::size_t kHeader = 12;
  Question question;
  question.tcp = tcp;
  std::size_t at = kHeader;
  while (at < message.size() && message[at] != 0) {
    const auto size = static_cast<std::size_t>(message[at]);
    question.name += message.substr(at + 1, size) + ".";
    at += size + 1;
  }
  const std::size_t end = at + 5;
  question.type = ReadU16(message, at + 1);
  // An OPT record follows: root name, type 41, size.
  if (ReadU16(message, 10) == 1) question.edns_bytes = ReadU16(message, end + 3);
  Answer answer{.rcode = 3, .records = {}};
  {
    const std::lock_guard lock(mutex_);
    questions_.push_back(question);
    if (const auto found = answers_.find(question.name); found != answers_.end()) {
      answer = found->second;
    }
  }
  if (answer.silent) return "";
  const bool truncated = answer.too_long_for_udp && !tcp;
  if (truncated) answer.records.clear();
  const auto flags = static_cast<std::uint16_t>(0x8180 | (truncated ? 0x0200 : 0) | answer.rcode);
  std::string out = message.substr(0, 2) + U16(flags) + U16(1) +
                    U16(static_cast<std::uint16_t>(answer.records.size())) + U16(0) + U16(0) +
                    message.substr(kHeader, end - kHeader);
  for (const Record& record : answer.records) {
    out += U16(0xc00c) + U16(record.type) + U16(1) + U16(0) + U16(30);
    out += U16(static_cast<std::uint16_t>(record.data.size())) + record.data;
  }
  if (answer.garbage) out.resize(out.size() - 3);
  return out;
}

}  // namespace narthex::testing
