// SPDX-License-Identifier: Apache-2.0
//
// /admin/tsdb/*.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/promql/parser.h"
#include "web/api/handlers.h"
#include "web/api/parameters.h"

namespace narthex::web {
namespace {

Result<TsdbAdmin*> Admin(const Call& call) {
  if (!call.api.options.enable_admin_api || call.api.admin == nullptr) {
    return Fail(Code::kUnavailable, "admin APIs disabled");
  }
  return call.api.admin;
}

/// A failure of the storage is internal, whatever its kind.
Status Internal(Status status) {
  if (!status) return Fail(Code::kInternal, status.error().message());
  return status;
}

}  // namespace

Status DeleteSeries(Call& call) {
  NX_ASSIGN_OR_RETURN(TsdbAdmin* const admin, Admin(call));
  NX_RETURN_IF_ERROR(CheckForm(call.request));
  const std::vector<std::string> selectors = call.form.All("match[]");
  if (selectors.empty()) return Fail(Code::kInvalidArgument, "no match[] parameter provided");
  NX_ASSIGN_OR_RETURN(const TimeRange range, RangeParameters(call.form));
  for (const std::string& selector : selectors) {
    const auto matchers = promql::ParseMetricSelector(selector);
    if (!matchers) return Fail(BadParameter("match[]", matchers.error().message()));
    if (matchers->empty()) continue;  // "{}" selects nothing, as upstream, and not everything.
    NX_RETURN_IF_ERROR(Internal(admin->DeleteSeries(range.start, range.end, *matchers)));
  }
  call.reply.NoContent();
  return {};
}

Status CleanTombstones(Call& call) {
  NX_ASSIGN_OR_RETURN(TsdbAdmin* const admin, Admin(call));
  NX_RETURN_IF_ERROR(Internal(admin->CleanTombstones()));
  call.reply.NoContent();
  return {};
}

Status Snapshot(Call& call) {
  NX_ASSIGN_OR_RETURN(TsdbAdmin* const admin, Admin(call));
  bool skip_head = false;
  if (const std::string& text = call.form.Get("skip_head"); !text.empty()) {
    const auto value = ParseBool(text);
    if (!value) {
      return Fail(BadParameter(
          "skip_head", fmt::format("unable to parse boolean: strconv.ParseBool: parsing {}: "
                                   "invalid syntax",
                                   go::Quote(text))));
    }
    skip_head = *value;
  }
  const auto name = admin->Snapshot(!skip_head);
  if (!name) return Fail(Code::kInternal, "create snapshot: " + name.error().message());
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("name");
    out.String(*name);
    out.EndObject();
  });
  return {};
}

}  // namespace narthex::web
