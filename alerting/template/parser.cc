// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/parser.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/constant.h"
#include "alerting/template/lexer.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr int kMaxDepth = 200;  // Of nested blocks and parentheses.

class Parser {
 public:
  Parser(std::string name, Dialect dialect, Tokens tokens)
      : name_(std::move(name)),
        dialect_(dialect),
        tokens_(std::move(tokens.list)),
        error_(std::move(tokens.error)) {}

  Result<std::map<std::string, NodeList>> Run() {
    NodeList list;
    NX_RETURN_IF_ERROR(ParseList(list, /*nested=*/false));
    NX_RETURN_IF_ERROR(Add(name_, std::move(list)));
    return std::move(templates_);
  }

 private:
  Status Add(const std::string& name, NodeList list) {
    NodeList& known = templates_[name];
    if (!IsEmpty(known) && !IsEmpty(list)) {
      return Failure(fmt::format("template: multiple definition of template {}", go::Quote(name)));
    }
    if (IsEmpty(known)) known = std::move(list);
    return {};
  }

  tl::unexpected<Error> Failure(const std::string& reason) const {
    const int line = last_line_;
    return Fail(Code::kInvalidArgument, fmt::format("template: {}:{}: {}", name_, line, reason));
  }
  tl::unexpected<Error> Unexpected(const Token& token, std::string_view context) const {
    if (token.kind == TokenKind::kError) {
      if (action_line_ == 0 || action_line_ == token.line) return Failure(error_);
      return Failure(fmt::format("{}{} started at {}:{}", error_,
                                 error_.ends_with(" action") ? "" : " in action", name_,
                                 action_line_));
    }
    return Failure(fmt::format("unexpected {} in {}", Describe(token), context));
  }
  static std::string Describe(const Token& token) {
    if (token.kind == TokenKind::kEnd) return "EOF";
    const bool by_name = token.kind == TokenKind::kKeyword || token.kind == TokenKind::kDot;
    if (by_name) return fmt::format("<{}>", token.text);
    if (token.text.size() > 10) return go::Quote(token.text.substr(0, 10)) + "...";
    return go::Quote(token.text);
  }

  const Token& Peek() {
    last_line_ = tokens_[at_].line;
    return tokens_[at_];
  }
  const Token& Next() {
    const Token& token = Peek();
    if (token.kind != TokenKind::kEnd && token.kind != TokenKind::kError) ++at_;
    return token;
  }
  const Token& PeekNonSpace() {
    while (Peek().kind == TokenKind::kSpace) ++at_;
    return Peek();
  }
  const Token& NextNonSpace() {
    PeekNonSpace();
    return Next();
  }
  bool AtKeyword(std::string_view word) {
    return PeekNonSpace().kind == TokenKind::kKeyword && Peek().text == word;
  }
  Status ExpectRight(std::string_view context) {
    const Token token = NextNonSpace();
    if (token.kind != TokenKind::kRight) return Unexpected(token, context);
    return {};
  }

  /// Nodes up to the end of the text or, of nested ones, to {{end}} or {{else, which is not
  /// consumed beyond "{{".
  Status ParseList(NodeList& list, bool nested) {
    if (++depth_ > kMaxDepth) return Failure("too deeply nested");
    for (;;) {
      const Token token = Next();
      if (token.kind == TokenKind::kEnd) {
        if (nested) return Failure("unexpected EOF");
        break;
      }
      if (token.kind == TokenKind::kText) {
        Node& node = list.emplace_back();
        node.position = token.position;
        node.text = token.text;
        continue;
      }
      if (token.kind == TokenKind::kError) return Unexpected(token, "input");
      action_line_ = token.line;
      if (AtKeyword("end") || AtKeyword("else")) {
        if (!nested) return UnexpectedEnd();
        break;
      }
      NX_RETURN_IF_ERROR(ParseAction(list));
      action_line_ = 0;
    }
    --depth_;
    return {};
  }

