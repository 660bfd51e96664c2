// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/check.h"
#include "narthex/base/markup.h"
#include "narthex/net/http_server.h"
#include "src/net/url.h"

namespace narthex::net {
namespace {

struct Route {
  std::string pattern;
  std::string before, after;  // Around {name}; of "/prefix/*" what is before the star.
  std::vector<std::pair<std::string, Handler>> methods;

  /// @param[out] value  what {name} or the star stands for
  bool Matches(std::string_view path, std::string& value) const {
    if (!path.starts_with(before)) return false;
    path.remove_prefix(before.size());
    if (pattern.ends_with('*')) {
      value = path;
      return true;
    }
    if (!path.ends_with(after) || path.size() == after.size()) return false;
    path.remove_suffix(after.size());
    if (path.find('/') != std::string_view::npos) return false;
    value = path;
    return true;
  }

  const Handler* Find(std::string_view method) const {
    for (const auto& [name, handler] : methods) {
      if (name == method || name == "*") return &handler;
    }
    return nullptr;
  }
};

void PlainError(ResponseWriter& writer, int status, std::string_view text) {
  writer.SetHeader("Content-Type", "text/plain; charset=utf-8");
  writer.SetHeader("X-Content-Type-Options", "nosniff");
  writer.SetStatus(status);
  writer.Write(text);
}

/// In lower case, without a slash at the end.
std::string Fold(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  std::string out(path);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

/// Without empty, "." and ".." segments; a slash at the end stays.
std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool slash = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
  }
  std::string out;
  for (const auto segment : segments) out.append("/").append(segment);
  if (out.empty() || slash) out += '/';
  return out;
}

std::string EscapePath(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(u) != 0 || std::strchr("$&+,/:;=@-_.~!*'()", c) != nullptr;
    if (plain && c != '\0') {
      out += c;
    } else {
      out.append({'%', kHex[u >> 4], kHex[u & 15]});
    }
  }
  return out;
}

/// @param status  307 for another spelling of the same path, 301 for another path (but 307 where
/// the
///                method must stay), as upstream
void Redirect(int status, const ServerRequest& request, ResponseWriter& writer,
              const std::string& path) {
  std::string location = EscapePath(path);
  if (!request.raw_query.empty()) location += "?" + request.raw_query;
  writer.SetHeader("Location", location);
  writer.SetStatus(status);
  if (request.method != "GET" && request.method != "HEAD") return;
  writer.SetHeader("Content-Type", "text/html; charset=utf-8");
  writer.Write("<a href=\"" + EscapeHtml(location) + "\">" +
               (status == 301 ? "Moved Permanently" : "Temporary Redirect") + "</a>.\n\n");
}

}  // namespace

struct Router::Impl {
  std::unordered_map<std::string, Route> exact;
  std::vector<Route> patterns;  // Longest first.
  std::vector<Middleware> middlewares;
  std::vector<std::string> mounts;

  Route& Add(const std::string& pattern) {
    const std::size_t open = pattern.find('{');
    if (open == std::string::npos && !pattern.ends_with('*')) {
      Route& route = exact[pattern];
      route.pattern = pattern;
      return route;
    }
    for (Route& route : patterns) {
      if (route.pattern == pattern) return route;
    }
    Route route;
    route.pattern = pattern;
    if (open == std::string::npos) {
      route.before = pattern.substr(0, pattern.size() - 1);
    } else {
      const std::size_t close = pattern.find('}', open);
      NX_CHECK(close != std::string::npos, "a route's { has no }");
      route.before = pattern.substr(0, open);
      route.after = pattern.substr(close + 1);
    }
    const auto at = std::find_if(patterns.begin(), patterns.end(), [&](const Route& other) {
      return other.pattern.size() < pattern.size();
    });
    return *patterns.insert(at, std::move(route));
  }

  /// Calls fn(route, value) for the routes that match, the most exact first, until it gives true.
  template <typename Fn>
  void Visit(const std::string& path, Fn fn) const {
    std::string value;
    if (const auto it = exact.find(path); it != exact.end() && fn(it->second, value)) return;
    for (const Route& route : patterns) {
      if (route.Matches(path, value) && fn(route, value)) return;
    }
  }

  /// The inner router that a path belongs to; null = none.
  const std::string* MountOf(std::string_view path) const {
    for (const std::string& mount : mounts) {
      if (path.starts_with(mount) && path.substr(mount.size()).starts_with('/')) return &mount;
    }
    return nullptr;
  }

  /// A registered path that differs from this one only in a final slash or in case; "" = none. An
  /// inner router knows only its own.
  std::string Alike(std::string_view method, std::string_view path) const {
    const std::string wanted = Fold(path);
    const std::string* const mount = MountOf(path);
    for (const auto& [pattern, route] : exact) {
      if (pattern.size() > 1 && Fold(pattern) == wanted && route.Find(method) != nullptr &&
          MountOf(pattern) == mount) {
        return pattern;
      }
    }
    for (const Route& route : patterns) {  // "/folder" of "/folder/*".
      if (route.pattern.ends_with("/*") && Fold(route.before) == wanted &&
          route.Find(method) != nullptr && MountOf(route.before) == mount) {
        return route.before;
      }
    }
    return "";
  }

  void Run(std::size_t depth, const Route& route, const Handler& handler,
           const ServerRequest& request, ResponseWriter& writer) const {
    if (depth == middlewares.size()) return handler(request, writer);
    middlewares[depth](route.pattern, request, writer,
                       [&](const ServerRequest& inner, ResponseWriter& out) {
                         Run(depth + 1, route, handler, inner, out);
                       });
  }
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;

void Router::Handle(std::string_view method, const std::string& pattern, Handler handler) {
  impl_->Add(pattern).methods.emplace_back(method, std::move(handler));
}

void Router::Use(Middleware middleware) { impl_->middlewares.push_back(std::move(middleware)); }

void Router::Mount(std::string prefix) { impl_->mounts.push_back(std::move(prefix)); }

void Router::Dispatch(ServerRequest& request, ResponseWriter& writer) const {
  if (request.path == "*") return;  // Asks what the server as a whole can do: 200, as Go's.
  const std::string clean = CleanPath(request.path);
  if (clean != request.path) return Redirect(307, request, writer, clean);
  const Route* route = nullptr;
  const Handler* handler = nullptr;
  std::set<std::string> allowed;
  impl_->Visit(request.path, [&](const Route& candidate, const std::string& value) {
    handler = candidate.Find(request.method);
    route = &candidate;
    request.path_value = value;
    for (const auto& method : candidate.methods) allowed.insert(method.first);
    return handler != nullptr;
  });
  if (handler != nullptr) return impl_->Run(0, *route, *handler, request, writer);
  for (const std::string& mount : impl_->mounts) {
    if (request.path == mount) return Redirect(307, request, writer, mount + "/");
  }
  if (std::string alike = impl_->Alike(request.method, request.path); !alike.empty()) {
    if (const std::string* mount = impl_->MountOf(alike)) alike.erase(0, mount->size());
    return Redirect(request.method == "GET" ? 301 : 307, request, writer, alike);
  }
  allowed.erase("OPTIONS");
  if (allowed.empty()) return PlainError(writer, 404, "404 page not found\n");
  allowed.insert("OPTIONS");
  std::string allow;
  for (const std::string& method : allowed) allow += (allow.empty() ? "" : ", ") + method;
  writer.SetHeader("Allow", allow);
  if (request.method != "OPTIONS") PlainError(writer, 405, "Method Not Allowed\n");
}

}  // namespace narthex::net
