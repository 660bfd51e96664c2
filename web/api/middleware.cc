// SPDX-License-Identifier: Apache-2.0
#include "web/api/middleware.h"

namespace narthex::web {
namespace {

constexpr double kDurationBounds[] = {.1, .2, .4, 1, 3, 8, 20, 60, 120};
constexpr double kSizeBounds[] = {1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr std::string_view kRequestsHelp = "Counter of HTTP requests.";

/// Passes everything on and notes status and size.
class ObservedWriter final : public net::ResponseWriter {
 public:
  explicit ObservedWriter(net::ResponseWriter& inner) : inner_(inner) {}
  void SetStatus(int status) override {
    status_ = status;
    inner_.SetStatus(status);
  }
  void SetHeader(std::string_view name, std::string_view value) override {
    inner_.SetHeader(name, value);
  }
  void AddHeader(std::string_view name, std::string_view value) override {
    inner_.AddHeader(name, value);
  }
  bool Write(std::string_view piece) override {
    bytes_ += piece.size();
    return inner_.Write(piece);
  }
  void Abort() override { inner_.Abort(); }
  bool Flush() override { return inner_.Flush(); }
  int status() const { return status_; }
  std::size_t bytes() const { return bytes_; }

 private:
  net::ResponseWriter& inner_;
  int status_ = 200;
  std::size_t bytes_ = 0;
};

}  // namespace

RequestMetrics::RequestMetrics(metrics::Registry& registry, Clock& clock, std::string route_prefix)
    : registry_(registry), clock_(clock), route_prefix_(std::move(route_prefix)) {}

std::string RequestMetrics::HandlerLabel(std::string_view pattern) const {
  if (route_prefix_ != "/") pattern.remove_prefix(std::min(pattern.size(), route_prefix_.size()));
  std::string label(pattern.empty() ? "/" : pattern);
  // Dashboards know upstream's spelling of patterns.
  const std::size_t open = label.find('{');
  if (open != std::string::npos) {
    label[open] = ':';
    std::erase(label, '}');
  } else if (label == "/api/v1/*") {
    label += "path";
  } else if (label.ends_with('*')) {
    label += "filepath";
  }
  return label;
}

void RequestMetrics::Declare(std::string_view pattern) {
  const std::string handler = HandlerLabel(pattern);
  registry_.AddCounter("prometheus_http_requests_total", kRequestsHelp,
                       {{"code", "200"}, {"handler", handler}});
}

void RequestMetrics::Run(std::string_view pattern, const net::ServerRequest& request,
                         net::ResponseWriter& writer, const net::Handler& next) {
  const std::int64_t begin_ns = clock_.MonotonicNs();
  ObservedWriter observed(writer);
  next(request, observed);
  const double seconds = static_cast<double>(clock_.MonotonicNs() - begin_ns) / 1e9;
  const std::string handler = HandlerLabel(pattern);
  registry_
      .AddCounter("prometheus_http_requests_total", kRequestsHelp,
                  {{"code", std::to_string(observed.status())}, {"handler", handler}})
      .Add();
  registry_
      .AddHistogram("prometheus_http_request_duration_seconds",
                    "Histogram of latencies for HTTP requests.", kDurationBounds,
                    {{"handler", handler}})
      .Observe(seconds);
  registry_
      .AddHistogram("prometheus_http_response_size_bytes",
                    "Histogram of response size for HTTP requests.", kSizeBounds,
                    {{"handler", handler}})
      .Observe(static_cast<double>(observed.bytes()));
}

void SetCorsHeaders(const model::Regex& allowed, const net::ServerRequest& request,
                    net::ResponseWriter& writer) {
  writer.AddHeader("Vary", "Origin");
  const std::string_view origin = request.Header("Origin");
  if (origin.empty()) return;
  writer.SetHeader("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  writer.SetHeader("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  writer.SetHeader("Access-Control-Expose-Headers", "Date");
  if (allowed.Matches(origin)) writer.SetHeader("Access-Control-Allow-Origin", origin);
}

Admission::Admission(const StatusSource& status, net::ResponseWriter& writer)
    : status_(status), admitted_(status.Enter()) {
  if (admitted_) return;
  const bool stopping = status.State() == ServerState::kStopping;
  writer.SetHeader("X-Prometheus-Stopping", stopping ? "true" : "false");
  writer.SetStatus(503);
  writer.Write("Service Unavailable");
}

void PlainError(int status, std::string_view text, net::ResponseWriter& writer) {
  writer.SetHeader("Content-Type", "text/plain; charset=utf-8");
  writer.SetHeader("X-Content-Type-Options", "nosniff");
  writer.SetStatus(status);
  writer.Write(text);
}

}  // namespace narthex::web
