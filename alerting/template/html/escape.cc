// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/escape.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "alerting/template/html/pipeline.h"
#include "alerting/template/html/text.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl::html {
namespace {

/// What a pass over templates has found. Nothing is changed before all of it is known to be good.
struct Edits {
  std::map<std::string, Context> after;     // Escaper::after_, with assumptions.
  std::map<std::string, Template*> copies;  // Into Work::made.
  std::set<std::string> called;
  std::map<Node*, Escapers> actions;
  std::map<Node*, std::string> callees;
  std::map<Node*, std::string> texts;
};

constexpr std::size_t kMaxWalks = 200'000;
constexpr std::size_t kBytesPerWalk = 64;  // Of texts, which take longer the longer they are.
constexpr int kMaxDepth = 200;

/// What all passes of one Escape share.
struct Work {
  /// Copies of templates, tried ones too: they live as long as there are edits of them.
  std::vector<std::unique_ptr<Template>> made;
  /// Nodes that were looked at. Each range looks at its own twice, so ranges in ranges take long.
  std::size_t walks = 0;
  /// Nodes around the one that is looked at, also those that call its template: each takes room on
  /// the stack.
  int depth = 0;
};

/// Where the turns of a range end before its end.
struct RangeEnds {
  struct End {
    Context context;
    const Node* node = nullptr;
  };
  std::vector<End> breaks, continues;
};

/// Before an action, as nothing of it is known: what is certain to begin there.
Context Nudge(Context context) {
  switch (context.state) {
    case State::kTag:
      context.state = State::kAttrName;
      break;
    case State::kBeforeValue:
      context.state = StateOfValue(context.attr);
      context.delim = Delim::kSpaceOrTagEnd;
      context.attr = Attr::kNone;
      break;
    case State::kAfterName:
      context.state = State::kAttrName;
      context.attr = Attr::kNone;
      break;
    default:
      break;
  }
  return context;
}

/// One walk over nodes, from a context on. Source: Go's html/template, escape.go.
class Pass {
 public:
  /// @param unescaped  the templates as they were written, from which copies are made
  Pass(TemplateSet& set, const Unescaped& unescaped, Edits& edits, Work& work)
      : set_(set), unescaped_(unescaped), edits_(edits), work_(work) {}

  /// A template as it is called from `caller` (null: by itself). @return the context after it
  Context Call(const Context& context, const std::string& name, const Node* caller,
               std::string& name_here) {
    name_here = NameIn(context, name);
    const auto written = unescaped_.find(name);
    if (written == unescaped_.end()) {  // A copy's name is none: that is fit for its place alone.
      Problem problem{.reason = "no such template " + go::Quote(name), .location = "", .name = ""};
      if (caller != nullptr) problem.location = source_->Location(caller->position);
      return Failed(std::move(problem));
    }
    edits_.called.insert(name_here);
    const auto known = edits_.after.find(name_here);
    if (known != edits_.after.end()) return known->second;
    Template* callee = Find(name_here);
    if (callee == nullptr) {
      work_.made.push_back(std::make_unique<Template>(
          Template{Copy(written->second), set_.find(name)->second.source}));
      callee = edits_.copies.emplace(name_here, work_.made.back().get()).first->second;
    }
    return ContextAfter(context, name_here, *callee);
  }

 private:
  Template* Find(const std::string& name) {
    if (const auto found = set_.find(name); found != set_.end()) return &found->second;
    const auto copied = edits_.copies.find(name);
    return copied == edits_.copies.end() ? nullptr : copied->second;
  }

  Context ContextAfter(const Context& context, const std::string& name, Template& callee) {
    bool good = false;
    Context after = Body(context, name, callee, good);
    // What came out instead may be what comes out each time.
    if (!good) after = Body(after, name, callee, good);
    if (good || after.state == State::kError) return after;
    const int position = callee.nodes.empty() ? 0 : callee.nodes.front().position;
    return Failed({.reason = "cannot compute output context for template " + name,
                   .location = callee.source->Location(position),
                   .name = ""});
  }

