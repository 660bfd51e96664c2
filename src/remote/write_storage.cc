// SPDX-License-Identifier: Apache-2.0
#include "narthex/remote/write_storage.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "narthex/base/hash.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"
#include "narthex/config/config.h"
#include "narthex/remote/request_authorizer.h"
#include "src/remote/endpoint.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/reshard.h"
#include "src/remote/write_queue.h"

namespace narthex::remote {
namespace {

constexpr const char* kSamplesIn = "prometheus_remote_storage_samples_in_total";
constexpr const char* kHistogramsIn = "prometheus_remote_storage_histograms_in_total";
constexpr const char* kExemplarsIn = "prometheus_remote_storage_exemplars_in_total";
constexpr const char* kHighest = "prometheus_remote_storage_highest_timestamp_in_seconds";

std::string NameOf(const config::RemoteWriteConfig& config) {
  if (!config.name.empty()) return config.name;
  return fmt::format("{:016x}", XxHash64(config.fingerprint)).substr(0, 6);
}

/// What an endpoint's files are called. Of entries that can't be told apart by name and
/// URL the first has the first file, and so on.
std::string StateName(const config::RemoteWriteConfig& config, int number) {
  const std::string key = fmt::format("{}\n{}\n{}", config.name, config.url, number);
  return fmt::format("{:016x}", XxHash64(key));
}

}  // namespace

class WriteStorage::Impl {
 public:
  Impl(WriteStorageOptions options, Clock& clock, metrics::Registry& registry);
  ~Impl();

  void Start(WalSource source);
  Status ApplyConfig(const config::Config& config, bool check_only) NX_EXCLUDES(mutex_);
  void Stop() NX_EXCLUDES(mutex_);
  model::TimestampMs LowestSentTimestamp() const NX_EXCLUDES(mutex_);
  std::optional<int> FirstUnsentSegment() const NX_EXCLUDES(mutex_);
  std::size_t held_bytes() const NX_EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<const Endpoint> endpoint;
    std::string state_path;
  };
  struct Running {
    std::unique_ptr<QueueMetrics> metrics;
    std::unique_ptr<WriteQueue> queue;
  };

  Result<std::shared_ptr<const Endpoint>> MakeEndpoint(
      const config::RemoteWriteConfig& config) const;
  Result<std::vector<Entry>> MakeEntries(const config::Config& config) const;
  Running MakeQueue(const Entry& entry, const model::Labels& external_labels);
  void EndQueues(std::vector<Running> ending, const std::vector<Entry>& entries);
  void RemoveStates(const std::set<std::string>& kept);
  AppendTotals Totals() const;
  void RunTicks();
  void Tick() NX_EXCLUDES(mutex_);

  const WriteStorageOptions options_;
  Clock& clock_;
  metrics::Registry& registry_;
  const std::string folder_;
  WalSource source_;
  std::atomic<bool> started_{false};

  mutable Mutex mutex_;
  std::vector<Running> queues_ NX_GUARDED_BY(mutex_);
  bool settled_ NX_GUARDED_BY(mutex_) = false;  // queues_ are those of the configuration.
  bool stopped_ NX_GUARDED_BY(mutex_) = false;
  CondVar changed_;

  Rate in_;  // With last_total_ used by the ticks alone.
  std::uint64_t last_total_ = 0;
  std::thread ticks_;
};

WriteStorage::Impl::Impl(WriteStorageOptions options, Clock& clock, metrics::Registry& registry)
    : options_(std::move(options)),
      clock_(clock),
      registry_(registry),
      folder_(JoinPath(options_.data_dir, "remote_write")) {
  const auto add = [&](const char* name, const char* help, auto value) {
    registry_.AddCounterFn(name, help,
                           [this, value] { return static_cast<double>(value(Totals())); });
  };
  add(kSamplesIn, "Samples that were appended and so come into remote storage.",
      [](const AppendTotals& totals) { return totals.samples; });
  add(kHistogramsIn, "Histograms that were appended and so come into remote storage.",
      [](const AppendTotals& totals) { return totals.histograms; });
  add(kExemplarsIn, "Exemplars that were appended and so come into remote storage.",
      [](const AppendTotals& totals) { return totals.exemplars; });
  registry_.AddGaugeFn(kHighest,
                       "Latest time of a sample that was appended, in seconds since the epoch.",
                       [this] { return WholeSeconds(Totals().highest); });
  registry_.AddCounter(
      "prometheus_remote_storage_string_interner_zero_reference_releases_total",
      "The number of times release has been called for strings that are not interned.");
}

