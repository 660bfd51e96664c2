// SPDX-License-Identifier: Apache-2.0
//
// The browser pages, built from web/ui and embedded into the binary.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace narthex::web {

/// One file as the browser gets it. All views live until the process ends.
struct UiAsset {
  std::string_view bytes;
  std::string_view gzip;          // The same compressed; empty when that saves nothing.
  std::string_view content_type;  // With charset where it is text.
  std::string_view etag;          // Quoted, of `bytes`; send the same with `gzip` as a weak one.
  bool immutable = false;         // Named by its content: "public, max-age=31536000, immutable".
                                  // Otherwise "no-cache".
};

/// Finds a file by its path below the route prefix ("/assets/app-1A2B.js", "/favicon.svg").
/// Thread safety of this and the others: any thread.
std::optional<UiAsset> FindUiAsset(std::string_view path);

enum class UiMode : std::uint8_t { kServer, kAgent };

/// The paths of the pages ("/query", "/targets", …) that there are in a mode.
std::span<const std::string_view> UiPages(UiMode mode);

/// What the browser gets for one of them: index.html, which tells the mode, and which uses relative
/// addresses alone and so works under every prefix. Nothing for other paths.
std::optional<UiAsset> FindUiPage(std::string_view path, UiMode mode);

}  // namespace narthex::web
