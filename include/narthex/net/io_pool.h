// SPDX-License-Identifier: Apache-2.0
//
// Share-nothing I/O loops: each runs one io_context, and what is started on one stays there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace narthex::net {

class Lane;

/// Thread safety: any thread; Start and Stop once each.
class IoPool final {
 public:
  IoPool(const std::string& name, std::size_t num_threads);
  ~IoPool();  // Calls Stop().
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  void Start();
  /// Stops the contexts without waiting for their work, then joins the threads.
  void Stop();

  std::size_t size() const;
  boost::asio::io_context& context(std::size_t i);
  /// Contexts in turn.
  boost::asio::io_context& Next();
  /// The same with what belongs to them; for the HTTP server, whose handlers they run.
  Lane& NextLane();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::net
