// SPDX-License-Identifier: Apache-2.0
//
// Selectors of the Kubernetes API. They are sent as written; a mistake is found when the
// configuration is loaded.
#pragma once

#include <string>

#include "narthex/base/result.h"

namespace narthex::config {

/// "metadata.name=a,spec.nodeName!=b". Errors: kInvalidArgument, as k8s.io/apimachinery says it.
Status CheckFieldSelector(const std::string& text);

/// "app=a,tier in (b, c),!d". Errors: as above.
Status CheckLabelSelector(const std::string& text);

}  // namespace narthex::config
