// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/consul_discoverer.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "narthex/scrape/client_options.h"
#include "narthex/scrape/scrape_manager.h"
#include "scrape/answers/consul_answers.h"
#include "scrape/discovery/consul_api.h"
#include "scrape/discovery/ticker.h"

namespace narthex::scrape {

namespace asio = boost::asio;

namespace {

constexpr double kQuantiles[] = {0.5, 0.9, 0.99};
constexpr std::size_t kShownBodyBytes = 200;

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_consul_rpc_failures_total",
                             "The number of Consul RPC call failures.");
}

metrics::Summary& Duration(metrics::Registry& registry, const std::string& call) {
  return registry.AddSummary("prometheus_sd_consul_rpc_duration_seconds",
                             "The duration of a Consul RPC call in seconds.", kQuantiles,
                             {{"call", call}, {"endpoint", "catalog"}});
}

bool HasAll(const std::vector<std::string>& tags, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

/// A loop of requests that can be told to end. Of the thread of the discoverer.
struct Watch {
  Watch(asio::io_context& io, const net::HttpClientOptions& options)
      : client(io.get_executor(), options), timer(io) {}

  void Cancel() {
    cancelled = true;
    timer.cancel();
    client.Cancel();
  }

  net::HttpClient client;
  asio::steady_timer timer;
  bool cancelled = false;
  std::uint64_t index = 0;  // Of the newest answer.
  std::string last_error;   // Logged once, until it is another one.
};

}  // namespace

struct ConsulDiscoverer::Impl {
  Impl(config::ConsulSdConfig settings, ConsulApi consul_api, net::HttpClientOptions client_options,
       const DiscoveryContext& context, Bounds limits)
      : config(std::move(settings)),
        api(std::move(consul_api)),
        options(std::move(client_options)),
        config_name(context.config_name),
        bounds(limits),
        interval(std::chrono::milliseconds(config.refresh_interval_ms)),
        clock(context.clock),
        failures(Failures(context.registry)),
        services_duration(Duration(context.registry, "services")),
        service_duration(Duration(context.registry, "service")),
        datacenter(config.datacenter),
        main(std::make_shared<Watch>(io, options)) {}

  using Work = std::function<asio::awaitable<void>()>;

  void Spawn(const std::shared_ptr<Watch>& watch, Work work) {
    asio::co_spawn(io, Guarded(watch, std::move(work)),
                   [this, watch](const std::exception_ptr& thrown) {
                     if (thrown == nullptr) return;
                     // The next list of services may start it anew.
                     std::erase_if(watches, [&](const auto& w) { return w.second == watch; });
                     log::Error("A Consul watch has ended", {{"config", config_name}});
                   });
  }
  /// Does the work again after an exception, as after any failure.
  asio::awaitable<void> Guarded(std::shared_ptr<Watch> watch, Work work);

  asio::awaitable<void> Run();
  asio::awaitable<void> FindDatacenter();
  asio::awaitable<void> WatchCatalog();
  void TakeServices(const std::map<std::string, std::vector<std::string>>& services);
  void StartNewServices(const std::map<std::string, std::vector<std::string>>& services);
  asio::awaitable<void> WatchService(std::shared_ptr<Watch> watch, std::string name);
  void StartService(const std::string& name);
  bool IsWanted(const std::string& name, const std::vector<std::string>& tags) const;

  /// The body of an answer with status 200; when nothing has changed, nothing.
  asio::awaitable<Result<std::optional<std::string>>> Ask(Watch& watch, net::ClientRequest request,
                                                          metrics::Summary* duration);
  /// Says what went wrong and waits a while.
  asio::awaitable<void> Failed(Watch& watch, std::string_view what, const Error& error);
  static asio::awaitable<void> WaitUntil(Watch& watch, Ticker::TimePoint time);
  void Stop();

  const config::ConsulSdConfig config;
  const ConsulApi api;
  const net::HttpClientOptions options;
  const std::string config_name;
  const Bounds bounds;
  const std::chrono::milliseconds interval;
  Clock& clock;
  metrics::Counter& failures;
  metrics::Summary& services_duration;
  metrics::Summary& service_duration;
  Update update;

  asio::io_context io{1};
  // All below belong to the thread that runs `io`.
  std::string datacenter;
  std::shared_ptr<Watch> main;
  std::map<std::string, std::shared_ptr<Watch>> watches;  // By service.
  std::thread thread;
};

