// SPDX-License-Identifier: Apache-2.0
//
// label_replace and label_join.
#include "narthex/model/matcher.h"
#include "promql/functions/functions.h"

namespace narthex::promql {
namespace {

const std::string& StringArg(const Expr& arg) { return As<StringLiteral>(Unwrapped(arg))->value; }

bool IsValidName(std::string_view name) { return !name.empty() && model::IsValidUtf8(name); }

/// Sets one label of each row to what `value` makes of the row's labels.
class SetLabelOperator final : public Operator {
 public:
  /// @return false to leave the row as it is; an error when the value got too long
  using ValueFn = std::function<Result<bool>(const model::Labels&, std::string&)>;

  SetLabelOperator(OperatorPtr child, std::string name, ValueFn value, ExecContext& ctx)
      : child_(std::move(child)),
        name_(std::move(name)),
        value_(std::move(value)),
        ctx_(ctx),
        holding_(ctx) {}

  Status Next(Batch& out) override {
    NX_RETURN_IF_ERROR(child_->Next(out));
    std::string value;
    for (std::size_t r = 0; r < out.rows(); ++r) {
      if (r % 64 == 0) NX_RETURN_IF_ERROR(ctx_.Check());
      value.clear();
      NX_ASSIGN_OR_RETURN(const bool found, value_(out.metric(r), value));
      if (!found) continue;
      NX_RETURN_IF_ERROR(holding_.AddBytes(value.size()));
      out.metric(r) = model::LabelsBuilder(out.metric(r)).Set(name_, value).Build();
      // A name that was given on purpose stays.
      if (name_ == model::kMetricName) out.drop_name(r) = 0;
    }
    return {};
  }

 private:
  OperatorPtr child_;
  const std::string name_;
  const ValueFn value_;
  ExecContext& ctx_;
  Holding holding_;  // The values that were made: nested calls can let them grow without end.
};

Error TooLong() { return Error(Code::kExecution, "String too long to encode as label."); }

Result<OperatorPtr> SetLabel(const Expr& arg, const std::string& name,
                             SetLabelOperator::ValueFn value, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(arg, grid, ctx));
  return JoinRows(std::make_unique<SetLabelOperator>(std::move(child), name, std::move(value), ctx),
                  grid, ctx);
}

}  // namespace

Result<OperatorPtr> BuildLabelReplace(const Call& call, const Grid& grid, ExecContext& ctx) {
  const std::string& dst = StringArg(*call.args[1]);
  const std::string& replacement = StringArg(*call.args[2]);
  const std::string& src = StringArg(*call.args[3]);
  const std::string& pattern = StringArg(*call.args[4]);
  auto regex = model::Regex::Compile(pattern);
  if (!regex) {
    return Fail(Code::kExecution, "invalid regular expression in label_replace(): " + pattern);
  }
  if (!regex->GroupsFitMemory()) {
    return Fail(Code::kExecution,
                "regular expression in label_replace() has too many groups for its length");
  }
  if (!IsValidName(dst)) {
    return Fail(Code::kExecution, "invalid destination label name in label_replace(): " + dst);
  }
  const auto value = [regex = *regex, replacement, src](const model::Labels& labels,
                                                        std::string& out) -> Result<bool> {
    const bool found = regex.Expand(labels.Get(src), replacement, out);
    if (out.size() > model::kMaxLabelBytes) return Fail(TooLong());
    return found;
  };
  return SetLabel(*call.args[0], dst, value, grid, ctx);
}

Result<OperatorPtr> BuildLabelJoin(const Call& call, const Grid& grid, ExecContext& ctx) {
  const std::string& dst = StringArg(*call.args[1]);
  const std::string& separator = StringArg(*call.args[2]);
  std::vector<std::string> sources;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    sources.push_back(StringArg(*call.args[i]));
    if (!IsValidName(sources.back())) {
      return Fail(Code::kExecution, "invalid source label name in label_join(): " + sources.back());
    }
  }
  if (!IsValidName(dst)) {
    return Fail(Code::kExecution, "invalid destination label name in label_join(): " + dst);
  }
  const auto value = [separator, sources](const model::Labels& labels,
                                          std::string& out) -> Result<bool> {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (i > 0) out += separator;
      out += labels.Get(sources[i]);
      if (out.size() > model::kMaxLabelBytes) return Fail(TooLong());
    }
    return true;
  };
  return SetLabel(*call.args[0], dst, value, grid, ctx);
}

}  // namespace narthex::promql
