// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/dns_resolver.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <map>

#define CARES_NO_DEPRECATED  // What replaces ares_query is not in the oldest version wanted here.
#include <ares.h>
#include <fmt/format.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "scrape/answers/naming.h"
#include "scrape/discovery/resolv_conf.h"

namespace narthex::scrape {

namespace {

using Answer = Result<std::vector<DnsRecord>>;

constexpr int kClassIn = 1;
constexpr int kEdnsBytes = 4096;
constexpr int kNoSuchName = 3;  // NXDOMAIN.

/// One name on its way through the search domains.
struct Lookup {
  ares_channel channel = nullptr;
  std::uint16_t type = 0;
  std::string name;
  std::vector<std::string> candidates;
  std::size_t next = 0;    // Of the candidates.
  std::string failure;     // Why somebody could not say; "" = nobody so far.
  int* pending = nullptr;  // Lookups of the round that have not ended.
  Answer answer = std::vector<DnsRecord>();

  void AskNext();
  void End(Answer result) {
    answer = std::move(result);
    --*pending;
  }
};

/// RCODE of a message, which the library looks at for some codes only: answers with others, which
/// have no records, are a success to it. Source: RFC 1035, 4.1.1.
int ResponseCode(const unsigned char* bytes, int size) { return size < 4 ? 0 : bytes[3] & 15; }

void OnAnswer(void* self, int status, int /*timeouts*/, unsigned char* bytes, int size) {
  Lookup& lookup = *static_cast<Lookup*>(self);
  switch (status) {
    case ARES_SUCCESS:
      if (const int code = ResponseCode(bytes, size); code != 0) {
        if (code != kNoSuchName) lookup.failure = fmt::format("response code {}", code);
        break;
      }
      if (Answer answer = ParseDnsAnswer({bytes, static_cast<std::size_t>(size)}); answer) {
        lookup.End(std::move(answer));
      } else {
        lookup.End(Fail(std::move(answer).error().Wrap("lookup " + lookup.name)));
      }
      return;
    case ARES_ENODATA:  // The name exists, and has no such record.
      lookup.End(std::vector<DnsRecord>());
      return;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
      lookup.End(Fail(Code::kCancelled, "context canceled"));
      return;
    case ARES_ENOTFOUND:
      break;
    default:
      // A later name may have an answer, but "there is no such name" can't be said any more.
      lookup.failure = ares_strerror(status);
  }
  lookup.AskNext();
}

void Lookup::AskNext() {
  if (next < candidates.size()) {
    const std::string& candidate = candidates[next++];
    ares_query(channel, candidate.c_str(), kClassIn, type, OnAnswer, this);
    return;
  }
  if (failure.empty()) {
    End(std::vector<DnsRecord>());
    return;
  }
  End(Fail(Code::kUnavailable,
           fmt::format("could not resolve {}: all servers responded with errors to at least one "
                       "search domain: {}",
                       go::Quote(name), failure)));
}

/// c-ares with the sockets that it wants to be watched.
class Channel {
 public:
  Channel() = default;
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Status Open(const std::vector<std::string>& servers, std::uint16_t port,
              std::chrono::milliseconds timeout) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options options{};
    options.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.timeout = static_cast<int>(timeout.count());
    options.tries = 1;  // Of each server.
    options.ednspsz = kEdnsBytes;
    options.sock_state_cb = OnSocket;
    options.sock_state_cb_data = this;
    int status = library;
    if (status == ARES_SUCCESS) {
      status = ares_init_options(&channel_, &options,
                                 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                     ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);
    }
    std::vector<std::string> addresses;
    addresses.reserve(servers.size());
    for (const std::string& server : servers) addresses.push_back(JoinHostPort(server, port));
    if (status == ARES_SUCCESS) {
      const std::string list = fmt::format("{}", fmt::join(addresses, ","));
      status = ares_set_servers_ports_csv(channel_, list.c_str());
    }
    if (status == ARES_SUCCESS) return {};
    return Fail(Code::kUnavailable, fmt::format("c-ares: {}", ares_strerror(status)));
  }

