// SPDX-License-Identifier: Apache-2.0
//
// Property: any body is read to its end; each line is good or has an error; what is good lies
// inside the limits; and the number of a line is that of line ends before it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/model/labels.h"
#include "web/influx/line_reader.h"

namespace narthex::web {
namespace {

void Check(std::string_view body) {
  const InfluxLimits limits{.max_line_bytes = 200, .max_tags = 3};
  InfluxLineReader reader(body, limits);
  InfluxSeries series;
  const char* last = body.data();
  while (reader.Next()) {
    const std::string_view line = reader.text();
    NX_CHECK(line.data() >= last && line.data() + line.size() <= body.data() + body.size(),
             "a line leads out of the body, or back");
    last = line.data() + line.size();
    const auto before = body.substr(0, static_cast<std::size_t>(line.data() - body.data()));
    NX_CHECK(reader.line_number() ==
                 static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
             "a wrong number of a line");
    if (!reader.error().empty()) continue;
    NX_CHECK(!reader.fields().empty(), "a good line without a field");
    for (const auto& field : reader.fields()) {
      NX_CHECK(!field.key.empty() && model::IsValidUtf8(field.key), "a bad key");
    }
    if (!reader.ReadSeries(series)) {
      NX_CHECK(!reader.error().empty(), "a bad series without an error");
      continue;
    }
    NX_CHECK(!series.measurement.empty() && series.tags.size() <= limits.max_tags, "a bad series");
  }
}

}  // namespace
}  // namespace narthex::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  narthex::web::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
