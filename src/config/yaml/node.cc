// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/node.h"

#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include <fmt/core.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace narthex::config {

namespace {

/// Builds the tree of one document from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlPtr root() const { return root_; }
  std::size_t num_nodes() const { return num_nodes_; }

  void OnDocumentStart(const YAML::Mark&) override { ++documents_; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(NewNode(YamlNode::Kind::kNull, mark, "", anchor));
  }

  void OnAnchor(const YAML::Mark&, const std::string& name) override { anchor_name_ = name; }

  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
    const Anchor& known = anchors_[anchor];
    for (const Frame& frame : stack_) {
      if (frame.node != known.node) continue;
      throw std::runtime_error(fmt::format("anchor '{}' value contains itself", known.name));
    }
    Add(known.node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = NewNode(YamlNode::Kind::kScalar, mark, tag, anchor);
    node->plain = tag == "?";
    node->text = value;
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(NewNode(YamlNode::Kind::kSequence, mark, tag, anchor));
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(NewNode(YamlNode::Kind::kMap, mark, tag, anchor));
  }
  void OnMapEnd() override {
    Merge(*stack_.back().node);
    Close();
  }

 private:
  struct Anchor {
    std::string name;
    YamlPtr node;
  };
  struct Frame {
    std::shared_ptr<YamlNode> node;
    YamlPtr key;  // Of a map: read, its value not yet.
  };

  std::shared_ptr<YamlNode> NewNode(YamlNode::Kind kind, const YAML::Mark& mark,
                                    const std::string& tag, YAML::anchor_t anchor) {
    auto node = std::make_shared<YamlNode>();
    ++num_nodes_;
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    if (tag != "?" && tag != "!") {
      constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
      node->tag = tag.starts_with(kPrefix) ? "!!" + tag.substr(kPrefix.size()) : tag;
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {anchor_name_, node};
    return node;
  }

  void Add(YamlPtr node) {
    if (stack_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node->kind == YamlNode::Kind::kSequence) {
      frame.node->items.push_back(std::move(node));
    } else if (frame.key == nullptr) {
      frame.key = std::move(node);
    } else {
      frame.node->entries.emplace_back(std::move(frame.key), std::move(node));
      frame.key = nullptr;
    }
  }

  void Open(std::shared_ptr<YamlNode> node) { stack_.push_back({std::move(node), nullptr}); }
  void Close() {
    auto node = std::move(stack_.back().node);
    stack_.pop_back();
    Add(std::move(node));
  }

  /// Puts the entries of "<<" into the map itself; what they refer to is complete already.
  static void Merge(YamlNode& map) {
    std::vector<std::pair<YamlPtr, YamlPtr>> own;
    std::vector<YamlPtr> merged;
    for (auto& [key, value] : map.entries) {
      if (!key->plain || key->text != "<<") {
        own.emplace_back(std::move(key), std::move(value));
      } else if (value->kind == YamlNode::Kind::kSequence) {
        merged.insert(merged.end(), value->items.begin(), value->items.end());
      } else {
        merged.push_back(value);
      }
    }
    map.entries = std::move(own);
    if (merged.empty()) return;
    std::set<std::string_view> present;
    for (const auto& entry : map.entries) present.insert(entry.first->text);
    for (const YamlPtr& other : merged) {
      if (other->kind != YamlNode::Kind::kMap) {
        throw std::runtime_error("map merge requires map or sequence of maps as the value");
      }
      for (const auto& entry : other->entries) {
        if (present.insert(entry.first->text).second) map.entries.push_back(entry);
      }
    }
  }

  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  std::string anchor_name_;  // Of the node that comes next.
  YamlPtr root_;
  std::size_t num_nodes_ = 0;
  int documents_ = 0;
};

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool LooksInt(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text[0] == '_') return false;
  if (text.starts_with("0x")) return AllOf(text.substr(2), "0123456789abcdefABCDEF_");
  if (text.starts_with("0b")) return AllOf(text.substr(2), "01_");
  if (text.starts_with("0o")) return AllOf(text.substr(2), "01234567_");
  if (text.size() > 1 && text[0] == '0') return AllOf(text, "01234567_");
  return AllOf(text, "0123456789_") && text.size() <= 20;
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool LooksFloat(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && (text[i] >= '0' && text[i] <= '9')) ++i;
    return i > from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const bool whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits() && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

/// 2001-01-02 with or without a time behind it.
bool LooksTimestamp(std::string_view text) {
  if (text.size() < 8 || !AllOf(text.substr(0, 4), "0123456789") || text[4] != '-') return false;
  if (text.find_first_not_of("0123456789-:.TtZz+ ") != std::string_view::npos) return false;
  return std::count(text.begin(), text.end(), '-') >= 2;
}

}  // namespace

bool YamlNode::IsNull() const {
  return kind == Kind::kNull ||
         (kind == Kind::kScalar && plain && MeaningOf(text) == ScalarMeaning::kNull);
}

Result<YamlDocument> ParseYaml(std::string_view text) {
  YamlDocument document;
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return document;
    document.root = builder.root();
    document.num_nodes = builder.num_nodes();
    TreeBuilder ignored;
    document.more_documents = parser.HandleNextDocument(ignored) && ignored.root() != nullptr &&
                              ignored.root()->kind != YamlNode::Kind::kNull;
  } catch (const YAML::Exception& e) {
    return Fail(Code::kInvalidArgument, fmt::format("yaml: line {}: {}", e.mark.line + 1, e.msg));
  } catch (const std::exception& e) {
    return Fail(Code::kInvalidArgument, fmt::format("yaml: {}", e.what()));
  }
  return document;
}

ScalarMeaning MeaningOf(std::string_view text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return ScalarMeaning::kNull;
  if (IsOneOf(text,
              {"y", "Y", "yes", "Yes", "YES", "true",  "True",  "TRUE",  "on",  "On",  "ON",
               "n", "N", "no",  "No",  "NO",  "false", "False", "FALSE", "off", "Off", "OFF"})) {
    return ScalarMeaning::kBool;
  }
  if (text == "<<") return ScalarMeaning::kMerge;
  if (LooksInt(text)) return ScalarMeaning::kInt;
  if (LooksFloat(text) || IsOneOf(text, {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf",
                                         "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"})) {
    return ScalarMeaning::kFloat;
  }
  return LooksTimestamp(text) ? ScalarMeaning::kTimestamp : ScalarMeaning::kString;
}

std::string_view ShortTag(const YamlNode& node) {
  if (node.IsNull()) return "!!null";
  if (node.kind == YamlNode::Kind::kMap) return "!!map";
  if (node.kind == YamlNode::Kind::kSequence) return "!!seq";
  if (!node.plain) return "!!str";
  switch (MeaningOf(node.text)) {
    case ScalarMeaning::kBool:
      return "!!bool";
    case ScalarMeaning::kInt:
      return "!!int";
    case ScalarMeaning::kFloat:
      return "!!float";
    case ScalarMeaning::kTimestamp:
      return "!!timestamp";
    default:
      return "!!str";
  }
}

}  // namespace narthex::config
