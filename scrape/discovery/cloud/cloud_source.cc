// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/cloud_source.h"

#include <fmt/core.h>

#include "narthex/net/url.h"
#include "narthex/scrape/client_options.h"

namespace narthex::scrape {

namespace {

/// An API that always names a next page must not be asked for ever.
constexpr int kMaxPages = 1000;

std::string LabelText(const JsonView& value, LabelForm form) {
  switch (form) {
    case LabelForm::kText:
      return value.Text();
    case LabelForm::kInt:
      return std::to_string(value.Int());
    case LabelForm::kBool:
      return value.Flag() ? "true" : "false";
    case LabelForm::kMebibytes:
      return std::to_string(static_cast<std::uint64_t>(value.Int()) << 20);
    case LabelForm::kList: {
      const std::vector<std::string> parts = value.Texts();
      return parts.empty() ? "" : JoinSurrounded(parts);
    }
  }
  return "";
}

Status CheckSameServer(const std::string& url, const std::string& next) {
  NX_ASSIGN_OR_RETURN(const net::Url here, net::ParseUrl(url));
  const auto there = net::ParseUrl(next);
  if (!there) {
    return Fail(Code::kInvalidArgument, fmt::format("{}: the next page is no URL: {}",
                                                    net::FormatUrl(here), ShortText(next)));
  }
  if (here.scheme == there->scheme && here.host == there->host && here.port == there->port) {
    return {};
  }
  return Fail(
      Code::kInvalidArgument,
      fmt::format("{}: the next page is on another server: {}://{}:{}", net::FormatUrl(here),
                  there->scheme, ShortText(there->host), there->port));
}

class CloudSource final : public RefreshSource {
 public:
  CloudSource(net::HttpClientOptions options, std::chrono::milliseconds timeout, ListTargets list,
              std::shared_ptr<net::BearerTokens> token)
      : api_(std::move(options), timeout), list_(std::move(list)), token_(std::move(token)) {}

  Result<std::vector<config::TargetGroup>> Refresh() override {
    api_.BeginKeeping();
    NX_ASSIGN_OR_RETURN(config::TargetGroup group, list_(api_));
    std::vector<config::TargetGroup> groups;
    groups.push_back(std::move(group));
    return groups;
  }
  void Cancel() noexcept override {
    if (token_ != nullptr) token_->Cancel();
    api_.Cancel();
  }

 private:
  ApiClient api_;
  const ListTargets list_;
  const std::shared_ptr<net::BearerTokens> token_;
};

}  // namespace

void AddLabels(const JsonView& item, std::string_view prefix, std::span<const LabelRow> rows,
               LabelMap& labels) {
  for (const LabelRow& row : rows) {
    labels[fmt::format("{}{}", prefix, row.label)] = LabelText(item.At(row.path), row.form);
  }
}

std::vector<JsonView> Pages::Items(std::string_view list) const {
  std::vector<JsonView> all;
  for (const auto& page : pages_) {
    const std::vector<JsonView> items = page->root()[list].Items();
    all.insert(all.end(), items.begin(), items.end());
  }
  return all;
}

Status Pages::status() const {
  for (const auto& page : pages_) NX_RETURN_IF_ERROR(page->status());
  return {};
}

Result<Pages> FetchPages(ApiClient& api, std::string url, const net::Headers& headers,
                         const NextPage& next) {
  Pages pages;
  for (int number = 1; number <= kMaxPages; ++number) {
    ApiAnswer answer;
    NX_ASSIGN_OR_RETURN(auto page, api.GetJson(url, headers, answer));
    NX_RETURN_IF_ERROR(api.Keep(answer));
    answer.body = std::string();
    const std::string following = next ? next({page->root(), number, answer}) : "";
    if (auto status = page->status(); !status) {
      return Fail(std::move(status).error().Wrap("Get " + UrlText(url)));
    }
    pages.Add(std::move(page));
    if (following.empty()) return pages;
    NX_RETURN_IF_ERROR(CheckSameServer(url, following));
    url = following;
  }
  return Fail(Code::kResourceExhausted,
              fmt::format("{}: the answer has more than {} pages", UrlText(url), kMaxPages));
}

Result<std::unique_ptr<RefreshSource>> MakeCloudSource(const config::CloudSdBase& base,
                                                       ListTargets list,
                                                       std::shared_ptr<net::BearerTokens> token) {
  net::HttpClientOptions options;
  NX_ASSIGN_OR_RETURN(options, MakeClientOptions(base.http, options.user_agent));
  return std::make_unique<CloudSource>(std::move(options),
                                       std::chrono::milliseconds(base.refresh_interval_ms),
                                       std::move(list), std::move(token));
}

Result<config::TargetGroup> Checked(config::TargetGroup group,
                                    std::initializer_list<const Pages*> pages) {
  for (const Pages* list : pages) NX_RETURN_IF_ERROR(list->status());
  return group;
}

}  // namespace narthex::scrape
