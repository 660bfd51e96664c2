// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/target.h"

#include <fmt/core.h>

namespace narthex::scrape {

namespace {

model::Labels PublicOnly(const model::Labels& labels) {
  model::Labels result;
  for (const auto& [name, value] : labels) {
    if (!name.starts_with("__")) result.AppendSorted(name, value);
  }
  return result;
}

}  // namespace

Target::Target(Identity identity, model::Labels discovered)
    : identity_(std::move(identity)),
      public_labels_(PublicOnly(identity_.labels)),
      hash_(Fnv1a(identity_.url, Fnv1a(identity_.labels.bytes()))),
      discovered_(std::move(discovered)),
      forced_error_(identity_.forced_error) {}

std::size_t Target::memory_bytes() const {
  MutexLock lock(mutex_);
  return sizeof *this + identity_.labels.bytes().size() + public_labels_.bytes().size() +
         discovered_.bytes().size() + identity_.url.capacity() + last_error_.capacity();
}

void Target::SetDiscovered(model::Labels discovered) {
  MutexLock lock(mutex_);
  discovered_ = std::move(discovered);
}

void Target::SetForcedError(const std::string& error) {
  MutexLock lock(mutex_);
  forced_error_ = error.empty() ? identity_.forced_error : error;
}

std::string Target::forced_error() const {
  MutexLock lock(mutex_);
  return forced_error_;
}

void Target::Report(std::int64_t start_ns, double duration_s, std::string error) {
  MutexLock lock(mutex_);
  health_ = error.empty() ? TargetHealth::kUp : TargetHealth::kDown;
  last_error_ = std::move(error);
  last_scrape_ns_ = start_ns;
  last_duration_s_ = duration_s;
}

ActiveTarget Target::Snapshot(const std::string& pool) const {
  MutexLock lock(mutex_);
  return {.scrape_pool = pool,
          .discovered_labels = discovered_,
          .labels = public_labels_,
          .scrape_url = identity_.url,
          .last_error = last_error_,
          .last_scrape_ns = last_scrape_ns_,
          .last_scrape_duration_s = last_duration_s_,
          .health = health_,
          .scrape_interval = std::string(identity_.labels.Get("__scrape_interval__")),
          .scrape_timeout = std::string(identity_.labels.Get("__scrape_timeout__"))};
}

std::uint64_t Fnv1a(std::string_view bytes, std::uint64_t state) {
  for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return state;
}

}  // namespace narthex::scrape