  /// Waits for the servers once, or for the event.
  void WaitAndProcess(int wake_fd) {
    std::vector<pollfd> fds = {{wake_fd, POLLIN, 0}};
    for (const auto& [fd, events] : sockets_) fds.push_back({fd, events, 0});
    timeval buffer{};
    const timeval* wait = ares_timeout(channel_, nullptr, &buffer);
    const int wait_ms =
        wait == nullptr ? -1 : static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
    const int ready = ::poll(fds.data(), fds.size(), wait_ms);
    if (ready <= 0) {
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      return;
    }
    for (std::size_t i = 1; i < fds.size(); ++i) {
      const short events = fds[i].revents;
      if (events == 0 || !sockets_.contains(fds[i].fd)) continue;
      const bool readable = (events & (POLLIN | POLLERR | POLLHUP)) != 0;
      const bool writable = (events & POLLOUT) != 0;
      ares_process_fd(channel_, readable ? fds[i].fd : ARES_SOCKET_BAD,
                      writable ? fds[i].fd : ARES_SOCKET_BAD);
    }
  }

  ares_channel get() const { return channel_; }

 private:
  static void OnSocket(void* self, ares_socket_t fd, int readable, int writable) {
    auto& sockets = static_cast<Channel*>(self)->sockets_;
    if (readable == 0 && writable == 0) {
      sockets.erase(fd);
    } else {
      sockets[fd] =
          static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
    }
  }

  std::map<ares_socket_t, short> sockets_;  // Events that are waited for. Before the channel.
  ares_channel channel_ = nullptr;
};

/// One with a zone ("fe80::1%eth0") is none: the library would refuse the whole list for it.
bool IsIpAddress(const std::string& text) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

}  // namespace

DnsResolver::DnsResolver(Options options)
    : options_(std::move(options)), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

DnsResolver::~DnsResolver() {
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

void DnsResolver::Cancel() noexcept {
  cancelled_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

std::vector<Answer> DnsResolver::LookUp(const std::vector<std::string>& names, std::uint16_t type) {
  const auto all = [&](const Error& error) {
    return std::vector<Answer>(names.size(), Fail(error));
  };
  const auto text = SystemFs().ReadFile(options_.resolv_conf);
  if (!text) {
    return all(Error(Code::kUnavailable, "could not load resolv.conf: " + text.error().message()));
  }
  ResolvConf conf = ParseResolvConf(*text);
  std::erase_if(conf.servers, [](const std::string& server) { return !IsIpAddress(server); });
  if (conf.servers.empty()) {
    return all(
        Error(Code::kUnavailable, fmt::format("no name server in {}", options_.resolv_conf)));
  }
  Channel channel;
  if (const Status opened = channel.Open(conf.servers, options_.port, options_.timeout); !opened) {
    return all(opened.error());
  }
  int pending = static_cast<int>(names.size());
  std::vector<Lookup> lookups(names.size());  // Never moved: c-ares knows their addresses.
  for (std::size_t i = 0; i < names.size(); ++i) {
    lookups[i].channel = channel.get();
    lookups[i].type = type;
    lookups[i].name = names[i];
    lookups[i].candidates = conf.Candidates(names[i]);
    lookups[i].pending = &pending;
    lookups[i].AskNext();
  }
  while (pending > 0) {
    if (cancelled_) {
      ares_cancel(channel.get());
      // What a callback asked in the meantime is cancelled by the next round.
      continue;
    }
    channel.WaitAndProcess(wake_fd_);
  }
  std::vector<Answer> answers;
  answers.reserve(names.size());
  for (Lookup& lookup : lookups) answers.push_back(std::move(lookup.answer));
  return answers;
}

}  // namespace narthex::scrape
