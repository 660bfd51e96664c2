// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/exec.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/methods.h"
#include "alerting/template/parameters.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr int kMaxNesting = 500;
constexpr std::size_t kMaxOutputBytes = std::size_t{16} << 20;
constexpr std::int64_t kMaxIterations = 1'000'000;  // Turns of ranges, and calls.

using Final = std::optional<Value>;  // What the command before in the pipeline gave.

/// How a list of nodes ended.
enum class Flow { kNormal, kBreak, kContinue };

class Executor {
 public:
  Executor(const TemplateSet& templates, const std::string& name, const Environment& env)
      : templates_(templates), running_{&*templates.find(name)}, env_(env) {}

  Result<std::string> Run(const Value& dot) {
    variables_.emplace_back("$", dot);
    const auto flow = WalkList(dot, running_.back()->second.nodes);
    if (!flow) return Fail(flow.error());
    return std::move(out_);
  }

 private:
  void At(int position, const std::string& text) {
    position_ = position;
    at_ = &text;
  }
  tl::unexpected<Error> Failure(const std::string& reason) const {
    const auto& [name, running] = *running_.back();
    return Fail(Code::kExecution,
                fmt::format("template: {}: executing {} at <{}>: {}",
                            running.source->Location(position_), go::Quote(name), *at_, reason));
  }

  Status Iterate() {
    if (++env_.effort->iterations > kMaxIterations) return Failure("too many iterations");
    return GoOn();
  }

  Status GoOn() const {
    if (!env_.go_on) return {};
    if (const Status status = env_.go_on(); !status) return Failure(status.error().message());
    return {};
  }

  /// What fails ends the whole execution, so that only what goes well needs to leave.
  Status Enter() {
    if (++env_.effort->nesting > kMaxNesting) {
      return Failure(fmt::format("exceeded maximum nesting of blocks ({})", kMaxNesting));
    }
    return {};
  }
  void Leave() { --env_.effort->nesting; }

  Result<Flow> WalkList(const Value& dot, const NodeList& list) {
    NX_RETURN_IF_ERROR(Enter());
    for (const Node& node : list) {
      NX_ASSIGN_OR_RETURN(const Flow flow, Walk(dot, node));
      if (flow == Flow::kNormal) continue;
      Leave();
      return flow;
    }
    Leave();
    return Flow::kNormal;
  }

  Status Print(const std::string& text) {
    if (out_.size() + text.size() > kMaxOutputBytes) return Failure("the output is too long");
    out_ += text;
    return {};
  }

  Result<Flow> Walk(const Value& dot, const Node& node) {
    At(node.position, node.text);
    switch (node.kind) {
      case NodeKind::kText:
        NX_RETURN_IF_ERROR(Print(node.text));
        return Flow::kNormal;
      case NodeKind::kAction: {
        NX_ASSIGN_OR_RETURN(const Value value, EvalPipe(dot, *node.pipe));
        if (node.pipe->variables.empty()) {
          NX_RETURN_IF_ERROR(Print(value.IsNil() ? "<no value>" : value.ToString()));
        }
        return Flow::kNormal;
      }
      case NodeKind::kIf:
      case NodeKind::kWith:
        return WalkIfOrWith(dot, node);
      case NodeKind::kRange:
        return WalkRange(dot, node);
      case NodeKind::kTemplate:
        return WalkTemplate(dot, node);
      case NodeKind::kBreak:
        return Flow::kBreak;
      case NodeKind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNormal;
  }

  Result<Flow> WalkIfOrWith(const Value& dot, const Node& node) {
    const std::size_t mark = variables_.size();
    NX_ASSIGN_OR_RETURN(const Value value, EvalPipe(dot, *node.pipe));
    const bool truth = value.Truth();
    const bool with = node.kind == NodeKind::kWith && truth;
    auto flow = WalkList(with ? value : dot, truth ? node.list : node.else_list);
    variables_.resize(mark);
    return flow;
  }

  /// One turn of a range with its variables set; those that it declared are the last before `mark`.
  Result<Flow> Turn(const Node& node, const Value& key, const Value& element, std::size_t mark) {
    NX_RETURN_IF_ERROR(Iterate());
    const auto& names = node.pipe->variables;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Value& value = i + 1 < names.size() ? key : element;
      if (node.pipe->assign) {
        NX_RETURN_IF_ERROR(SetVariable(names[i], value));
      } else {
        variables_[mark - names.size() + i].second = value;
      }
    }
    auto flow = WalkList(element, node.list);
    variables_.resize(mark);
    return flow;
  }

