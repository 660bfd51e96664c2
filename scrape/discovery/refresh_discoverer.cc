// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/refresh_discoverer.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

namespace {

/// A century: what is added to a time in nanoseconds must not overflow.
constexpr model::DurationMs kMaxIntervalMs = model::DurationMs{100 * 365} * 86'400'000;

}  // namespace

RefreshDiscoverer::RefreshDiscoverer(std::string mechanism, model::DurationMs interval_ms,
                                     std::unique_ptr<RefreshSource> source,
                                     const DiscoveryContext& context, Metrics metrics)
    : mechanism_(std::move(mechanism)),
      config_(context.config_name),
      interval_ns_(std::clamp<model::DurationMs>(interval_ms, 1, kMaxIntervalMs) * 1'000'000),
      clock_(context.clock),
      source_(std::move(source)) {
  if (metrics == Metrics::kOwn) return;
  metrics_ = std::make_unique<RefreshMetrics>(context.registry, mechanism_, config_);
}

RefreshDiscoverer::~RefreshDiscoverer() { Stop(); }

void RefreshDiscoverer::Start(Update update) {
  update_ = std::move(update);
  thread_ = std::thread([this] { Run(); });
}

void RefreshDiscoverer::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  source_->Cancel();
  thread_.join();
}

void RefreshDiscoverer::Wake() {
  MutexLock lock(mutex_);
  wake_.NotifyAll();
}

void RefreshDiscoverer::Run() {
  SetThreadName("sd-" + mechanism_.substr(0, 12));
  std::int64_t due = clock_.MonotonicNs();
  while (WaitUntil(due)) {
    RefreshOnce();
    // A refresh that takes longer than the interval is followed by one at once, but not by many.
    due = std::max(due + interval_ns_, clock_.MonotonicNs() - interval_ns_);
  }
}

void RefreshDiscoverer::RefreshOnce() {
  Status done;
  try {
    done = RefreshAndTell();
  } catch (const std::exception& e) {  // An answer that needs too much memory, say.
    source_->Forget();
    done = Fail(Code::kInternal, fmt::format("uncaught exception: {}", e.what()));
  }
  if (done) return;
  if (metrics_ != nullptr) metrics_->AddFailure();
  if (done.error().message() == last_error_) return;
  last_error_ = done.error().message();
  log::Error("Unable to refresh target groups",
             {{"discovery", mechanism_}, {"config", config_}, {"err", last_error_}});
}

Status RefreshDiscoverer::RefreshAndTell() {
  const std::int64_t start = clock_.MonotonicNs();
  auto groups = source_->Refresh();
  if (metrics_ != nullptr) {
    metrics_->ObserveDuration(static_cast<double>(clock_.MonotonicNs() - start) / 1e9);
  }
  {
    MutexLock lock(mutex_);
    if (stopping_) return {};
  }
  if (!groups) return Fail(std::move(groups).error());
  if (!source_->unchanged()) {
    TargetBudget budget;  // For sources that do not count by themselves.
    for (const config::TargetGroup& group : *groups) budget.TakeTargets(group.targets.size());
    NX_RETURN_IF_ERROR(budget.status());
    update_(std::move(*groups));
  }
  last_error_.clear();
  return {};
}

bool RefreshDiscoverer::WaitUntil(std::int64_t monotonic_ns) {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const std::int64_t left = monotonic_ns - clock_.MonotonicNs();
    if (left <= 0) return true;
    wake_.WaitFor(mutex_, std::chrono::nanoseconds(left));
  }
  return false;
}

}  // namespace narthex::scrape
