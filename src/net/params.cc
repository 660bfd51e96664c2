// SPDX-License-Identifier: Apache-2.0
//
// Request parameters as Go's net/http reads them.
#include "narthex/net/http_server.h"
#include "src/net/http1.h"
#include "src/net/url.h"

namespace narthex::net {
namespace {

/// The value of `key` in "form-data; name=\"x\"; …"; quotes removed.
std::string HeaderParameter(std::string_view header, std::string_view key) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header.remove_prefix(at + 1);
    header = TrimSpace(header);
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos) return "";
    const bool wanted = EqualsIgnoreCase(TrimSpace(header.substr(0, equals)), key);
    header.remove_prefix(equals + 1);
    std::string value;
    if (header.starts_with('"')) {
      std::size_t i = 1;
      for (; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        value += header[i];
      }
      header.remove_prefix(std::min(i + 1, header.size()));
    } else {
      value = TrimSpace(header.substr(0, header.find(';')));
    }
    if (wanted) return value;
    at = header.find(';');
  }
  return "";
}

/// Adds the fields (not the files) of a multipart/form-data body. Stops where it is malformed.
void AddMultipart(std::string_view body, const std::string& boundary, Params& out) {
  if (boundary.empty()) return;
  const std::string mark = "--" + boundary;
  std::size_t at = body.starts_with(mark) ? 0 : body.find("\r\n" + mark);
  if (at == std::string_view::npos) return;
  if (at != 0) at += 2;
  for (;;) {
    body.remove_prefix(at + mark.size());
    if (!body.starts_with("\r\n")) return;  // "--" ends the last part.
    body.remove_prefix(2);
    const std::size_t head_end = FindHeadEnd(body, 0);
    if (head_end == std::string_view::npos) return;
    const std::size_t end = body.find("\r\n" + mark, head_end - 2);
    if (end == std::string_view::npos) return;
    const std::string_view head = body.substr(0, head_end);
    for (std::size_t line = 0; line < head.size();) {
      const std::size_t eol = std::min(head.find("\r\n", line), head.size());
      const std::string_view text = head.substr(line, eol - line);
      const std::size_t colon = std::min(text.find(':'), text.size());
      if (EqualsIgnoreCase(text.substr(0, colon), "Content-Disposition")) {
        const std::string name = HeaderParameter(text, "name");
        const bool file = !HeaderParameter(text, "filename").empty();
        if (!name.empty() && !file) {
          out.Add(name, std::string(body.substr(head_end, std::max(end, head_end) - head_end)));
        }
      }
      line = eol + 2;
    }
    at = end + 2;
  }
}

/// Whether the body of a request that may have a form is of this type.
bool MediaTypeOfForm(const ServerRequest& request, std::string_view wanted) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH") {
    return false;
  }
  const std::string_view type = request.Header("Content-Type");
  return EqualsIgnoreCase(TrimSpace(type.substr(0, type.find(';'))), wanted);
}

}  // namespace

bool Params::AddEncoded(std::string_view text) {
  bool good = true;
  std::string key, value;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.find(';') != std::string_view::npos ||
        !PercentDecode(pair.substr(0, equals), true, key) ||
        !PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true, value)) {
      good = false;
      continue;
    }
    pairs_.emplace_back(key, value);
  }
  return good;
}

const std::string& Params::Get(std::string_view key) const {
  static const std::string kNone;
  for (const auto& [k, v] : pairs_) {
    if (k == key) return v;
  }
  return kNone;
}

bool Params::Has(std::string_view key) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& p) { return p.first == key; });
}

std::vector<std::string> Params::All(std::string_view key) const {
  std::vector<std::string> out;
  for (const auto& [k, v] : pairs_) {
    if (k == key) out.push_back(v);
  }
  return out;
}

std::string_view ServerRequest::Header(std::string_view name) const {
  const std::string* value = FindHeader(headers, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::string_view ServerRequest::FormBody() const {
  const bool form = MediaTypeOfForm(*this, "application/x-www-form-urlencoded");
  return form ? std::string_view(body) : std::string_view();
}

Params ServerRequest::Form() const {
  Params out;
  out.AddEncoded(FormBody());
  out.AddEncoded(raw_query);
  // Go puts these after the parameters of the URL.
  if (MediaTypeOfForm(*this, "multipart/form-data")) {
    AddMultipart(body, HeaderParameter(Header("Content-Type"), "boundary"), out);
  }
  return out;
}

}  // namespace narthex::net
