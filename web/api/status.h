// SPDX-License-Identifier: Apache-2.0
//
// Parts of the status answers that are used outside of the envelope, too.
#pragma once

#include "narthex/base/json_writer.h"
#include "narthex/web/status.h"

namespace narthex::web {

void WriteBuildInfo(const BuildInfo& info, JsonWriter& out);
void WriteNotification(const Notification& notification, JsonWriter& out);

}  // namespace narthex::web
