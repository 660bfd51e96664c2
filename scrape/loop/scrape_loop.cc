// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/scrape_loop.h"

#include <chrono>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/net/http_client.h"
#include "narthex/scrape/client_options.h"
#include "scrape/loop/scrape_session.h"
#include "scrape/loop/timing.h"
#include "scrape/textparse/protocol.h"

namespace narthex::scrape {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
/// What the idle buffers of a thread may have together; one alone may be larger.
constexpr std::size_t kIdleBytes = 4 << 20;
constexpr std::size_t kMaxIdleBodyBytes = 64 << 20;
// gzip first, as Prometheus asks for that alone: who has it goes on answering with it.
constexpr const char* kCodings = "gzip, zstd;q=0.5";

/// Of the process, because threads outlive managers.
HeldTotal held_by_buffers;

struct CountedBuffers : ScrapeBuffers {
  HeldShare held{held_by_buffers};
};

/// Buffers go from scrape to scrape of one thread, so that idle targets hold none.
struct IdleBuffers {
  std::vector<std::unique_ptr<CountedBuffers>> all;
  std::size_t bytes = 0;
};
thread_local IdleBuffers idle_buffers;

class BorrowedBuffers {
 public:
  BorrowedBuffers() {
    if (idle_buffers.all.empty()) {
      buffers_ = std::make_unique<CountedBuffers>();
      return;
    }
    buffers_ = std::move(idle_buffers.all.back());
    idle_buffers.all.pop_back();
    idle_buffers.bytes -= buffers_->memory_bytes();
  }
  ~BorrowedBuffers() {
    const std::size_t bytes = buffers_->memory_bytes();
    const bool fits = idle_buffers.all.empty() ? buffers_->body.capacity() <= kMaxIdleBodyBytes
                                               : idle_buffers.bytes + bytes <= kIdleBytes;
    if (!fits) return;
    buffers_->held.Set(bytes);
    idle_buffers.bytes += bytes;
    idle_buffers.all.push_back(std::move(buffers_));
  }
  BorrowedBuffers(const BorrowedBuffers&) = delete;
  BorrowedBuffers& operator=(const BorrowedBuffers&) = delete;

  ScrapeBuffers& operator*() { return *buffers_; }
  ScrapeBuffers* operator->() { return buffers_.get(); }

 private:
  std::unique_ptr<CountedBuffers> buffers_;
};

}  // namespace

std::size_t ScrapeBufferBytes() { return held_by_buffers.bytes(); }

void LoopCounter::Add() {
  MutexLock lock(mutex_);
  ++running_;
}

void LoopCounter::Done() {
  MutexLock lock(mutex_);
  if (--running_ == 0) none_.NotifyAll();
}

bool LoopCounter::WaitForNone(std::int64_t timeout_ms) {
  MutexLock lock(mutex_);
  for (std::int64_t waited = 0; running_ > 0 && waited < timeout_ms; waited += 100) {
    none_.WaitFor(mutex_, std::chrono::milliseconds(100));
  }
  return running_ == 0;
}

/// Lives on the io_context's thread alone, as soon as the loop has started.
struct ScrapeLoop::Impl {
  enum class State : std::uint8_t { kRunning, kStopping, kAborting };

  Impl(ScrapeLoop& loop, const LoopContext& shared, LoopPlan first)
      : self(loop),
        context(shared),
        plan(std::move(first)),
        timer(loop.io_),
        held_cache(shared.held->series_caches),
        held_metadata(shared.held->metadata),
        held_target(shared.held->targets) {
    TakePlace();
    Prepare(nullptr);
    CountTarget();
  }

  void CountTarget() {
    held_target.Set(sizeof(ScrapeLoop) + sizeof(Impl) + sizeof(ScrapeSession) +
                    self.target_->memory_bytes() + (client == nullptr ? 0 : client->held_bytes()));
  }

  void TakePlace() {
    place = context.timetable->Take(IntervalNs(), self.target_->hash(), plan.offset_seed);
  }

