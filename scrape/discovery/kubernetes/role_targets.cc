// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/role_targets.h"

#include "narthex/base/log.h"
#include "scrape/answers/kubernetes/related.h"

namespace narthex::scrape::kubernetes {

namespace {

using Role = config::KubernetesRole;

Resource OwnResource(Role role) {
  switch (role) {
    case Role::kNode:
      return Resource::kNode;
    case Role::kPod:
      return Resource::kPod;
    case Role::kService:
      return Resource::kService;
    case Role::kEndpoints:
      return Resource::kEndpoints;
    case Role::kEndpointSlice:
      return Resource::kEndpointSlice;
    case Role::kIngress:
      break;
  }
  return Resource::kIngress;
}

/// The role that an event of a resource is counted for, if it is.
std::optional<Role> CountedAs(Resource own, Resource resource, KubernetesMetrics::Event event) {
  const bool behind_service = own == Resource::kEndpoints || own == Resource::kEndpointSlice;
  if (resource == own) {
    switch (own) {
      case Resource::kNode:
        return Role::kNode;
      case Resource::kPod:
        return Role::kPod;
      case Resource::kService:
        return Role::kService;
      case Resource::kEndpoints:
        return Role::kEndpoints;
      case Resource::kEndpointSlice:
        return Role::kEndpointSlice;
      default:
        return Role::kIngress;
    }
  }
  if (behind_service && resource == Resource::kService) return Role::kService;
  if (own == Resource::kEndpoints && resource == Resource::kPod &&
      event == KubernetesMetrics::Event::kUpdate) {
    return Role::kPod;
  }
  return std::nullopt;
}

Hash128 HashOf(const config::TargetGroup& group) {
  std::string bytes(group.labels.bytes());
  for (const model::Labels& target : group.targets) {
    bytes += '\0';  // Begins no label: names are not empty.
    bytes += target.bytes();
  }
  return HashBytes128(bytes);
}

}  // namespace

std::vector<Resource> ResourcesOf(const config::KubernetesSdConfig& config) {
  std::vector<Resource> resources = {OwnResource(config.role)};
  const bool endpoints = config.role == Role::kEndpoints || config.role == Role::kEndpointSlice;
  if (endpoints) {
    resources.push_back(Resource::kService);
    resources.push_back(Resource::kPod);
  }
  const config::KubernetesAttachMetadata& attach = config.attach;
  if (attach.space && config.role != Role::kNode) resources.push_back(Resource::kNamespace);
  if (!endpoints && config.role != Role::kPod) return resources;
  if (attach.node) resources.push_back(Resource::kNode);
  if (attach.deployment) resources.push_back(Resource::kReplicaSet);
  if (attach.job || attach.cronjob) resources.push_back(Resource::kJob);
  return resources;
}

RoleTargets::RoleTargets(const config::KubernetesSdConfig& config, KubernetesMetrics& metrics)
    : attach_(config.attach), own_(OwnResource(config.role)), metrics_(metrics) {
  for (const Resource resource : ResourcesOf(config)) {
    // Targets behind a service don't wait for who controls their pods, as in Prometheus.
    const bool owner = resource == Resource::kReplicaSet || resource == Resource::kJob;
    if (!owner || config.role == Role::kPod) unlisted_.insert(resource);
  }
}

void RoleTargets::Replace(Resource resource, std::vector<ObjectPtr> objects) {
  unlisted_.erase(resource);
  ObjectMap& map = objects_[static_cast<std::size_t>(resource)];
  std::set<std::string> gone;
  for (const auto& [key, object] : map) gone.insert(key);
  for (ObjectPtr& object : objects) {
    gone.erase(object->Key());
    Put(resource, std::move(object));
  }
  for (const std::string& key : gone) Remove(resource, key);
}

void RoleTargets::Put(Resource resource, ObjectPtr object) {
  std::string key = object->Key();
  ObjectPtr& known = objects_[static_cast<std::size_t>(resource)][key];
  const ObjectPtr before = std::exchange(known, std::move(object));
  CountEvent(resource, before == nullptr ? KubernetesMetrics::Event::kAdd
                                         : KubernetesMetrics::Event::kUpdate);
  if (resource == Resource::kEndpoints) {
    WarnOfCapacity(static_cast<const Endpoints*>(before.get()),
                   static_cast<const Endpoints&>(*known));
  }
  if (before != nullptr && SameForTargets(resource, *before, *known)) return;
  Touch(resource, key);
}

void RoleTargets::Remove(Resource resource, const std::string& key) {
  if (objects_[static_cast<std::size_t>(resource)].erase(key) == 0) return;
  CountEvent(resource, KubernetesMetrics::Event::kDelete);
  Touch(resource, key);
}

void RoleTargets::CountEvent(Resource resource, KubernetesMetrics::Event event) {
  if (const auto role = CountedAs(own_, resource, event)) metrics_.Count(*role, event);
}

void RoleTargets::Touch(Resource resource, const std::string& key) {
  if (resource == own_) dirty_.insert(key);
  if (const auto users = users_.find({resource, key}); users != users_.end()) {
    dirty_.insert(users->second.begin(), users->second.end());
  }
}

void RoleTargets::Note(const std::string& key, std::set<Reference>& before,
                       const std::set<Reference>& used) {
  if (before == used) return;
  for (const Reference& reference : before) {
    if (used.contains(reference)) continue;
    const auto users = users_.find(reference);
    users->second.erase(key);
    if (users->second.empty()) users_.erase(users);
  }
  for (const Reference& reference : used) users_[reference].insert(key);
  before = used;
}

std::vector<config::TargetGroup> RoleTargets::TakeChanges() {
  std::vector<config::TargetGroup> changes;
  if (!unlisted_.empty()) return changes;
  const ObjectMap& own = objects_[static_cast<std::size_t>(own_)];
  for (const std::string& key : dirty_) {
    const auto object = own.find(key);
    if (object == own.end()) {
      const auto made = made_.find(key);
      if (made == made_.end()) continue;  // It came and went between two calls.
      const bool was_told = made->second.hash.has_value();
      Note(key, made->second.used, {});
      made_.erase(made);
      if (was_told) changes.emplace_back().source = SourceOf(own_, key);
      continue;
    }
    Related related(objects_, attach_);
    Result<config::TargetGroup> group = MakeGroup(own_, *object->second, related);
    Made& made = made_[key];
    Note(key, made.used, related.used());
    if (!group) {
      if (!std::exchange(made.failed, true)) {
        log::Warn("No new targets of an object: those found before stay",
                  {{"discovery", "kubernetes"},
                   {"source", SourceOf(own_, key)},
                   {"err", group.error().message()}});
      }
      continue;
    }
    made.failed = false;
    const Hash128 hash = HashOf(*group);
    if (made.hash == hash) continue;
    made.hash = hash;
    changes.push_back(*std::move(group));
  }
  dirty_.clear();
  return changes;
}

}  // namespace narthex::scrape::kubernetes
