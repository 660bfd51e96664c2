// SPDX-License-Identifier: Apache-2.0
//
// What the HTTP API wants of templates. Implemented by src/server over the template interpreter.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/promql/engine.h"

namespace narthex::web {

/// A console page that was asked for.
struct ConsoleRequest {
  std::string path;  // Below the folder of console templates, with a slash in front.
  std::string text;
  struct Library {
    std::string name;  // Of the file, without folders.
    std::string text;
  };
  std::vector<Library> libraries;                              // Sorted by name.
  std::map<std::string, std::vector<std::string>> parameters;  // Of the URL; each has a value.
  promql::QueryOrigin origin;                                  // Of its queries.
  std::stop_token stop;
};

/// Thread safety: any thread.
class ConsoleRenderer {
 public:
  virtual ~ConsoleRenderer() = default;
  /// The page as HTML. Errors: what is wrong with a template or what it asked for.
  virtual Result<std::string> Render(const ConsoleRequest& request) const = 0;
};

}  // namespace narthex::web
