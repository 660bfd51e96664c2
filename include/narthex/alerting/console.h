// SPDX-License-Identifier: Apache-2.0
//
// Console pages: templates in files that become HTML.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/engine.h"

namespace narthex {
class Clock;
namespace storage {
class Queryable;
}
}  // namespace narthex

namespace narthex::alerting {

/// What a page is made of and what it sees.
struct ConsolePage {
  std::string path;  // Below the folder of consoles: "/index.html".
  std::string text;
  struct Library {
    std::string name;  // Of the file, without folders.
    std::string text;
  };
  std::vector<Library> libraries;  // Later ones replace templates of earlier ones.
  std::map<std::string, std::vector<std::string>> parameters;  // Of the URL; each has a value.
  model::Labels external_labels;
  std::string external_url;    // Without a trailing slash.
  promql::QueryOrigin origin;  // Of its queries.
  std::stop_token stop;        // Ends the page: the client is gone or the server stops.
};

/// The page as HTML, with what it prints escaped by its place (text, attribute, address, script).
/// Its queries are of the clock's time. All of it together may take the engine's timeout.
/// Errors: kInvalidArgument "error parsing template …", kExecution "error executing template …".
/// Thread safety: any thread. Source: Prometheus template.Expander.ExpandHTML.
Result<std::string> ExpandConsole(const ConsolePage& page, promql::Engine& engine,
                                  storage::Queryable& queryable, Clock& clock);
/// The same where nothing can be asked: a query ends the page with an error.
/// @param timeout_ms  that all of the page may take
Result<std::string> ExpandConsole(const ConsolePage& page, model::DurationMs timeout_ms,
                                  Clock& clock);

}  // namespace narthex::alerting
