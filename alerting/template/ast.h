// SPDX-License-Identifier: Apache-2.0
//
// A parsed template. Positions are byte offsets in the text, as Go's errors show them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

struct Pipe;

enum class OperandKind : std::uint8_t {
  kDot,
  kNil,
  kConstant,    // bool, int, float64, complex128 or string in `constant`; nil = overflows an int
  kField,       // .A.B: `fields`
  kVariable,    // $x.A.B: `name` with the dollar, `fields`
  kIdentifier,  // A function: `name`
  kPipe,        // ( … ): `pipe`
  kChain,       // ( … ).A.B or function.A: `node` and `fields`
};

struct Operand {
  OperandKind kind = OperandKind::kDot;
  int position = 0;
  std::string text;  // As Go prints it back in errors.
  Value constant;
  std::string name;
  std::vector<std::string> fields;
  std::shared_ptr<const Pipe> pipe;
  std::shared_ptr<const Operand> node;
};

struct Command {
  int position = 0;
  std::string text;
  std::vector<Operand> args;  // At least one.
};

/// [$a[, $b] :=] command | command …
struct Pipe {
  int position = 0;
  std::string text;
  std::vector<std::string> variables;  // Two only in range.
  bool assign = false;                 // "=" instead of ":=".
  std::vector<Command> commands;
};

enum class NodeKind : std::uint8_t {
  kText,
  kAction,
  kIf,
  kWith,
  kRange,
  kTemplate,
  kBreak,
  kContinue,
};

struct Node {
  NodeKind kind = NodeKind::kText;
  int position = 0;
  std::string text;            // Of kText: what is printed; else as printed back in errors.
  std::string name;            // Of kTemplate.
  std::unique_ptr<Pipe> pipe;  // Of kTemplate: may be null.
  std::vector<Node> list;
  std::vector<Node> else_list;
};
using NodeList = std::vector<Node>;

/// A text that was parsed, for the places in errors.
struct Source {
  std::string name;
  std::string text;

  /// "NAME:LINE:COLUMN" as Go's errors have it.
  std::string Location(int position) const;
};

struct Template {
  NodeList nodes;
  std::shared_ptr<const Source> source;
};

/// Templates that can call each other: texts under their names, and what define and block add.
using TemplateSet = std::map<std::string, Template>;

/// Nothing but white space.
bool IsEmpty(const NodeList& list);
NodeList Copy(const NodeList& list);

}  // namespace narthex::alerting::tmpl
