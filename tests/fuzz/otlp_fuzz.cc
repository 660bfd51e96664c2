// SPDX-License-Identifier: Apache-2.0
//
// Property: any bytes are a request of OTLP, in JSON or in protobuf, or are refused; what is made
// of them for storage are label sets in order and histograms that can be checked.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/model/labels.h"
#include "narthex/proto/otlp.h"
#include "narthex/remote/otlp.h"
#include "narthex/storage/appender.h"
#include "tsdb/head/histogram_check.h"

namespace narthex::remote {
namespace {

using storage::AppendError;
using storage::SeriesRef;

/// Takes everything that is as storage wants it.
class CheckingAppender final : public storage::Appender {
 public:
  AppendError Append(SeriesRef& ref, const model::Labels& labels, model::TimestampMs,
                     double) override {
    return Check(ref, labels);
  }
  void AppendColumn(std::span<const SeriesRef> refs, model::TimestampMs, std::span<const double>,
                    std::span<AppendError> outcomes) override {
    for (std::size_t i = 0; i < refs.size(); ++i) {
      NX_CHECK(refs[i] != SeriesRef{0}, "a column for an unknown series");
      outcomes[i] = AppendError::kNone;
    }
  }
  AppendError AppendHistogram(SeriesRef& ref, const model::Labels& labels, model::TimestampMs,
                              const model::Histogram& h) override {
    (void)tsdb::IsValidHistogram(h);
    return Check(ref, labels);
  }
  AppendError AppendFloatHistogram(SeriesRef&, const model::Labels&, model::TimestampMs,
                                   const model::FloatHistogram&) override {
    NX_CHECK(false, "OTLP has no histograms of floats");
    return AppendError::kNone;
  }
  AppendError AppendExemplar(SeriesRef ref, const model::Labels&, const model::Exemplar&) override {
    NX_CHECK(ref != SeriesRef{0}, "an exemplar of an unknown series");
    return AppendError::kNone;
  }
  void UpdateMetadata(SeriesRef, const model::Labels&, const model::Metadata&) override {}
  void SetDiscardOutOfOrder(bool) override {}
  Status Commit() override { return {}; }
  void Rollback() noexcept override {}

 private:
  static AppendError Check(SeriesRef& ref, const model::Labels& labels) {
    if (labels.empty())
      return ref == SeriesRef{0} ? AppendError::kInvalidLabels : AppendError::kNone;
    std::string_view last;
    bool first = true;
    for (const auto label : labels) {
      NX_CHECK(first || last < label.name, "labels out of order");
      NX_CHECK(!label.value.empty(), "a label without value");
      last = label.name;
      first = false;
    }
    ref = SeriesRef{1};
    return AppendError::kNone;
  }
};

class CheckingStorage final : public storage::Appendable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<CheckingAppender>();
  }
};

void CheckCode(const Status& status) {
  NX_CHECK(status || status.error().code() == Code::kInvalidArgument, "unexpected code");
}

void Receive(OtlpForm form, std::string_view body, const config::OtlpConfig& config,
             const OtlpReceiverOptions& options) {
  CheckingStorage storage;
  metrics::Registry registry;
  OtlpReceiver receiver(storage, SystemClock(), registry, options);
  receiver.ApplyConfig(config);
  for (int round = 0; round < 2; ++round) {  // The second one knows the series.
    const OtlpAnswer answer = receiver.Receive(form, body);
    NX_CHECK(answer.error.empty() == (answer.status == 200), "an error without status");
  }
}

}  // namespace
}  // namespace narthex::remote

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narthex;
  static const bool quiet = [] {
    log::Configure(static_cast<log::Level>(static_cast<int>(log::Level::kError) + 1),
                   log::Format::kLogfmt);
    return true;
  }();
  (void)quiet;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto delta = proto::OtlpCheckForDelta(body); !delta) {
    remote::CheckCode(Fail(delta.error()));
  }
  std::string wire;
  remote::CheckCode(proto::OtlpJsonToWire(body, wire));
  config::OtlpConfig escaped;
  escaped.promote_all_resource_attributes = true;
  escaped.promote_scope_metadata = true;
  config::OtlpConfig plain;
  plain.translation = config::OtlpTranslation::kNoTranslation;
  plain.convert_histograms_to_nhcb = true;
  plain.label_name_preserve_multiple_underscores = false;
  for (const auto form : {remote::OtlpForm::kProtobuf, remote::OtlpForm::kJson}) {
    remote::Receive(form, body, escaped,
                    {.sum_deltas = true, .append_metadata = true, .start_zeros = true});
    remote::Receive(form, body, plain, {.store_deltas = true, .type_and_unit_labels = true});
  }
  return 0;
}