  /// @param[out] good  whether the template ends as its calls of itself took for granted
  Context Body(const Context& context, const std::string& name, Template& callee, bool& good) {
    edits_.after[name] = context;
    Edits trial;
    trial.after = edits_.after;
    Pass pass(set_, unescaped_, trial, work_);
    pass.ranges_ = ranges_;
    pass.source_ = callee.source.get();
    Context after = pass.List(context, callee.nodes);
    good = after.state != State::kError && (!trial.called.contains(name) || context == after);
    if (good) Take(std::move(trial));
    return after;
  }

  void Take(Edits trial) {
    edits_.after = std::move(trial.after);
    edits_.copies.merge(trial.copies);
    edits_.called.merge(trial.called);
    edits_.actions.merge(trial.actions);
    edits_.callees.merge(trial.callees);
    edits_.texts.merge(trial.texts);
  }

  Context List(Context context, NodeList& list) {
    for (Node& node : list) {
      context = Walk(std::move(context), node);
      if (context.state == State::kDead) break;
    }
    return context;
  }

  Context Walk(Context context, Node& node) {
    work_.walks += 1 + (node.kind == NodeKind::kText ? node.text.size() / kBytesPerWalk : 0);
    if (work_.walks > kMaxWalks || work_.depth >= kMaxDepth) {
      return FailedAt(node.position, "too complex");
    }
    ++work_.depth;
    context = WalkKind(std::move(context), node);
    --work_.depth;
    return context;
  }

  Context WalkKind(Context context, Node& node) {
    Context dead;
    dead.state = State::kDead;
    switch (node.kind) {
      case NodeKind::kText: {
        EscapedText escaped = EscapeText(std::move(context), node.text);
        if (escaped.text) edits_.texts[&node] = std::move(*escaped.text);
        return std::move(escaped.context);
      }
      case NodeKind::kAction:
        return Action(std::move(context), node);
      case NodeKind::kIf:
      case NodeKind::kWith:
      case NodeKind::kRange:
        return Branch(context, node);
      case NodeKind::kTemplate: {
        std::string name;
        Context after = Call(context, node.name, &node, name);
        if (name != node.name) edits_.callees[&node] = std::move(name);
        return after;
      }
      case NodeKind::kBreak:
        ranges_.back()->breaks.push_back({std::move(context), &node});
        return dead;
      case NodeKind::kContinue:
        ranges_.back()->continues.push_back({std::move(context), &node});
        return dead;
    }
    return context;
  }

  Context Action(Context context, Node& node) {
    if (!node.pipe->variables.empty()) return context;  // Prints nothing.
    context = Nudge(std::move(context));
    std::string problem;
    Escapers escapers = EscapersFor(node, context, problem);
    if (!problem.empty()) return FailedAt(node.position, std::move(problem));
    if (context.state == State::kError) return context;
    edits_.actions[&node] = std::move(escapers);
    return context;
  }

  Context FailedAt(int position, std::string reason) const {
    return Failed(
        {.reason = std::move(reason), .location = source_->Location(position), .name = ""});
  }

  static std::string_view WordOf(const Node& node) {
    return node.kind == NodeKind::kIf ? "if" : node.kind == NodeKind::kWith ? "with" : "range";
  }

  Context Branch(const Context& context, Node& node) {
    Context after = node.kind == NodeKind::kRange ? Turns(context, node) : List(context, node.list);
    if (node.kind == NodeKind::kRange && after.state == State::kError) return after;
    return Joined(after, List(context, node.else_list), node.pipe->position, WordOf(node));
  }

  /// The turns of a range: each must begin where the one before ended.
  Context Turns(const Context& context, Node& node) {
    RangeEnds first;
    ranges_.push_back(&first);
    Context after = List(context, node.list);
    ranges_.pop_back();
    if (after.state != State::kError) after = JoinedEnds(std::move(after), first);
    if (after.state == State::kError) return after;

    RangeEnds second;
    Edits unused;  // The second look at the nodes is for the context alone.
    unused.after = edits_.after;
    Pass pass(set_, unescaped_, unused, work_);
    pass.ranges_ = ranges_;
    pass.ranges_.push_back(&second);
    pass.source_ = source_;
    after = Joined(after, pass.List(after, node.list), node.pipe->position, "range");
    if (after.state == State::kError) {
      return Explained(after, "on range loop re-entry: ", node.pipe->position);
    }
    return JoinedEnds(std::move(after), second);
  }

