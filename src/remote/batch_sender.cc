// SPDX-License-Identifier: Apache-2.0
#include "src/remote/batch_sender.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/proto/snappy.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kMaxRequestBytes = std::size_t{1} << 30;  // Our own, decompressed.

std::uint64_t Missing(std::uint64_t sent, std::uint64_t written) {
  return sent - std::min(sent, written);
}

}  // namespace

BatchSender::BatchSender(std::shared_ptr<const Endpoint> endpoint, QueueMetrics& metrics,
                         SendingTally& tally, Clock& clock)
    : endpoint_(std::move(endpoint)),
      metrics_(metrics),
      tally_(tally),
      clock_(clock),
      client_(endpoint_, clock) {}

void BatchSender::Stop() {
  pause_.Stop();
  client_.Cancel();
}

bool BatchSender::DropOld(Batch& batch) {
  const model::DurationMs age = endpoint_->config.queue.sample_age_limit_ms;
  if (age == 0) return true;
  const model::TimestampMs limit = clock_.NowMs() - age;
  if (batch.lowest >= limit) return true;
  std::string plain;
  std::string kept;
  if (!proto::SnappyDecode(batch.body, kMaxRequestBytes, plain)) return true;  // Never: it is ours.
  const proto::DroppedItems dropped = proto::DropOlder(endpoint_->version(), plain, limit, kept);
  proto::SnappyEncode(kept, batch.body);
  metrics_.samples.Drop(DropReason::kTooOld, dropped.samples);
  metrics_.histograms.Drop(DropReason::kTooOld, dropped.histograms);
  metrics_.exemplars.Drop(DropReason::kTooOld, dropped.exemplars);
  batch.counts.samples -= dropped.samples;
  batch.counts.histograms -= dropped.histograms;
  batch.counts.exemplars -= dropped.exemplars;
  batch.counts.metadata = std::min(batch.counts.metadata, batch.counts.total());
  batch.lowest = dropped.oldest;
  return batch.counts.total() > 0;
}

void BatchSender::CountAttempt(const Batch& batch) {
  metrics_.samples.sent.Add(batch.counts.samples);
  metrics_.histograms.sent.Add(batch.counts.histograms);
  metrics_.exemplars.sent.Add(batch.counts.exemplars);
  metrics_.metadata.Add(batch.counts.metadata);
}

Answer BatchSender::Attempt(Batch& batch, int attempt) {
  CountAttempt(batch);
  const std::int64_t begin = clock_.MonotonicNs();
  Answer answer = client_.Post(batch.body, attempt);
  if (answer.outcome == Outcome::kCancelled) return answer;
  metrics_.batch_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) / 1e9);
  const Written& written = answer.written;
  if (answer.outcome != Outcome::kTaken) return answer;
  if (endpoint_->version() == proto::WriteVersion::kV1) {
    // Receivers of version 1 need not say what they took.
    if (!written.confirmed) {
      answer.written = {batch.counts.samples, batch.counts.histograms, batch.counts.exemplars,
                        true};
    }
  } else if (written.samples + written.histograms + written.exemplars == 0) {
    answer.outcome = Outcome::kRefused;
    answer.error = fmt::format(
        "the endpoint answered well to {} samples, {} histograms and {} exemplars of remote write "
        "2.0, but its headers say that it took none of them; it may know version 1.0 only",
        batch.counts.samples, batch.counts.histograms, batch.counts.exemplars);
  }
  return answer;
}

void BatchSender::HoldBackReshard(model::DurationMs wait_ms) {
  const model::TimestampMs until = clock_.NowMs() + 2 * wait_ms;
  model::TimestampMs known = tally_.held_back_until_ms.load();
  while (known < until && !tally_.held_back_until_ms.compare_exchange_weak(known, until)) {
  }
}

void BatchSender::CountEnd(const Batch& batch, const Answer& answer, Written taken,
                           std::int64_t began_ns) {
  const std::uint64_t samples = Missing(batch.counts.samples, taken.samples);
  const std::uint64_t histograms = Missing(batch.counts.histograms, taken.histograms);
  const std::uint64_t exemplars = Missing(batch.counts.exemplars, taken.exemplars);
  metrics_.samples.failed.Add(samples);
  metrics_.histograms.failed.Add(histograms);
  metrics_.exemplars.failed.Add(exemplars);
  const bool refused = answer.outcome == Outcome::kRefused;
  if (refused || samples + histograms + exemplars > 0) {
    tally_.refused_log.Error(
        refused ? "Remote storage refused a batch for good"
                : "Remote storage took a batch, but says that it did not write all of it",
        {{"remote_name", endpoint_->name},
         {"url", endpoint_->shown_url},
         {"failed_samples", samples},
         {"failed_histograms", histograms},
         {"failed_exemplars", exemplars},
         {"err", answer.error}});
  }
  metrics_.bytes.Add(batch.body.size());
  RaiseTo(metrics_.highest_sent_seconds, WholeSeconds(batch.highest));
  tally_.out.Add(batch.counts.total() + batch.counts.metadata);
  tally_.busy_ns.Add(static_cast<std::uint64_t>(clock_.MonotonicNs() - began_ns));
  tally_.last_send_ms = clock_.NowMs();
}

bool BatchSender::Send(Batch& batch) {
  const std::int64_t began_ns = clock_.MonotonicNs();
  const config::RemoteQueueConfig& queue = endpoint_->config.queue;
  model::DurationMs backoff_ms = queue.min_backoff_ms;
  Written taken;
  bool asked_anew = false;  // New credentials, once for each batch.
  for (int attempt = 0;; ++attempt) {
    if (pause_.stopped()) return false;
    if (!DropOld(batch)) return true;
    Answer answer = Attempt(batch, attempt);
    // The client says so as well when the system has no descriptors or memory for a request.
    if (answer.outcome == Outcome::kCancelled && pause_.stopped()) return false;
    taken.samples += answer.written.samples;
    taken.histograms += answer.written.histograms;
    taken.exemplars += answer.written.exemplars;
    if (answer.unauthorized && endpoint_->authorizer != nullptr && !asked_anew) {
      endpoint_->authorizer->Forget();
      asked_anew = true;
      answer.outcome = Outcome::kTryAgain;
    }
    if (answer.outcome == Outcome::kTaken || answer.outcome == Outcome::kRefused) {
      CountEnd(batch, answer, taken, began_ns);
      return true;
    }
    const Backoff backoff = NextBackoff(backoff_ms, answer.retry_after_ms, queue.max_backoff_ms);
    HoldBackReshard(backoff.wait_ms);
    tally_.retry_log.Warn("Failed to send a batch, trying again", {{"remote_name", endpoint_->name},
                                                                   {"url", endpoint_->shown_url},
                                                                   {"wait_ms", backoff.wait_ms},
                                                                   {"err", answer.error}});
    if (!pause_.For(backoff.wait_ms)) return false;
    metrics_.samples.retried.Add(batch.counts.samples);
    metrics_.histograms.retried.Add(batch.counts.histograms);
    metrics_.exemplars.retried.Add(batch.counts.exemplars);
    backoff_ms = backoff.next_ms;
  }
}

}  // namespace narthex::remote