  /// Makes session, client and request anew for the plan.
  void Prepare(ScrapeSession* old_session) {
    const config::ScrapeConfig& config = *plan.config;
    const SessionOptions session_options{
        .extra_metrics = config.extra_scrape_metrics || context.options.extra_scrape_metrics,
        .append_metadata = context.options.append_metadata,
        .start_zeros = context.options.start_zeros,
        .start_times = context.options.start_times,
        .start_synthesis = context.options.start_synthesis,
        .exemplars = context.options.exemplars};
    auto next = std::make_unique<ScrapeSession>(plan.config, self.target_, context.appendable,
                                                context.metrics, session_options);
    if (old_session != nullptr) next->AdoptCache(*old_session);
    session = std::move(next);
    interval_length = nullptr;
    setup_error.clear();
    auto options = MakeClientOptions(config.http, context.options.user_agent);
    auto url = net::ParseRequestUrl(request.method, self.target_->url());
    if (!options || !url) {
      setup_error = options ? url.error().message() : options.error().message();
      return;
    }
    request.url = std::move(*url);
    const auto timeout_ms = self.target_->timeout_ms();
    request.timeout = std::chrono::milliseconds(timeout_ms);
    request.max_body_bytes = config.body_size_limit;
    request.only_ok_body = true;
    request.headers = {{"Accept", AcceptHeader(config.scrape_protocols, config.escaping_scheme)},
                       {"Accept-Encoding", config.enable_compression ? kCodings : "identity"},
                       {"X-Prometheus-Scrape-Timeout-Seconds",
                        go::FormatFloatF(static_cast<double>(timeout_ms) / 1000)}};
    client = std::make_unique<net::HttpClient>(self.io_.get_executor(), std::move(*options));
  }

  std::int64_t IntervalNs() const { return self.target_->interval_ms() * kNsPerMs; }
  bool Running() const { return state == State::kRunning && !next_plan; }