WriteStorage::Impl::~Impl() {
  Stop();
  for (const char* name : {kSamplesIn, kHistogramsIn, kExemplarsIn, kHighest}) {
    registry_.Remove(name, {});
  }
}

void WriteStorage::Impl::Start(WalSource source) {
  source_ = std::move(source);
  started_ = true;
  ticks_ = std::thread([this] { RunTicks(); });
}

AppendTotals WriteStorage::Impl::Totals() const {
  return started_.load() && source_.totals ? source_.totals() : AppendTotals{};
}

Result<std::shared_ptr<const Endpoint>> WriteStorage::Impl::MakeEndpoint(
    const config::RemoteWriteConfig& config) const {
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->config = config;
  endpoint->name = NameOf(config);
  endpoint->shown_url = WithoutPassword(config.url);
  NX_ASSIGN_OR_RETURN(endpoint->url, net::ParseUrl(config.url));
  NX_ASSIGN_OR_RETURN(endpoint->client, options_.client_options(config.http));
  endpoint->client.random_address = config.round_robin_dns;
  NX_ASSIGN_OR_RETURN(endpoint->authorizer, MakeAuthorizer(config, endpoint->client, clock_));
  return endpoint;
}

Result<std::vector<WriteStorage::Impl::Entry>> WriteStorage::Impl::MakeEntries(
    const config::Config& config) const {
  std::vector<Entry> entries;
  std::set<std::string> fingerprints;
  std::map<std::string, int> numbers;
  for (const config::RemoteWriteConfig& section : config.remote_write) {
    if (!fingerprints.insert(section.fingerprint).second) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("duplicate remote write configs are not allowed, found duplicate for "
                              "URL: {}",
                              WithoutPassword(section.url)));
    }
    auto endpoint = MakeEndpoint(section);
    if (!endpoint) {
      return Fail(std::move(endpoint).error().Wrap(
          fmt::format("remote_write to {}", WithoutPassword(section.url))));
    }
    const int number = numbers[section.name + '\n' + section.url]++;
    entries.push_back({std::move(*endpoint), JoinPath(folder_, StateName(section, number))});
  }
  return entries;
}

WriteStorage::Impl::Running WriteStorage::Impl::MakeQueue(const Entry& entry,
                                                          const model::Labels& external_labels) {
  Running running;
  running.metrics =
      std::make_unique<QueueMetrics>(registry_, entry.endpoint->name, entry.endpoint->shown_url);
  running.queue = std::make_unique<WriteQueue>(
      WriteQueue::Options{.endpoint = entry.endpoint,
                          .external_labels = external_labels,
                          .metadata_from_labels = options_.type_and_unit_labels,
                          .state_path = entry.state_path,
                          .flush_deadline_ms = options_.flush_deadline_ms,
                          .metadata = options_.metadata},
      source_, *running.metrics, *options_.fs, clock_);
  return running;
}

Status WriteStorage::Impl::ApplyConfig(const config::Config& config, bool check_only) {
  NX_ASSIGN_OR_RETURN(const std::vector<Entry> entries, MakeEntries(config));
  if (check_only) return {};
  NX_RETURN_IF_ERROR(options_.fs->CreateDirs(folder_));
  std::vector<Running> ending;
  {
    MutexLock lock(mutex_);
    if (stopped_) return {};
    ending.swap(queues_);
    settled_ = false;
  }
  // Those that stay as they are; a place in `running` for each entry.
  std::vector<Running> running(entries.size());
  std::set<std::string> states;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    states.insert(entries[i].state_path);
    const auto same = std::find_if(ending.begin(), ending.end(), [&](const Running& old) {
      return old.queue->endpoint().config.fingerprint == entries[i].endpoint->config.fingerprint &&
             old.queue->external_labels() == config.global.external_labels &&
             old.queue->state_path() == entries[i].state_path;
    });
    if (same == ending.end()) continue;
    running[i] = std::move(*same);
    ending.erase(same);
  }
  // Before new ones begin, which may go on where these end.
  EndQueues(std::move(ending), entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (running[i].queue != nullptr) continue;
    running[i] = MakeQueue(entries[i], config.global.external_labels);
    running[i].queue->Start();
  }
  RemoveStates(states);
  MutexLock lock(mutex_);
  queues_ = std::move(running);
  settled_ = !stopped_;
  return {};
}

