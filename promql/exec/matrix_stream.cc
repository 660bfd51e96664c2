// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/matrix_stream.h"

#include "narthex/base/clock.h"
#include "promql/exec/result.h"

namespace narthex::promql {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

class EvaluatingStream final : public MatrixStream {
 public:
  EvaluatingStream(std::unique_ptr<QueryRun> run, std::size_t series)
      : run_(std::move(run)),
        series_(series),
        holding_(run_->ctx),
        last_call_ns_(run_->ctx.clock().MonotonicNs()) {
    run_->ctx.LiftDeadline();
    run_->ctx.queryable = nullptr;  // The caller's; nothing is selected any more.
  }

  Result<const MatrixSeries*> Next() override {
    Status status = Advance();
    if (!status) {
      portion_.clear();
      at_ = 0;
      LetStorageGo();
      return Fail(std::move(status).error());
    }
    last_call_ns_ = run_->ctx.clock().MonotonicNs();
    return at_ < portion_.size() ? &portion_[at_++] : nullptr;
  }

  std::size_t size() const override { return series_; }

 private:
  /// Makes portion_[at_] the next series, if there is one.
  Status Advance() {
    if (all_read_) return {};
    away_ns_ += run_->ctx.clock().MonotonicNs() - last_call_ns_;
    // A storage that is read can't be cleaned up, which must not take as long as a client likes.
    if (away_ns_ / kNsPerMs > run_->options.timeout_ms) return TakeRest();
    if (at_ < portion_.size()) return {};
    at_ = 0;
    holding_.Release();
    return Read(portion_);
  }

  Status TakeRest() {
    Matrix rest(std::make_move_iterator(portion_.begin() + static_cast<std::ptrdiff_t>(at_)),
                std::make_move_iterator(portion_.end()));
    while (!all_read_) {
      NX_RETURN_IF_ERROR(Read(portion_));
      std::move(portion_.begin(), portion_.end(), std::back_inserter(rest));
    }
    portion_ = std::move(rest);
    at_ = 0;
    return {};
  }

  /// The next portion; an empty one is the end.
  Status Read(Matrix& out) {
    if (source_ == nullptr) {
      NX_ASSIGN_OR_RETURN(source_, MakeMatrixSource(*run_->expr, run_->grid, run_->ctx));
    }
    NX_RETURN_IF_ERROR(source_->Next(out, holding_));
    if (out.empty()) LetStorageGo();
    for (const MatrixSeries& series : out) order_.Note(series.metric);
    if (order_.kept()) return {};
    // Late samples and deletions show at once, also between two evaluations.
    return Fail(Code::kExecution, "the order of the series changed while the answer was written");
  }

  void LetStorageGo() {
    all_read_ = true;
    source_.reset();
    run_->ctx.selected.clear();
  }

  const std::unique_ptr<QueryRun> run_;
  const std::size_t series_;
  MatrixSourcePtr source_;  // Null before the first series and after the last.
  bool all_read_ = false;
  AnswerOrder order_;
  Matrix portion_;
  std::size_t at_ = 0;  // Of the next series in it.
  Holding holding_;     // The portion.
  std::int64_t last_call_ns_;
  std::int64_t away_ns_ = 0;  // What the caller took between the calls.
};

}  // namespace

std::unique_ptr<MatrixStream> MakeMatrixStream(std::unique_ptr<QueryRun> run, std::size_t series) {
  return std::make_unique<EvaluatingStream>(std::move(run), series);
}

}  // namespace narthex::promql
