// SPDX-License-Identifier: Apache-2.0
#include "web/api/write_store.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/proto/remote_write.h"
#include "web/api/write_series.h"

namespace narthex::web {
namespace {

using Problem = IncomingLabels::Problem;

// Prometheus says so whatever the reason.
constexpr const char* kSample = "Out of order sample from remote write";
constexpr const char* kHistogram = "Out of order histogram from remote write";

void LogRefused(const char* what, const AppendOutcome& outcome, const std::string& series,
                model::TimestampMs t) {
  const bool invalid = outcome.error == storage::AppendError::kInvalidHistogram;
  log::Error(invalid ? "Invalid histogram received" : what,
             {{"err", outcome.text}, {"series", series}, {"timestamp", t}});
}

WriteAnswer Refuse(int status, std::string error) {
  WriteAnswer answer;
  answer.status = status;
  answer.error = std::move(error);
  return answer;
}

/// A request being stored. Version 1 ends at the first sample that is refused; version 2 goes on
/// and tells in the end what was.
class Storing {
 public:
  Storing(proto::WriteVersion version, std::string_view body, const WriteTarget& target)
      : is_v2_(version == proto::WriteVersion::kV2),
        reader_(version, body),
        target_(target),
        uses_cache_(!is_v2_ ||
                    !(target.options.start_zeros || target.options.type_and_unit_labels)),
        appender_(target.storage, target.max_time, is_v2_ && target.options.start_zeros) {}

  WriteAnswer Run() {
    while (!refused_ && reader_.NextUnread()) {
      ref_ = storage::SeriesRef{0};
      id_.reset();
      if (!FindKnown() && !LoadLabels()) continue;
      is_v2_ ? StoreSeriesV2() : StoreSeriesV1();
    }
    if (refused_) {
      appender_.Rollback();
      return std::move(*refused_);
    }
    if (const Status status = reader_.status(); !status) {
      appender_.Rollback();
      return WithoutWritten(400, status.error().message());
    }
    if (invalid_ > 0) target_.invalid_labels.Add(invalid_);
    if (exemplars_dropped_ > 0) {
      log::Warn("Error on ingesting out-of-order exemplars", {{"num_dropped", exemplars_dropped_}});
    }
    if (const Status status = appender_.Commit(); !status) {
      return WithoutWritten(500, status.error().message());
    }
    return Finished();
  }

 private:
  WriteAnswer WithoutWritten(int status, std::string error) const {
    WriteAnswer answer = Refuse(status, std::move(error));
    answer.has_stats = is_v2_;
    return answer;
  }

  WriteAnswer Finished() {
    if (!is_v2_) return {};
    answer_.has_stats = true;
    if (!answer_.error.empty()) answer_.status = 400;
    if (untold_ > 0) answer_.error += fmt::format("\n(and {} more)", untold_);
    return std::move(answer_);
  }

  // Version 2. Senders put the text into a line of their log: of thousands of errors some will do.
  void Complain(std::string_view text) {
    constexpr std::size_t kMostErrorBytes = 64 << 10;
    if (answer_.error.size() >= kMostErrorBytes) {
      ++untold_;
      return;
    }
    if (!answer_.error.empty()) answer_.error += '\n';
    answer_.error += text.substr(0, kMostErrorBytes);
  }

  /// Whether it is a series that was written before: its labels stay unread until they are needed.
  bool FindKnown() {
    unread_ = false;
    if (!uses_cache_) return false;
    id_ = reader_.LabelsId();
    if (!id_) return false;
    const auto known = target_.cache.Find(*id_);
    if (!known) return false;
    ref_ = *known;
    return unread_ = true;
  }

  /// Of a known series, whose labels were good.
  void LoadUnread() {
    if (!std::exchange(unread_, false)) return;
    reader_.ReadLabels();
    labels_.Load(reader_.labels());
  }

  /// For storage, which knows a series by its reference as long as they are unread.
  const model::Labels& Labels() const { return unread_ ? no_labels_ : labels_.labels(); }

  /// Calls append(labels) for a sample, histogram or exemplar of the series; once more with labels
  /// when it was known but is gone.
  template <typename Append>
  AppendOutcome WithLabels(Append&& append) {
    AppendOutcome outcome = append(Labels());
    if (outcome.error != storage::AppendError::kUnknownSeries || !unread_) return outcome;
    LoadUnread();
    return append(labels_.labels());
  }

  template <typename Value>
  AppendOutcome Append(Value& value) {
    const storage::SeriesRef before = ref_;
    AppendOutcome outcome = WithLabels(
        [&](const model::Labels& labels) { return appender_.Append(ref_, labels, value); });
    if (ref_ != before && id_) target_.cache.Put(*id_, ref_);
    return outcome;
  }

  std::string Text() {
    LoadUnread();
    return labels_.Text();
  }

