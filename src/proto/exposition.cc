// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/exposition.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/proto/exposed_metric.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

constexpr std::size_t kMaxLengthBytes = 5;  // Of a family, as Prometheus takes them.

}  // namespace

bool ExpositionReader::ReadFamily(ExposedFamily& family) {
  const std::string_view rest = body_.substr(next_family_);
  std::uint64_t length = 0;
  std::size_t length_bytes = 0;
  bool ended = false;
  while (!ended && length_bytes < rest.size() && length_bytes < kMaxLengthBytes) {
    const auto byte = static_cast<std::uint8_t>(rest[length_bytes]);
    length |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * length_bytes++);
    ended = byte < 0x80;
  }
  if (!ended) {
    error_ = "clientpb: invalid varint encountered";
    return false;
  }
  if (length_bytes + length > rest.size()) {
    error_ = fmt::format(
        "clientpb: insufficient length of buffer, expected at least {} bytes, got {} bytes",
        length_bytes + length, rest.size());
    return false;
  }
  family_ = rest.substr(length_bytes, length);
  const std::size_t offset = next_family_;
  next_family_ += length_bytes + length;
  next_metric_ = nullptr;
  family = {};
  WireReader in(family_, "MetricFamily", error_);
  const char* field = in.position();
  for (; in.Next(); field = in.position()) {
    switch (in.field()) {
      case 1:
        family.name = in.Bytes("Name");
        break;
      case 2:
        family.help = in.Bytes("Help");
        break;
      case 3:
        family.type = static_cast<FamilyType>(in.Varint("Type"));
        break;
      case 4:
        in.Bytes("Metric");
        if (next_metric_ == nullptr) next_metric_ = field;
        break;
      case 5:
        family.unit = in.Bytes("Unit");
        break;
      default:
        in.Skip();
    }
  }
  // A body of nothing but empty families takes no memory beside itself.
  if (next_metric_ != nullptr) family_offsets_.push_back(offset);
  type_ = family.type;
  return error_.empty();
}

bool ExpositionReader::NextFamily(ExposedFamily& family) {
  while (next_family_ < body_.size()) {
    if (!ReadFamily(family)) return false;
    if (next_metric_ != nullptr) return true;
  }
  return false;
}

bool ExpositionReader::NextMetric(ExposedMetric& metric) {
  if (next_metric_ == nullptr || !error_.empty()) return false;
  WireReader in(family_, "MetricFamily", error_);
  in.Seek(next_metric_);
  for (const char* field = next_metric_; in.Next(); field = in.position()) {
    if (in.field() != 4) {
      in.Skip();
      continue;
    }
    const std::string_view bytes = in.Bytes("Metric");
    next_metric_ = in.position();
    metric.offset = static_cast<std::size_t>(field - body_.data());
    ReadMetric(bytes, type_, error_, metric);
    return error_.empty();
  }
  next_metric_ = nullptr;
  return false;
}

std::pair<const ExposedFamily&, const ExposedMetric&> ExpositionReader::ReadAt(std::size_t offset) {
  if (again_offset_ != offset) {
    const auto after = std::upper_bound(family_offsets_.begin(), family_offsets_.end(), offset);
    const std::size_t family_offset = *(after - 1);
    if (again_ == nullptr || again_->next_family_ != family_offset) {
      again_ = std::make_unique<ExpositionReader>(body_);
      again_->next_family_ = family_offset;
      again_->ReadFamily(again_family_);
      again_->next_family_ = family_offset;  // So that it is known which one it is.
    }
    again_->next_metric_ = body_.data() + offset;
    again_->NextMetric(again_metric_);
    again_offset_ = offset;
  }
  return {again_family_, again_metric_};
}

}  // namespace narthex::proto
