// SPDX-License-Identifier: Apache-2.0
//
// Property: any text and any message is a set of families or a bad argument, and what is read can
// be written as messages and read again, with nothing lost.
// The first byte chooses the format.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/proto/metric_family.h"

namespace narthex::proto {
namespace {

std::string Encoded(const FamiliesByName& families) {
  std::string out;
  for (const auto& [name, family] : families) EncodeFamily(family, out);
  return out;
}

void Check(std::uint8_t choice, std::string_view body) {
  auto families = choice % 3 == 2 ? DecodeFamilies(body)
                                  : ParseFamilyText(body, choice % 3 == 1 ? NameRule::kUtf8
                                                                          : NameRule::kLegacy);
  if (!families) {
    NX_CHECK(families.error().code() == Code::kInvalidArgument, "unexpected code");
    return;
  }
  const std::string encoded = Encoded(*families);
  const auto again = DecodeFamilies(encoded);
  NX_CHECK(again, "what was written can't be read");
  NX_CHECK(Encoded(*again) == encoded, "written again it is another one");
  for (const auto& [name, family] : *families) {
    const auto& other = again->at(name);
    NX_CHECK(family.metrics.size() == other.metrics.size(), "metrics are lost");
    for (std::size_t i = 0; i < family.metrics.size(); ++i) {
      NX_CHECK(family.metrics[i].DebugText() == other.metrics[i].DebugText(), "a value is lost");
    }
  }
}

}  // namespace
}  // namespace narthex::proto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  narthex::proto::Check(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
