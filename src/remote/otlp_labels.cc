// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_labels.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "src/remote/sized_text.h"

namespace narthex::remote {
namespace {

constexpr std::string_view kServiceName = "service.name";
constexpr std::string_view kServiceNamespace = "service.namespace";
constexpr std::string_view kServiceInstance = "service.instance.id";
constexpr std::array<std::string_view, 3> kIdentifying = {kServiceNamespace, kServiceName,
                                                          kServiceInstance};
constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";
constexpr std::string_view kTargetInfo = "target_info";

// From so many labels on a table finds them faster than looking through them.
constexpr std::size_t kManyLabels = 24;

bool ByName(const model::LabelView& a, const model::LabelView& b) { return a.name < b.name; }
bool ByKey(const proto::OtlpAttribute& a, const proto::OtlpAttribute& b) { return a.key < b.key; }

const proto::OtlpAttribute* FindAttribute(const std::vector<proto::OtlpAttribute>& attributes,
                                          std::string_view key) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [key](const auto& attribute) { return attribute.key == key; });
  return found == attributes.end() ? nullptr : &*found;
}

}  // namespace

void LabelDraft::Clear() {
  labels_.clear();
  places_.clear();
}

std::size_t LabelDraft::Find(std::string_view name) const {
  if (labels_.size() >= kManyLabels) {
    const auto found = places_.find(name);
    return found == places_.end() ? labels_.size() : found->second;
  }
  std::size_t i = 0;
  while (i < labels_.size() && labels_[i].name != name) ++i;
  return i;
}

std::string_view LabelDraft::Get(std::string_view name) const {
  const std::size_t i = Find(name);
  return i == labels_.size() ? std::string_view() : labels_[i].value;
}

void LabelDraft::Set(std::string_view name, std::string_view value) {
  const std::size_t i = Find(name);
  if (i < labels_.size()) {
    labels_[i].value = value;
  } else if (!value.empty()) {
    Add(name, value);
  }
}

void LabelDraft::Add(std::string_view name, std::string_view value) {
  labels_.push_back({name, value});
  if (labels_.size() < kManyLabels) return;
  const std::size_t first = labels_.size() == kManyLabels ? 0 : labels_.size() - 1;
  for (std::size_t i = first; i < labels_.size(); ++i) places_.emplace(labels_[i].name, i);
}

std::optional<std::string_view> LabelDraft::Build(model::Labels& out) {
  sorted_.clear();
  for (const auto& label : labels_) {
    if (!label.value.empty()) sorted_.push_back(label);
  }
  std::sort(sorted_.begin(), sorted_.end(), ByName);
  out.Clear();
  std::optional<std::string_view> twice;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    // An empty name counts as one that comes again, as it does with Prometheus.
    const bool again = sorted_[i].name == (i > 0 ? sorted_[i - 1].name : std::string_view());
    if (again && !twice) twice = sorted_[i].name;
    out.AppendSorted(sorted_[i].name, sorted_[i].value);
  }
  return twice;
}

std::string& TextPool::Next() {
  if (used_ == texts_.size()) texts_.emplace_back();
  std::string& text = texts_[used_++];
  text.clear();
  return text;
}

OtlpLabeler::OtlpLabeler(const config::OtlpConfig& config, bool type_and_unit_labels)
    : config_(config),
      naming_(OtlpNaming::Of(config)),
      type_and_unit_labels_(type_and_unit_labels) {
  const auto& listed = config.promote_all_resource_attributes ? config.ignore_resource_attributes
                                                              : config.promote_resource_attributes;
  listed_.insert(listed.begin(), listed.end());
  HashResource();
}

Result<std::string_view> OtlpLabeler::NameOf(std::string_view attribute) {
  if (const auto known = names_.find(attribute); known != names_.end()) return known->second;
  auto name = OtlpLabelName(naming_, attribute);
  if (!name) return Fail(std::move(name).error());
  std::string& text = name_texts_.Next();
  text = std::move(*name);
  names_.emplace(attribute, text);
  return std::string_view(text);
}

std::string_view OtlpLabeler::TextOf(const proto::OtlpValue& value) {
  if (value.kind == proto::OtlpValue::Kind::kString) return value.bytes;
  std::string& text = values_.Next();
  value.AppendText(text);
  return text;
}

