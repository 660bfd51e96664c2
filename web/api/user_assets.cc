// SPDX-License-Identifier: Apache-2.0
//
// /user/…: files of the operator's own (--web.user-assets), sent as they are.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/letter_case.h"
#include "web/api/folder_files.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

/// By the end of its name, as Go's mime package knows it without looking at the system's lists.
std::string_view TypeOfName(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".css", "text/css; charset=utf-8"},
      {".gif", "image/gif"},
      {".htm", "text/html; charset=utf-8"},
      {".html", "text/html; charset=utf-8"},
      {".jpeg", "image/jpeg"},
      {".jpg", "image/jpeg"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".pdf", "application/pdf"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".wasm", "application/wasm"},
      {".webp", "image/webp"},
      {".xml", "text/xml; charset=utf-8"},
  };
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return "";
  const std::string ending = ToLowerCase(name.substr(dot));
  for (const auto& [known, type] : kTypes) {
    if (known == ending) return type;
  }
  return "";
}

/// One part of a path in a form that means nothing else in an address.
std::string EncodeSegment(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void SendFile(const std::string& path, net::ResponseWriter& writer) {
  const auto file = SystemFs().OpenReadable(path);
  if (!file) return PlainError(404, "404 page not found\n", writer);
  std::vector<std::uint8_t> piece;
  const std::uint64_t size = (*file)->size();
  for (std::uint64_t at = 0; at == 0 || at < size; at += kPieceBytes) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, size - at)));
    // Cut meanwhile: nobody may take the part for the whole.
    if (!(*file)->ReadAt(at, piece)) return writer.Abort();
    const std::string_view text = AsText(piece);
    if (at == 0) {
      const std::string_view type = TypeOfName(path);
      writer.SetHeader("Content-Type", type.empty() ? SniffContentType(text) : type);
      writer.SetHeader("Content-Encoding", "identity");
    }
    if (!writer.Write(text)) return;
  }
}

/// To the folder itself, as Go's file server does: relative, whatever the prefix is.
void RedirectToFolder(const std::string& name, const net::ServerRequest& request,
                      net::ResponseWriter& writer) {
  std::string location = EncodeSegment(std::string_view(name).substr(name.rfind('/') + 1)) + "/";
  if (!request.raw_query.empty()) location += "?" + request.raw_query;
  writer.SetHeader("Location", location);
  writer.SetStatus(301);
}

void ServeUserAsset(const std::string& folder, const net::ServerRequest& request,
                    net::ResponseWriter& writer) {
  const std::string name = "/" + request.path_value;
  auto found = FindInFolder(folder, name);
  if (found && found->is_folder) {
    if (!name.ends_with('/')) return RedirectToFolder(name, request, writer);
    found = FindInFolder(folder, name + "index.html");
  }
  if (!found || found->is_folder) return PlainError(404, "404 page not found\n", writer);
  SendFile(found->path, writer);
}

}  // namespace

void AddUserAssets(const ContextPtr& context, const AddRoute& add) {
  if (context->api.options.user_assets.empty()) return;
  add("GET", "/user/*", [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
    ServeUserAsset(context->api.options.user_assets, request, writer);
  });
}

}  // namespace narthex::web
