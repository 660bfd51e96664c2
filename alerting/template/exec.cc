// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/exec.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/methods.h"
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

  /// One turn of a range with its variables set.
  Result<Flow> Turn(const Node& node, const Value& key, const Value& element, std::size_t mark) {
    NX_RETURN_IF_ERROR(Iterate());
    const auto& names = node.pipe->variables;
    const bool assign = node.pipe->assign;
    const auto set = [&](std::size_t index, const Value& value) {
      if (assign) {
        SetVariable(names[index], value);
      } else {
        variables_[mark + index].second = value;
      }
    };
    if (!assign) {
      for (const std::string& name : names) variables_.emplace_back(name, Value());
    }
    if (names.size() == 1) set(0, element);
    if (names.size() == 2) {
      set(0, key);
      set(1, element);
    }
    auto flow = WalkList(element, node.list);
    variables_.resize(mark);
    return flow;
  }

  Result<Flow> WalkRange(const Value& dot, const Node& node) {
    const std::size_t mark = variables_.size();
    // The pipe's variables belong to the turns, not to the pipe.
    NX_ASSIGN_OR_RETURN(const Value value, EvalCommands(dot, *node.pipe));
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
    } else if (const auto* count = value.As<std::int64_t>()) {
      for (std::int64_t i = 0; i < *count; ++i) {
        NX_ASSIGN_OR_RETURN(const bool go_on, turn(Value(i), Value(i)));
        if (!go_on) break;
      }
    } else if (!value.IsNil()) {
      return Failure(fmt::format("range can't iterate over {}", value.ToString()));
    }
    if (!any) return WalkList(dot, node.else_list);
    return Flow::kNormal;
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

  void SetVariable(const std::string& name, const Value& value) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first == name) {
        it->second = value;
        return;
      }
    }
  }

  Result<Value> EvalPipe(const Value& dot, const Pipe& pipe) {
    NX_ASSIGN_OR_RETURN(Value value, EvalCommands(dot, pipe));
    for (const std::string& name : pipe.variables) {
      if (pipe.assign) {
        SetVariable(name, value);
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
    return first.kind == OperandKind::kDot ? dot : first.constant;
  }

  Status NotAFunction(const std::vector<Operand>& args, const Final& final) {
    if (args.size() <= 1 && !final) return {};
    return Failure(fmt::format("can't give argument to non-function {}", args[0].text));
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
    if (const Method* method = FindMethod(receiver, field)) {
      return CallMethod(dot, receiver, *method, args, final);
    }
    if (const auto* map = receiver.As<Value::Map>()) {
      if (has_args) return Failure(fmt::format("{} is not a method but has arguments", field));
      return (*map)->Get(field);
    }
    if (const auto* object = receiver.As<Value::Struct>()) {
      for (const auto& [name, value] : (*object)->fields) {
        if (name != field) continue;
        if (has_args) {
          return Failure(fmt::format("{} has arguments but cannot be invoked as function", field));
        }
        return value;
      }
    }
    if (receiver.IsNil()) {
      return Failure(fmt::format("nil data; no entry for key \"{}\"", field));
    }
    return Failure(fmt::format("can't evaluate field {} in type {}", field, receiver.TypeName()));
  }

  Result<Value> CallMethod(const Value& dot, const Value& receiver, const Method& method,
                           const std::vector<Operand>& args, const Final& final) {
    const std::size_t count = (args.empty() ? 0 : args.size() - 1) + (final ? 1 : 0);
    if (count != method.params.size()) {
      return Failure(fmt::format("wrong number of args for {}: want {} got {}", method.name,
                                 method.params.size(), count));
    }
    if (method.call == nullptr) {
      return Failure(fmt::format("function {} has 0 return values; should be 1 or 2", method.name));
    }
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
    auto result = function->call(env_, values);
    if (!result) {
      At(position, text);
      return Failure(fmt::format("error calling {}: {}", name, result.error().message()));
    }
    return result;
  }

  static std::string_view ParamName(char type) {
    switch (type) {
      case 's':
        return "string";
      case 'i':
        return "int";
      case 'l':
        return "template.queryResult";
      case 'p':
        return kSampleType;
      default:
        return "interface {}";
    }
  }

  static bool Fits(const Value& value, char type) {
    switch (type) {
      case 's':
        return value.As<std::string>() != nullptr;
      case 'i':
        return value.As<std::int64_t>() != nullptr;
      case 'l':
        return value.As<Value::List>() != nullptr && !(*value.As<Value::List>())->of_strings;
      case 'p':
        return value.As<Value::Struct>() != nullptr &&
               (*value.As<Value::Struct>())->type == kSampleType;
      default:
        return true;
    }
  }

  Result<Value> CheckType(Value value, char type) {
    if (Fits(value, type)) return value;
    if (value.IsNil()) return Failure(fmt::format("invalid value; expected {}", ParamName(type)));
    return Failure(fmt::format("wrong type for value; expected {}; got {}", ParamName(type),
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
        return Failure(fmt::format("cannot assign nil to {}", ParamName(type)));
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
    if (Fits(arg.constant, type)) return arg.constant;
    if (type == 's') return Failure(fmt::format("expected string; found {}", arg.text));
    if (type == 'i') return Failure(fmt::format("expected integer; found {}", arg.text));
    return Failure(fmt::format("can't handle {} for arg of type {}", arg.text, ParamName(type)));
  }

  const TemplateSet& templates_;
  // The one that was asked for and those called by templates since.
  std::vector<const TemplateSet::value_type*> running_;
  const Environment& env_;
  std::string out_;
  std::vector<std::pair<std::string, Value>> variables_;
  int position_ = 0;                                  // Of the node that errors are about, …
  const std::string* at_ = &running_.front()->first;  // … and how it is printed.
};

}  // namespace

Result<std::string> Execute(const TemplateSet& templates, const std::string& name, const Value& dot,
                            const Environment& env) {
  return Executor(templates, name, env).Run(dot);
}

}  // namespace narthex::alerting::tmpl
