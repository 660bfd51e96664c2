// SPDX-License-Identifier: Apache-2.0
//
// Type, help and unit of all metric families, whichever target told them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/model/metadata.h"
#include "narthex/web/targets.h"

namespace narthex::web {

/// Who types asks with each key, and a look at all targets is too much for that: what was found is
/// good for five seconds. Thread safety: any thread.
class KnownMetadata final {
 public:
  using Families = std::map<std::string, model::Metadata, std::less<>>;

  /// Of the first target that has the family. At most 64 MiB of texts; what is beyond is left out.
  std::shared_ptr<const Families> Get(const TargetRetriever& targets, Clock& clock);

 private:
  Mutex mutex_;  // Held while the targets are asked, so that only one request does.
  std::shared_ptr<const Families> families_ NX_GUARDED_BY(mutex_);
  std::int64_t made_ns_ NX_GUARDED_BY(mutex_) = 0;  // Monotonic.
};

}  // namespace narthex::web