  Context JoinedEnds(Context after, const RangeEnds& ends) const {
    for (const auto* list : {&ends.breaks, &ends.continues}) {
      for (const RangeEnds::End& end : *list) {
        after = Joined(after, end.context, end.node->position, "range");
        if (after.state != State::kError) continue;
        return Explained(
            after, list == &ends.breaks ? "at range loop break: " : "at range loop continue: ",
            end.node->position);
      }
    }
    return after;
  }

  Context Explained(const Context& failed, std::string_view where, int position) const {
    Problem problem = *failed.problem;
    problem.reason.insert(0, where);
    const std::string_view before =
        std::string_view(source_->text).substr(0, static_cast<std::size_t>(position));
    problem.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    return Failed(std::move(problem));
  }

  /// The context after two ways through a template.
  Context Joined(const Context& a, const Context& b, int position, std::string_view word) const {
    if (a.state == State::kError || b.state == State::kDead) return a;
    if (b.state == State::kError || a.state == State::kDead) return b;
    if (a == b) return a;
    Context either = a;
    either.url_part = b.url_part;
    if (either == b) {
      either.url_part = UrlPart::kUnknown;
      return either;
    }
    either = a;
    either.slash = b.slash;
    if (either == b) {
      either.slash = Slash::kUnknown;
      return either;
    }
    // "<p{{if .C}} name="{{.}}"{{end}}" ends in a tag or behind a value: alike, seen from an
    // action.
    const Context nudged_a = Nudge(a);
    const Context nudged_b = Nudge(b);
    if (nudged_a != a || nudged_b != b) {
      Context joined = Joined(nudged_a, nudged_b, position, word);
      if (joined.state != State::kError) return joined;
    }
    return FailedAt(position, fmt::format("{{{{{}}}}} branches end in different contexts: {}, {}",
                                          word, ToString(a), ToString(b)));
  }

  TemplateSet& set_;
  const Unescaped& unescaped_;
  Edits& edits_;
  Work& work_;
  std::vector<RangeEnds*> ranges_;  // Around the node, innermost last.
  const Source* source_ = nullptr;  // Of the nodes.
};

void Commit(Edits& edits, TemplateSet& set) {
  for (auto& [name, copy] : edits.copies) set.try_emplace(name, std::move(*copy));
  for (auto& [node, escapers] : edits.actions) Append(std::move(escapers), *node);
  for (auto& [node, name] : edits.callees) {
    constexpr std::size_t kBeforeName = std::string_view("{{template ").size();
    node->text.replace(kBeforeName, go::Quote(node->name).size(), go::Quote(name));
    node->name = std::move(name);
  }
  for (auto& [node, text] : edits.texts) node->text = std::move(text);
}

}  // namespace

bool Escaper::IsWritten(const std::string& name) const { return unescaped_.contains(name); }

Status Escaper::Escape(const std::string& name) {
  if (unescaped_.empty()) {
    for (const auto& [known, written] : set_) unescaped_.emplace(known, Copy(written.nodes));
  }
  Edits edits;
  edits.after = after_;
  std::string name_here;
  Work work;
  const Context after =
      Pass(set_, unescaped_, edits, work).Call(Context(), name, nullptr, name_here);
  Problem problem;
  if (after.state == State::kError) {
    problem = *after.problem;
  } else if (after.state != State::kText) {
    problem.reason = "ends in a non-text context: " + ToString(after);
  } else {
    Commit(edits, set_);
    after_ = std::move(edits.after);
    return {};
  }
  problem.name = name;
  return Fail(Code::kExecution, problem.Text());
}

}  // namespace narthex::alerting::tmpl::html