  /// @return false when something woke the loop before the time came
  asio::awaitable<bool> WaitUntil(std::int64_t when_ns) {
    const std::int64_t delay = std::max<std::int64_t>(0, when_ns - context.clock.NowNs());
    timer.expires_after(std::chrono::nanoseconds(delay));
    boost::system::error_code error;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  asio::awaitable<void> Run() {
    while (state == State::kRunning) {
      if (next_plan) {
        const bool moves = next_plan->offset_seed != plan.offset_seed;
        plan = std::move(*next_plan);
        next_plan.reset();
        if (moves) TakePlace();
        Prepare(session.get());
      }
      co_await RunPlan();
    }
    client.reset();  // Closes the connection.
    place = {};
    held_metadata.Set(0);  // Another loop may have the target now.
    if (state == State::kStopping && last_start_ns > 0) {
      co_await MarkStaleLater();
    }
  }

  /// Scrapes until the loop is stopped or gets another plan.
  asio::awaitable<void> RunPlan() {
    const std::int64_t interval_ns = IntervalNs();
    const std::int64_t now = context.clock.NowNs();
    const std::int64_t first_ns = now + FirstDelayNs(now, interval_ns, place.offset_ns());
    if (!co_await WaitUntil(first_ns) || !Running()) co_return;
    // From the place, not from when this thread woke, so that a beat's scrapes stay together.
    ScrapeGrid grid(first_ns, interval_ns);
    const std::int64_t tolerance =
        context.options.adjust_timestamps ? context.options.timestamp_tolerance_ms * kNsPerMs : -1;
    while (Running()) {
      co_await ScrapeOnce(grid.Timestamp(context.clock.NowNs(), tolerance));
      if (!Running()) co_return;
      next_tick_ns = grid.NextTick(context.clock.NowNs());
      if (!co_await WaitUntil(next_tick_ns)) co_return;
    }
  }

  asio::awaitable<void> ScrapeOnce(std::int64_t timestamp_ns) {
    const std::int64_t start_ns = context.clock.NowNs();
    const std::int64_t start_monotonic = context.clock.MonotonicNs();
    if (last_start_ns > 0) {
      if (interval_length == nullptr) {
        interval_length = &context.metrics.IntervalLength(self.target_->interval_ms());
      }
      interval_length->Observe(static_cast<double>(start_ns - last_start_ns) / 1e9);
    }
    last_start_ns = start_ns;
    BorrowedBuffers buffers;
    Fetched fetched;
    const std::string forced = self.target_->forced_error();
    if (!forced.empty()) {
      buffers->body.clear();
      fetched.status = Fail(Code::kResourceExhausted, forced);
    } else {
      co_await Fetch(fetched, buffers->body);
      if (state == State::kAborting) co_return;  // Unfinished, so nothing is known about it.
    }
    const auto elapsed = [&] {
      const double s = static_cast<double>(context.clock.MonotonicNs() - start_monotonic) / 1e9;
      return s;
    };
    const auto status =
        session->Ingest(fetched, *buffers, timestamp_ns / kNsPerMs, context.clock.NowMs(), elapsed);
    held_cache.Set(session->cache_bytes());
    held_metadata.Set(self.target_->metadata().memory_bytes());
    CountTarget();
    std::string error = status ? "" : status.error().message();
    if (!status) log::Debug("Scrape failed", {{"target", self.target_->url()}, {"err", error}});
    self.target_->Report(start_ns, elapsed(), std::move(error));
  }

  asio::awaitable<void> Fetch(Fetched& fetched, std::string& body) {
    if (!setup_error.empty()) {
      body.clear();
      fetched.status = Fail(Code::kInvalidArgument, setup_error);
    } else {
      const auto response = co_await client->Do(request, body);
      if (!response) {
        fetched.status = Fail(response.error());
      } else if (response->status != 200) {
        fetched.status = Fail(Code::kUnavailable, fmt::format("server returned HTTP status {} {}",
                                                              response->status, response->reason));
      } else {
        fetched.content_type = response->content_type;
        fetched.body_bytes = body.size();
        const std::uint64_t limit = plan.config->body_size_limit;
        fetched.body_too_large = response->body_too_large || (limit > 0 && body.size() >= limit);
      }
    }
    if (!fetched.status && plan.failure_log != nullptr && state != State::kAborting) {
      plan.failure_log->Write(context.clock.NowNs(), plan.config->job_name, self.target_->url(),
                              fetched.status.error().message());
    }
  }

  /// The target may come back with another loop, so its series are given two more intervals.
  asio::awaitable<void> MarkStaleLater() {
    const std::int64_t interval_ns = IntervalNs();
    const std::int64_t stale_ns = std::max(next_tick_ns, last_start_ns + interval_ns);
    const std::int64_t due_ns = stale_ns + interval_ns + interval_ns / 10;
    while (state != State::kAborting && context.clock.NowNs() < due_ns) {
      co_await WaitUntil(due_ns);
    }
    if (state == State::kAborting) co_return;
    BorrowedBuffers buffers;
    if (auto status = session->MarkAllStale(*buffers, stale_ns / kNsPerMs); !status) {
      log::Warn("Stale commit failed",
                {{"target", self.target_->url()}, {"err", status.error().message()}});
    }
  }

  ScrapeLoop& self;
  const LoopContext context;
  LoopPlan plan;
  asio::steady_timer timer;
  Timetable::Place place;
  State state = State::kRunning;
  std::optional<LoopPlan> next_plan;
  std::unique_ptr<ScrapeSession> session;
  std::unique_ptr<net::HttpClient> client;
  net::ClientRequest request;
  std::string setup_error;                      // Why no request can be made.
  metrics::Summary* interval_length = nullptr;  // Of this interval, once it is known.
  std::int64_t last_start_ns = 0;
  std::int64_t next_tick_ns = 0;
  HeldShare held_cache;
  HeldShare held_metadata;
  HeldShare held_target;
};

ScrapeLoop::ScrapeLoop(asio::io_context& io, const LoopContext& context,
                       std::shared_ptr<Target> target, LoopPlan plan)
    : io_(io),
      target_(std::move(target)),
      impl_(std::make_unique<Impl>(*this, context, std::move(plan))) {}

ScrapeLoop::~ScrapeLoop() = default;

void ScrapeLoop::Start() {
  /// Counts the loop for as long as its coroutine exists.
  struct Running {
    explicit Running(LoopCounter& c) : counter(c) { counter.Add(); }
    ~Running() { counter.Done(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    LoopCounter& counter;
  };
  auto running = std::make_shared<Running>(impl_->context.counter);
  asio::co_spawn(
      io_,
      [self = shared_from_this(), running = std::move(running)]() -> asio::awaitable<void> {
        co_await self->impl_->Run();
      },
      asio::detached);
}

void ScrapeLoop::Replan(LoopPlan plan) {
  asio::post(io_, [self = shared_from_this(), plan = std::move(plan)]() mutable {
    self->impl_->next_plan = std::move(plan);
    self->impl_->timer.cancel();
  });
}

void ScrapeLoop::Stop() {
  asio::post(io_, [self = shared_from_this()] {
    if (self->impl_->state == Impl::State::kRunning) self->impl_->state = Impl::State::kStopping;
    self->impl_->timer.cancel();
  });
}

void ScrapeLoop::Abort() {
  asio::post(io_, [self = shared_from_this()] {
    self->impl_->state = Impl::State::kAborting;
    self->impl_->timer.cancel();
    if (self->impl_->client != nullptr) self->impl_->client->Cancel();
  });
}

}  // namespace narthex::scrape
