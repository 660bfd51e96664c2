// SPDX-License-Identifier: Apache-2.0
//
// What discoveries of cloud providers share: a list that is asked for page by page, a token in a
// header, and a table that says which labels the items of the list make.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/config/target_group.h"
#include "narthex/net/bearer_tokens.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/label_map.h"
#include "scrape/discovery/api_client.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

enum class LabelForm : std::uint8_t {
  kText,
  kInt,
  kBool,
  kMebibytes,  // As bytes.
  kList,       // ",a,b,"; no label for an empty one.
};

/// A label and the member of an item that it is made of.
struct LabelRow {
  std::string_view label;  // Behind the prefix.
  std::string_view path;   // "image.slug"
  LabelForm form = LabelForm::kText;
};

void AddLabels(const JsonView& item, std::string_view prefix, std::span<const LabelRow> rows,
               LabelMap& labels);

/// A list that was asked for, all pages.
class Pages {
 public:
  void Add(std::unique_ptr<JsonDocument> page) { pages_.push_back(std::move(page)); }
  /// The items of the list with this name in all pages.
  std::vector<JsonView> Items(std::string_view list) const;
  /// Whether all that was asked for had the types that were asked for.
  Status status() const;

 private:
  std::vector<std::unique_ptr<JsonDocument>> pages_;
};

/// A page of a list, while it is looked at for the next one.
struct Page {
  JsonView operator[](std::string_view name) const { return json[name]; }
  JsonView At(std::string_view path) const { return json.At(path); }

  JsonView json;
  int number = 1;
  const ApiAnswer& answer;  // For its headers; the body is gone.
};

/// The URL of the page behind this one; "" = there is none.
using NextPage = std::function<std::string(const Page& page)>;

/// Errors: those of ApiClient::GetJson; kResourceExhausted when there is no end, or the pages of
/// one refresh are too large together; kInvalidArgument for a page on another server, which would
/// get the headers with our credentials.
Result<Pages> FetchPages(ApiClient& api, std::string url, const net::Headers& headers,
                         const NextPage& next);

/// Asks the API for all that is needed and makes targets of it.
using ListTargets = std::function<Result<config::TargetGroup>(ApiClient&)>;

/// @param token  that `list` uses, to be cancelled with it; may be null
/// Errors: header files that can't be read.
Result<std::unique_ptr<RefreshSource>> MakeCloudSource(
    const config::CloudSdBase& base, ListTargets list,
    std::shared_ptr<net::BearerTokens> token = nullptr);

/// The answer, unless something in the pages was not what it should be.
Result<config::TargetGroup> Checked(config::TargetGroup group,
                                    std::initializer_list<const Pages*> pages);

}  // namespace narthex::scrape
