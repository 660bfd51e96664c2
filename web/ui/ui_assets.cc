// SPDX-License-Identifier: Apache-2.0

#include "narthex/web/ui_assets.h"

#include <algorithm>
#include <array>

#include "web/ui/ui_assets_table.h"

namespace narthex::web {
namespace {

// The pages of Prometheus's own UI, so that bookmarks and links from alerts go on working.
constexpr std::array<std::string_view, 10> kServerPages = {
    "/alertmanager-discovery", "/alerts", "/config",  "/flags",      "/query", "/rules",
    "/service-discovery",      "/status", "/targets", "/tsdb-status"};
constexpr std::array<std::string_view, 7> kAgentPages = {
    "/agent",  "/alertmanager-discovery", "/config", "/flags", "/service-discovery", "/status",
    "/targets"};

}  // namespace

std::optional<UiAsset> FindUiAsset(std::string_view path) {
  for (const ui::NamedAsset& file : ui::Assets()) {
    if (file.path == path) return file.asset;
  }
  return std::nullopt;
}

std::span<const std::string_view> UiPages(UiMode mode) {
  if (mode == UiMode::kAgent) return kAgentPages;
  return kServerPages;
}

std::optional<UiAsset> FindUiPage(std::string_view path, UiMode mode) {
  const auto pages = UiPages(mode);
  if (std::find(pages.begin(), pages.end(), path) == pages.end()) return std::nullopt;
  return FindUiAsset(mode == UiMode::kAgent ? "/agent.html" : "/index.html");
}

}  // namespace narthex::web
