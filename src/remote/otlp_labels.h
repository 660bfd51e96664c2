// SPDX-License-Identifier: Apache-2.0
//
// Label sets of series that OpenTelemetry's data points become.
// Source: Prometheus storage/remote/otlptranslator (createAttributes and what it needs).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "narthex/base/hash.h"
#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"
#include "narthex/model/labels.h"
#include "narthex/proto/otlp.h"
#include "src/remote/otlp_family.h"
#include "src/remote/otlp_names.h"

namespace narthex::remote {

/// A label set in the making, of views that outlive it. Any number of labels costs time in
/// proportion.
class LabelDraft {
 public:
  void Clear();
  /// "" when there is none.
  std::string_view Get(std::string_view name) const;
  /// An empty value deletes the label.
  void Set(std::string_view name, std::string_view value);
  /// Adds one whatever there is, so that a name may be there twice.
  void Add(std::string_view name, std::string_view value);
  /// @return a name that is there twice, if there is one
  std::optional<std::string_view> Build(model::Labels& out);

 private:
  std::size_t Find(std::string_view name) const;

  std::vector<model::LabelView> labels_;  // Values that are empty are deleted.
  std::vector<model::LabelView> sorted_;
  absl::flat_hash_map<std::string_view, std::size_t> places_;  // Only when there are many.
};

/// Texts that stay where they are until Clear, which keeps their memory.
class TextPool {
 public:
  std::string& Next();
  void Clear() { used_ = 0; }

 private:
  std::deque<std::string> texts_;
  std::size_t used_ = 0;
};

/// Labels of series, for one request. Views given to it live until it ends, or until the next
/// resource, scope or point is set. Thread safety: one thread.
class OtlpLabeler {
 public:
  /// @param config  outlives this object
  OtlpLabeler(const config::OtlpConfig& config, bool type_and_unit_labels);

  const OtlpNaming& naming() const { return naming_; }

  /// Errors: kInvalidArgument, when an attribute that becomes a label can't be one.
  Status SetResource(const std::vector<proto::OtlpAttribute>& attributes);
  Status SetScope(const proto::OtlpReader::Scope& scope);

  /// What of resource, scope and settings goes into labels.
  const Hash128& context() const { return context_; }

  /// The labels that all series of a data point have. Errors: as SetResource.
  Status SetPoint(std::vector<proto::OtlpAttribute>& attributes, const OtlpFamily& family);
  /// Whether names of attributes of the point became equal, which is to be told each time.
  bool collided() const { return collided_; }
  /// The labels of one of them, which Build gives.
  void SetLabel(std::string_view name, std::string_view value) { draft_.Set(name, value); }
  /// Errors: kInvalidArgument, "label name … is not unique: …".
  Status Build(model::Labels& out);

  /// The labels of target_info; false when the resource needs none. Errors: as SetResource.
  Result<bool> BuildTargetInfo(const std::vector<proto::OtlpAttribute>& attributes,
                               model::Labels& out);

  /// What was odd, each text once.
  const std::vector<std::string>& collisions() const { return collisions_; }

 private:
  using Attributes = std::vector<proto::OtlpAttribute>;

  Result<std::string_view> NameOf(std::string_view attribute);
  std::string_view TextOf(const proto::OtlpValue& value);
  Status AddAttributes(Attributes& attributes, bool of_resource);
  void AddPlain(const Attributes& sorted);
  Status AddEscaped(const Attributes& sorted, bool of_resource);
  void NoteCollision(std::string_view label);
  void TellCollisions(const Attributes& sorted, bool of_resource);
  void AddContext(bool with_scope);
  void HashResource();
  void HashScope();

  const config::OtlpConfig& config_;
  const OtlpNaming naming_;
  const bool type_and_unit_labels_;
  absl::flat_hash_set<std::string_view> listed_;  // Attributes to promote, or not to.
  absl::flat_hash_map<std::string_view, std::string_view> names_;
  TextPool name_texts_, values_;

  std::string job_, instance_;
  model::Labels promoted_;
  bool has_scope_ = false;
  std::string scope_name_, scope_version_, scope_schema_url_;
  model::Labels scope_labels_;
  Hash128 resource_hash_, context_;

  LabelDraft draft_;
  absl::flat_hash_map<std::string_view, std::string*> joined_;  // Values of labels that collided.
  bool collided_ = false;
  std::vector<std::string> collisions_;
  std::vector<std::string_view> new_collisions_;  // Labels that are to be told of.
  absl::flat_hash_set<std::string> collided_labels_;
};

}  // namespace narthex::remote
