// SPDX-License-Identifier: Apache-2.0
//
// /consoles/…: pages that the operator wrote as templates.
#include "narthex/web/consoles.h"

#include <filesystem>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/config/glob.h"
#include "web/api/folder_files.h"
#include "web/api/middleware.h"
#include "web/api/parameters.h"
#include "web/api/query_origin.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

namespace fs = std::filesystem;

/// @param[out] status  of HTTP, when it fails
Result<std::string> ReadTemplate(const std::string& folder, const std::string& name, int& status) {
  status = 404;
  NX_ASSIGN_OR_RETURN(const FolderEntry found, FindInFolder(folder, name));
  if (found.is_folder) {
    status = 500;
    return Fail(Code::kIo, fmt::format("read {}: is a directory", found.path));
  }
  return SystemFs().ReadFile(found.path);
}

Result<std::vector<ConsoleRequest::Library>> ReadLibraries(const std::string& folder) {
  std::vector<ConsoleRequest::Library> libraries;
  for (const std::string& path : config::Glob(folder + "/*.lib")) {
    NX_ASSIGN_OR_RETURN(std::string text, SystemFs().ReadFile(path));
    libraries.push_back({fs::path(path).filename().string(), std::move(text)});
  }
  return libraries;
}

/// As Go's http.Error, which ends the text with a line.
void Refuse(int status, const std::string& text, net::ResponseWriter& writer) {
  PlainError(status, text + '\n', writer);
}

void ServeConsole(const ApiDependencies& api, const net::ServerRequest& http,
                  net::ResponseWriter& writer) {
  ConsoleRequest request;
  request.path = '/' + http.path_value;
  request.origin = OriginOf(http);
  request.stop = http.stop;
  const std::string& folder = api.options.console_templates;
  int status = 0;
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
  writer.SetHeader("Content-Type", SniffContentType(*page));
  writer.Write(*page);
}

}  // namespace

void AddConsoles(const ContextPtr& context, const AddRoute& add) {
  if (context->api.consoles == nullptr) return;
  add("GET", "/consoles/*",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const Admission admission(context->api.status, writer);
        if (!admission) return;
        ServeConsole(context->api, request, writer);
      });
}

}  // namespace narthex::web
