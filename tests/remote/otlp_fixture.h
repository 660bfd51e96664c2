// SPDX-License-Identifier: Apache-2.0
//
// The receiver over a real database.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/metrics.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "narthex/remote/otlp.h"
#include "narthex/tsdb/db.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::remote {

/// Hands appenders of another storage on, which a test may exchange.
class ExchangeableStorage final : public storage::Appendable {
 public:
  void Set(storage::Appendable& storage) { storage_ = &storage; }
  std::unique_ptr<storage::Appender> NewAppender() override { return storage_->NewAppender(); }

 private:
  storage::Appendable* storage_ = nullptr;
};

class OtlpReceiverTest : public ::testing::Test {
 protected:
  static constexpr model::TimestampMs kNow = 1'700'000'000'000;  // The clock's.

  OtlpReceiverTest() { Open({}); }

  /// Begins anew with an empty database.
  void Open(const OtlpReceiverOptions& options, tsdb::DbOptions db_options = {}) {
    receiver_.reset();
    db_options.max_exemplars = 100;
    db_options.metadata_wal_records = options.append_metadata;
    OpenDb(db_options);
    registry_ = std::make_unique<metrics::Registry>();
    receiver_ = std::make_unique<OtlpReceiver>(storage_, clock_, *registry_, options);
    receiver_->ApplyConfig(config_);
  }
  /// Only the database is another one.
  void OpenDb(const tsdb::DbOptions& options) {
    db_.reset();
    db_registry_ = std::make_unique<metrics::Registry>();
    db_folder_ = folder_.path() + "/" + std::to_string(++databases_);
    auto db = tsdb::Db::Open(db_folder_, options, SystemFs(), clock_, *db_registry_);
    ASSERT_TRUE(db) << db.error().message();
    db_ = std::move(*db);
    storage_.Set(*db_);
  }
  void Apply() { receiver_->ApplyConfig(config_); }

  /// Nanoseconds, as JSON wants them.
  static std::string At(model::TimestampMs after_now) {
    return "\"" + std::to_string(kNow + after_now) + "000000\"";
  }
  /// {"key": …, "value": {"stringValue": …}}, …
  static std::string Attributes(const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs) {
      text += (text.empty() ? "" : ",");
      text += R"({"key":")" + key + R"(","value":{"stringValue":")" + value + "\"}}";
    }
    return "[" + text + "]";
  }
  /// A resource with one scope that has the metrics.
  static std::string Resource(const std::string& attributes, const std::string& metrics,
                              const std::string& scope = "") {
    return R"({"resource":{"attributes":)" + attributes + R"(},"scopeMetrics":[{)" + scope +
           R"("metrics":[)" + metrics + "]}]}";
  }
  static std::string Gauge(const std::string& name, const std::string& points,
                           const std::string& more = "") {
    return R"({"name":")" + name + R"(",)" + more + R"("gauge":{"dataPoints":[)" + points + "]}}";
  }
  static std::string Data(const std::string& name, const std::string& kind,
                          const std::string& points, int temporality = 2,
                          const std::string& more = "") {
    return R"({"name":")" + name + R"(",")" + kind + R"(":{)" + more +
           R"("aggregationTemporality":)" + std::to_string(temporality) + R"(,"dataPoints":[)" +
           points + "]}}";
  }
  static std::string Number(double value, model::TimestampMs after_now = 0,
                            const std::string& more = "") {
    return R"({"asDouble":)" + go::FormatFloatG(value) + R"(,"timeUnixNano":)" + At(after_now) +
           more + "}";
  }
  static std::string WithAttributes(const std::vector<std::pair<std::string, std::string>>& pairs) {
    return ",\"attributes\":" + Attributes(pairs);
  }

  OtlpAnswer Post(const std::string& resources) {
    return receiver_->Receive(OtlpForm::kJson, R"({"resourceMetrics":[)" + resources + "]}");
  }
  void Store(const std::string& resources) {
    const OtlpAnswer answer = Post(resources);
    EXPECT_EQ(answer.status, 200) << answer.error;
    EXPECT_EQ(answer.error, "");
  }

  /// "{labels} t:v t:v\n…" of all that is stored, times after kNow; histograms as t:"text".
  std::string Stored() const {
    const auto querier = db_->NewQuerier(model::kMinTime, model::kMaxTime);
    const std::vector<model::Matcher> all = {model::Matcher::NotEqual("nosuch", "x")};
    const auto set = (*querier)->Select(all, {});
    std::string text;
    for (std::size_t i = 0; i < (*set)->size(); ++i) {
      storage::SampleColumns columns;
      EXPECT_TRUE((*set)->Read(i, model::kMinTime, model::kMaxTime, columns));
      if (columns.t.empty() && columns.histogram_t.empty()) continue;
      text += (*set)->LabelsAt(i).ToString();
      for (std::size_t k = 0; k < columns.t.size(); ++k) {
        text += " " + std::to_string(columns.t[k] - kNow) + ":" + ValueText(columns.v[k]);
      }
      for (std::size_t k = 0; k < columns.histogram_t.size(); ++k) {
        const auto& h = columns.histograms[k];
        text += " " + std::to_string(columns.histogram_t[k] - kNow) + ":" +
                (model::IsStale(h.sum) ? "stale" : model::ToString(h));
      }
      text += "\n";
    }
    return text;
  }
  static std::string ValueText(double v) {
    return model::IsStale(v) ? "stale" : go::FormatFloatG(v);
  }

  /// The value of one of the receiver's metrics by the start of its line; -1 when there is none.
  double Metric(const std::string& line) const {
    std::string text;
    registry_->WriteText(text);
    const auto at = text.find("\n" + line + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
  }

  testing::TempDir folder_;
  std::string db_folder_;
  testing::FakeClock clock_{kNow};
  config::OtlpConfig config_;
  std::unique_ptr<metrics::Registry> registry_, db_registry_;
  std::unique_ptr<tsdb::Db> db_;
  ExchangeableStorage storage_;
  std::unique_ptr<OtlpReceiver> receiver_;

 private:
  int databases_ = 0;
};

}  // namespace narthex::remote