void WriteStorage::Impl::EndQueues(std::vector<Running> ending, const std::vector<Entry>& entries) {
  std::vector<std::thread> threads;
  threads.reserve(ending.size());
  for (Running& old : ending) {
    threads.emplace_back([&old] { old.queue->Stop(WriteQueue::Ending::kSendRead); });
  }
  for (std::thread& thread : threads) thread.join();
  for (Running& old : ending) {
    const Endpoint& endpoint = old.queue->endpoint();
    const std::string name = endpoint.name;
    const std::string url = endpoint.shown_url;
    old.queue = nullptr;  // Before the metrics that it uses.
    old.metrics = nullptr;
    const bool goes_on = std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
      return entry.endpoint->name == name && entry.endpoint->shown_url == url;
    });
    if (!goes_on) QueueMetrics::Remove(registry_, name, url);
  }
}

// Of endpoints that the configuration no longer has: when one comes back, it begins with what is
// new then.
void WriteStorage::Impl::RemoveStates(const std::set<std::string>& kept) {
  const auto entries = options_.fs->ListDir(folder_);
  if (!entries) return;
  for (const DirEntry& entry : *entries) {
    // Also what is being written, as NAME.position.tmp.
    const std::string state = JoinPath(folder_, entry.name.substr(0, entry.name.find('.')));
    if (entry.is_dir || kept.contains(state)) continue;
    const std::string path = JoinPath(folder_, entry.name);
    if (auto removed = options_.fs->Remove(path); !removed) {
      log::Warn("Removing a file of remote write failed", {{"err", removed.error().message()}});
    }
  }
}

void WriteStorage::Impl::Stop() {
  std::vector<Running> queues;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    settled_ = false;
    queues.swap(queues_);
    changed_.NotifyAll();
  }
  if (ticks_.joinable()) ticks_.join();
  std::vector<std::thread> threads;
  threads.reserve(queues.size());
  for (Running& running : queues) {
    threads.emplace_back([&running] { running.queue->Stop(WriteQueue::Ending::kReadOn); });
  }
  for (std::thread& thread : threads) thread.join();
}

void WriteStorage::Impl::RunTicks() {
  SetThreadName("rw-reshard");
  for (;;) {
    {
      const auto until =
          std::chrono::steady_clock::now() + std::chrono::milliseconds(kReshardIntervalMs);
      MutexLock lock(mutex_);
      while (!stopped_ && std::chrono::steady_clock::now() < until) {
        changed_.WaitFor(mutex_, until - std::chrono::steady_clock::now());
      }
      if (stopped_) return;
    }
    Tick();
  }
}

void WriteStorage::Impl::Tick() {
  const AppendTotals totals = Totals();
  const std::uint64_t total = totals.samples + totals.histograms + totals.exemplars;
  in_.Add(total - std::exchange(last_total_, total));
  in_.Tick();
  MutexLock lock(mutex_);
  for (const Running& running : queues_) {
    running.queue->Tick(in_.per_second(), WholeSeconds(totals.highest));
  }
}

model::TimestampMs WriteStorage::Impl::LowestSentTimestamp() const {
  MutexLock lock(mutex_);
  model::TimestampMs lowest = model::kMaxTime;
  for (const Running& running : queues_) {
    lowest = std::min(lowest, running.queue->highest_sent());
  }
  return queues_.empty() ? 0 : lowest;
}

std::optional<int> WriteStorage::Impl::FirstUnsentSegment() const {
  MutexLock lock(mutex_);
  if (!settled_) return 0;
  std::optional<int> first;
  for (const Running& running : queues_) {
    const int unsent = running.queue->first_unsent_segment();
    first = std::min(first.value_or(unsent), unsent);
  }
  return first;
}

std::size_t WriteStorage::Impl::held_bytes() const {
  MutexLock lock(mutex_);
  std::size_t bytes = 0;
  for (const Running& running : queues_) bytes += running.queue->held_bytes();
  return bytes;
}

WriteStorage::WriteStorage(WriteStorageOptions options, Clock& clock, metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), clock, registry)) {}
WriteStorage::~WriteStorage() = default;
void WriteStorage::Start(WalSource source) { impl_->Start(std::move(source)); }
Status WriteStorage::Check(const config::Config& config) const {
  return impl_->ApplyConfig(config, true);
}
Status WriteStorage::ApplyConfig(const config::Config& config) {
  return impl_->ApplyConfig(config, false);
}
void WriteStorage::Stop() { impl_->Stop(); }
model::TimestampMs WriteStorage::LowestSentTimestamp() const {
  return impl_->LowestSentTimestamp();
}
std::optional<int> WriteStorage::FirstUnsentSegment() const { return impl_->FirstUnsentSegment(); }
std::size_t WriteStorage::held_bytes() const { return impl_->held_bytes(); }

}  // namespace narthex::remote
