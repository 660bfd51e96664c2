// SPDX-License-Identifier: Apache-2.0
//
// A block of 100,000 series with two chunks each: opening, selecting, labels, samples, compaction.
#include <algorithm>
#include <set>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "narthex/base/check.h"
#include "tests/support/temp_dir.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/chunkenc/xor.h"
#include "tsdb/compact/compactor.h"

namespace narthex::tsdb {
namespace {

constexpr int kSeries = 100'000;
constexpr int kPerChunk = 120;
constexpr model::TimestampMs kStart = 1'700'000'000'000;
constexpr model::DurationMs kChunkLength = kPerChunk * 15'000;

// 100 metrics × 1000 pods, like a fleet's.
class FleetSource final : public BlockSource {
 public:
  explicit FleetSource(model::TimestampMs start) : start_(start) {
    for (int i = 0; i < kSeries; ++i) {
      const int metric = i / 1000;
      const int pod = i % 1000;
      all_.push_back(
          model::Labels{{"__name__", fmt::format("fleet_metric_{:03}_total", metric)},
                        {"cluster", fmt::format("cluster-{}", pod % 4)},
                        {"instance", fmt::format("10.0.{}.{}:9100", pod / 250, pod % 250)},
                        {"job", fmt::format("job-{}", pod % 20)},
                        {"pod", fmt::format("pod-{:04}-{:x}", pod, pod * 2654435761U)}});
    }
    std::sort(all_.begin(), all_.end());
  }
  Status Symbols(const SymbolSink& add) override {
    std::set<std::string_view> symbols;
    for (const model::Labels& labels : all_) {
      for (const auto& [name, value] : labels) symbols.insert({name, value});
    }
    for (const std::string_view symbol : symbols) add(symbol);
    return {};
  }
  Result<bool> Next() override {
    if (next_ == all_.size()) return false;
    for (int c = 0; c < 2; ++c) {
      XorState state;
      bytes_[c].assign(kXorHeaderBytes + kPerChunk * kMaxXorSampleBytes, 0);
      const auto from = start_ + c * kChunkLength;
      for (int i = 0; i < kPerChunk; ++i) {
        XorAppend(state, bytes_[c].data(), from + i * 15'000,
                  static_cast<double>((c * kPerChunk + i) * (next_ % 97)));
      }
      views_[c] = {from, from + kChunkLength - 15'000, Encoding::kXor,
                   ByteSpan(bytes_[c]).first(state.size)};
    }
    ++next_;
    return true;
  }
  const model::Labels& labels() const override { return all_[next_ - 1]; }
  std::span<const ChunkView> chunks() const override { return views_; }

 private:
  const model::TimestampMs start_;
  std::vector<model::Labels> all_;
  std::size_t next_ = 0;
  std::vector<std::uint8_t> bytes_[2];
  ChunkView views_[2];
};

const char* const kUlids[] = {"01HF0000000000000000000001", "01HF0000000000000000000002"};

void Write(const std::string& dir, int n) {
  BlockMeta meta;
  meta.ulid = kUlids[n];
  meta.min_time = kStart + 2 * n * kChunkLength;
  meta.max_time = meta.min_time + 2 * kChunkLength;
  meta.compaction.level = 1;
  FleetSource source(meta.min_time);
  NX_CHECK(WriteBlock(SystemFs(), dir, meta, source), "no block");
}

// Written once for all benchmarks.
const std::string& Folder() {
  static const narthex::testing::TempDir dir;
  static const bool written = [] {
    Write(dir.path(), 0);
    Write(dir.path(), 1);
    return true;
  }();
  benchmark::DoNotOptimize(written);
  return dir.path();
}

std::shared_ptr<const Block> OpenBlock(int n) {
  return Block::Open(SystemFs(), JoinPath(Folder(), kUlids[n])).value();
}

void BM_BlockWrite(benchmark::State& state) {
  const narthex::testing::TempDir dir;
  for (auto _ : state) Write(dir.path(), 0);
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(BM_BlockWrite)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_BlockOpen(benchmark::State& state) {
  std::size_t memory = Folder().size();
  for (auto _ : state) memory = OpenBlock(0)->memory_bytes();
  state.counters["memory_bytes"] = static_cast<double>(memory);
}
BENCHMARK(BM_BlockOpen)->Unit(benchmark::kMicrosecond);

struct Selection {
  const char* name;
  std::vector<model::Matcher> matchers;
};

std::vector<Selection> Selections() {
  using model::Matcher;
  using model::MatchType;
  const auto metric = Matcher::Equal("__name__", "fleet_metric_042_total");
  return {{"everything", {*Matcher::Create(MatchType::kRegex, "__name__", ".+")}},
          {"one metric", {metric}},
          {"one series", {metric, Matcher::Equal("instance", "10.0.1.7:9100")}},
          {"metric and prefix", {metric, *Matcher::Create(MatchType::kRegex, "pod", "pod-00.*")}},
          {"metric and regex", {metric, *Matcher::Create(MatchType::kRegex, "pod", ".*a.*f.?")}},
          {"metric and not", {metric, *Matcher::Create(MatchType::kNotRegex, "job", "job-1.*")}}};
}

void BM_BlockSelect(benchmark::State& state) {
  const auto querier = NewBlockQuerier(OpenBlock(0), model::kMinTime, model::kMaxTime);
  const Selection selection = Selections()[static_cast<std::size_t>(state.range(0))];
  std::size_t n = 0;
  for (auto _ : state) n = (*querier->Select(selection.matchers, {}))->size();
  state.SetLabel(fmt::format("{}: {} series", selection.name, n));
}
BENCHMARK(BM_BlockSelect)->DenseRange(0, 5)->Unit(benchmark::kMicrosecond);

void BM_BlockLabels(benchmark::State& state) {
  const auto querier = NewBlockQuerier(OpenBlock(0), model::kMinTime, model::kMaxTime);
  const auto set = *querier->Select(Selections()[0].matchers, {});
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(set->LabelsAt(i++ % set->size()));
}
BENCHMARK(BM_BlockLabels);

void BM_BlockRead(benchmark::State& state) {
  const auto querier = NewBlockQuerier(OpenBlock(0), model::kMinTime, model::kMaxTime);
  const auto set = *querier->Select(Selections()[0].matchers, {});
  storage::SampleColumns out;
  std::size_t i = 0;
  for (auto _ : state) {
    out.Clear();
    NX_CHECK(set->Read(i++ % set->size(), model::kMinTime, model::kMaxTime, out), "read");
  }
  state.SetItemsProcessed(state.iterations() * 2 * kPerChunk);
}
BENCHMARK(BM_BlockRead);

void BM_Compact(benchmark::State& state) {
  const std::vector<BlockPtr> inputs{OpenBlock(0), OpenBlock(1)};
  for (auto _ : state) {
    const std::string ulid = "01HF0000000000000000000003";
    NX_CHECK(CompactBlocks(SystemFs(), Folder(), inputs, ulid, {}), "compact");
    state.PauseTiming();
    NX_CHECK(RemoveBlock(SystemFs(), Folder(), ulid), "remove");
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 2 * kSeries);
}
BENCHMARK(BM_Compact)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace narthex::tsdb
