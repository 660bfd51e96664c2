// SPDX-License-Identifier: Apache-2.0
//
// From the API's JSON to objects.
#pragma once

#include <boost/json/fwd.hpp>

#include "narthex/base/result.h"
#include "scrape/answers/kubernetes/object.h"

namespace narthex::scrape::kubernetes {

/// Reads one object of a resource. Fields that are not known are passed over.
/// Errors: kInvalidArgument when a field has the wrong type or the name is missing.
Result<ObjectPtr> ReadObject(Resource resource, const boost::json::value& value);

}  // namespace narthex::scrape::kubernetes
