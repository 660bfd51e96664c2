// SPDX-License-Identifier: Apache-2.0
//
// One io_context and the thread that runs it: the loop. A handler of the context may leave a task
// to that thread, which saves calling another one for it. A second thread, the stand-in, sleeps
// until something waits for the loop while the task still runs, takes the loop over, and the first
// becomes the stand-in when its task is done.
//
// So exactly one thread runs the context at any time. Who loses the loop and who gets it hold the
// same mutex then: state of "the loop's thread" needs no lock, though that thread changes.
//
// The stand-in is called by the kernel: it watches the descriptor that the loop would wait for.
// That is two cheap system calls for each task, where a timer would be two that program the
// hardware, and the loop is missed at once. What that descriptor does not show are handlers that
// are posted while nobody waits for it, hence Post.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "narthex/base/mutex.h"

namespace narthex::net {

class Lane final {
 public:
  explicit Lane(std::string name);
  ~Lane();  // The threads have ended.
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void Start();
  /// Makes the loop end without waiting for its work; a task that runs is not disturbed.
  void RequestStop();
  void Join();

  boost::asio::io_context& context() { return context_; }

  /// For handlers of the context. The calling thread runs the task after the handlers that are
  /// ready now. At most one task waits, and none while the stand-in is needed for the loop.
  /// @return whether the task was taken; if not it is left, and another thread has to run it
  bool Defer(std::function<void()>& task);

  /// Any thread: posts a handler to the context. Whatever else posts to a context with tasks has
  /// its handler wait for the running task.
  /// @param ending  the calling task, if it is one of this lane, ends now: nobody else is called
  template <typename Function>
  void Post(Function&& function, bool ending = false) {
    boost::asio::post(context_, std::forward<Function>(function));
    Posted(ending);
  }

 private:
  void Posted(bool ending);
  bool HaveStandIn();
  void Watch();
  void Work(bool has_loop);
  /// @return whether the loop is the caller's now; if not, the lane stops
  bool StandBy();
  /// @return whether the lane goes on, with another thread as the loop's
  bool RunLoop();
  /// One handler. @return 0 when there is none, or the context is stopped
  std::size_t RunOne(bool wait);
  /// @return whether no handler may be left
  bool RunReady();
  /// @return whether the loop is still the caller's
  bool RunTask();
  void WatchLoop(bool on) const;
  void CallStandIn() const;

  const std::string name_;
  boost::asio::io_context context_{1};  // Hint: one thread runs it.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_, stand_in_;  // The names of the beginning: they change places.

  // Of the loop's thread.
  std::function<void()> task_;
  bool tried_stand_in_ = false;

  // Set before the stand-in starts.
  int loop_fd_ = -1;   // What the loop waits for. Not owned.
  int call_fd_ = -1;   // Readable when the stand-in is called.
  int watch_fd_ = -1;  // What the stand-in waits for: both.

  Mutex mutex_;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  bool standing_by_ NX_GUARDED_BY(mutex_) = false;  // There is a thread without the loop or a task.
  bool in_task_ NX_GUARDED_BY(mutex_) = false;      // Of the loop's thread: it may be taken over.
  std::thread::id task_thread_ NX_GUARDED_BY(mutex_);  // Which then is that thread.
  std::uint64_t posts_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::net
