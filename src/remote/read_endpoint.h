// SPDX-License-Identifier: Apache-2.0
//
// One server of remote read: a question to it, its answer.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/http_client.h"
#include "narthex/proto/remote_read.h"
#include "narthex/storage/querier.h"
#include "src/remote/patience.h"
#include "src/remote/read_answer.h"
#include "src/remote/read_budget.h"

namespace narthex {
class Clock;
namespace metrics {
class Gauge;
class Registry;
}  // namespace metrics
}  // namespace narthex

namespace narthex::remote {

/// The name of a section as Prometheus makes it: what tells sections apart in metrics.
std::string SectionName(const config::RemoteReadConfig& config);
/// Its URL without a password.
std::string ShownUrl(const config::RemoteReadConfig& config);

/// Thread safety: any thread. Several questions may be under way, each on a connection of its own.
class ReadEndpoint final {
 public:
  /// The references are not owned and outlive this. A URL that is none is an error of each
  /// question.
  ReadEndpoint(const config::RemoteReadConfig& config, net::HttpClientOptions client,
               std::shared_ptr<ReadBudget> budget, Clock& clock, metrics::Registry& registry);
  ~ReadEndpoint();
  ReadEndpoint(const ReadEndpoint&) = delete;
  ReadEndpoint& operator=(const ReadEndpoint&) = delete;

  /// Asks one question and waits for the answer. A server that let one wait for all its time is not
  /// waited for by the others: see Patience.
  /// @param deadline_ns  as of SelectHints: ends it before the section's time is over
  /// Errors: kCancelled; kUnavailable and others in the words of Prometheus, without its prefix.
  Result<std::unique_ptr<storage::SeriesSet>> Read(const proto::ReadQuery& query, AnswerScope scope,
                                                   std::int64_t deadline_ns,
                                                   const std::stop_token& stop);

 private:
  class Exchange;

  model::DurationMs TimeFor(std::int64_t deadline_ns) const;
  net::ClientRequest MakeRequest(const proto::ReadQuery& query, model::DurationMs timeout_ms) const;
  std::unique_ptr<net::BlockingClient> TakeClient();
  void KeepClient(std::unique_ptr<net::BlockingClient> client);
  void Count(const char* response_type, const std::string& code);
  void Observe(const char* response_type, double seconds);

  const std::string name_, url_text_;  // For metrics and messages: a password is not in it.
  const Result<net::Url> url_;
  const net::Headers headers_;
  const model::DurationMs timeout_ms_;
  const std::uint64_t max_frame_bytes_;
  const net::HttpClientOptions client_options_;
  const std::shared_ptr<ReadBudget> budget_;
  Clock& clock_;
  metrics::Registry& registry_;
  metrics::Gauge& under_way_;
  Patience patience_;

  Mutex mutex_;
  std::vector<std::unique_ptr<net::BlockingClient>> idle_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::remote
