// SPDX-License-Identifier: Apache-2.0
#include "src/server/signals.h"

#include <signal.h>

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

Wake SignalQueue::Wait() {
  const sigset_t set = Handled();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
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
