// SPDX-License-Identifier: Apache-2.0
#include "web/api/known_metadata.h"

namespace narthex::web {
namespace {

constexpr std::int64_t kLifetimeNs = 5'000'000'000;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
/// Of an entry beside its texts: the entry, the tree's links, and what the allocator rounds up.
constexpr std::size_t kNodeBytes = sizeof(KnownMetadata::Families::value_type) + 96;

}  // namespace

std::shared_ptr<const KnownMetadata::Families> KnownMetadata::Get(const TargetRetriever& targets,
                                                                  Clock& clock) {
  MutexLock lock(mutex_);
  const std::int64_t now = clock.MonotonicNs();
  if (families_ != nullptr && now - made_ns_ < kLifetimeNs) return families_;
  auto families = std::make_shared<Families>();
  std::size_t bytes = 0;
  targets.VisitMetadata("", [&](const model::Labels&, const TargetMetadata& metadata) {
    if (families->contains(metadata.metric)) return true;
    bytes += kNodeBytes + metadata.metric.size() + metadata.help.size() + metadata.unit.size();
    if (bytes > kMaxBytes) return false;
    families->emplace(metadata.metric, model::Metadata{.type = metadata.type,
                                                       .unit = std::string(metadata.unit),
                                                       .help = std::string(metadata.help)});
    return true;
  });
  families_ = std::move(families);
  made_ns_ = now;
  return families_;
}

}  // namespace narthex::web
