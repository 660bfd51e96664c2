// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "narthex/base/result.h"

namespace narthex::server {

class Frame;

/// The parts that make the program in one of its modes, wired. Made, started and stopped by the
/// main thread.
class Composition {
 public:
  virtual ~Composition() = default;
  /// Builds up to the point where everything runs. Errors: what a part said.
  virtual Status Start() = 0;
  /// Ends the parts: first what asks, then what produces samples, last what stores them. Also after
  /// a Start that failed.
  virtual void Stop() = 0;
};

/// The frame outlives them.
std::unique_ptr<Composition> MakeServer(Frame& frame);  // server.cc
std::unique_ptr<Composition> MakeAgent(Frame& frame);   // agent.cc

}  // namespace narthex::server
