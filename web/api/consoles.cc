// SPDX-License-Identifier: Apache-2.0
//
// /consoles/…: pages that the operator wrote as templates.
#include "narthex/web/consoles.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/config/glob.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

namespace fs = std::filesystem;

/// Whether a path leads to something in a folder when its links are followed. A link of the
/// operator's to another place in the folder is fine; one that leads out is not, as whoever can ask
/// for a page would read files that were never meant to be pages.
bool IsInside(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return false;
  const fs::path real_path = fs::canonical(path, error);
  if (error) return false;
  const auto [end, at] =
      std::mismatch(real_folder.begin(), real_folder.end(), real_path.begin(), real_path.end());
  return end == real_folder.end();
}

/// @param name  with a slash in front
/// @param[out] status  of HTTP, when it fails
Result<std::string> ReadTemplate(const std::string& folder, const std::string& name, int& status) {
  status = 404;
  if (name.find('\0') != std::string::npos) {
    return Fail(Code::kNotFound, "http: invalid or unsafe file path");
  }
  // By itself "/../x" is "/x", so nothing leads up from the folder.
  const std::string below = fs::path(name).lexically_normal().string();
  std::string path = fs::path(folder + below).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::error_code error;
  const fs::file_status found = fs::status(path, error);
  if (fs::exists(found)) {
    if (!IsInside(folder, path)) {
      return Fail(Code::kNotFound, fmt::format("open {}: leads out of {}", path, folder));
    }
    if (fs::is_directory(found)) {
      status = 500;
      return Fail(Code::kIo, fmt::format("read {}: is a directory", path));
    }
    if (!fs::is_regular_file(found)) {
      return Fail(Code::kNotFound, fmt::format("open {}: not a file", path));
    }
  }
  auto text = SystemFs().ReadFile(path);
  if (!text && error == std::errc::not_a_directory) {
    return Fail(Code::kNotFound, "file does not exist");
  }
  return text;
}

Result<std::vector<ConsoleRequest::Library>> ReadLibraries(const std::string& folder) {
  std::vector<ConsoleRequest::Library> libraries;
  for (const std::string& path : config::Glob(folder + "/*.lib")) {
    NX_ASSIGN_OR_RETURN(std::string text, SystemFs().ReadFile(path));
    libraries.push_back({fs::path(path).filename().string(), std::move(text)});
  }
  return libraries;
}

/// The first "%" of a part of a query that begins no byte, with what follows.
std::optional<std::string_view> BadEscape(std::string_view part) {
  const auto is_hex = [&](std::size_t i) {
    return i < part.size() && std::isxdigit(static_cast<unsigned char>(part[i])) != 0;
  };
  for (std::size_t at = part.find('%'); at != part.npos; at = part.find('%', at + 1)) {
    if (!is_hex(at + 1) || !is_hex(at + 2)) return part.substr(at, 3);
  }
  return std::nullopt;
}

/// What is wrong with a query string, in the words of Go's url.ParseQuery.
std::string QueryProblem(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.find(';') != pair.npos) return "invalid semicolon separator in query";
    if (const auto bad = BadEscape(pair)) return "invalid URL escape " + go::Quote(*bad);
  }
  return "";
}

/// Bytes that no text has.
bool IsBinary(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x08 || byte == 0x0b || (byte >= 0x0e && byte <= 0x1f && byte != 0x1b);
}

/// What a page is, as browsers and Go's http.DetectContentType tell it by how it begins. Formats
/// that are not text have no names of their own here.
std::string_view TypeOf(std::string_view page) {
  static constexpr std::string_view kTags[] = {"<!doctype html",
                                               "<html",
                                               "<head",
                                               "<script",
                                               "<iframe",
                                               "<h1",
                                               "<div",
                                               "<font",
                                               "<table",
                                               "<a",
                                               "<style",
                                               "<title",
                                               "<b",
                                               "<body",
                                               "<br",
                                               "<p",
                                               "<!--"};
  page = page.substr(0, 512);
  page.remove_prefix(std::min(page.find_first_not_of("\t\n\f\r "), page.size()));
  const auto begins = [&](std::string_view tag) {
    return page.size() > tag.size() && (page[tag.size()] == ' ' || page[tag.size()] == '>') &&
           std::equal(tag.begin(), tag.end(), page.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  if (std::any_of(std::begin(kTags), std::end(kTags), begins)) return "text/html; charset=utf-8";
  if (page.starts_with("<?xml")) return "text/xml; charset=utf-8";
  if (std::any_of(page.begin(), page.end(), IsBinary)) return "application/octet-stream";
  return "text/plain; charset=utf-8";
}

/// As Go's http.Error, which ends the text with a line.
void Refuse(int status, const std::string& text, net::ResponseWriter& writer) {
  PlainError(status, text + '\n', writer);
}

void ServeConsole(const ApiDependencies& api, const net::ServerRequest& http,
                  net::ResponseWriter& writer) {
  ConsoleRequest request;
  request.path = '/' + http.path_value;
  request.stop = http.stop;
  int status = 0;
  const std::string& folder = api.options.console_templates;
  auto text = ReadTemplate(folder.empty() ? "." : folder, request.path, status);
  if (!text) return Refuse(status, text.error().message(), writer);
  request.text = std::move(*text);
  net::Params parameters;
  if (!parameters.AddEncoded(http.raw_query)) {
    return Refuse(400, QueryProblem(http.raw_query), writer);
  }
  for (const auto& [name, value] : parameters.pairs()) request.parameters[name].push_back(value);
  auto libraries = ReadLibraries(api.options.console_libraries);
  if (!libraries) return Refuse(500, libraries.error().message(), writer);
  request.libraries = std::move(*libraries);
  const auto page = api.consoles->Render(request);
  if (!page) return Refuse(500, page.error().message(), writer);
  if (page->empty()) return;
  writer.SetHeader("Content-Type", TypeOf(*page));
  writer.Write(*page);
}

}  // namespace

void AddConsoles(const ContextPtr& context, const AddRoute& add) {
  if (context->api.consoles == nullptr) return;
  add("GET", "/consoles/*",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (!CheckReady(context->api.status, writer)) return;
        ServeConsole(context->api, request, writer);
      });
}

}  // namespace narthex::web
