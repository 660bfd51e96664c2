// SPDX-License-Identifier: Apache-2.0
#include "src/net/lane.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>

#include <boost/asio/detail/epoll_reactor.hpp>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::detail::epoll_reactor;

namespace {

// So many handlers may come before a task that waits.
constexpr int kMostBeforeTask = 16;

/// Asio does not tell the descriptor that a context waits for. An explicit instantiation may name
/// private members; when there is no such member any more this does not compile.
int DescriptorOf(const epoll_reactor& reactor);
template <int epoll_reactor::*kMember>
struct ReactorMember {
  friend int DescriptorOf(const epoll_reactor& reactor) { return reactor.*kMember; }
};
template struct ReactorMember<&epoll_reactor::epoll_fd_>;

template <typename Function>
void LogFailure(std::string_view what, const Function& function) {
  try {
    function();
  } catch (const std::exception& e) {
    log::Error(what, {{"err", e.what()}});
  } catch (...) {
    log::Error(what);
  }
}

int Checked(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

}  // namespace

Lane::Lane(std::string name) : name_(std::move(name)), guard_(context_.get_executor()) {}

Lane::~Lane() {
  if (watch_fd_ >= 0) close(watch_fd_);
  if (call_fd_ >= 0) close(call_fd_);
}

void Lane::Start() {
  thread_ = std::thread([this] { Work(true); });
}

void Lane::RequestStop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  context_.stop();
  if (standing_by_) CallStandIn();
}

void Lane::Join() {
  if (thread_.joinable()) thread_.join();
  if (stand_in_.joinable()) stand_in_.join();  // Started by the other one.
}

bool Lane::Defer(std::function<void()>& task) {
  if (task_ || !HaveStandIn()) return false;
  task_ = std::move(task);
  return true;
}

bool Lane::HaveStandIn() {
  // Started with the first task: the lanes of clients have none.
  if (!std::exchange(tried_stand_in_, true)) {
    try {
      Watch();
      stand_in_ = std::thread([this] { Work(false); });
      MutexLock lock(mutex_);
      standing_by_ = true;
    } catch (const std::system_error& e) {
      log::Warn("I/O threads have no stand-in", {{"pool", name_}, {"err", e.what()}});
    }
  }
  MutexLock lock(mutex_);
  return standing_by_;
}

void Lane::Watch() {
  loop_fd_ = DescriptorOf(asio::use_service<epoll_reactor>(context_));
  call_fd_ = Checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  watch_fd_ = Checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event event{};
  Checked(epoll_ctl(watch_fd_, EPOLL_CTL_ADD, loop_fd_, &event), "epoll_ctl");
  event.events = EPOLLIN;
  Checked(epoll_ctl(watch_fd_, EPOLL_CTL_ADD, call_fd_, &event), "epoll_ctl");
}

/// Once: whether the loop's thread is in a task must be looked at each time.
void Lane::WatchLoop(bool on) const {
  epoll_event event{};
  event.events = on ? EPOLLIN | EPOLLONESHOT : 0U;
  epoll_ctl(watch_fd_, EPOLL_CTL_MOD, loop_fd_, &event);
}

void Lane::CallStandIn() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(call_fd_, &one, sizeof(one));
}

void Lane::Posted(bool ending) {
  MutexLock lock(mutex_);
  ++posts_;
  if (!in_task_ || (ending && task_thread_ == std::this_thread::get_id())) return;
  CallStandIn();
}

void Lane::Work(bool has_loop) {
  SetThreadName(name_);
  while ((has_loop || StandBy()) && RunLoop()) has_loop = false;
}

bool Lane::StandBy() {
  {
    MutexLock lock(mutex_);
    standing_by_ = true;
  }
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return false;
    }
    epoll_event events[2];
    epoll_wait(watch_fd_, events, 2, -1);
    std::uint64_t calls = 0;
    [[maybe_unused]] const ssize_t n = read(call_fd_, &calls, sizeof(calls));
    MutexLock lock(mutex_);
    if (!in_task_ || stopping_) continue;  // The task was quicker.
    in_task_ = false;
    standing_by_ = false;
    return true;
  }
}

bool Lane::RunLoop() {
  while (RunOne(true) > 0) {
    if (task_ && !RunTask()) return true;
  }
  return false;
}

std::size_t Lane::RunOne(bool wait) {
  // A handler that throws ends only itself.
  std::size_t n = 1;
  LogFailure("Uncaught exception on an I/O thread",
             [&] { n = wait ? context_.run_one() : context_.poll_one(); });
  return n;
}

bool Lane::RunReady() {
  for (int i = 0; i < kMostBeforeTask; ++i) {
    if (RunOne(false) == 0) return true;
  }
  return false;
}

bool Lane::RunTask() {
  std::uint64_t posts = 0;
  {
    MutexLock lock(mutex_);
    posts = posts_;
  }
  // What has come in already does not wait for the task. Further tasks go to other threads: nobody
  // has to wait for another's while there is a processor.
  bool none_left = RunReady();
  const std::function<void()> task = std::exchange(task_, nullptr);
  {
    MutexLock lock(mutex_);
    in_task_ = true;
    task_thread_ = std::this_thread::get_id();
    none_left = none_left && posts == posts_;
  }
  WatchLoop(true);
  if (!none_left) CallStandIn();
  LogFailure("Uncaught exception on an I/O thread", task);
  {
    MutexLock lock(mutex_);
    if (!in_task_) return false;
    in_task_ = false;
  }
  WatchLoop(false);
  return true;
}

}  // namespace narthex::net
