// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/ast.h"

#include <algorithm>

#include <fmt/core.h>

namespace narthex::alerting::tmpl {

std::string Source::Location(int position) const {
  const std::string_view before =
      std::string_view(text).substr(0, static_cast<std::size_t>(position));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_end = before.rfind('\n');
  const auto column = before.size() - (line_end == before.npos ? 0 : line_end + 1);
  return fmt::format("{}:{}:{}", name, line, column);
}

bool IsEmpty(const NodeList& list) {
  return std::all_of(list.begin(), list.end(), [](const Node& node) {
    return node.kind == NodeKind::kText &&
           node.text.find_first_not_of(" \t\r\n\f\v") == std::string::npos;
  });
}

NodeList Copy(const NodeList& list) {
  NodeList copies;
  copies.reserve(list.size());
  for (const Node& node : list) {
    Node& copy = copies.emplace_back();
    copy.kind = node.kind;
    copy.position = node.position;
    copy.text = node.text;
    copy.name = node.name;
    if (node.pipe) copy.pipe = std::make_unique<Pipe>(*node.pipe);
    copy.list = Copy(node.list);
    copy.else_list = Copy(node.else_list);
  }
  return copies;
}

}  // namespace narthex::alerting::tmpl
