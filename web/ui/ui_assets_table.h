// SPDX-License-Identifier: Apache-2.0
//
// The table of embedded files. Its definition is written by build.mjs, or is no_ui.cc.
#pragma once

#include <span>
#include <string_view>

#include "narthex/web/ui_assets.h"

namespace narthex::web::ui {

struct NamedAsset {
  std::string_view path;  // With a leading slash.
  UiAsset asset;
};

std::span<const NamedAsset> Assets();

}  // namespace narthex::web::ui
