// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::web {

enum class OpenApiVersion : std::uint8_t { k31, k32 };

struct OpenApiFacts {
  OpenApiVersion version = OpenApiVersion::k31;
  std::string api_version;           // Of the server: "3.14.0".
  std::string server_url;            // "http://host:9090/api/v1"
  std::size_t max_search_limit = 0;  // 0 = none.
};

/// The description of the API as YAML. 3.1 leaves out the endpoint of live notifications, which it
/// can't describe.
std::string OpenApiYaml(const OpenApiFacts& facts);

}  // namespace narthex::web
