// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/trace.h"

#include <ctime>

#include "narthex/base/json_writer.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

constexpr double kNsPerSecond = 1e9;

/// Gives the node at hand the time since the last call.
void Charge(ExecContext& ctx) {
  const std::int64_t now = ThreadCpuNs();
  if (ctx.trace != nullptr) ctx.trace->cpu_ns += now - ctx.trace_mark_ns;
  ctx.trace_mark_ns = now;
}

/// What a node says of its expression; false when that is no operator.
bool Describe(const Expr& expr, TraceNode& node) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector:
      node.type = "vectorSelector";
      return true;
    case ExprKind::kMatrixSelector:
      node.type = "matrixSelector";
      return true;
    case ExprKind::kSubquery:
      node.type = "subquery";
      return true;
    case ExprKind::kCall:
      node.type = "call";
      node.name = As<Call>(expr)->function->name;
      return true;
    case ExprKind::kAggregate:
      node.type = "aggregation";
      node.name = AggregateOpName(As<AggregateExpr>(expr)->op);
      return true;
    case ExprKind::kBinary:
      node.type = "binaryExpr";
      node.name = BinaryOpName(As<BinaryExpr>(expr)->op);
      return true;
    case ExprKind::kUnary:
      node.type = "unaryExpr";
      node.name = As<UnaryExpr>(expr)->negative ? "-" : "+";
      return true;
    case ExprKind::kNumberLiteral:
    case ExprKind::kStringLiteral:
    case ExprKind::kParen:
    case ExprKind::kStepInvariant:
    case ExprKind::kDuration:
      break;
  }
  return false;
}

class TracedOperator final : public Operator {
 public:
  TracedOperator(OperatorPtr op, TraceNode& node, ExecContext& ctx)
      : op_(std::move(op)), node_(node), ctx_(ctx) {
    unique_without_name = op_->unique_without_name;
  }
  ~TracedOperator() override {
    const TraceScope scope(ctx_, &node_);
    op_.reset();
  }
  Status Next(Batch& out) override {
    const TraceScope scope(ctx_, &node_);
    NX_RETURN_IF_ERROR(op_->Next(out));
    node_.series += static_cast<std::int64_t>(out.rows());
    node_.samples += out.PointCount();
    if (out.rows() > 0) node_.bytes += static_cast<std::int64_t>(out.Bytes());
    return {};
  }
  void LeaveOutLabels(std::span<const std::string> but) override { op_->LeaveOutLabels(but); }
  void KeepMetadataLabels() override { op_->KeepMetadataLabels(); }

 private:
  OperatorPtr op_;
  TraceNode& node_;
  ExecContext& ctx_;
};

}  // namespace

std::int64_t ThreadCpuNs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

TraceScope::TraceScope(ExecContext& ctx, TraceNode* node) : ctx_(ctx), outer_(ctx.trace) {
  if (outer_ == nullptr || node == nullptr) return;
  Charge(ctx_);
  ctx_.trace = node;
}

TraceScope::~TraceScope() {
  if (ctx_.trace == outer_) return;
  Charge(ctx_);
  ctx_.trace = outer_;
}

TraceNode* AddTraceNode(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  if (ctx.trace == nullptr) return nullptr;
  auto node = std::make_unique<TraceNode>();
  if (!Describe(expr, *node)) return nullptr;
  node->position = expr.position;
  node->steps = grid.n;
  ctx.trace->children.push_back(std::move(node));
  return ctx.trace->children.back().get();
}

OperatorPtr Traced(OperatorPtr op, TraceNode* node, ExecContext& ctx) {
  if (node == nullptr) return op;
  return std::make_unique<TracedOperator>(std::move(op), *node, ctx);
}

void WriteTrace(const TraceNode& node, JsonWriter& out) {
  const auto number = [&out](std::string_view key, std::int64_t value) {
    out.Key(key);
    out.Int(value);
  };
  out.BeginObject();
  out.Key("type");
  out.String(node.type);
  if (!node.name.empty()) {
    out.Key("name");
    out.String(node.name);
  }
  out.Key("position");
  out.BeginObject();
  number("start", node.position.start);
  number("end", node.position.end);
  out.EndObject();
  number("steps", node.steps);
  number("series", node.series);
  number("samples", node.samples);
  number("samplesRead", node.samples_read);
  number("bytes", node.bytes);
  out.Key("cpuTime");
  out.Double(static_cast<double>(node.cpu_ns.load()) / kNsPerSecond);
  out.Key("children");
  out.BeginArray();
  for (const auto& child : node.children) WriteTrace(*child, out);
  out.EndArray();
  out.EndObject();
}

}  // namespace narthex::promql
