// SPDX-License-Identifier: Apache-2.0
//
// The endpoints below /api/v1. Each reads its parameters, and either answers through the reply or
// returns the error to answer with.
#pragma once

#include "narthex/base/result.h"
#include "narthex/net/http_server.h"
#include "narthex/web/api.h"
#include "web/api/reply.h"

namespace narthex::web {

/// One request to an endpoint.
struct Call {
  const ApiDependencies& api;
  const net::ServerRequest& request;
  const net::Params form;  // Body and URL.
  Reply& reply;
};

using Endpoint = Status (*)(Call&);

/// What an agent says to whoever asks for what it has not.
inline Status UnavailableWithAgent() {
  return Fail(Code::kExecution, "unavailable with Prometheus Agent");
}

/// What labels, series, searches and exemplars make of a failure of the storage: 422, whatever it
/// is, unless the request was given up or the server is not ready. Source: Prometheus
/// returnAPIError.
template <typename T>
Result<T> FromStorage(Result<T> result) {
  if (result) return result;
  const Code code = result.error().code();
  if (code == Code::kCancelled || code == Code::kTimeout || code == Code::kUnavailable) {
    return result;
  }
  return Fail(Code::kExecution, result.error().message());
}

// query.cc
Status QueryInstant(Call& call);
Status QueryRange(Call& call);
Status FormatQuery(Call& call);
Status ParseQuery(Call& call);
Status QueryExemplars(Call& call);

// series.cc
Status LabelNames(Call& call);
Status LabelValues(Call& call);
Status Series(Call& call);

// targets.cc
Status Targets(Call& call);
Status ScrapePools(Call& call);
Status TargetsMetadata(Call& call);
Status TargetsRelabelSteps(Call& call);  // relabel_steps.cc
Status MetricsMetadata(Call& call);
Status Alertmanagers(Call& call);

// rules.cc
Status Rules(Call& call);
Status Alerts(Call& call);

// status.cc
Status StatusConfig(Call& call);
Status StatusFlags(Call& call);
Status StatusRuntimeInfo(Call& call);
Status StatusBuildInfo(Call& call);
Status StatusTsdb(Call& call);
Status StatusTsdbBlocks(Call& call);
Status StatusWalReplay(Call& call);
Status StatusSelfMetrics(Call& call);  // self_metrics.cc
Status Features(Call& call);
Status Notifications(Call& call);

// admin.cc
Status DeleteSeries(Call& call);
Status CleanTombstones(Call& call);
Status Snapshot(Call& call);

}  // namespace narthex::web
