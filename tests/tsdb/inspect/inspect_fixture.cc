// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/inspect/inspect_fixture.h"

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/hash.h"
#include "narthex/model/histogram.h"
#include "narthex/model/sample.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/block/block.h"

namespace narthex::tsdb::testing {
namespace {

constexpr model::DurationMs kBlockMs = 7'200'000;
constexpr model::DurationMs kStepMs = 60'000;

model::Histogram IntHistogram(std::uint64_t n) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = n;
  h.positive_spans = {{-3, 2}, {1, 1}};
  h.positive_buckets = {static_cast<std::int64_t>(n) * 1'000'000, 1, -1};
  h.negative_spans = {{0, 2}};
  h.negative_buckets = {static_cast<std::int64_t>(n), 0};
  h.count = 3 * n * 1'000'000 + 1 + n + 2 * n;
  h.sum = 1.5 * static_cast<double>(n);
  return h;
}

model::Histogram CustomHistogram(std::uint64_t n) {
  model::Histogram h;
  h.schema = model::kCustomBucketsSchema;
  h.custom_values = {0.1, 1, 2.5};
  h.positive_spans = {{0, 4}};
  h.positive_buckets = {static_cast<std::int64_t>(n), 1, 0, 1};
  h.count = 4 * n + 4;
  h.sum = static_cast<double>(n);
  return h;
}

class Writer {
 public:
  Writer(Db& db, model::TimestampMs t) : t_(t), appender_(db.NewAppender()) {}
  ~Writer() { EXPECT_TRUE(appender_->Commit()); }
  void Float(const model::Labels& labels, double v) {
    storage::SeriesRef ref{0};
    EXPECT_EQ(appender_->Append(ref, labels, t_, v), storage::AppendError::kNone);
  }
  void Int(const model::Labels& labels, const model::Histogram& h) {
    storage::SeriesRef ref{0};
    EXPECT_EQ(appender_->AppendHistogram(ref, labels, t_, h), storage::AppendError::kNone);
  }
  void FloatHistogram(const model::Labels& labels, const model::Histogram& h) {
    storage::SeriesRef ref{0};
    EXPECT_EQ(appender_->AppendFloatHistogram(ref, labels, t_, model::ToFloat(h)),
              storage::AppendError::kNone);
  }

 private:
  const model::TimestampMs t_;
  std::unique_ptr<storage::Appender> appender_;
};

void WriteFloats(Writer& out, std::uint64_t i) {
  out.Float({{"__name__", "z_first"}, {"job", "a"}}, static_cast<double>(i));
  out.Float({{"__name__", "a_second"}, {"job", "b"}, {"quote", "say \"hi\"\n\\"}},
            0.1 * static_cast<double>(i));
  out.Float({{"__name__", "温度"}, {"label.with.dots", "v"}, {"部屋", "居間"}}, -0.0);
  out.Float({{"__name__", "big"}}, 1e6 * static_cast<double>(i));
  out.Float({{"__name__", "inf"}, {"A", "upper"}},
            i % 2 == 0 ? -std::numeric_limits<double>::infinity() : 1e300);
  if (i % 10 < 3) {
    out.Float({{"__name__", "comes_and_goes"}, {"<&>", "html"}},
              i % 10 == 2 ? model::kStaleNaN : std::bit_cast<double>(model::kNormalNaNBits + 42));
  }
  if (i < 40) out.Float({{"__name__", "only_early"}}, 1);
  if (i > 200) out.Float({{"__name__", "only_late"}, {"n", std::to_string(i / 50)}}, 2);
}

void WriteHistograms(Writer& out, std::uint64_t i) {
  out.Int({{"__name__", "h_int"}}, IntHistogram(i));
  out.FloatHistogram({{"__name__", "h_float"}}, IntHistogram(i));
  out.Int({{"__name__", "h_custom"}}, CustomHistogram(i));
  model::Histogram gauge = IntHistogram(i % 7);
  gauge.counter_reset_hint = model::CounterResetHint::kGauge;
  out.Int({{"__name__", "h_gauge"}}, gauge);
  if (i % 50 < 25) {
    out.Int({{"__name__", "h_mixed"}}, IntHistogram(i));
  } else {
    out.Float({{"__name__", "h_mixed"}}, static_cast<double>(i));
  }
}

}  // namespace

std::string MakeFolder(const narthex::testing::TempDir& parent, bool histograms, bool blocks) {
  DbOptions options;
  if (!blocks) options.min_block_duration_ms = 100 * kBlockMs;
  DbFixture db(options);
  for (std::uint64_t i = 0; i < 5 * kBlockMs / kStepMs / 2 + 80; ++i) {
    Writer out(*db.get(), kInspectStart + static_cast<model::TimestampMs>(i) * kStepMs);
    WriteFloats(out, i);
    if (histograms) WriteHistograms(out, i);
  }
  if (blocks) {
    EXPECT_TRUE(db->Compact());
    EXPECT_GE(db->Blocks().size(), 2U);
    const auto block =
        Block::Open(SystemFs(), JoinPath(db.dir(), db->Blocks().front().ulid)).value();
    const std::vector some = {model::Matcher::Equal("__name__", "a_second")};
    EXPECT_TRUE(*DeleteFromBlock(SystemFs(), *block, kInspectStart + 10 * kStepMs,
                                 kInspectStart + 19 * kStepMs, some));
    const std::vector all = {model::Matcher::Equal("__name__", "only_early")};
    const auto reopened = Block::Open(SystemFs(), block->dir()).value();
    EXPECT_TRUE(*DeleteFromBlock(SystemFs(), *reopened, kInspectStart, model::kMaxTime, all));
  }
  // A copy while it is open: as after a kill.
  const std::string dir = parent.path() + "/data";
  std::filesystem::copy(db.dir(), dir, std::filesystem::copy_options::recursive);
  std::filesystem::remove(dir + "/lock");
  return dir;
}

std::map<std::string, std::string> StateOf(const std::string& dir) {
  std::map<std::string, std::string> state;
  const auto add = [&](const std::filesystem::path& path, bool is_file) {
    const auto time = std::filesystem::last_write_time(path).time_since_epoch().count();
    std::size_t content = 0;
    if (is_file) {
      content = std::hash<std::string>()(SystemFs().ReadFile(path.string()).value());
    }
    state[path.string()] = fmt::format("{} {}", time, content);
  };
  add(dir, false);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    add(entry.path(), entry.is_regular_file());
  }
  return state;
}

namespace {

template <typename Work>
Printed Collect(Work&& work) {
  Printed printed;
  printed.status = work([&](std::string_view text) -> Status {
    printed.text += text;
    return {};
  });
  return printed;
}

}  // namespace

Printed List(const std::string& dir, bool readable, Fs& fs) {
  return Collect([&](const TextSink& out) { return ListBlocks(fs, dir, readable, out); });
}

Printed Analyze(const AnalyzeOptions& options, Fs& fs) {
  return Collect([&](const TextSink& out) { return AnalyzeBlock(fs, options, out); });
}

Printed DumpText(DumpOptions options, Fs& fs) {
  const narthex::testing::TempDir sandbox;
  options.sandbox = sandbox.path();
  return Collect([&](const TextSink& out) { return Dump(fs, options, out); });
}

}  // namespace narthex::tsdb::testing