void OtlpLabeler::HashResource() {
  std::string bytes;
  bytes += naming_.utf8 ? 'u' : 'e';
  bytes += naming_.sanitize_underscore ? 's' : '-';
  bytes += naming_.keep_underscores ? 'k' : '-';
  for (const std::string_view text :
       {std::string_view(job_), std::string_view(instance_), promoted_.bytes()}) {
    AppendSized(bytes, text);
  }
  context_ = resource_hash_ = HashBytes128(bytes);
}

// Of the hash of the resource: that may be large, and have as many scopes as fit into a body.
void OtlpLabeler::HashScope() {
  context_ = resource_hash_;
  if (!has_scope_) return;
  std::string bytes(reinterpret_cast<const char*>(&resource_hash_), sizeof(resource_hash_));
  for (const std::string_view text :
       {std::string_view(scope_name_), std::string_view(scope_version_),
        std::string_view(scope_schema_url_), scope_labels_.bytes()}) {
    AppendSized(bytes, text);
  }
  context_ = HashBytes128(bytes);
}

Status OtlpLabeler::SetResource(const Attributes& attributes) {
  job_.clear();
  instance_.clear();
  promoted_.Clear();
  has_scope_ = false;
  values_.Clear();
  if (const auto* name = FindAttribute(attributes, kServiceName)) {
    if (const auto* space = FindAttribute(attributes, kServiceNamespace)) {
      space->value.AppendText(job_);
      job_ += '/';
    }
    name->value.AppendText(job_);
  }
  if (const auto* instance = FindAttribute(attributes, kServiceInstance)) {
    instance->value.AppendText(instance_);
  }
  draft_.Clear();
  for (const auto& attribute : attributes) {
    if (listed_.contains(attribute.key) == config_.promote_all_resource_attributes) continue;
    NX_ASSIGN_OR_RETURN(const std::string_view label, NameOf(attribute.key));
    draft_.Set(label, TextOf(attribute.value));
  }
  draft_.Build(promoted_);
  HashResource();
  return {};
}

Status OtlpLabeler::SetScope(const proto::OtlpReader::Scope& scope) {
  has_scope_ = false;
  scope_labels_.Clear();
  values_.Clear();
  if (config_.promote_scope_metadata && !scope.name.empty()) {
    draft_.Clear();
    for (const auto& attribute : scope.attributes) {
      std::string& prefixed = name_texts_.Next();
      prefixed = "otel_scope_";
      prefixed += attribute.key;
      NX_ASSIGN_OR_RETURN(const std::string_view label, NameOf(prefixed));
      draft_.Set(label, TextOf(attribute.value));
    }
    draft_.Build(scope_labels_);
    scope_name_ = scope.name;
    scope_version_ = scope.version;
    scope_schema_url_ = scope.schema_url;
    has_scope_ = true;
  }
  HashScope();
  return {};
}

// Sorted first, so that values of names which become equal are joined in one order.
Status OtlpLabeler::AddAttributes(Attributes& attributes, bool of_resource) {
  if (!std::is_sorted(attributes.begin(), attributes.end(), ByKey)) {
    std::stable_sort(attributes.begin(), attributes.end(), ByKey);
  }
  if (!naming_.utf8) return AddEscaped(attributes, of_resource);
  AddPlain(attributes);
  return {};
}

// Of several with one key all go when one of them is empty; else storage refuses the series.
void OtlpLabeler::AddPlain(const Attributes& sorted) {
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i + 1;
    while (end < sorted.size() && sorted[end].key == sorted[i].key) ++end;
    std::vector<std::string_view> values;
    for (std::size_t k = i; k < end; ++k) values.push_back(TextOf(sorted[k].value));
    const bool any_empty = std::any_of(values.begin(), values.end(),
                                       [](std::string_view value) { return value.empty(); });
    for (const std::string_view value : values) {
      if (!any_empty) draft_.Add(sorted[i].key, value);
    }
    i = end;
  }
}

Status OtlpLabeler::AddEscaped(const Attributes& sorted, bool of_resource) {
  new_collisions_.clear();
  joined_.clear();
  Status status;
  for (const auto& attribute : sorted) {
    const auto label = NameOf(attribute.key);
    if (!label) {
      status = Fail(label.error());
      break;
    }
    const std::string_view value = TextOf(attribute.value);
    const std::string_view present = draft_.Get(*label);
    if (present.empty()) {
      draft_.Set(*label, value);
      continue;
    }
    NoteCollision(*label);
    // Many may collide, so what is joined already is not copied each time.
    std::string*& joined = joined_[*label];
    if (joined == nullptr) {
      joined = &values_.Next();
      *joined = present;
    }
    *joined += ';';
    *joined += value;
    draft_.Set(*label, *joined);
  }
  if (!new_collisions_.empty()) TellCollisions(sorted, of_resource);
  return status;
}

