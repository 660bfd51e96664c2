// SPDX-License-Identifier: Apache-2.0
//
// What the server knows as values of templates.
#pragma once

#include <string>

#include "alerting/template/exec.h"
#include "alerting/template/value.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/engine.h"

namespace narthex::alerting::tmpl {

Value ToMap(const model::Labels& labels);
Value ToValue(const model::FloatHistogram& h);
/// What the function query gives.
Value ToList(const promql::Vector& vector);

/// Without queries and templates. @param external_url  without a trailing slash
Environment EnvironmentAt(const std::string& external_url, model::TimestampMs t);

}  // namespace narthex::alerting::tmpl
