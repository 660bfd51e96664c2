// SPDX-License-Identifier: Apache-2.0
#include "web/api/write_store.h"

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/proto/remote_write.h"
#include "web/api/write_series.h"

namespace narthex::web {
namespace {

using Problem = IncomingLabels::Problem;

void LogRefused(const char* what, const AppendOutcome& outcome, const IncomingLabels& labels,
                model::TimestampMs t) {
  log::Error(what, {{"err", outcome.Text()}, {"series", labels.Text()}, {"timestamp", t}});
}

WriteAnswer Refuse(int status, std::string error) {
  WriteAnswer answer;
  answer.status = status;
  answer.error = std::move(error);
  return answer;
}

/// A request in version 1 being stored.
class V1 {
 public:
  V1(std::string_view body, const WriteTarget& target)
      : reader_(proto::WriteVersion::kV1, body),
        target_(target),
        appender_(target.storage, target.max_time) {}

  WriteAnswer Run() {
    while (reader_.NextSeries()) {
      const AppendOutcome outcome = StoreSeries();
      if (outcome.ok()) continue;
      appender_.Rollback();
      return Refuse(outcome.bad_request() ? 400 : 500, outcome.Text());
    }
    if (const Status status = reader_.status(); !status) {
      appender_.Rollback();
      return Refuse(400, status.error().message());
    }
    if (exemplars_dropped_ > 0) {
      log::Warn("Error on ingesting out-of-order exemplars", {{"num_dropped", exemplars_dropped_}});
    }
    if (const Status status = appender_.Commit(); !status) {
      return Refuse(500, status.error().message());
    }
    return {};
  }

 private:
  AppendOutcome StoreSeries() {
    if (const Problem problem = labels_.Load(reader_.labels()); problem != Problem::kNone) {
      log::Warn(problem == Problem::kInvalid ? "Invalid metric names or labels"
                                             : "Duplicate labels in series",
                {{"got", labels_.Text()}});
      target_.invalid_labels.Add();
      return {};
    }
    storage::SeriesRef ref{0};
    while (reader_.NextSample(sample_)) {
      if (const auto outcome = appender_.Append(ref, labels_.labels(), sample_); !outcome.ok()) {
        LogRefused("Out of order sample from remote write", outcome, labels_, sample_.t);
        return outcome;
      }
    }
    while (reader_.NextExemplar(exemplar_)) {
      const auto outcome = appender_.Append(ref, labels_.labels(), exemplar_);
      if (outcome.ok()) continue;
      if (outcome.error == storage::AppendError::kExemplarOutOfOrder) ++exemplars_dropped_;
      log::Debug("Exemplar from remote write dropped",
                 {{"err", outcome.Text()}, {"series", labels_.Text()}});
    }
    while (reader_.NextHistogram(histogram_)) {
      if (const auto outcome = appender_.Append(ref, labels_.labels(), histogram_); !outcome.ok()) {
        LogRefused("Histogram from remote write refused", outcome, labels_, histogram_.t);
        return outcome;
      }
    }
    return {};
  }

  proto::WriteRequestReader reader_;
  const WriteTarget& target_;
  WriteAppender appender_;
  IncomingLabels labels_;
  proto::WriteSample sample_;
  proto::WriteHistogram histogram_;
  proto::WriteExemplar exemplar_;
  std::size_t exemplars_dropped_ = 0;
};

/// A request in version 2 being stored.
class V2 {
 public:
  V2(std::string_view body, const WriteTarget& target)
      : reader_(proto::WriteVersion::kV2, body),
        target_(target),
        appender_(target.storage, target.max_time, target.options.start_zeros) {}

  WriteAnswer Run() {
    while (reader_.NextSeries()) {
      StoreSeries();
      if (!failure_.empty()) {
        appender_.Rollback();
        return WithoutWritten(500, failure_);
      }
    }
    if (const Status status = reader_.status(); !status) {
      appender_.Rollback();
      return Refuse(400, status.error().message());
    }
    if (invalid_ > 0) target_.invalid_labels.Add(invalid_);
    if (const Status status = appender_.Commit(); !status) {
      return WithoutWritten(500, status.error().message());
    }
    answer_.has_stats = true;
    if (!answer_.error.empty()) answer_.status = 400;
    return std::move(answer_);
  }