  Status ParseAction(NodeList& list) {
    const Token first = PeekNonSpace();
    if (first.kind == TokenKind::kKeyword && first.text != "nil") {
      Next();
      if (first.text == "if") return ParseControl(list, NodeKind::kIf, first);
      if (first.text == "with") return ParseControl(list, NodeKind::kWith, first);
      if (first.text == "range") return ParseControl(list, NodeKind::kRange, first);
      if (first.text == "template") return ParseTemplate(list, first);
      if (first.text == "define") {
        if (depth_ > 1) return Unexpected(first, "command");  // Not inside of anything.
        return ParseDefine();
      }
      if (first.text == "block") return ParseBlock(list, first);
      return ParseBreak(list, first);
    }
    Node node;
    node.kind = NodeKind::kAction;
    node.position = first.position;
    NX_ASSIGN_OR_RETURN(node.pipe, ParsePipe("command", TokenKind::kRight));
    node.text = fmt::format("{{{{{}}}}}", node.pipe->text);
    list.push_back(std::move(node));
    return {};
  }

  Status ParseBreak(NodeList& list, const Token& word) {
    NX_RETURN_IF_ERROR(ExpectRight(fmt::format("{{{{{}}}}}", word.text)));
    if (range_depth_ == 0) {
      return Failure(fmt::format("{{{{{}}}}} outside {{{{range}}}}", word.text));
    }
    Node& node = list.emplace_back();
    node.kind = word.text == "break" ? NodeKind::kBreak : NodeKind::kContinue;
    node.position = word.position;
    return {};
  }

  /// if, with, range and what belongs to them up to {{end}}.
  Status ParseControl(NodeList& list, NodeKind kind, const Token& word) {
    const std::size_t num_variables = variables_.size();
    const std::string context(word.text);
    Node node;
    node.kind = kind;
    node.position = word.position;
    NX_ASSIGN_OR_RETURN(node.pipe, ParsePipe(context, TokenKind::kRight));
    node.text = fmt::format("{{{{{} {}}}}}", context, node.pipe->text);
    if (kind == NodeKind::kRange) ++range_depth_;
    NX_RETURN_IF_ERROR(ParseList(node.list, /*nested=*/true));
    if (kind == NodeKind::kRange) --range_depth_;
    const Token end = Next();
    NX_RETURN_IF_ERROR(end.text == "else" ? ParseElse(node, kind, context) : ExpectRight("end"));
    variables_.resize(num_variables);
    list.push_back(std::move(node));
    return {};
  }

  Status ParseElse(Node& node, NodeKind kind, const std::string& context) {
    // "else if" and "else with" share the {{end}} of the outer one.
    if (kind != NodeKind::kRange && AtKeyword(context)) {
      const Token word = Next();
      if (++depth_ > kMaxDepth) return Failure("too deeply nested");
      NX_RETURN_IF_ERROR(ParseControl(node.else_list, kind, word));
      --depth_;
      return {};
    }
    if (AtKeyword("if") || AtKeyword("with")) return Unexpected(Peek(), "input");
    NX_RETURN_IF_ERROR(ExpectRight("else"));
    NX_RETURN_IF_ERROR(ParseList(node.else_list, /*nested=*/true));
    return ExpectEnd("expected end; found {{else}}");
  }

  /// What a nested list ended with. @param at_else  the error when that is {{else}}
  Status ExpectEnd(const std::string& at_else) {
    const Token word = Next();
    NX_RETURN_IF_ERROR(ExpectRightOf(word));
    if (word.text == "else") return Failure(at_else);
    return {};
  }
  Status UnexpectedEnd() {
    const Token word = Next();
    NX_RETURN_IF_ERROR(ExpectRightOf(word));
    return Failure(fmt::format("unexpected {{{{{}}}}}", word.text));
  }
  /// What stands behind {{end or {{else; "else if" goes on.
  Status ExpectRightOf(const Token& word) {
    if (word.text == "else" && (AtKeyword("if") || AtKeyword("with"))) return {};
    return ExpectRight(word.text);
  }

