// SPDX-License-Identifier: Apache-2.0
//
// The file of pushed groups. Format: docs/formats/push_groups.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/web/push_gateway.h"

namespace narthex {
class Fs;
}

namespace narthex::web {

/// Writes the file whole or not at all. Errors: kIo.
Status WritePushFile(Fs& fs, const std::string& path,
                     const std::vector<std::shared_ptr<const PushGroup>>& groups);

/// Errors: kIo, kCorruption.
Result<std::vector<PushGroup>> ReadPushFile(Fs& fs, const std::string& path);

}  // namespace narthex::web
