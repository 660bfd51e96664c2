// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/aws/aws_source.h"

#include <optional>

#include <fmt/core.h>

#include "narthex/base/json_writer.h"
#include "narthex/base/log.h"
#include "narthex/net/url.h"
#include "scrape/answers/aws/ec2_targets.h"
#include "scrape/answers/aws/lightsail_targets.h"
#include "scrape/answers/aws/msk_targets.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/aws/aws_client.h"

namespace narthex::scrape {

namespace {

using Groups = std::vector<config::TargetGroup>;

/// A service that always names a next page must not be asked for ever.
constexpr int kMaxPages = 1000;

Error TooManyPages() {
  return {Code::kResourceExhausted, fmt::format("the answer has more than {} pages", kMaxPages)};
}

class Ec2Source final : public RefreshSource {
 public:
  Ec2Source(config::Ec2SdConfig config, std::unique_ptr<AwsClient> client)
      : config_(std::move(config)), client_(std::move(client)) {}

  Result<Groups> Refresh() override {
    NX_ASSIGN_OR_RETURN(const std::string region, client_->Region());
    AskForZones();
    auto group = Instances(region);
    if (!group) return Fail(std::move(group).error().Wrap("could not describe instances"));
    return Groups{std::move(*group)};
  }
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<std::string> Ask(std::string_view action, const std::string& more = "") {
    return client_->Post({{"Content-Type", "application/x-www-form-urlencoded"}},
                         fmt::format("Action={}{}&Version=2016-11-15", action, more));
  }

  /// Until they are known. Not everybody may ask for them, and targets are targets without them.
  void AskForZones() {
    if (zones_) return;
    auto answer = Ask("DescribeAvailabilityZones");
    auto zones = answer ? ReadZoneIds(*answer) : Result<ZoneIds>(Fail(std::move(answer).error()));
    if (zones) {
      zones_ = std::move(*zones);
    } else {
      log::Debug("Unable to describe availability zones", {{"err", zones.error().message()}});
    }
  }

  Result<config::TargetGroup> Instances(const std::string& region) {
    config::TargetGroup group;
    TargetBudget budget;
    group.source = region;
    const std::string filters = Filters();
    std::string token;
    for (int page = 0; page < kMaxPages; ++page) {
      NX_ASSIGN_OR_RETURN(
          const std::string answer,
          Ask("DescribeInstances",
              token.empty() ? filters : filters + "&NextToken=" + net::EscapeQuery(token)));
      NX_ASSIGN_OR_RETURN(token, AddEc2Targets(answer, region, zones_.value_or(ZoneIds()),
                                               config_.port, budget, group));
      if (token.empty()) return group;
    }
    return Fail(TooManyPages());
  }

  std::string Filters() const {
    std::string text;
    int number = 0;
    for (const config::SdFilter& filter : config_.filters) {
      ++number;
      text += fmt::format("&Filter.{}.Name={}", number, net::EscapeQuery(filter.name));
      for (std::size_t i = 0; i < filter.values.size(); ++i) {
        text += fmt::format("&Filter.{}.Value.{}={}", number, i + 1,
                            net::EscapeQuery(filter.values[i]));
      }
    }
    return text;
  }

  const config::Ec2SdConfig config_;
  const std::unique_ptr<AwsClient> client_;
  std::optional<ZoneIds> zones_;
};

class LightsailSource final : public RefreshSource {
 public:
  LightsailSource(config::LightsailSdConfig config, std::unique_ptr<AwsClient> client)
      : config_(std::move(config)), client_(std::move(client)) {}

  Result<Groups> Refresh() override {
    NX_ASSIGN_OR_RETURN(const std::string region, client_->Region());
    auto group = Instances(region);
    if (!group) return Fail(std::move(group).error().Wrap("could not get instances"));
    return Groups{std::move(*group)};
  }
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<config::TargetGroup> Instances(const std::string& region) {
    config::TargetGroup group;
    TargetBudget budget;
    group.source = region;
    std::string token;
    for (int page = 0; page < kMaxPages; ++page) {
      JsonWriter request;
      request.BeginObject();
      if (!token.empty()) {
        request.Key("pageToken");
        request.String(token);
      }
      request.EndObject();
      NX_ASSIGN_OR_RETURN(const std::string answer,
                          client_->Post({{"Content-Type", "application/x-amz-json-1.1"},
                                         {"X-Amz-Target", "Lightsail_20161128.GetInstances"}},
                                        request.TakeText()));
      NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer));
      NX_RETURN_IF_ERROR(
          AddLightsailTargets(document->root(), region, config_.port, budget, group));
      token = document->root()["nextPageToken"].Text();
      NX_RETURN_IF_ERROR(document->status());
      if (token.empty()) return group;
    }
    return Fail(TooManyPages());
  }

  const config::LightsailSdConfig config_;
  const std::unique_ptr<AwsClient> client_;
};

