// SPDX-License-Identifier: Apache-2.0

#include "narthex/web/ui_assets.h"

#include <algorithm>
#include <array>

#include "web/ui/ui_assets_table.h"

namespace narthex::web {
namespace {

// The pages of Prometheus's own UI, so that bookmarks and links from alerts go on working.
constexpr std::array<std::string_view, 10> kPages = {
    "/alertmanager-discovery", "/alerts", "/config",  "/flags",      "/query", "/rules",
    "/service-discovery",      "/status", "/targets", "/tsdb-status"};

}  // namespace

bool IsUiPage(std::string_view path) {
  return std::find(kPages.begin(), kPages.end(), path) != kPages.end();
}

std::optional<UiAsset> FindUiAsset(std::string_view path) {
  const std::string_view wanted = IsUiPage(path) ? "/index.html" : path;
  for (const ui::NamedAsset& file : ui::Assets()) {
    if (file.path == wanted) return file.asset;
  }
  return std::nullopt;
}

}  // namespace narthex::web
