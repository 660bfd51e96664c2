// SPDX-License-Identifier: Apache-2.0
//
// A YAML document as a plain tree with positions. The library that parses it stays in yaml_node.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::config {

struct YamlNode;
using YamlPtr = std::shared_ptr<const YamlNode>;  // Shared because an alias is its anchor's node.

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;  // A scalar without quotes, whose text may mean a number, a bool or null.
  std::string tag;     // "!!binary" and the like; "" when none was written.
  std::string text;    // Of a scalar.
  int line = 0;        // From 1, as column.
  int column = 0;
  std::vector<YamlPtr> items;  // Of a sequence.
  /// Of a map, in order, names may repeat. Those of "<<" are at the end; its own entries win.
  std::vector<std::pair<YamlPtr, YamlPtr>> entries;

  /// A scalar whose text means null ("", "~", "null") or no node at all.
  bool IsNull() const;
};

struct YamlDocument {
  YamlPtr root;                 // Null when the text holds no document.
  std::size_t num_nodes = 0;    // As written: an alias counts nothing.
  bool more_documents = false;  // Others follow; they are not read.
};

/// Parses the first document. No node contains itself.
/// Errors: kInvalidArgument "yaml: line N: reason".
Result<YamlDocument> ParseYaml(std::string_view text);

/// What a plain scalar means under YAML 1.1 as gopkg.in/yaml.v2 reads it.
enum class ScalarMeaning : std::uint8_t { kNull, kBool, kInt, kFloat, kTimestamp, kMerge, kString };
ScalarMeaning MeaningOf(std::string_view text);

/// The Go yaml tag of a node for messages: "!!str", "!!int", "!!map", ….
std::string_view ShortTag(const YamlNode& node);

}  // namespace narthex::config
