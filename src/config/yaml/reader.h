// SPDX-License-Identifier: Apache-2.0
//
// Reads a YAML tree under a table, strictly: unknown and repeated keys and wrong types are errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "src/config/yaml/node.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

/// Parses `text` and reads its first document as a struct of `type`; an empty text gives the
/// defaults. Runs the checks of all structs that were read, inner ones first.
/// Errors: kInvalidArgument with gopkg.in/yaml's wording: "yaml: unmarshal errors:\n  line N: …".
Result<Value> ReadYaml(std::string_view text, const Type& type);

/// Which version of gopkg.in/yaml words what is said of keys that are repeated: Prometheus reads
/// its rule files by version 3.
enum class YamlWording : std::uint8_t { kVersion2, kVersion3 };

/// Collects the errors of types and keys, which are reported together; a failed check ends it all.
class YamlReader {
 public:
  /// @param document  not owned; outlives the reader
  explicit YamlReader(const YamlDocument& document, bool ignore_unknown_fields = false,
                      YamlWording wording = YamlWording::kVersion2)
      : document_(document), ignore_unknown_fields_(ignore_unknown_fields), wording_(wording) {}

  /// Errors: kInvalidArgument when a check fails, or when the document's aliases stand for many
  /// times what is written.
  Status Read(Value& value);
  /// All collected errors as one, or success.
  Status Finish() const;

 private:
  static constexpr std::size_t kFreeReads = 400'000;

  Status Read(const YamlPtr& node, Value& value);
  /// In the words of version 3. @return whether there are some; nothing else is said of the map
  /// then
  bool AddRepeatedKeys(const YamlNode& map);
  Status ReadStruct(const YamlNode& node, Value& value);
  Status ReadField(const YamlNode& key, const YamlPtr& node, Value& value);
  Status ReadList(const YamlNode& node, Value& value);
  Status ReadMap(const YamlNode& node, Value& value);
  Status ReadScalar(const YamlNode& node, Value& value);
  void AddError(int line, std::string reason);
  void AddWrongType(const YamlNode& node, const Type& type);

  const YamlDocument& document_;
  const bool ignore_unknown_fields_;
  const YamlWording wording_;
  std::size_t num_read_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace narthex::config