  bool LoadLabels() {
    if (!reader_.ReadLabels()) return false;
    if (is_v2_ && !reader_.bad_reference().empty()) {
      Complain(reader_.bad_reference());
      if (!reader_.labels_usable()) CountInvalid();
      return false;
    }
    const Problem problem = target_.options.type_and_unit_labels && is_v2_
                                ? labels_.LoadWithMetadata(reader_.labels(), reader_.metadata())
                                : labels_.Load(reader_.labels());
    if (problem == Problem::kNone) return true;
    CountInvalid();
    if (is_v2_) {
      Complain(problem == Problem::kInvalid
                   ? fmt::format("invalid metric name or labels, got {}", labels_.Text())
                   : fmt::format("invalid labels for series, labels {}, duplicated label {:.1024}",
                                 labels_.Text(), labels_.duplicate()));
    } else {
      LogInvalid(problem);
    }
    return false;
  }

  void LogInvalid(Problem problem) const {
    if (problem == Problem::kInvalid) {
      log::Warn("Invalid metric names or labels", {{"got", labels_.Text()}});
    } else {
      log::Warn("Invalid labels for series.",
                {{"labels", labels_.Text()}, {"duplicated_label", labels_.duplicate()}});
    }
  }

  // As upstream: version 1 counts series, and at once.
  void CountInvalid() {
    if (is_v2_) {
      invalid_ += reader_.num_samples() + reader_.num_histograms();
    } else {
      target_.invalid_labels.Add();
    }
  }

  void StoreSeriesV1() {
    StoreSamples();
    StoreExemplars();
    StoreHistograms();
  }

  void StoreSeriesV2() {
    if (reader_.num_samples() + reader_.num_histograms() == 0) {
      Complain(fmt::format("TimeSeries must contain at least one sample or histogram for series {}",
                           Text()));
      return;
    }
    StoreSamples();
    StoreHistograms();
    StoreExemplars();
    if (target_.options.append_metadata) {
      appender_.UpdateMetadata(ref_, Labels(), reader_.metadata());
    }
  }

  void StoreSamples() {
    while (!refused_ && reader_.NextSample(sample_)) {
      Note(Append(sample_), kSample, sample_.t, answer_.samples);
    }
  }

  void StoreHistograms() {
    while (!refused_ && reader_.NextHistogram(histogram_)) {
      Note(Append(histogram_), kHistogram, histogram_.t, answer_.histograms);
    }
  }

  void Note(const AppendOutcome& outcome, const char* what, model::TimestampMs t,
            std::size_t& written) {
    if (outcome.ok()) {
      ++written;
      return;
    }
    // Version 1 tells of an invalid one to the sender alone, as in Prometheus.
    if (is_v2_ || outcome.error != storage::AppendError::kInvalidHistogram) {
      LogRefused(what, outcome, Text(), t);
    }
    if (is_v2_ && outcome.bad_request()) {
      Complain(fmt::format("{} for series {}", outcome.text, Text()));
    } else {
      refused_ = WithoutWritten(outcome.bad_request() ? 400 : 500, outcome.text);
    }
  }

  void StoreExemplars() {
    while (!refused_ && reader_.NextExemplar(exemplar_)) {
      if (exemplar_.bad_reference.empty()) {
        NoteExemplar(WithLabels([this](const model::Labels& labels) {
          return appender_.Append(ref_, labels, exemplar_);
        }));
      } else {
        Complain(
            fmt::format("parsing exemplar for series {}: {}", Text(), exemplar_.bad_reference));
      }
    }
  }

  void NoteExemplar(const AppendOutcome& outcome) {
    if (outcome.ok()) {
      ++answer_.exemplars;
      return;
    }
    log::Debug("Exemplar from remote write dropped", {{"err", outcome.text}, {"series", Text()}});
    if (outcome.error != storage::AppendError::kExemplarOutOfOrder) return;
    if (is_v2_) {
      Complain(fmt::format("{} for series {}", outcome.text, Text()));
    } else {
      ++exemplars_dropped_;
    }
  }

  const bool is_v2_;
  proto::WriteRequestReader reader_;
  const WriteTarget& target_;
  const bool uses_cache_;  // What labels become is told by how they are sent alone.
  const model::Labels no_labels_;
  WriteAppender appender_;
  IncomingLabels labels_;
  // Of the current series:
  storage::SeriesRef ref_{0};
  std::optional<Hash128> id_;  // Null when it is not to be remembered.
  bool unread_ = false;        // The labels, as it is known.
  proto::WriteSample sample_;
  proto::WriteHistogram histogram_;
  proto::WriteExemplar exemplar_;
  WriteAnswer answer_;
  std::size_t untold_ = 0;              // Errors that the answer has no room for.
  std::optional<WriteAnswer> refused_;  // The request ends here.
  std::size_t invalid_ = 0;
  std::size_t exemplars_dropped_ = 0;
};

}  // namespace

WriteAnswer StoreV1(std::string_view body, const WriteTarget& target) {
  return Storing(proto::WriteVersion::kV1, body, target).Run();
}

WriteAnswer StoreV2(std::string_view body, const WriteTarget& target) {
  return Storing(proto::WriteVersion::kV2, body, target).Run();
}

}  // namespace narthex::web
