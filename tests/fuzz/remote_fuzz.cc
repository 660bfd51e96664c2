// SPDX-License-Identifier: Apache-2.0
//
// Property: any bytes are a request of remote write, or a request or an answer of remote read, or
// are refused as a bad argument; what a reader gives lies inside the body; and a histogram that the
// database would take can be stored and read back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/base/fs.h"
#include "narthex/proto/remote_read.h"
#include "narthex/proto/remote_write.h"
#include "narthex/proto/snappy.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "narthex/tsdb/histogram_check.h"
#include "tsdb/chunkenc/histogram.h"

namespace narthex::proto {
namespace {

void CheckInside(std::string_view body, std::string_view part) {
  if (part.empty()) return;
  NX_CHECK(part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size(),
           "a view leads out of the body");
}

void CheckCode(const Status& status) {
  NX_CHECK(status || status.error().code() == Code::kInvalidArgument, "unexpected code");
}

template <typename H>
void StoreAndReadBack(const H& h) {
  if (!tsdb::IsValidHistogram(h)) return;
  tsdb::HistogramChunk<H> chunk;
  for (const model::TimestampMs t : {1, 2}) {
    if (chunk.Check(h).fits) chunk.Append(t, h);
  }
  const auto samples =
      tsdb::ReadHistograms<H>(tsdb::HistogramTraits<H>::kEncoding, AsBytes(chunk.bytes()));
  NX_CHECK(samples && samples->size() == chunk.count(), "what is valid can't be read back");
}

/// Labels that are read after the samples are the same ones.
void CheckUnread(const WriteRequestReader& reader, WriteRequestReader& unread) {
  NX_CHECK(unread.NextUnread(), "a series that only one of two readers has");
  const auto id = unread.LabelsId();
  NX_CHECK(!id || reader.labels_usable(), "labels that can't be looked up have an id");
  WriteSample sample;
  while (unread.NextSample(sample)) continue;
  if (!unread.ReadLabels()) return;
  NX_CHECK(id == unread.LabelsId(), "another id after reading");
  const auto labels = reader.labels(), again = unread.labels();
  const auto same = [](const model::LabelView& a, const model::LabelView& b) {
    return a.name == b.name && a.value == b.value;
  };
  NX_CHECK(std::equal(labels.begin(), labels.end(), again.begin(), again.end(), same),
           "other labels after the samples");
}

void Read(WriteVersion version, std::string_view body) {
  WriteRequestReader reader(version, body), unread(version, body);
  WriteSample sample;
  WriteHistogram histogram;
  WriteExemplar exemplar;
  while (reader.NextSeries()) {
    for (const auto& label : reader.labels()) {
      CheckInside(body, label.name);
      CheckInside(body, label.value);
    }
    CheckUnread(reader, unread);
    CheckInside(body, reader.metadata().help);
    CheckInside(body, reader.metadata().unit);
    std::size_t samples = 0;
    while (reader.NextSample(sample)) ++samples;
    NX_CHECK(samples == reader.num_samples() || !reader.status(), "another number of samples");
    while (reader.NextExemplar(exemplar)) {
      for (const auto& label : exemplar.labels) CheckInside(body, label.value);
    }
    while (reader.NextHistogram(histogram)) {
      std::visit(
          [](auto& h) {
            CoarsenChecked(h, h.schema > 8 ? 8 : -4);
            StoreAndReadBack(h);
          },
          histogram.value);
    }
  }
  CheckCode(reader.status());
}

// Of a request that was understood, what is written is the same one.
void WriteBack(const ReadRequest& request) {
  std::string once, twice;
  EncodeReadRequest(request, once);
  const auto again = DecodeReadRequest(once);
  NX_CHECK(again.has_value(), "what is written can't be read");
  EncodeReadRequest(*again, twice);
  NX_CHECK(once == twice, "what is written reads as something else");
}

void ReadAnswers(std::string_view body) {
  if (const auto result = DecodeReadResponse(body); result) {
    CheckInside(body, *result);
    Read(WriteVersion::kV1, *result);
  } else if (result.error().code() != Code::kNotFound) {
    CheckCode(Fail(result.error()));
  }
  ReadFrameReader reader(body);
  ReadChunk chunk;
  while (reader.NextSeries()) {
    for (const auto& label : reader.labels()) {
      CheckInside(body, label.name);
      CheckInside(body, label.value);
    }
    while (reader.NextChunk(chunk)) {
      CheckInside(body, chunk.bytes);
      storage::TypedSamples samples;
      const Status decoded = tsdb::DecodeChunk(
          {chunk.mint, chunk.maxt, chunk.encoding, std::string(chunk.bytes)}, samples);
      NX_CHECK(decoded || decoded.error().code() == Code::kCorruption, "unexpected code");
      storage::SampleColumns columns;
      const Status read = tsdb::DecodeColumns(chunk.encoding, chunk.bytes, model::kMinTime,
                                              model::kMaxTime, columns);
      NX_CHECK(read || read.error().code() == Code::kCorruption, "unexpected code");
      for (const auto& h : columns.histograms) (void)tsdb::ProblemOf(h);
    }
  }
  CheckCode(reader.status());
}

}  // namespace
}  // namespace narthex::proto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narthex::proto;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Read(WriteVersion::kV1, body);
  Read(WriteVersion::kV2, body);
  if (const auto request = DecodeReadRequest(body); request) {
    for (const auto& query : request->queries) {
      for (const auto& matcher : query.matchers) (void)MakeMatcher(matcher);
    }
    WriteBack(*request);
  } else {
    CheckCode(narthex::Fail(request.error()));
  }
  ReadAnswers(body);
  std::string decoded;
  CheckCode(SnappyDecode(body, 1 << 20, decoded));
  return 0;
}
