// SPDX-License-Identifier: Apache-2.0
#include "src/server/signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

namespace narthex::server {
namespace {

sigset_t Handled() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

}  // namespace

SignalQueue::SignalQueue() : waiter_(pthread_self()) {
  const sigset_t set = Handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A closed connection is an error of that write, not of the process.
}

Wake SignalQueue::Wait(std::int64_t timeout_ms) {
  const sigset_t set = Handled();
  const timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1'000'000};
  int number = -1;
  // Anything but the end of the time is a signal that we don't wait for, e.g. of a debugger.
  while (number < 0) {
    number = sigtimedwait(&set, nullptr, timeout_ms > 0 ? &timeout : nullptr);
    if (number < 0 && errno == EAGAIN) return Wake::kTimeout;
  }
  if (number == SIGHUP) return Wake::kReload;
  stop_requested_ = true;
  return Wake::kStop;
}

bool SignalQueue::RequestStop() {
  if (stop_requested_.exchange(true)) return false;
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread): that thread waits for it in Wait.
  pthread_kill(waiter_, SIGTERM);
  return true;
}

}  // namespace narthex::server
