// SPDX-License-Identifier: Apache-2.0
//
// Bytes and samples per second of the text parser and of a whole scrape without a storage.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "scrape/loop/scrape_session.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {
namespace {

/// A body like that of an exporter: families with HELP and TYPE, two to three labels a series.
std::string MakeBody(int num_series) {
  std::string body;
  for (int i = 0; i < num_series; ++i) {
    if (i % 20 == 0) {
      body += fmt::format(
          "# HELP http_requests_{0}_total Requests that were served.\n"
          "# TYPE http_requests_{0}_total counter\n",
          i / 20);
    }
    body += fmt::format(
        "http_requests_{}_total{{handler=\"/api/v1/query\",code=\"{}\",shard=\"{}\"}} {}\n", i / 20,
        200 + i % 5, i % 20, i % 3 == 0 ? i * 1000.25 : i * 7919.0);
  }
  return body;
}

/// Takes everything, keeps nothing.
class NullStorage final : public storage::Appendable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<NullAppender>();
  }

 private:
  class NullAppender final : public storage::Appender {
   public:
    storage::AppendError Append(storage::SeriesRef& ref, const model::Labels&, model::TimestampMs,
                                double) override {
      if (ref == storage::SeriesRef{0}) ref = storage::SeriesRef{1};
      return storage::AppendError::kNone;
    }
    void AppendColumn(std::span<const storage::SeriesRef>, model::TimestampMs,
                      std::span<const double>, std::span<storage::AppendError> outcomes) override {
      std::fill(outcomes.begin(), outcomes.end(), storage::AppendError::kNone);
    }
    storage::AppendError AppendHistogram(storage::SeriesRef&, const model::Labels&,
                                         model::TimestampMs, const model::Histogram&) override {
      return storage::AppendError::kNone;
    }
    storage::AppendError AppendFloatHistogram(storage::SeriesRef&, const model::Labels&,
                                              model::TimestampMs,
                                              const model::FloatHistogram&) override {
      return storage::AppendError::kNone;
    }
    storage::AppendError AppendExemplar(storage::SeriesRef, const model::Labels&,
                                        const model::Exemplar&) override {
      return storage::AppendError::kNone;
    }
    void UpdateMetadata(storage::SeriesRef, const model::Labels&, const model::Metadata&) override {
    }
    void SetDiscardOutOfOrder(bool) override {}
    Status Commit() override { return {}; }
    void Rollback() noexcept override {}
  };
};

void Parse(benchmark::State& state) {
  const std::string original = MakeBody(10'000);
  std::string body;
  for (auto _ : state) {
    body = original;
    TextParser parser(body);
    double sum = 0;
    for (EntryKind kind = parser.Next({}); kind != EntryKind::kEnd; kind = parser.Next({})) {
      if (kind == EntryKind::kSeries) sum += parser.value();
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(original.size()));
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(Parse);

void Scrape(benchmark::State& state) {
  const std::string original = MakeBody(10'000);
  metrics::Registry registry;
  ScrapeMetrics metrics(registry);
  NullStorage storage;
  Target::Identity identity;
  identity.labels = {{"job", "bench"}, {"instance", "host:9100"}};
  ScrapeSession session(std::make_shared<config::ScrapeConfig>(),
                        std::make_shared<Target>(identity, model::Labels()), storage, metrics,
                        SessionOptions{});
  auto buffers = std::make_unique<ScrapeBuffers>();
  Fetched fetched;
  fetched.content_type = "text/plain";
  std::int64_t t = 0;
  for (auto _ : state) {
    buffers->body = original;
    ++t;
    const auto status = session.Ingest(fetched, *buffers, t, t, [] { return 0.0; });
    if (!status) state.SkipWithError(status.error().message().c_str());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(original.size()));
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(Scrape);

}  // namespace
}  // namespace narthex::scrape
