// SPDX-License-Identifier: Apache-2.0
//
// Sends batches to one endpoint over one connection, each until it is taken or refused for good.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "src/remote/batch.h"
#include "src/remote/endpoint.h"
#include "src/remote/pause.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/reshard.h"

namespace narthex::remote {

/// What the senders of a queue share. Thread safety: any thread.
struct SendingTally {
  explicit SendingTally(const Clock& clock) : retry_log(clock), refused_log(clock) {}

  Rate out;      // Samples whose requests ended.
  Rate dropped;  // Samples that relabelling or the log leave out.
  Rate busy_ns;  // Time that they took, waits included.
  std::atomic<model::TimestampMs> last_send_ms{0};
  std::atomic<model::TimestampMs> held_back_until_ms{0};  // No resharding before.
  MinuteLog retry_log, refused_log;
};

/// Thread safety: one Send at a time; Stop any thread.
class BatchSender final {
 public:
  BatchSender(std::shared_ptr<const Endpoint> endpoint, QueueMetrics& metrics, SendingTally& tally,
              Clock& clock);

  /// Waits and tries again as long as that may help. Counts everything but what is pending.
  /// @return false when it was stopped: then the batch was not sent, as far as one can know
  bool Send(Batch& batch);
  /// A running Send and all later ones end at once.
  void Stop();
  /// Waits before Send is called again after it threw. @return false when it was stopped
  bool Rest() { return pause_.For(1000); }

 private:
  // @return false when nothing is left
  bool DropOld(Batch& batch);
  Answer Attempt(Batch& batch, int attempt);
  void CountAttempt(const Batch& batch);
  void CountEnd(const Batch& batch, const Answer& answer, Written taken, std::int64_t began_ns);
  void HoldBackReshard(model::DurationMs wait_ms);

  const std::shared_ptr<const Endpoint> endpoint_;
  QueueMetrics& metrics_;
  SendingTally& tally_;
  Clock& clock_;
  EndpointClient client_;
  Pause pause_;
};

}  // namespace narthex::remote