  Result<std::string> TemplateName(std::string_view context) {
    const Token token = NextNonSpace();
    if (token.kind != TokenKind::kString) return Unexpected(token, context);
    auto name = UnquoteString(token.text);
    if (!name) return Failure("invalid syntax");
    return std::move(*name);
  }

  Status ParseTemplate(NodeList& list, const Token&) {
    Node node;
    node.kind = NodeKind::kTemplate;
    node.position = PeekNonSpace().position;
    NX_ASSIGN_OR_RETURN(node.name, TemplateName("template clause"));
    node.text = "{{template " + go::Quote(node.name);
    if (PeekNonSpace().kind != TokenKind::kRight) {
      NX_ASSIGN_OR_RETURN(node.pipe, ParsePipe("template clause", TokenKind::kRight));
      node.text += ' ' + node.pipe->text;
    } else {
      Next();
    }
    node.text += "}}";
    list.push_back(std::move(node));
    return {};
  }

  /// A body that sees only "$" of the variables.
  Status ParseBody(const std::string& name, std::string_view context) {
    auto outer = std::exchange(variables_, {"$"});
    const int ranges = std::exchange(range_depth_, 0);
    NodeList list;
    NX_RETURN_IF_ERROR(ParseList(list, /*nested=*/true));
    NX_RETURN_IF_ERROR(ExpectEnd(fmt::format("unexpected {{{{else}}}} in {}", context)));
    variables_ = std::move(outer);
    range_depth_ = ranges;
    return Add(name, std::move(list));
  }

  Status ParseDefine() {
    NX_ASSIGN_OR_RETURN(const std::string name, TemplateName("define clause"));
    NX_RETURN_IF_ERROR(ExpectRight("define clause"));
    return ParseBody(name, "define clause");
  }

  Status ParseBlock(NodeList& list, const Token&) {
    Node node;
    node.kind = NodeKind::kTemplate;
    node.position = PeekNonSpace().position;
    NX_ASSIGN_OR_RETURN(node.name, TemplateName("block clause"));
    NX_ASSIGN_OR_RETURN(node.pipe, ParsePipe("block clause", TokenKind::kRight));
    node.text = fmt::format("{{{{template {} {}}}}}", go::Quote(node.name), node.pipe->text);
    NX_RETURN_IF_ERROR(ParseBody(node.name, "block clause"));
    list.push_back(std::move(node));
    return {};
  }

  /// "$x :=", "$x =" and, in range, "$i, $x :=". Whether what is assigned to has been declared
  /// shows only when it is executed.
  Status ParseVariables(Pipe& pipe, const std::string& context) {
    while (PeekNonSpace().kind == TokenKind::kVariable) {
      const std::size_t begin = at_;
      const std::string name(Next().text);
      const TokenKind next = PeekNonSpace().kind;
      if (next != TokenKind::kDeclare && next != TokenKind::kAssign && next != TokenKind::kComma) {
        at_ = begin;  // It was a value.
        return {};
      }
      Next();
      variables_.push_back(name);
      pipe.variables.push_back(name);
      if (next != TokenKind::kComma) {
        pipe.assign = next == TokenKind::kAssign;
        return {};
      }
      if (context != "range" || pipe.variables.size() == 2) {
        return Failure(fmt::format("too many declarations in {}", context));
      }
      const TokenKind after = PeekNonSpace().kind;
      if (after != TokenKind::kVariable && after != TokenKind::kRight &&
          after != TokenKind::kRightParen) {
        return Failure("range can only initialize variables");
      }
    }
    return {};
  }

  bool IsDefined(std::string_view name) const {
    return std::find(variables_.begin(), variables_.end(), name) != variables_.end();
  }