  Result<Flow> WalkRange(const Value& dot, const Node& node) {
    const std::size_t outer = variables_.size();
    NX_ASSIGN_OR_RETURN(const Value value, EvalPipe(dot, *node.pipe));
    const std::size_t mark = variables_.size();
    bool any = false;
    const auto turn = [&](const Value& key, const Value& element) -> Result<bool> {
      any = true;
      NX_ASSIGN_OR_RETURN(const Flow flow, Turn(node, key, element, mark));
      return flow != Flow::kBreak;
    };
    if (const auto* map = value.As<Value::Map>()) {
      for (const auto& [key, element] : (*map)->entries) {
        NX_ASSIGN_OR_RETURN(const bool go_on, turn(Value(key), element));
        if (!go_on) break;
      }
    } else if (const auto* list = value.As<Value::List>()) {
      for (std::size_t i = 0; i < (*list)->items.size(); ++i) {
        NX_ASSIGN_OR_RETURN(const bool go_on,
                            turn(Value(static_cast<std::int64_t>(i)), (*list)->items[i]));
        if (!go_on) break;
      }
    } else if (const auto count = value.Integer()) {
      if (node.pipe->variables.size() > 1) {
        return Failure(fmt::format("can't use {} to iterate over more than one variable", *count));
      }
      for (std::int64_t i = 0; i < *count; ++i) {
        NX_ASSIGN_OR_RETURN(const bool go_on, turn(Value(i), Value(i)));
        if (!go_on) break;
      }
    } else if (!value.IsNil()) {
      return Failure(fmt::format("range can't iterate over {}", value.ToString()));
    }
    auto flow = any ? Flow::kNormal : WalkList(dot, node.else_list);
    variables_.resize(outer);
    return flow;
  }

  Result<Flow> WalkTemplate(const Value& dot, const Node& node) {
    const auto found = templates_.find(node.name);
    if (found == templates_.end()) {
      return Failure(fmt::format("template {} not defined", go::Quote(node.name)));
    }
    if (++env_.effort->calls > kMaxTemplateCalls) {
      return Failure(fmt::format("exceeded maximum template depth ({})", kMaxTemplateCalls));
    }
    NX_RETURN_IF_ERROR(Iterate());
    Value data;
    if (node.pipe) {
      NX_ASSIGN_OR_RETURN(data, EvalPipe(dot, *node.pipe));
    }
    auto outer = std::exchange(variables_, {{"$", data}});
    running_.push_back(&*found);
    const auto flow = WalkList(data, found->second.nodes);
    if (!flow) return Fail(flow.error());
    running_.pop_back();
    variables_ = std::move(outer);
    --env_.effort->calls;
    return Flow::kNormal;
  }

