// SPDX-License-Identifier: Apache-2.0
//
// One io_context and the thread that runs it: the loop. A handler of the context may leave a task
// to that thread, which saves calling another one for it. A second thread, the stand-in, sleeps
// until something waits for the loop while the task still runs, takes the loop over, and the first
// becomes the stand-in when its task is done.
//
// A task that goes on for very long keeps its thread, and a further one becomes the stand-in; so
// there are as many threads as there were such tasks at a time, and two.
//
// So exactly one thread runs the context at any time. Who loses the loop and who gets it hold the
// same mutex then: state of "the loop's thread" needs no lock, though that thread changes.
//
// The stand-in is called by the kernel: it watches the descriptor that the loop would wait for.
// That is two cheap system calls for each task, where a timer would be two that program the
// hardware, and the loop is missed at once. What that descriptor does not show are handlers that
// are posted while nobody waits for it, hence Post.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
  /// ready now. At most one task waits, and none when the loop has been taken over from one of the
  /// last tasks: with that much to do, it is better that another thread runs them at once.
  /// @return whether the task was taken; if not it is left, and another thread has to run it
  bool Defer(std::function<void()>& task);

  /// For tasks, as the last but a few microseconds of work: the loop is not taken over any more.
  /// So a client that has its answer may ask again before the task has quite ended. Does nothing on
  /// other threads.
  void KeepLoop();

  /// Any thread: posts a handler to the context. Whatever else posts to a context with tasks has
  /// its handler wait for the running task.
  template <typename Function>
  void Post(Function&& function) {
    boost::asio::post(context_, std::forward<Function>(function));
    Posted();
  }

 private:
  void Posted();
  bool HaveStandIn();
  void AddStandIn() NX_REQUIRES(mutex_);
  void OpenWatch();
  /// @param has_loop  else the thread is the stand-in
  void Work(bool has_loop);
  /// @return whether the caller is the stand-in now; if not, the lane stops
  bool BecomeStandIn();
  /// @return whether the loop is the caller's now; if not, the lane stops
  bool StandIn();
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
  std::function<void()> task_;  // Of the loop's thread.

  // Set before the first stand-in starts.
  int loop_fd_ = -1;   // What the loop waits for. Not owned.
  int call_fd_ = -1;   // Readable when the stand-in is called.
  int watch_fd_ = -1;  // What the stand-in waits for: both.

  Mutex mutex_;
  CondVar called_;
  std::vector<std::thread> threads_;  // Guarded by mutex_ until stopping.
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  bool stands_in_ NX_GUARDED_BY(mutex_) = false;  // There is a stand-in.
  bool in_task_ NX_GUARDED_BY(mutex_) = false;    // The loop's thread is, and may lose the loop.
  std::thread::id loop_thread_ NX_GUARDED_BY(mutex_);  // Since the last task.
  std::uint64_t posts_ NX_GUARDED_BY(mutex_) = 0;
  int to_refuse_ NX_GUARDED_BY(mutex_) = 0;           // Tasks.
  std::size_t idle_ NX_GUARDED_BY(mutex_) = 0;        // Threads that wait to become the stand-in.
  bool one_is_called_ NX_GUARDED_BY(mutex_) = false;  // Of these.
};

}  // namespace narthex::net
