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
// So many tasks are refused when the loop has been taken over from one: a change of threads is what
// they would have saved. If that one goes on even then, another thread becomes the stand-in.
constexpr int kRefused = 64;

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
  MutexLock lock(mutex_);
  threads_.emplace_back([this] { Work(true); });
}

void Lane::RequestStop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  context_.stop();
  called_.NotifyAll();
  if (stands_in_) CallStandIn();
}

void Lane::Join() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool Lane::Defer(std::function<void()>& task) {
  if (task_ || !HaveStandIn()) return false;
  task_ = std::move(task);
  return true;
}

bool Lane::HaveStandIn() {
  MutexLock lock(mutex_);
  if (to_refuse_ > 0) {
    --to_refuse_;
    return false;
  }
  if (stands_in_ || stopping_) return stands_in_;
  try {
    // The first one comes with the first task: the lanes of clients have none.
    if (watch_fd_ < 0) OpenWatch();
    AddStandIn();
  } catch (const std::system_error& e) {
    log::Warn("Starting a stand-in for an I/O thread failed", {{"pool", name_}, {"err", e.what()}});
    to_refuse_ = kRefused;
  }
  return stands_in_;
}

void Lane::AddStandIn() {
  if (idle_ > 0) {
    one_is_called_ = true;
    called_.NotifyOne();
  } else {
    threads_.emplace_back([this] { Work(false); });
  }
  stands_in_ = true;
}

void Lane::OpenWatch() {
  loop_fd_ = DescriptorOf(asio::use_service<epoll_reactor>(context_));
  if (call_fd_ < 0) call_fd_ = Checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  const int watch = Checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event event{};
  epoll_ctl(watch, EPOLL_CTL_ADD, loop_fd_, &event);
  event.events = EPOLLIN;
  epoll_ctl(watch, EPOLL_CTL_ADD, call_fd_, &event);
  watch_fd_ = watch;
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

void Lane::Posted() {
  MutexLock lock(mutex_);
  ++posts_;
  if (in_task_) CallStandIn();
}

void Lane::Work(bool has_loop) {
  SetThreadName(name_);
  while ((has_loop || StandIn()) && RunLoop() && BecomeStandIn()) has_loop = false;
}

bool Lane::BecomeStandIn() {
  MutexLock lock(mutex_);
  if (std::exchange(stands_in_, true)) {  // Another one is by now.
    ++idle_;
    while (!one_is_called_ && !stopping_) called_.Wait(mutex_);
    --idle_;
    one_is_called_ = false;
  }
  return !stopping_;
}

bool Lane::StandIn() {
  for (;;) {
    epoll_event events[2];
    epoll_wait(watch_fd_, events, 2, -1);
    std::uint64_t calls = 0;
    [[maybe_unused]] const ssize_t n = read(call_fd_, &calls, sizeof(calls));
    MutexLock lock(mutex_);
    if (stopping_) return false;
    if (!in_task_) continue;  // It was quicker.
    in_task_ = false;
    stands_in_ = false;
    loop_thread_ = std::this_thread::get_id();
    to_refuse_ = kRefused;
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
    loop_thread_ = std::this_thread::get_id();
    none_left = none_left && posts == posts_;
  }
  WatchLoop(true);
  if (!none_left) CallStandIn();
  LogFailure("Uncaught exception on an I/O thread", task);
  KeepLoop();
  MutexLock lock(mutex_);
  return loop_thread_ == std::this_thread::get_id();
}

void Lane::KeepLoop() {
  {
    MutexLock lock(mutex_);
    if (!in_task_ || loop_thread_ != std::this_thread::get_id()) return;
    in_task_ = false;
  }
  WatchLoop(false);
}

}  // namespace narthex::net