class MskSource final : public RefreshSource {
 public:
  MskSource(config::MskSdConfig config, std::unique_ptr<AwsClient> client)
      : config_(std::move(config)), client_(std::move(client)) {}

  Result<Groups> Refresh() override {
    NX_ASSIGN_OR_RETURN(const std::string region, client_->Region());
    kept_bytes_ = 0;
    NX_ASSIGN_OR_RETURN(const Documents documents, Clusters());
    config::TargetGroup group;
    TargetBudget budget;
    group.source = region;
    for (const auto& document : documents) {
      const JsonView root = document->root();
      const JsonView one = root["clusterInfo"];
      for (const JsonView& cluster :
           one.present() ? std::vector{one} : root["clusterInfoList"].Items()) {
        NX_RETURN_IF_ERROR(AddNodes(cluster, budget, group));
      }
      NX_RETURN_IF_ERROR(document->status());
    }
    return Groups{std::move(group)};
  }
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  using Documents = std::vector<std::unique_ptr<JsonDocument>>;

  /// Those of the settings, or all, page by page.
  Result<Documents> Clusters() {
    Documents documents;
    for (const std::string& arn : config_.clusters) {
      auto answer = Ask("/api/v2/clusters/" + net::EscapeQuery(arn));
      if (!answer) {
        return Fail(
            std::move(answer).error().Wrap(fmt::format("could not describe cluster {}", arn)));
      }
      documents.push_back(std::move(*answer));
    }
    if (!config_.clusters.empty()) return documents;
    NX_RETURN_IF_ERROR(ForEachPage("/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100",
                                   "could not list clusters",
                                   [&](std::unique_ptr<JsonDocument> page) -> Status {
                                     documents.push_back(std::move(page));
                                     return {};
                                   }));
    return documents;
  }

  Status AddNodes(const JsonView& cluster, TargetBudget& budget, config::TargetGroup& group) {
    const std::string arn = cluster["clusterArn"].Text();
    return ForEachPage(
        fmt::format("/v1/clusters/{}/nodes?maxResults=100", net::EscapeQuery(arn)),
        fmt::format("could not list nodes for cluster {}", ShortText(arn)),
        [&](std::unique_ptr<JsonDocument> page) -> Status {
          NX_RETURN_IF_ERROR(AddMskTargets(cluster, page->root(), config_.port, budget, group));
          return page->status();
        });
  }

  Status ForEachPage(const std::string& target, const std::string& what,
                     const std::function<Status(std::unique_ptr<JsonDocument>)>& take) {
    std::string token;
    for (int number = 0; number < kMaxPages; ++number) {
      auto page = Ask(token.empty() ? target : target + "&nextToken=" + net::EscapeQuery(token));
      if (!page) return Fail(std::move(page).error().Wrap(what));
      token = (*page)->root()["nextToken"].Text();
      NX_RETURN_IF_ERROR(take(std::move(*page)));
      if (token.empty()) return {};
    }
    return Fail(TooManyPages().Wrap(what));
  }

  Result<std::unique_ptr<JsonDocument>> Ask(const std::string& target) {
    NX_ASSIGN_OR_RETURN(const std::string answer, client_->Get(target));
    kept_bytes_ += answer.size();
    if (kept_bytes_ > kMaxApiAnswerBytes) {
      return Fail(Code::kResourceExhausted, "the answers of one refresh are too large together");
    }
    return JsonDocument::Parse(answer);
  }

  const config::MskSdConfig config_;
  const std::unique_ptr<AwsClient> client_;
  std::size_t kept_bytes_ = 0;  // Of one refresh.
};

}  // namespace

Result<std::unique_ptr<RefreshSource>> MakeEc2Source(const config::Ec2SdConfig& config,
                                                     Clock& clock, net::Environment environment) {
  NX_ASSIGN_OR_RETURN(auto client,
                      AwsClient::Make(config.access, config.http, "ec2",
                                      std::chrono::milliseconds(config.refresh_interval_ms), clock,
                                      std::move(environment)));
  return std::make_unique<Ec2Source>(config, std::move(client));
}

Result<std::unique_ptr<RefreshSource>> MakeLightsailSource(const config::LightsailSdConfig& config,
                                                           Clock& clock,
                                                           net::Environment environment) {
  NX_ASSIGN_OR_RETURN(auto client,
                      AwsClient::Make(config.access, config.http, "lightsail",
                                      std::chrono::milliseconds(config.refresh_interval_ms), clock,
                                      std::move(environment)));
  return std::make_unique<LightsailSource>(config, std::move(client));
}

Result<std::unique_ptr<RefreshSource>> MakeMskSource(const config::MskSdConfig& config,
                                                     Clock& clock, net::Environment environment) {
  NX_ASSIGN_OR_RETURN(auto client,
                      AwsClient::Make(config.access, config.http, "kafka",
                                      std::chrono::milliseconds(config.refresh_interval_ms), clock,
                                      std::move(environment)));
  return std::make_unique<MskSource>(config, std::move(client));
}

}  // namespace narthex::scrape