// Each label is told of once in a request, whatever attributes collide.
void OtlpLabeler::NoteCollision(std::string_view label) {
  constexpr std::size_t kMostTold = 1000;
  collided_ = true;
  if (collided_labels_.size() < kMostTold && collided_labels_.emplace(label).second) {
    new_collisions_.push_back(label);
  }
}

void OtlpLabeler::TellCollisions(const Attributes& sorted, bool of_resource) {
  absl::flat_hash_map<std::string_view, std::string> keys;
  for (const std::string_view label : new_collisions_) keys[label];
  for (const auto& attribute : sorted) {
    const auto label = NameOf(attribute.key);
    if (!label) continue;
    const auto found = keys.find(*label);
    if (found == keys.end()) continue;
    if (!found->second.empty()) found->second += ", ";
    found->second += go::Quote(attribute.key);
  }
  for (const std::string_view label : new_collisions_) {
    collisions_.push_back(
        fmt::format("OTLP {} attributes {} collide as label {} after name sanitization, values are "
                    "concatenated with ';'",
                    of_resource ? "resource" : "data point", keys[label], go::Quote(label)));
  }
}

void OtlpLabeler::AddContext(bool with_scope) {
  if (!job_.empty()) draft_.Set(model::kJobLabel, job_);
  if (!instance_.empty()) draft_.Set(model::kInstanceLabel, instance_);
  if (!with_scope || !has_scope_) return;
  for (const auto label : scope_labels_) draft_.Set(label.name, label.value);
  draft_.Set("otel_scope_name", scope_name_);
  draft_.Set("otel_scope_version", scope_version_);
  draft_.Set("otel_scope_schema_url", scope_schema_url_);
}

Status OtlpLabeler::SetPoint(Attributes& attributes, const OtlpFamily& family) {
  draft_.Clear();
  values_.Clear();
  collided_ = false;
  std::erase_if(attributes, [](const auto& a) { return a.key == model::kMetricName; });
  NX_RETURN_IF_ERROR(AddAttributes(attributes, false));
  for (const auto label : promoted_) {
    if (draft_.Get(label.name).empty()) draft_.Set(label.name, label.value);
  }
  AddContext(true);
  if (type_and_unit_labels_) {
    if (family.metadata.type != model::MetricType::kUnknown) {
      draft_.Set(kTypeLabel, model::MetricTypeName(family.metadata.type));
    }
    if (!family.metadata.unit.empty()) draft_.Set(kUnitLabel, family.unit_label);
  }
  return {};
}

Status OtlpLabeler::Build(model::Labels& out) {
  if (const auto twice = draft_.Build(out)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("label name \"{}\" is not unique: invalid sample", *twice));
  }
  if (out.empty()) return Fail(Code::kInvalidArgument, "empty labelset: invalid sample");
  return {};
}

Result<bool> OtlpLabeler::BuildTargetInfo(const Attributes& attributes, model::Labels& out) {
  auto others = static_cast<std::ptrdiff_t>(attributes.size());
  for (const std::string_view key : kIdentifying) {
    if (FindAttribute(attributes, key) != nullptr) --others;
  }
  if (others == 0) return false;
  draft_.Clear();
  values_.Clear();
  Attributes kept;
  for (const auto& attribute : attributes) {
    const bool identifying =
        std::find(kIdentifying.begin(), kIdentifying.end(), attribute.key) != kIdentifying.end();
    if (!identifying || config_.keep_identifying_resource_attributes) kept.push_back(attribute);
  }
  NX_RETURN_IF_ERROR(AddAttributes(kept, true));
  AddContext(false);
  // As upstream, whose metadata for it have no type here.
  if (type_and_unit_labels_) draft_.Set(kTypeLabel, {});
  draft_.Set(model::kMetricName, kTargetInfo);
  if (draft_.Get(model::kJobLabel).empty() && draft_.Get(model::kInstanceLabel).empty()) {
    return false;
  }
  NX_RETURN_IF_ERROR(Build(out));
  return true;
}

}  // namespace narthex::remote
