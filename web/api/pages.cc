// SPDX-License-Identifier: Apache-2.0
//
// The browser's pages and their files.
#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/hash.h"
#include "narthex/base/markup.h"
#include "narthex/web/ui_assets.h"
#include "web/api/middleware.h"
#include "web/api/redirect.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

using net::ResponseWriter;
using net::ServerRequest;

/// Whether a comma-separated header has this token.
bool HasToken(std::string_view header, std::string_view token) {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    std::string_view item = header.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == token) return true;
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return false;
}

/// Answers with one of the asset's forms, or that the client has it already.
void SendAsset(const UiAsset& asset, const ServerRequest& request, ResponseWriter& writer) {
  const bool gzip = !asset.gzip.empty() && HasToken(request.Header("Accept-Encoding"), "gzip");
  const std::string etag = (gzip ? "W/" : "") + std::string(asset.etag);
  writer.SetHeader("ETag", etag);
  writer.SetHeader("Vary", "Accept-Encoding");
  writer.SetHeader("Cache-Control",
                   asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  const std::string_view known = request.Header("If-None-Match");
  if (HasToken(known, etag) || HasToken(known, asset.etag)) {
    writer.SetStatus(304);
    return;
  }
  writer.SetHeader("Content-Type", asset.content_type);
  writer.SetHeader("X-Content-Type-Options", "nosniff");
  writer.SetHeader("Content-Encoding", gzip ? "gzip" : "identity");
  writer.Write(gzip ? asset.gzip : asset.bytes);
}

void ServeAsset(const std::optional<UiAsset>& asset, const ServerRequest& request,
                ResponseWriter& writer) {
  if (!asset) return PlainError(404, "404 page not found\n", writer);
  SendAsset(*asset, request, writer);
}

/// Path of the operator's first page; "" when there is none.
std::string ConsolesPath(const ApiContext& context) {
  const ApiOptions& options = context.api.options;
  const auto has_index = [](const std::string& folder) {
    return SystemFs().Exists(JoinPath(folder, "index.html"));
  };
  if (context.api.consoles != nullptr && has_index(options.console_templates)) {
    return context.external_path + "/consoles/index.html";
  }
  if (!options.user_assets.empty() && has_index(options.user_assets)) {
    return context.external_path + "/user/index.html";
  }
  return "";
}

/// Puts the operator's title in the place of ours. It is also what the script has behind the names
/// of pages.
void SetTitle(const std::string& title, std::string& page) {
  constexpr std::string_view kOurs = "<title>Narthex</title>";
  const std::size_t at = page.find(kOurs);
  if (at == std::string::npos) return;
  page.replace(at, kOurs.size(), fmt::format("<title>{}</title>", EscapeHtml(title)));
}

/// A page of the UI, told where the operator's own pages are, and with the operator's title.
void ServePage(const ApiContext& context, std::optional<UiAsset> asset,
               const ServerRequest& request, ResponseWriter& writer) {
  const std::string consoles = ConsolesPath(context);
  const std::string& title = context.api.options.page_title;
  const bool has_title = title != ApiOptions().page_title;
  if (!asset || (consoles.empty() && !has_title)) return ServeAsset(asset, request, writer);
  std::string text(asset->bytes);
  if (has_title) SetTitle(title, text);
  const std::size_t head_end = text.find("</head>");
  if (!consoles.empty() && head_end != std::string::npos) {
    text.insert(head_end,
                fmt::format("<meta name=\"consoles\" content=\"{}\">\n", EscapeHtml(consoles)));
  }
  const std::string etag = fmt::format("\"{:016x}\"", Hash64(text));
  asset->bytes = text;
  asset->gzip = {};
  asset->etag = etag;
  SendAsset(*asset, request, writer);
}

}  // namespace

void AddPageRoutes(const ContextPtr& context, const AddRoute& add) {
  const std::string& base = context->external_path;
  const UiMode mode = context->api.options.agent_mode ? UiMode::kAgent : UiMode::kServer;
  const std::string home = base + (mode == UiMode::kAgent ? "/agent" : "/query");
  add("GET", "/",
      [home](const ServerRequest&, ResponseWriter& writer) { Redirect(302, home, writer); });
  add("GET", "/graph", [base](const ServerRequest& request, ResponseWriter& writer) {
    const std::string query = request.raw_query.empty() ? "" : "?" + request.raw_query;
    Redirect(302, base + "/query" + query, writer);
  });
  for (const std::string_view page : UiPages(mode)) {
    add("GET", page, [context, page, mode](const ServerRequest& request, ResponseWriter& writer) {
      ServePage(*context, FindUiPage(page, mode), request, writer);
    });
  }
  for (const char* file : {"/favicon.svg", "/favicon.ico", "/manifest.json"}) {
    add("GET", file, [file](const ServerRequest& request, ResponseWriter& writer) {
      ServeAsset(FindUiAsset(file), request, writer);
    });
  }
  add("GET", "/assets/*", [](const ServerRequest& request, ResponseWriter& writer) {
    ServeAsset(FindUiAsset("/assets/" + request.path_value), request, writer);
  });
}

}  // namespace narthex::web
