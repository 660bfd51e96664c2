// SPDX-License-Identifier: Apache-2.0
#include "src/remote/metadata_sender.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "narthex/proto/snappy.h"
#include "narthex/proto/write_request.h"

namespace narthex::remote {

MetadataSender::MetadataSender(std::shared_ptr<const Endpoint> endpoint,
                               const MetadataSource& source, QueueMetrics& metrics, Clock& clock)
    : endpoint_(std::move(endpoint)),
      source_(source),
      metrics_(metrics),
      clock_(clock),
      log_(clock),
      client_(endpoint_, clock),
      thread_([this] { Run(); }) {}

MetadataSender::~MetadataSender() {
  Stop();
  thread_.join();
}

void MetadataSender::Stop() {
  pause_.Stop();
  client_.Cancel();
}

void MetadataSender::Run() {
  SetThreadName("rw-metadata");
  while (pause_.For(endpoint_->config.metadata.send_interval_ms)) {
    try {
      if (!SendAll()) return;
    } catch (const std::exception& e) {
      // The next round tries again.
      log::Error("Sending metadata failed", {{"remote_name", endpoint_->name}, {"err", e.what()}});
    }
  }
}

std::vector<MetadataSender::Family> MetadataSender::Collect() const {
  std::vector<Family> families;
  std::set<std::string> seen;
  source_.Visit([&](std::string_view name, model::MetricType type, std::string_view help,
                    std::string_view unit) {
    std::string key(1, static_cast<char>(type));
    for (const std::string_view part : {name, unit, help}) key.append(part).push_back('\0');
    if (!seen.insert(std::move(key)).second) return;
    families.push_back({std::string(name), {type, std::string(unit), std::string(help)}});
  });
  return families;
}

bool MetadataSender::SendAll() {
  const std::vector<Family> families = Collect();
  const auto most =
      static_cast<std::size_t>(std::max(endpoint_->config.metadata.max_samples_per_send, 1));
  const proto::LabelPairs none;
  proto::WriteRequestWriter writer(proto::WriteVersion::kV1, none);
  for (std::size_t begin = 0; begin < families.size(); begin += most) {
    const std::size_t end = std::min(begin + most, families.size());
    for (std::size_t i = begin; i < end; ++i) {
      writer.AddMetadata(families[i].name, families[i].metadata);
    }
    std::string body;
    proto::SnappyEncode(writer.Finish(), body);
    if (!SendSome(std::move(body), end - begin)) return false;
  }
  return true;
}

bool MetadataSender::SendSome(std::string body, std::size_t count) {
  const config::RemoteQueueConfig& queue = endpoint_->config.queue;
  model::DurationMs backoff_ms = queue.min_backoff_ms;
  for (int attempt = 0;; ++attempt) {
    const std::int64_t begin = clock_.MonotonicNs();
    const Answer answer = client_.Post(body, attempt);
    if (answer.outcome == Outcome::kCancelled && pause_.stopped()) return false;
    metrics_.batch_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) / 1e9);
    if (answer.outcome == Outcome::kTaken) {
      metrics_.metadata.Add(count);
      metrics_.metadata_bytes.Add(body.size());
      return true;
    }
    log_.Warn("Sending metadata failed", {{"remote_name", endpoint_->name},
                                          {"url", endpoint_->shown_url},
                                          {"count", count},
                                          {"try_again", answer.outcome != Outcome::kRefused},
                                          {"err", answer.error}});
    if (answer.outcome == Outcome::kRefused) {
      metrics_.metadata_failed.Add(count);
      return true;
    }
    const Backoff backoff = NextBackoff(backoff_ms, answer.retry_after_ms, queue.max_backoff_ms);
    if (!pause_.For(backoff.wait_ms)) return false;
    metrics_.metadata_retried.Add(count);
    backoff_ms = backoff.next_ms;
  }
}

}  // namespace narthex::remote
