// SPDX-License-Identifier: Apache-2.0
//
// A notifier with an entry or more of alerting.alertmanagers.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/alerting/notifier.h"
#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/net/http_client.h"
#include "tests/alerting/fake_alertmanager.h"

namespace narthex::alerting {

using testing::FakeAlertmanager;

inline Notification Alert(const std::string& name, const std::string& value = "1") {
  Notification alert;
  alert.labels = {{"alertname", name}, {"n", value}};
  alert.annotations = {{"summary", "<a & b>"}};
  alert.starts_at_ns = 1'700'000'000'123'999'999;
  alert.ends_at_ns = 1'700'000'240'000'000'000;
  alert.generator_url = "http://x/graph?g0.expr=up&g0.tab=1";
  return alert;
}

class NotifierTest : public ::testing::Test {
 protected:
  void Make(NotifierOptions options = {}) {
    options.client_options =
        [ca = ca_pem_](const config::HttpConfig& http) -> Result<net::HttpClientOptions> {
      net::HttpClientOptions client;
      client.tls.ca = ca;
      client.basic_username = http.basic_username;
      client.basic_password = http.basic_password;
      return client;
    };
    notifier_ = std::make_unique<Notifier>(SystemClock(), registry_, std::move(options));
  }

  /// The section `alerting` and what discovery would find for its static_configs.
  void Apply(const std::string& alerting) {
    auto config = config::LoadText("global: {external_labels: {dc: eu, n: ext}}\n" + alerting, "x");
    ASSERT_TRUE(config) << config.error().message();
    const Status status = notifier_->ApplyConfig(**config);
    ASSERT_TRUE(status) << status.error().message();
    const auto& entries = (*config)->alerting.alertmanagers;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      notifier_->SetTargets(AlertmanagerSetName(i), entries[i].static_configs);
    }
  }
  static std::string To(const std::string& addresses, const std::string& more = {}) {
    return fmt::format("alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]{}}}]}}\n",
                       addresses, more);
  }

  std::vector<std::string> Series(const std::string& name) {
    std::string text;
    registry_.WriteText(text);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      if (line.starts_with(name)) lines.push_back(line);
      at = end + 1;
    }
    return lines;
  }
  std::string ValueOf(const std::string& name) {
    const auto lines = Series("prometheus_notifications_" + name + "{");
    return lines.empty() ? "" : lines[0].substr(lines[0].rfind(' ') + 1);
  }
  std::string SentTo(const FakeAlertmanager& am) {
    for (const std::string& line : Series("prometheus_notifications_sent_total{")) {
      if (line.find(am.address()) != std::string::npos) return line.substr(line.rfind(' ') + 1);
    }
    return "";
  }
  void ExpectAt(const FakeAlertmanager& am, const std::string& value) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (SentTo(am) != value && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
    EXPECT_EQ(SentTo(am), value);
  }
  /// Waits until a counter says what is expected: it is counted after the answer.
  void Expect(const std::string& name, const std::string& value) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (ValueOf(name) != value && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
    EXPECT_EQ(ValueOf(name), value) << name;
  }

  std::string ca_pem_;  // Who vouches for Alertmanagers with TLS; set before Make.
  metrics::Registry registry_;
  std::unique_ptr<Notifier> notifier_;
};

}  // namespace narthex::alerting