 private:
  static WriteAnswer WithoutWritten(int status, std::string error) {
    WriteAnswer answer = Refuse(status, std::move(error));
    answer.has_stats = true;
    return answer;
  }

  void Complain(std::string_view text) {
    if (!answer_.error.empty()) answer_.error += '\n';
    answer_.error += text;
  }

  bool LoadLabels() {
    if (!reader_.bad_reference().empty()) {
      Complain(reader_.bad_reference());
      if (!reader_.labels_usable()) invalid_ += reader_.num_samples() + reader_.num_histograms();
      return false;
    }
    const Problem problem = target_.options.type_and_unit_labels
                                ? labels_.LoadWithMetadata(reader_.labels(), reader_.metadata())
                                : labels_.Load(reader_.labels());
    if (problem == Problem::kNone) return true;
    Complain(problem == Problem::kInvalid
                 ? fmt::format("invalid metric name or labels, got {}", labels_.Text())
                 : fmt::format("invalid labels for series, labels {}, duplicated label {}",
                               labels_.Text(), labels_.duplicate()));
    invalid_ += reader_.num_samples() + reader_.num_histograms();
    return false;
  }

  void StoreSeries() {
    if (!LoadLabels()) return;
    if (reader_.num_samples() + reader_.num_histograms() == 0) {
      Complain(fmt::format("TimeSeries must contain at least one sample or histogram for series {}",
                           labels_.Text()));
      return;
    }
    storage::SeriesRef ref{0};
    while (failure_.empty() && reader_.NextSample(sample_)) {
      Note(appender_.Append(ref, labels_.labels(), sample_), "Sample from remote write refused",
           sample_.t, answer_.samples);
    }
    while (failure_.empty() && reader_.NextHistogram(histogram_)) {
      Note(appender_.Append(ref, labels_.labels(), histogram_),
           "Histogram from remote write refused", histogram_.t, answer_.histograms);
    }
    while (failure_.empty() && reader_.NextExemplar(exemplar_)) StoreExemplar(ref);
    if (target_.options.append_metadata) {
      appender_.UpdateMetadata(ref, labels_.labels(), reader_.metadata());
    }
  }

  void Note(const AppendOutcome& outcome, const char* what, model::TimestampMs t,
            std::size_t& written) {
    if (outcome.ok()) {
      ++written;
    } else if (outcome.bad_request()) {
      LogRefused(what, outcome, labels_, t);
      Complain(fmt::format("{} for series {}", outcome.Text(), labels_.Text()));
    } else {
      failure_ = outcome.Text();
    }
  }

  void StoreExemplar(storage::SeriesRef ref) {
    if (!exemplar_.bad_reference.empty()) {
      Complain(fmt::format("parsing exemplar for series {}: {}", labels_.Text(),
                           exemplar_.bad_reference));
      return;
    }
    const auto outcome = appender_.Append(ref, labels_.labels(), exemplar_);
    if (outcome.ok()) {
      ++answer_.exemplars;
      return;
    }
    log::Debug("Exemplar from remote write dropped",
               {{"err", outcome.Text()}, {"series", labels_.Text()}});
    if (outcome.error == storage::AppendError::kExemplarOutOfOrder) {
      Complain(fmt::format("{} for series {}", outcome.Text(), labels_.Text()));
    }
  }

  proto::WriteRequestReader reader_;
  const WriteTarget& target_;
  WriteAppender appender_;
  IncomingLabels labels_;
  proto::WriteSample sample_;
  proto::WriteHistogram histogram_;
  proto::WriteExemplar exemplar_;
  WriteAnswer answer_;
  std::string failure_;  // Of storage: the request ends here.
  std::size_t invalid_ = 0;
};

}  // namespace

WriteAnswer StoreV1(std::string_view body, const WriteTarget& target) {
  return V1(body, target).Run();
}

WriteAnswer StoreV2(std::string_view body, const WriteTarget& target) {
  return V2(body, target).Run();
}

}  // namespace narthex::web
