// SPDX-License-Identifier: Apache-2.0
//
// Labels of Kubernetes's objects.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/model/labels.h"
#include "scrape/answers/kubernetes/related.h"

namespace narthex::scrape::kubernetes {

/// Gathers labels whose names begin with __meta_kubernetes_; what is set last counts.
class LabelSet {
 public:
  /// A label with the prefix: Set("pod_ip", …) sets __meta_kubernetes_pod_ip.
  void Set(std::string_view name, std::string_view value);
  void Set(std::string_view name, bool value) { Set(name, value ? "true" : "false"); }
  void Set(std::string_view name, const char* value) { Set(name, std::string_view(value)); }
  template <typename T>
  void SetIf(std::string_view name, const std::optional<T>& value) {
    if (value) Set(name, *value);
  }
  /// As Set, in two parts of which the second is made a valid end of a name.
  void SetSanitized(std::string_view name, std::string_view suffix, std::string_view value);
  /// A label without the prefix, as __address__.
  void SetPlain(std::string_view name, std::string_view value);

  /// NAME_label_*, NAME_labelpresent_*, NAME_annotation_*, NAME_annotationpresent_*.
  void AddLabelsAndAnnotations(std::string_view name, const Object& object);
  /// NAME_name and the above.
  void AddMetadata(std::string_view name, const Object& object);
  /// Those of the node, when they shall be attached and it is known.
  void AttachNode(const std::string& node, Related& related);
  void AttachNamespace(const std::string& space, Related& related);

  model::Labels Build() const;

 private:
  std::vector<std::pair<std::string, std::string>> labels_;
};

}  // namespace narthex::scrape::kubernetes
