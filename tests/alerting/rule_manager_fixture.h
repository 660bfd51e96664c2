// SPDX-License-Identifier: Apache-2.0
//
// Rule groups on a clock that the test moves, with a storage in memory.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "alerting/rules/spec.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/promql/engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_storage.h"
#include "tests/support/temp_dir.h"

namespace narthex::alerting {

constexpr std::int64_t kStepMs = 10'000;  // Interval of all groups here.

class RuleManagerTest : public ::testing::Test {
 protected:
  RuleManagerTest() { MakeManager(); }

  void MakeManager(storage::Queryable* restore_from = nullptr) {
    RuleManagerOptions options;
    options.external_url = "http://ex.org/p";
    options.restore_from = restore_from;
    rules_ = std::make_unique<RuleManager>(engine_, storage_, storage_, clock_, registry_, options);
  }

  std::string File() const { return dir_.path() + "/rules.yml"; }
  Status Load(const std::string& text) {
    std::ofstream(File()) << text;
    config::Config config;
    config.global.evaluation_interval_ms = kStepMs;
    config.global.external_labels = {{"dc", "eu"}};
    config.rule_files = {dir_.path() + "/*.yml"};
    return rules_->Update(config);
  }
  void MustLoad(const std::string& text) {
    const auto status = Load(text);
    ASSERT_TRUE(status.has_value()) << status.error().message();
  }

  void Put(const model::Labels& labels, double value) {
    const auto appender = storage_.NewAppender();
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, labels, clock_.NowMs(), value), storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }

  /// One interval later: exactly one evaluation of each group.
  void Tick() {
    clock_.AdvanceMs(kStepMs);
    rules_->RunDue();
  }

  /// The time of the last evaluation of a group.
  model::TimestampMs LastTick(const std::string& group) const {
    const std::int64_t interval_ns = kStepMs * 1'000'000;
    return SlotBefore(clock_.NowNs(), interval_ns, SlotOffsetNs(File(), group, interval_ns)) /
           1'000'000;
  }

  /// All samples of a metric as "{labels}: value@steps before `origin`", stale ones as "stale".
  std::vector<std::string> Dump(const std::string& metric, model::TimestampMs origin) {
    std::vector<std::string> lines;
    const auto querier = storage_.NewQuerier(model::kMinTime, model::kMaxTime);
    const std::vector matchers = {model::Matcher::Equal("__name__", metric)};
    const auto set = (*querier)->Select(matchers, {});
    for (std::size_t i = 0; i < (*set)->size(); ++i) {
      storage::SampleColumns columns;
      EXPECT_TRUE((*set)->Read(i, model::kMinTime, model::kMaxTime, columns));
      model::LabelsBuilder builder((*set)->LabelsAt(i));
      std::string line = builder.Delete("__name__").Build().ToString() + ":";
      for (std::size_t k = 0; k < columns.t.size(); ++k) {
        const double steps = static_cast<double>(columns.t[k] - origin) / kStepMs;
        line += model::IsStale(columns.v[k]) ? fmt::format(" stale@{}", steps)
                                             : fmt::format(" {}@{}", columns.v[k], steps);
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  double Metric(const std::string& name, const std::string& group) const {
    std::string text;
    registry_.WriteText(text);
    const std::string line = fmt::format("\n{}{{rule_group=\"{};{}\"}} ", name, File(), group);
    const auto at = text.find(line);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
  }

  RuleSnapshot Rule(std::size_t index) const { return rules_->Groups(true).at(0).rules.at(index); }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::MemoryStorage storage_;
  metrics::Registry registry_;
  promql::Engine engine_{promql::EngineOptions{}, nullptr, clock_, registry_};
  std::unique_ptr<RuleManager> rules_;
};

}  // namespace narthex::alerting
