// SPDX-License-Identifier: Apache-2.0
//
// A name server on the loopback interface, UDP and TCP on one port, whose answers a test makes up.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace narthex::testing {

class FakeDnsServer final {
 public:
  /// A record's type and its data as it goes over the wire.
  struct Record {
    std::uint16_t type;
    std::string data;
  };
  struct Answer {
    int rcode = 0;  // 0 = no error, 2 = server failure, 3 = no such name, 5 = refused.
    std::vector<Record> records = {};
    bool too_long_for_udp = false;
    bool silent = false;
    bool garbage = false;
  };
  struct Question {
    std::string name;  // With a dot at its end.
    std::uint16_t type = 0;
    std::uint16_t edns_bytes = 0;  // 0 = without EDNS0.
    bool tcp = false;
  };

  FakeDnsServer();
  ~FakeDnsServer();
  FakeDnsServer(const FakeDnsServer&) = delete;
  FakeDnsServer& operator=(const FakeDnsServer&) = delete;

  /// What is asked for a name (with a dot at its end) and any type; "no such name" before.
  void Set(const std::string& name, Answer answer);
  std::vector<Question> questions() const;
  std::uint16_t port() const { return port_; }

  static std::string EncodeName(const std::string& name);
  static Record A(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  static Record Aaaa(const std::string& bytes16) { return {28, bytes16}; }
  static Record Srv(const std::string& target, std::uint16_t port);
  static Record Mx(const std::string& target);
  static Record Ns(const std::string& target) { return {2, EncodeName(target)}; }
  static Record Cname(const std::string& target) { return {5, EncodeName(target)}; }

 private:
  void Run();
  void ServeUdp();
  void ServeTcp();
  /// The answer to a message; "" = none.
  std::string AnswerTo(const std::string& message, bool tcp);

  int udp_ = -1;
  int tcp_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<Question> questions_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace narthex::testing
