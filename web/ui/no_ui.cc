// SPDX-License-Identifier: Apache-2.0
//
// Stands in for the pages in a build with -DNARTHEX_UI=OFF.

#include <array>

#include "web/ui/ui_assets_table.h"

namespace narthex::web::ui {
namespace {

constexpr std::string_view kIndex =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Narthex</title></head>"
    "<p>This binary was built without its pages (-DNARTHEX_UI=OFF). The API is at "
    "<a href=\"api/v1/status/buildinfo\">api/v1</a>.</p></html>\n";

constexpr UiAsset kPage = {kIndex, {}, "text/html; charset=utf-8", "\"no-ui\"", false};
constexpr std::array<NamedAsset, 2> kAssets = {{{"/index.html", kPage}, {"/agent.html", kPage}}};

}  // namespace

std::span<const NamedAsset> Assets() { return kAssets; }

}  // namespace narthex::web::ui
