// SPDX-License-Identifier: Apache-2.0
#include "src/proto/wire_reader.h"

#include <fmt/format.h>

namespace narthex::proto {

void WireReader::Skip() {
  int depth = 0;
  Wire wire = wire_;
  while (true) {
    switch (wire) {
      case Wire::kVarint:
        RawVarint();
        break;
      case Wire::kFixed64:
        RawDouble();
        break;
      case Wire::kBytes:
        RawBytes();
        break;
      case Wire::kStartGroup:
        ++depth;
        break;
      case Wire::kEndGroup:
        --depth;
        break;
      case Wire::kFixed32:
        if (end_ - p_ < 4) {
          Break("unexpected EOF");
        } else {
          p_ += 4;
        }
        break;
      default:
        Break(fmt::format("proto: illegal wireType {}", static_cast<int>(wire)));
    }
    if (depth == 0 || !error_->empty()) return;
    wire = static_cast<Wire>(RawVarint() & 7);
  }
}

std::uint64_t WireReader::Break(std::string_view why) {
  if (error_->empty()) *error_ = why;
  return 0;
}

void WireReader::BadTag() {
  if (wire_ == Wire::kEndGroup) {
    Break(fmt::format("proto: {}: wiretype end group for non-group", message_));
  } else {
    Break(fmt::format("proto: {}: illegal tag {} (wire type {})", message_, field_,
                      static_cast<int>(wire_)));
  }
}

void WireReader::BadWire(const char* name) {
  Break(fmt::format("proto: wrong wireType = {} for field {}", static_cast<int>(wire_), name));
}

}  // namespace narthex::proto