asio::awaitable<void> ConsulDiscoverer::Impl::Guarded(std::shared_ptr<Watch> watch, Work work) {
  while (!watch->cancelled) {
    std::string thrown;
    try {
      co_await work();
      co_return;
    } catch (const std::exception& e) {
      thrown = e.what();
    }
    watch->index = 0;  // The answer has not been taken.
    co_await Failed(*watch, "A Consul watch is begun again",
                    Error(Code::kInternal, "uncaught exception: " + thrown));
  }
}

asio::awaitable<void> ConsulDiscoverer::Impl::WaitUntil(Watch& watch, Ticker::TimePoint time) {
  if (watch.cancelled) co_return;
  watch.timer.expires_at(time);
  co_await watch.timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> ConsulDiscoverer::Impl::Failed(Watch& watch, std::string_view what,
                                                     const Error& error) {
  if (watch.cancelled) co_return;
  failures.Add();
  if (error.message() != watch.last_error) {
    watch.last_error = error.message();
    log::Error(what, {{"discovery", "consul"},
                      {"config", config_name},
                      {"server", api.shown_server()},
                      {"err", watch.last_error}});
  }
  co_await WaitUntil(watch, Ticker::Clock::now() + bounds.retry);
}

asio::awaitable<Result<std::optional<std::string>>> ConsulDiscoverer::Impl::Ask(
    Watch& watch, net::ClientRequest request, metrics::Summary* duration) {
  const std::int64_t start = clock.MonotonicNs();
  std::string body;
  Result<net::ClientResponse> response = co_await watch.client.Do(request, body);
  if (duration != nullptr) {
    duration->Observe(static_cast<double>(clock.MonotonicNs() - start) / 1e9);
  }
  if (!response) co_return Fail(std::move(response).error());
  if (response->status != 200) {
    co_return Fail(Code::kUnavailable,
                   fmt::format("{}: Unexpected response code: {} ({})", net::FormatUrl(request.url),
                               response->status, body.substr(0, kShownBodyBytes)));
  }
  if (response->body_too_large) {
    co_return Fail(Code::kResourceExhausted, net::FormatUrl(request.url) + ": too long an answer");
  }
  if (duration == nullptr) co_return body;  // Not a blocking query.
  const Result<std::uint64_t> index = ConsulIndex(response->headers);
  if (!index) co_return Fail(index.error());
  if (*index == watch.index) co_return std::nullopt;
  watch.index = *index;
  co_return body;
}

asio::awaitable<void> ConsulDiscoverer::Impl::FindDatacenter() {
  while (datacenter.empty() && !main->cancelled) {
    auto body = co_await Ask(*main, api.Self(), nullptr);
    auto found = body ? ParseConsulDatacenter(**body) : Result<std::string>(Fail(body.error()));
    if (found) {
      datacenter = std::move(*found);
    } else {
      co_await Failed(*main, "Error retrieving datacenter name", found.error());
    }
  }
}

asio::awaitable<void> ConsulDiscoverer::Impl::Run() {
  co_await FindDatacenter();
  if (main->cancelled) co_return;
  if (config.services.empty() || !config.tags.empty() || !config.filter.empty()) {
    co_await WatchCatalog();
    co_return;
  }
  for (const std::string& name : config.services) StartService(name);
}

bool ConsulDiscoverer::Impl::IsWanted(const std::string& name,
                                      const std::vector<std::string>& tags) const {
  const bool named =
      config.services.empty() ||
      std::find(config.services.begin(), config.services.end(), name) != config.services.end();
  return named && HasAll(tags, config.tags);
}

asio::awaitable<void> ConsulDiscoverer::Impl::WatchCatalog() {
  const std::shared_ptr<Watch> watch = main;
  Ticker ticker(Ticker::Clock::now(), interval);
  while (!watch->cancelled) {
    auto body = co_await Ask(*watch, api.Services(watch->index), &services_duration);
    if (watch->cancelled) co_return;
    if (!body) {
      co_await Failed(*watch, "Error refreshing service list", body.error());
    } else if (!*body) {  // Nothing has changed.
      watch->last_error.clear();
    } else {
      const auto services = ParseConsulServices(**body);
      if (services) {
        watch->last_error.clear();
        TakeServices(*services);
      } else {
        watch->index = 0;  // This answer has not been seen.
        co_await Failed(*watch, "Error refreshing service list",
                        Error(services.error()).Wrap("/v1/catalog/services"));
      }
    }
    co_await WaitUntil(*watch, ticker.Next(Ticker::Clock::now()));
  }
}

void ConsulDiscoverer::Impl::TakeServices(
    const std::map<std::string, std::vector<std::string>>& services) {
  std::vector<config::TargetGroup> gone;
  for (const auto& [name, watch] : watches) {
    if (!services.contains(name)) gone.emplace_back().source = name;
  }
  // First, so that after an exception they are still found to be gone.
  if (!gone.empty()) update({gone, false});
  for (const config::TargetGroup& group : gone) {
    const auto watch = watches.find(group.source);
    watch->second->Cancel();
    watches.erase(watch);
  }
  StartNewServices(services);
  // Even with nothing at all, so that who waits for the first answer knows.
  if (watches.empty() && gone.empty()) update({{config::TargetGroup()}, false});
}

void ConsulDiscoverer::Impl::StartNewServices(
    const std::map<std::string, std::vector<std::string>>& services) {
  std::size_t refused = 0;
  for (const auto& [name, tags] : services) {
    if (!IsWanted(name, tags) || watches.contains(name)) continue;
    if (watches.size() < bounds.services) {
      StartService(name);
    } else {
      ++refused;
    }
  }
  if (refused == 0) return;
  failures.Add();
  log::Error("Too many services, the last ones are not watched", {{"discovery", "consul"},
                                                                  {"config", config_name},
                                                                  {"watched", watches.size()},
                                                                  {"not_watched", refused}});
}

void ConsulDiscoverer::Impl::StartService(const std::string& name) {
  if (watches.contains(name)) return;  // Named twice.
  const auto watch = std::make_shared<Watch>(io, options);
  watches.emplace(name, watch);
  try {
    Spawn(watch, [this, watch, name] { return WatchService(watch, name); });
  } catch (...) {
    watches.erase(name);
    throw;
  }
}

asio::awaitable<void> ConsulDiscoverer::Impl::WatchService(std::shared_ptr<Watch> watch,
                                                           std::string name) {
  Ticker ticker(Ticker::Clock::now(), interval);
  while (!watch->cancelled) {
    auto body = co_await Ask(*watch, api.Health(name, watch->index), &service_duration);
    if (watch->cancelled) co_return;
    if (!body) {
      co_await Failed(*watch, "Error refreshing service", body.error());
    } else if (!*body) {
      watch->last_error.clear();
    } else {
      auto group = ParseConsulHealth(**body, name, datacenter, config.tag_separator);
      if (group) {
        watch->last_error.clear();
        update({{std::move(*group)}, false});
      } else {
        watch->index = 0;
        co_await Failed(*watch, "Error refreshing service",
                        std::move(group).error().Wrap(fmt::format("service \"{}\"", name)));
      }
    }
    co_await WaitUntil(*watch, ticker.Next(Ticker::Clock::now()));
  }
}

void ConsulDiscoverer::Impl::Stop() {
  if (!thread.joinable()) return;
  asio::post(io, [this] {
    main->Cancel();
    for (const auto& [name, watch] : watches) watch->Cancel();
  });
  thread.join();
}

Result<std::unique_ptr<Discoverer>> ConsulDiscoverer::Make(const config::ConsulSdConfig& config,
                                                           const DiscoveryContext& context,
                                                           Bounds bounds) {
  NX_ASSIGN_OR_RETURN(ConsulApi api, ConsulApi::Make(config, bounds.watch));
  NX_ASSIGN_OR_RETURN(net::HttpClientOptions options,
                      MakeClientOptions(config.http, ScrapeOptions().user_agent));
  return std::unique_ptr<Discoverer>(new ConsulDiscoverer(
      std::make_unique<Impl>(config, std::move(api), std::move(options), context, bounds)));
}

void ConsulDiscoverer::AddMetrics(metrics::Registry& registry) {
  Failures(registry);
  Duration(registry, "services");
  Duration(registry, "service");
}

ConsulDiscoverer::ConsulDiscoverer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ConsulDiscoverer::~ConsulDiscoverer() { Stop(); }

void ConsulDiscoverer::Start(Update update) {
  impl_->update = std::move(update);
  impl_->Spawn(impl_->main, [this] { return impl_->Run(); });
  impl_->thread = std::thread([this] {
    SetThreadName("sd-consul");
    // A handler that throws ends only itself.
    for (;;) {
      try {
        impl_->io.run();
        return;
      } catch (const std::exception& e) {
        log::Error("Uncaught exception in a Consul discovery", {{"err", e.what()}});
      }
    }
  });
}

void ConsulDiscoverer::Stop() { impl_->Stop(); }

}  // namespace narthex::scrape
