// SPDX-License-Identifier: Apache-2.0
//
// Where the Kubernetes API is, who we are there, and what its paths are called.
#pragma once

#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/kubernetes_sd.h"
#include "narthex/net/http_client.h"
#include "scrape/answers/kubernetes/object.h"

namespace narthex::scrape::kubernetes {

/// What a pod finds of its cluster.
struct ClusterEnvironment {
  std::string host, port;  // KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT
  std::string folder = "/var/run/secrets/kubernetes.io/serviceaccount";
};
/// That of this process.
ClusterEnvironment OwnEnvironment();

struct ApiAccess {
  net::Url base;  // target: the path before "/api", without a slash at its end.
  net::HttpClientOptions options;
  std::vector<std::string> namespaces;  // Those to look into; {""} = all.
};

/// Reads what the configuration names: the kubeconfig file, or the service account of the pod we
/// run in. Tokens in files are read again for each request.
/// Errors: kInvalidArgument, kIo, kNotFound, in client-go's words where it has them.
Result<ApiAccess> FindApi(const config::KubernetesSdConfig& config,
                          const ClusterEnvironment& environment);

/// "pods".
std::string_view PluralOf(Resource resource);
/// "/api/v1/namespaces/NS/pods", without the namespace when it is "".
std::string PathOf(Resource resource, std::string_view space);
/// Whether objects of the resource are in no namespace.
bool IsClusterWide(Resource resource);

/// name=value pairs as the query of a URL: "?a=b&c=d"; pairs without a value are left out.
std::string QueryOf(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace narthex::scrape::kubernetes