  Result<std::unique_ptr<Pipe>> ParsePipe(const std::string& context, TokenKind end) {
    if (++depth_ > kMaxDepth) return Failure("too deeply nested");
    auto pipe = std::make_unique<Pipe>();
    pipe->position = PeekNonSpace().position;
    NX_RETURN_IF_ERROR(ParseVariables(*pipe, context));
    while (PeekNonSpace().kind != end) {
      if (!BeginsOperand(Peek())) return Unexpected(Peek(), context);
      NX_RETURN_IF_ERROR(ParseCommand(*pipe));
    }
    Next();
    if (pipe->commands.empty()) return Failure(fmt::format("missing value for {}", context));
    for (std::size_t i = 1; i < pipe->commands.size(); ++i) {
      const Operand& first = pipe->commands[i].args[0];
      if (first.kind == OperandKind::kConstant || first.kind == OperandKind::kDot ||
          first.kind == OperandKind::kNil) {
        return Failure(fmt::format("non executable command in pipeline stage {}", i + 1));
      }
    }
    pipe->text = PipeText(*pipe);
    --depth_;
    return pipe;
  }

  static std::string PipeText(const Pipe& pipe) {
    std::string text;
    for (std::size_t i = 0; i < pipe.variables.size(); ++i) {
      text += (i > 0 ? ", " : "") + pipe.variables[i];
    }
    if (!text.empty()) text += pipe.assign ? " = " : " := ";
    for (std::size_t i = 0; i < pipe.commands.size(); ++i) {
      text += (i > 0 ? " | " : "") + pipe.commands[i].text;
    }
    return text;
  }

  /// Operands with spaces between them, up to what ends the command; a "|" goes with it, also when
  /// nothing follows.
  Status ParseCommand(Pipe& pipe) {
    Command command;
    command.position = PeekNonSpace().position;
    for (;;) {
      if (BeginsOperand(PeekNonSpace())) {
        NX_ASSIGN_OR_RETURN(auto operand, ParseOperand());
        command.text += (command.args.empty() ? "" : " ") + operand.text;
        command.args.push_back(std::move(operand));
      }
      const TokenKind kind = Peek().kind;
      if (kind == TokenKind::kRight || kind == TokenKind::kRightParen) break;
      if (kind != TokenKind::kSpace && kind != TokenKind::kPipe) {
        return Unexpected(Peek(), "operand");
      }
      Next();
      if (kind == TokenKind::kPipe) break;
    }
    pipe.commands.push_back(std::move(command));
    return {};
  }

  static bool BeginsOperand(const Token& token) {
    switch (token.kind) {
      case TokenKind::kBool:
      case TokenKind::kChar:
      case TokenKind::kField:
      case TokenKind::kDot:
      case TokenKind::kIdentifier:
      case TokenKind::kNumber:
      case TokenKind::kComplex:
      case TokenKind::kLeftParen:
      case TokenKind::kString:
      case TokenKind::kVariable:
        return true;
      case TokenKind::kKeyword:
        return token.text == "nil";
      default:
        return false;
    }
  }

  Result<Operand> ParseOperand() {
    NX_ASSIGN_OR_RETURN(auto operand, ParseTerm());
    if (Peek().kind != TokenKind::kField) return operand;
    const int position = Peek().position;
    std::vector<std::string> fields;
    std::string text;
    while (Peek().kind == TokenKind::kField) {
      const Token token = Next();
      fields.emplace_back(token.text.substr(1));
      text += token.text;
    }
    if (operand.kind == OperandKind::kField || operand.kind == OperandKind::kVariable) {
      operand.fields.insert(operand.fields.end(), fields.begin(), fields.end());
      operand.text += text;
      operand.position = position;  // As Go does.
      return operand;
    }
    if (operand.kind == OperandKind::kConstant || operand.kind == OperandKind::kNil ||
        operand.kind == OperandKind::kDot) {
      return Failure(fmt::format("unexpected . after term {}", go::Quote(operand.text)));
    }
    Operand chain;
    chain.kind = OperandKind::kChain;
    chain.position = position;
    chain.text = operand.text + text;
    chain.fields = std::move(fields);
    chain.node = std::make_shared<const Operand>(std::move(operand));
    return chain;
  }

