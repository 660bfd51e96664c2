// SPDX-License-Identifier: Apache-2.0
//
// A ReadStorage with one section, and what it reads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/model/float_histogram.h"
#include "narthex/net/http_client.h"
#include "narthex/remote/read_storage.h"
#include "narthex/storage/querier.h"

namespace narthex::remote {

/// Times beside kStart, so that expectations are short.
inline constexpr model::TimestampMs kStart = 1'700'000'000'000;

/// "{labels} t=v …;" for each series; histograms as t=text. Times are told from kStart.
inline std::string Text(const storage::SeriesSet& set, model::TimestampMs mint = model::kMinTime,
                        model::TimestampMs maxt = model::kMaxTime) {
  std::string text;
  for (std::size_t i = 0; i < set.size(); ++i) {
    storage::SampleColumns columns;
    if (const Status read = set.Read(i, mint, maxt, columns); !read) return read.error().message();
    text += set.LabelsAt(i).ToString();
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      text += " " + std::to_string(columns.t[k] - kStart) + "=" + go::FormatFloatG(columns.v[k]);
    }
    for (std::size_t k = 0; k < columns.histogram_t.size(); ++k) {
      text += " " + std::to_string(columns.histogram_t[k] - kStart) + "=" +
              model::ToString(columns.histograms[k]);
    }
    text += ";";
  }
  return text;
}

class ReadFixture : public ::testing::Test {
 protected:
  /// Takes over the sections; there is one queryable of each.
  Result<ReadStorage::Queryables> Apply() {
    for (config::RemoteReadConfig& section : config_.remote_read) {
      // As the loader makes them: equal when the sections are.
      section.shown = "url: " + section.url + "\nname: " + section.name + "\n";
      section.fingerprint = section.shown + section.http.basic_password;
    }
    if (storage_ == nullptr) {
      options_.client_options = [](const config::HttpConfig&) { return net::HttpClientOptions(); };
      options_.local_start = [this] { return local_start_; };
      storage_ = std::make_unique<ReadStorage>(SystemClock(), registry_, options_);
    }
    return storage_->Apply(config_);
  }
  config::RemoteReadConfig& AddSection(const std::string& url) {
    config::RemoteReadConfig& section = config_.remote_read.emplace_back();
    section.url = url;
    section.read_recent = true;
    return section;
  }

  static std::vector<model::Matcher> Named(const std::string& name) {
    return {model::Matcher::Equal(model::kMetricName, name)};
  }
  storage::SelectHints Hints() const {
    storage::SelectHints hints;
    hints.start_ms = mint_;
    hints.end_ms = maxt_;
    return hints;
  }

  /// From the first section.
  Result<std::unique_ptr<storage::SeriesSet>> Select(const std::vector<model::Matcher>& matchers,
                                                     std::stop_token stop = {}) {
    auto queryables = Apply();
    if (!queryables) return Fail(queryables.error());
    const auto querier = (*queryables)[0]->NewQuerier(mint_, maxt_);
    if (*querier == nullptr) return Fail(Code::kNotFound, "not asked");
    return (*querier)->Select(matchers, Hints(), std::move(stop));
  }
  std::string SelectText(const std::vector<model::Matcher>& matchers) {
    const auto set = Select(matchers);
    return set ? Text(**set) : set.error().message();
  }
  /// Lines of the registry that begin so.
  std::string Metrics(const std::string& start) const {
    std::string text, lines;
    registry_.WriteText(text);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      if (line.starts_with(start)) lines += line + "\n";
      at = end + 1;
    }
    return lines;
  }

  config::Config config_;
  model::TimestampMs mint_ = kStart - 3'600'000, maxt_ = kStart + 3'600'000;
  model::TimestampMs local_start_ = model::kMaxTime;
  metrics::Registry registry_;
  ReadStorageOptions options_;
  std::unique_ptr<ReadStorage> storage_;
};

}  // namespace narthex::remote
