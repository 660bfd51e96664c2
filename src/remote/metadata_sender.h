// SPDX-License-Identifier: Apache-2.0
//
// Tells an endpoint of version 1 now and then what the metric families are.
// Source: Prometheus storage/remote MetadataWatcher.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/minute_log.h"
#include "narthex/remote/write_storage.h"
#include "src/remote/endpoint.h"
#include "src/remote/pause.h"
#include "src/remote/queue_metrics.h"

namespace narthex::remote {

/// Thread safety: any thread, but the destructor alone.
class MetadataSender final {
 public:
  /// Starts a thread. @param source  not owned, outlives this
  MetadataSender(std::shared_ptr<const Endpoint> endpoint, const MetadataSource& source,
                 QueueMetrics& metrics, Clock& clock);
  ~MetadataSender();  // Calls Stop() and waits.
  MetadataSender(const MetadataSender&) = delete;
  MetadataSender& operator=(const MetadataSender&) = delete;

  /// Ends a running request. Returns at once. Idempotent.
  void Stop();
  /// One round, as the thread does it after each interval. @return false when it was stopped
  bool SendAll();

 private:
  struct Family {
    std::string name;
    model::Metadata metadata;
    bool operator==(const Family&) const = default;
  };
  std::vector<Family> Collect() const;
  bool SendSome(std::string body, std::size_t count);
  void Run();

  const std::shared_ptr<const Endpoint> endpoint_;
  const MetadataSource& source_;
  QueueMetrics& metrics_;
  Clock& clock_;
  MinuteLog log_;
  EndpointClient client_;
  Pause pause_;
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace narthex::remote
