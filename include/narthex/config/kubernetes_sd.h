// SPDX-License-Identifier: Apache-2.0
//
// kubernetes_sd_configs.
#pragma once

namespace narthex::config {

struct KubernetesSdConfig {};

}  // namespace narthex::config