  Status SetVariable(const std::string& name, const Value& value) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first == name) {
        it->second = value;
        return {};
      }
    }
    return Failure(fmt::format("undefined variable: {}", name));
  }

  Result<Value> EvalPipe(const Value& dot, const Pipe& pipe) {
    NX_ASSIGN_OR_RETURN(Value value, EvalCommands(dot, pipe));
    for (const std::string& name : pipe.variables) {
      if (pipe.assign) {
        NX_RETURN_IF_ERROR(SetVariable(name, value));
      } else {
        variables_.emplace_back(name, value);
      }
    }
    return value;
  }

  Result<Value> EvalParentheses(const Value& dot, const Pipe& pipe) {
    NX_RETURN_IF_ERROR(Enter());
    NX_ASSIGN_OR_RETURN(Value value, EvalPipe(dot, pipe));
    Leave();
    return value;
  }

  Result<Value> EvalCommands(const Value& dot, const Pipe& pipe) {
    At(pipe.position, pipe.text);
    Final value;
    for (const Command& command : pipe.commands) {
      NX_ASSIGN_OR_RETURN(value, EvalCommand(dot, command, value));
    }
    return std::move(*value);
  }

  Result<Value> EvalCommand(const Value& dot, const Command& command, const Final& final) {
    const Operand& first = command.args[0];
    switch (first.kind) {
      case OperandKind::kField:
        At(first.position, first.text);
        return EvalFields(dot, dot, first.fields, command.args, final);
      case OperandKind::kChain:
        return EvalChain(dot, first, command.args, final);
      case OperandKind::kIdentifier:
        At(first.position, first.text);
        return EvalCall(dot, first.name, command.position, command.text, command.args, final);
      case OperandKind::kPipe:
        NX_RETURN_IF_ERROR(NotAFunction(command.args, final));
        return EvalParentheses(dot, *first.pipe);
      case OperandKind::kVariable:
        return EvalVariable(dot, first, command.args, final);
      default:
        break;
    }
    At(first.position, first.text);
    NX_RETURN_IF_ERROR(NotAFunction(command.args, final));
    if (first.kind == OperandKind::kNil) return Failure("nil is not a command");
    if (first.kind == OperandKind::kDot) return dot;
    NX_RETURN_IF_ERROR(CheckConstant(first));
    return first.constant;
  }

  Status CheckConstant(const Operand& operand) {
    if (!operand.constant.IsNil()) return {};
    return Failure(fmt::format("{} overflows int", operand.text));
  }

  Status NotAFunction(const std::vector<Operand>& args, const Final& final) {
    if (args.size() <= 1 && !final) return {};
    const std::string& written =
        args[0].kind == OperandKind::kPipe ? args[0].pipe->text : args[0].text;
    return Failure(fmt::format("can't give argument to non-function {}", written));
  }

  Result<Value> EvalVariable(const Value& dot, const Operand& variable,
                             const std::vector<Operand>& args, const Final& final) {
    At(variable.position, variable.text);
    const Value* value = nullptr;
    for (const auto& [name, held] : variables_) {
      if (name == variable.name) value = &held;
    }
    if (value == nullptr) return Failure(fmt::format("undefined variable: {}", variable.name));
    if (variable.fields.empty()) {
      NX_RETURN_IF_ERROR(NotAFunction(args, final));
      return *value;
    }
    return EvalFields(dot, *value, variable.fields, args, final);
  }

  Result<Value> EvalChain(const Value& dot, const Operand& chain, const std::vector<Operand>& args,
                          const Final& final) {
    At(chain.position, chain.text);
    NX_ASSIGN_OR_RETURN(const Value value, EvalArg(dot, 'a', *chain.node));
    return EvalFields(dot, value, chain.fields, args, final);
  }

  Result<Value> EvalFields(const Value& dot, Value receiver, const std::vector<std::string>& fields,
                           const std::vector<Operand>& args, const Final& final) {
    any_type_ = false;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const bool last = i + 1 == fields.size();
      static const std::vector<Operand> kNone;
      NX_ASSIGN_OR_RETURN(receiver, EvalField(dot, receiver, fields[i], last ? args : kNone,
                                              last ? final : Final()));
    }
    return receiver;
  }

  Result<Value> EvalField(const Value& dot, const Value& receiver, const std::string& field,
                          const std::vector<Operand>& args, const Final& final) {
    const bool has_args = args.size() > 1 || final;
    const bool any_type = std::exchange(any_type_, false);
    if (const Method* method = FindMethod(receiver, field)) {
      return CallMethod(dot, receiver, *method, args, final);
    }
    if (const auto* map = receiver.As<Value::Map>()) {
      if (has_args) return Failure(fmt::format("{} is not a method but has arguments", field));
      any_type_ = (*map)->kind == MapKind::kAny;
      return (*map)->Get(field);
    }
    if (const auto* object = receiver.As<Value::Struct>()) {
      for (const auto& [name, value] : (*object)->fields) {
        if (name != field) continue;
        if (has_args) {
          return Failure(fmt::format("{} has arguments but cannot be invoked as function", field));
        }
        any_type_ = field == "Value";
        return value;
      }
    }
    if (receiver.IsNil()) {
      if (!any_type) return receiver;  // A template without data.
      return Failure(fmt::format("nil pointer evaluating interface {{}}.{}", field));
    }
    return Failure(fmt::format("can't evaluate field {} in type {}", field,
                               any_type ? "interface {}" : receiver.TypeName()));
  }

  Result<Value> CallMethod(const Value& dot, const Value& receiver, const Method& method,
                           const std::vector<Operand>& args, const Final& final) {
    const std::size_t count = (args.empty() ? 0 : args.size() - 1) + (final ? 1 : 0);
    if (count != method.params.size()) {
      return Failure(fmt::format("wrong number of args for {}: want {} got {}", method.name,
                                 method.params.size(), count));
    }
    if (method.call == nullptr) return Failure(std::string(method.problem));
    std::vector<Value> values;
    for (std::size_t i = 1; i < args.size(); ++i) {
      NX_ASSIGN_OR_RETURN(auto value, EvalArg(dot, method.params[i - 1], args[i]));
      values.push_back(std::move(value));
    }
    if (final) {
      NX_ASSIGN_OR_RETURN(auto value, CheckType(*final, method.params.back()));
      values.push_back(std::move(value));
    }
    return method.call(receiver, values);
  }

  Result<Value> EvalCall(const Value& dot, const std::string& name, int position,
                         const std::string& text, const std::vector<Operand>& args,
                         const Final& final) {
    const Function* function = FindFunction(name);
    if (function == nullptr) return Failure(fmt::format("\"{}\" is not a defined function", name));
    const std::size_t count = (args.empty() ? 0 : args.size() - 1) + (final ? 1 : 0);
    const std::size_t fixed = function->params.size() - (function->variadic ? 1 : 0);
    if (function->variadic ? count < fixed : count != fixed) {
      return Failure(fmt::format("wrong number of args for {}: want {}{} got {}", name,
                                 function->variadic ? "at least " : "", fixed, count));
    }
    const auto type = [&](std::size_t i) {
      return function->params[std::min(i, function->params.size() - 1)];
    };
    std::vector<Value> values;
    const bool short_circuit = name == "and" || name == "or";
    for (std::size_t i = 1; i < args.size(); ++i) {
      NX_ASSIGN_OR_RETURN(auto value, EvalArg(dot, type(i - 1), args[i]));
      if (short_circuit && value.Truth() == (name == "or")) return value;
      values.push_back(std::move(value));
    }
    if (final) {
      NX_ASSIGN_OR_RETURN(auto value, CheckType(*final, type(count - 1)));
      values.push_back(std::move(value));
    }
    if (short_circuit) return values.back();
    NX_RETURN_IF_ERROR(GoOn());
    const auto problem = ProblemOfArgs(name, args, values);
    auto result = problem ? Fail(Code::kExecution, *problem) : function->call(env_, values);
    if (!result) {
      At(position, text);
      return Failure(fmt::format("error calling {}: {}", name, result.error().message()));
    }
    return result;
  }

  /// What depends on how the arguments are written.
  static std::optional<std::string> ProblemOfArgs(const std::string& function,
                                                  const std::vector<Operand>& args,
                                                  const std::vector<Value>& values) {
    if (function == "len" && args.size() > 1 && args[1].kind == OperandKind::kNil) {
      return "reflect: call of reflect.Value.Type on zero Value";
    }
    if (function != "call") return std::nullopt;
    // It wants a function, and no value of a template is one.
    const Value& callee = values.front();
    if (callee.IsNil()) return "call of nil";
    std::string written = fmt::format("<{} Value>", callee.TypeName());
    if (args.size() > 1) {
      written = args[1].kind == OperandKind::kPipe ? args[1].pipe->text : args[1].text;
    } else if (const auto* text = callee.As<std::string>()) {
      written = *text;
    }
    return fmt::format("non-function {} of type {}", written, callee.TypeName());
  }

  Result<Value> CheckType(Value value, char type) {
    if (Fits(value, type)) return value;
    if (value.IsNil()) {
      return Failure(fmt::format("invalid value; expected {}", ParameterType(type)));
    }
    return Failure(fmt::format("wrong type for value; expected {}; got {}", ParameterType(type),
                               value.TypeName()));
  }

  Result<Value> EvalArg(const Value& dot, char type, const Operand& arg) {
    At(arg.position, arg.text);
    static const std::vector<Operand> kNone;
    switch (arg.kind) {
      case OperandKind::kDot:
        return CheckType(dot, type);
      case OperandKind::kNil:
        if (type == 'a') return Value();
        return Failure(fmt::format("cannot assign nil to {}", ParameterType(type)));
      case OperandKind::kField: {
        NX_ASSIGN_OR_RETURN(auto value, EvalFields(dot, dot, arg.fields, kNone, Final()));
        return CheckType(std::move(value), type);
      }
      case OperandKind::kVariable: {
        NX_ASSIGN_OR_RETURN(auto value, EvalVariable(dot, arg, kNone, Final()));
        return CheckType(std::move(value), type);
      }
      case OperandKind::kPipe: {
        NX_ASSIGN_OR_RETURN(auto value, EvalParentheses(dot, *arg.pipe));
        return CheckType(std::move(value), type);
      }
      case OperandKind::kIdentifier: {
        NX_ASSIGN_OR_RETURN(auto value,
                            EvalCall(dot, arg.name, arg.position, arg.text, kNone, Final()));
        return CheckType(std::move(value), type);
      }
      case OperandKind::kChain: {
        NX_ASSIGN_OR_RETURN(auto value, EvalChain(dot, arg, kNone, Final()));
        return CheckType(std::move(value), type);
      }
      case OperandKind::kConstant:
        break;
    }
    if (type == 'a') NX_RETURN_IF_ERROR(CheckConstant(arg));
    if (type == 'i' || type == 'd') {
      if (auto integer = IntegerFor(type, arg.constant)) return std::move(*integer);
      return Failure(fmt::format("expected integer; found {}", arg.text));
    }
    if (Fits(arg.constant, type)) return arg.constant;
    if (type == 's') return Failure(fmt::format("expected string; found {}", arg.text));
    return Failure(
        fmt::format("can't handle {} for arg of type {}", arg.text, ParameterType(type)));
  }

  const TemplateSet& templates_;
  // The one that was asked for and those called by templates since.
  std::vector<const TemplateSet::value_type*> running_;
  const Environment& env_;
  std::string out_;
  std::vector<std::pair<std::string, Value>> variables_;
  bool any_type_ = false;  // The last field is an interface{} in Go, which errors about it say.
  int position_ = 0;       // Of the node that errors are about, …
  const std::string* at_ = &running_.front()->first;  // … and how it is printed.
};

}  // namespace

Result<std::string> Execute(const TemplateSet& templates, const std::string& name, const Value& dot,
                            const Environment& env) {
  return Executor(templates, name, env).Run(dot);
}

}  // namespace narthex::alerting::tmpl