  Result<Operand> ParseTerm() {
    const Token token = NextNonSpace();
    Operand operand;
    operand.position = token.position;
    operand.text = token.text;
    switch (token.kind) {
      case TokenKind::kDot:
        operand.kind = OperandKind::kDot;
        return operand;
      case TokenKind::kKeyword:
        if (token.text != "nil") break;
        operand.kind = OperandKind::kNil;
        return operand;
      case TokenKind::kIdentifier:
        if (!IsFunction(token.text, dialect_)) {
          return Failure(fmt::format("function \"{}\" not defined", token.text));
        }
        operand.kind = OperandKind::kIdentifier;
        operand.name = token.text;
        return operand;
      case TokenKind::kVariable:
        if (!IsDefined(token.text)) {
          return Failure(fmt::format("undefined variable \"{}\"", token.text));
        }
        operand.kind = OperandKind::kVariable;
        operand.name = token.text;
        return operand;
      case TokenKind::kField:
        operand.kind = OperandKind::kField;
        operand.fields.emplace_back(token.text.substr(1));
        return operand;
      case TokenKind::kBool:
      case TokenKind::kNumber:
      case TokenKind::kComplex:
      case TokenKind::kChar:
      case TokenKind::kString:
        return ParseConstant(token, std::move(operand));
      case TokenKind::kLeftParen: {
        NX_ASSIGN_OR_RETURN(auto pipe, ParsePipe("parenthesized pipeline", TokenKind::kRightParen));
        operand.kind = OperandKind::kPipe;
        operand.text = '(' + pipe->text + ')';
        operand.pipe = std::move(pipe);
        return operand;
      }
      default:
        break;
    }
    return Unexpected(token, "operand");
  }

  Result<Operand> ParseConstant(const Token& token, Operand operand) {
    operand.kind = OperandKind::kConstant;
    if (token.kind == TokenKind::kBool) {
      operand.constant = Value(token.text == "true");
      return operand;
    }
    if (token.kind == TokenKind::kString) {
      auto text = UnquoteString(token.text);
      if (!text) return Failure("invalid syntax");
      operand.constant = Value(std::move(*text));
      return operand;
    }
    auto number = token.kind == TokenKind::kChar      ? CharConstant(token.text)
                  : token.kind == TokenKind::kComplex ? ComplexConstant(token.text)
                                                      : NumberConstant(token.text);
    if (!number) return Failure(number.error().message());
    operand.constant = std::move(*number);
    return operand;
  }

  const std::string name_;
  const Dialect dialect_;
  const std::vector<Token> tokens_;
  const std::string error_;  // Of the token kError.
  std::size_t at_ = 0;
  int last_line_ = 1;
  int action_line_ = 0;  // Where the action that is being read began; 0 = none is.
  int depth_ = 0;
  int range_depth_ = 0;
  std::vector<std::string> variables_ = {"$"};
  std::map<std::string, NodeList> templates_;
};

}  // namespace

Status Parse(const std::string& name, std::string text, Dialect dialect, TemplateSet& set) {
  auto source = std::make_shared<const Source>(Source{name, std::move(text)});
  NX_ASSIGN_OR_RETURN(auto templates, Parser(name, dialect, Tokenize(source->text)).Run());
  for (auto& [key, nodes] : templates) {
    if (IsEmpty(nodes) && set.contains(key)) continue;
    set.insert_or_assign(key, Template{std::move(nodes), source});
  }
  return {};
}

}  // namespace narthex::alerting::tmpl
