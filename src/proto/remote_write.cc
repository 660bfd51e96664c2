// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/remote_write.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/proto/histogram_reader.h"
#include "src/proto/label_reader.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

/// Where the parts of a message have their numbers.
struct Numbers {
  std::int32_t series;
  // Of TimeSeries:
  std::int32_t labels, samples, histograms, exemplars, metadata;
};
constexpr Numbers kV1Numbers{
    .series = 1, .labels = 1, .samples = 2, .histograms = 4, .exemplars = 3, .metadata = -1};
constexpr Numbers kV2Numbers{
    .series = 5, .labels = 1, .samples = 2, .histograms = 3, .exemplars = 4, .metadata = 5};
constexpr std::int32_t kV2Symbols = 4;
constexpr char kSamplesTag = (2 << 3) | 2;  // In both versions.

// A symbol can be named any number of times, so what a small body stands for has limits of its own:
// a thousand times what series have, and more than senders put into a request.
constexpr std::size_t kMaxLookedUpBytes = 1 << 20;  // By a series, its metadata or an exemplar.
constexpr std::size_t kMaxLookedUpBytesOfRequest = 256 << 20;

/// One kind of parts of the current series: how many, and where the next one is.
struct Parts {
  std::size_t total = 0;
  std::size_t left = 0;
  const char* next = nullptr;

  void Found(const char* position) {
    if (total++ == 0) next = position;
    left = total;
  }
};

struct MetadataRefs {
  std::uint64_t type = 0;
  std::uint32_t help = 0, unit = 0;
};

}  // namespace

struct WriteRequestReader::Impl {
  Impl(WriteVersion v, std::string_view b)
      : version(v),
        numbers(v == WriteVersion::kV1 ? kV1Numbers : kV2Numbers),
        body(b),
        in(b, v == WriteVersion::kV1 ? "WriteRequest" : "Request", error) {}

  void CollectSymbols();
  void OpenSeries(std::string_view bytes);
  void FindLabels(const char* position, const char* end);
  void ReadMetadata(std::string_view bytes, MetadataRefs& refs);
  /// Why these can't be looked up; "" when they can, and then they are charged for.
  std::string Check(const std::vector<std::uint32_t>& refs);
  std::string LookUp(const std::vector<std::uint32_t>& refs, std::vector<model::LabelView>& out);
  /// Why so many bytes of symbols can't be used; "" when they can.
  std::string Charge(std::size_t bytes);
  void ReadLabels();
  void LookUpMetadata(const MetadataRefs& refs);
  std::string_view Symbol(std::uint32_t ref) const {
    return body.substr(symbols[ref].first, symbols[ref].second);
  }
  /// The next sample, when it is written as all senders do; else nothing is done.
  bool NextPlainSample(WriteSample& sample);
  /// The bytes of the next part with this field number.
  bool NextPart(Parts& parts, std::int32_t number, const char* name, std::string_view& bytes);

  const WriteVersion version;
  const Numbers& numbers;
  const std::string_view body;
  std::string error;
  WireReader in;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> symbols;  // Offset and size in the body.
  std::size_t looked_up_bytes = 0;

  // The current series:
  std::string_view series;
  std::string_view label_bytes;   // Version 1: from the first label to the end of the last one.
  bool labels_scattered = false;  // Something else lies between.
  std::vector<model::LabelView> labels;
  std::string id_bytes;
  std::vector<std::uint32_t> label_refs, exemplar_refs;
  WriteMetadata metadata;
  std::string bad_reference;
  bool labels_usable = true;
  Parts samples, histograms, exemplars;
};

void WriteRequestReader::Impl::CollectSymbols() {
  WireReader all(body, "Request", error);
  while (all.Next()) {
    if (all.field() != kV2Symbols) {
      all.Skip();
      continue;
    }
    const std::string_view symbol = all.Bytes("Symbols");
    symbols.emplace_back(static_cast<std::uint32_t>(symbol.data() - body.data()),
                         static_cast<std::uint32_t>(symbol.size()));
  }
}

void WriteRequestReader::Impl::ReadMetadata(std::string_view bytes, MetadataRefs& refs) {
  WireReader fields(bytes, "Metadata", error);
  while (fields.Next()) {
    switch (fields.field()) {
      case 1:
        refs.type = fields.Varint("Type");
        break;
      case 3:
        refs.help = static_cast<std::uint32_t>(fields.Varint("HelpRef"));
        break;
      case 4:
        refs.unit = static_cast<std::uint32_t>(fields.Varint("UnitRef"));
        break;
      default:
        fields.Skip();
    }
  }
}

std::string WriteRequestReader::Impl::Charge(std::size_t bytes) {
  if (bytes > kMaxLookedUpBytes) {
    return fmt::format("the symbols take {} bytes, more than {}", bytes, kMaxLookedUpBytes);
  }
  looked_up_bytes += bytes;
  if (looked_up_bytes <= kMaxLookedUpBytesOfRequest) return {};
  return fmt::format("the symbols of the request take more than {} bytes when they are looked up",
                     kMaxLookedUpBytesOfRequest);
}

std::string WriteRequestReader::Impl::Check(const std::vector<std::uint32_t>& refs) {
  if (refs.size() % 2 != 0) return fmt::format("invalid labelRefs length {}", refs.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < refs.size(); i += 2) {
    if (refs[i] >= symbols.size() || refs[i + 1] >= symbols.size()) {
      return fmt::format("labelRefs {} (name) = {} (value) outside of symbols table (size {})",
                         refs[i], refs[i + 1], symbols.size());
    }
    bytes += symbols[refs[i]].second + symbols[refs[i + 1]].second;
  }
  return Charge(bytes);
}

std::string WriteRequestReader::Impl::LookUp(const std::vector<std::uint32_t>& refs,
                                             std::vector<model::LabelView>& out) {
  out.clear();
  std::string why = Check(refs);
  if (!why.empty()) return why;
  for (std::size_t i = 0; i < refs.size(); i += 2) {
    out.push_back({Symbol(refs[i]), Symbol(refs[i + 1])});
  }
  return why;
}

void WriteRequestReader::Impl::LookUpMetadata(const MetadataRefs& refs) {
  const auto outside = [&](const char* name, std::uint32_t ref) {
    bad_reference = fmt::format(
        "parsing metadata for series [{}]: metadata {} {} outside of symbols table (size {})",
        fmt::join(label_refs, " "), name, ref, symbols.size());
  };
  metadata = {};
  if (refs.unit >= symbols.size()) return outside("unit_ref", refs.unit);
  if (refs.help >= symbols.size()) return outside("help_ref", refs.help);
  if (refs.type <= static_cast<std::uint64_t>(model::MetricType::kStateset)) {
    metadata.type = static_cast<model::MetricType>(refs.type);
  }
  metadata.unit = Symbol(refs.unit);
  metadata.help = Symbol(refs.help);
  if (std::string why = Charge(metadata.unit.size() + metadata.help.size()); !why.empty()) {
    bad_reference =
        fmt::format("parsing metadata for series [{}]: {}", fmt::join(label_refs, " "), why);
  }
}

void WriteRequestReader::Impl::FindLabels(const char* position, const char* end) {
  if (label_bytes.empty()) {
    label_bytes = {position, static_cast<std::size_t>(end - position)};
  } else {
    labels_scattered = labels_scattered || label_bytes.data() + label_bytes.size() != position;
    label_bytes = {label_bytes.data(), static_cast<std::size_t>(end - label_bytes.data())};
  }
}

// Finds where the labels and the other parts begin: usually the ones right after the others.
void WriteRequestReader::Impl::OpenSeries(std::string_view bytes) {
  series = bytes;
  label_bytes = {};
  labels_scattered = false;
  labels.clear();
  label_refs.clear();
  bad_reference.clear();
  labels_usable = true;
  samples = histograms = exemplars = {};
  MetadataRefs metadata_refs;
  WireReader fields(bytes, "TimeSeries", error);
  while (true) {
    const char* const position = fields.position();
    if (fields.SkipShort(kSamplesTag)) {
      samples.Found(position);
      continue;
    }
    if (!fields.Next()) break;
    const std::int32_t field = fields.field();
    if (field == numbers.labels) {
      if (version == WriteVersion::kV1) {
        fields.Bytes("Labels");
        FindLabels(position, fields.position());
      } else {
        fields.Varints("LabelsRefs", [&](std::uint64_t ref) {
          label_refs.push_back(static_cast<std::uint32_t>(ref));
        });
      }
      continue;
    }
    if (field == numbers.metadata) {
      ReadMetadata(fields.Bytes("Metadata"), metadata_refs);
      continue;
    }
    if (field == numbers.samples) samples.Found(position);
    if (field == numbers.histograms) histograms.Found(position);
    if (field == numbers.exemplars) exemplars.Found(position);
    fields.Skip();
  }
  if (version == WriteVersion::kV1) return;
  if (std::string why = Check(label_refs); !why.empty()) {
    bad_reference =
        fmt::format("parsing labels for series [{}]: {}", fmt::join(label_refs, " "), why);
    labels_usable = false;
    return;
  }
  LookUpMetadata(metadata_refs);
}

void WriteRequestReader::Impl::ReadLabels() {
  labels.clear();
  if (version == WriteVersion::kV2) {
    if (!labels_usable) return;
    for (std::size_t i = 0; i < label_refs.size(); i += 2) {
      labels.push_back({Symbol(label_refs[i]), Symbol(label_refs[i + 1])});
    }
    return;
  }
  WireReader fields(label_bytes, "TimeSeries", error);
  while (fields.Next()) {
    if (fields.field() == numbers.labels) {
      ReadLabelInto(fields.Bytes("Labels"), error, labels);
    } else {
      fields.Skip();
    }
  }
}

// A tag and a length of one byte each, a value unless it is zero, a time unless it is zero.
bool WriteRequestReader::Impl::NextPlainSample(WriteSample& sample) {
  if (samples.left == 0 || !error.empty()) return false;
  const char* p = samples.next;
  const char* const end = series.data() + series.size();
  if (end - p < 2 || p[0] != kSamplesTag) return false;
  const auto size = static_cast<std::uint8_t>(p[1]);
  p += 2;
  if (size >= 0x80 || size > end - p) return false;
  const char* const last = p + size;
  sample = {};
  if (last - p >= 9 && *p == ((1 << 3) | 1)) {
    std::memcpy(&sample.value, p + 1, 8);
    p += 9;
  }
  if (p != last && *p == (2 << 3)) {
    std::uint64_t t = 0;
    unsigned shift = 0;
    bool more = true;
    for (++p; more && p != last && shift < 63; shift += 7) {
      t |= static_cast<std::uint64_t>(*p & 0x7f) << shift;
      more = (*p++ & 0x80) != 0;
    }
    if (more) return false;
    sample.t = static_cast<std::int64_t>(t);
  }
  if (p != last) return false;
  --samples.left;
  samples.next = last;
  return true;
}

bool WriteRequestReader::Impl::NextPart(Parts& parts, std::int32_t number, const char* name,
                                        std::string_view& bytes) {
  if (parts.left == 0) return false;
  const auto begin = static_cast<std::size_t>(parts.next - series.data());
  WireReader fields(series.substr(begin), "TimeSeries", error);
  while (fields.Next()) {
    if (fields.field() != number) {
      fields.Skip();
      continue;
    }
    bytes = fields.Bytes(name);
    --parts.left;
    parts.next = fields.position();
    return error.empty();
  }
  return false;
}

WriteRequestReader::WriteRequestReader(WriteVersion version, std::string_view body)
    : impl_(std::make_unique<Impl>(version, body)) {
  if (version == WriteVersion::kV2) impl_->CollectSymbols();
}

WriteRequestReader::~WriteRequestReader() = default;

bool WriteRequestReader::NextSeries() { return NextUnread() && ReadLabels(); }

bool WriteRequestReader::ReadLabels() {
  impl_->ReadLabels();
  return impl_->error.empty();
}

std::optional<Hash128> WriteRequestReader::LabelsId() {
  Impl& impl = *impl_;
  if (impl.version == WriteVersion::kV1) {
    if (impl.labels_scattered) return std::nullopt;
    return HashBytes128(impl.label_bytes);
  }
  if (!impl.bad_reference.empty()) return std::nullopt;
  // With their sizes, so that no other labels come to the same bytes.
  impl.id_bytes.clear();
  for (const std::uint32_t ref : impl.label_refs) {
    const std::uint32_t size = impl.symbols[ref].second;
    impl.id_bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    impl.id_bytes += impl.Symbol(ref);
  }
  Hash128 id = HashBytes128(impl.id_bytes);
  id.low = ~id.low;  // Whatever version 1 says in the same bytes.
  return id;
}

bool WriteRequestReader::NextUnread() {
  Impl& impl = *impl_;
  while (impl.in.Next()) {
    if (impl.in.field() != impl.numbers.series) {
      impl.in.Skip();
      continue;
    }
    const std::string_view bytes = impl.in.Bytes("Timeseries");
    if (!impl.error.empty()) return false;
    impl.OpenSeries(bytes);
    return impl.error.empty();
  }
  return false;
}

std::span<const model::LabelView> WriteRequestReader::labels() const { return impl_->labels; }
const WriteMetadata& WriteRequestReader::metadata() const { return impl_->metadata; }
const std::string& WriteRequestReader::bad_reference() const { return impl_->bad_reference; }
bool WriteRequestReader::labels_usable() const { return impl_->labels_usable; }
std::size_t WriteRequestReader::num_samples() const { return impl_->samples.total; }
std::size_t WriteRequestReader::num_histograms() const { return impl_->histograms.total; }

bool WriteRequestReader::NextSample(WriteSample& sample) {
  if (impl_->NextPlainSample(sample)) return true;
  std::string_view bytes;
  if (!impl_->NextPart(impl_->samples, impl_->numbers.samples, "Samples", bytes)) return false;
  sample = {};
  WireReader fields(bytes, "Sample", impl_->error);
  while (fields.Next()) {
    switch (fields.field()) {
      case 1:
        sample.value = fields.Double("Value");
        break;
      case 2:
        sample.t = fields.Int64("Timestamp");
        break;
      case 3:
        if (impl_->version == WriteVersion::kV2) {
          sample.start_t = fields.Int64("StartTimestamp");
          break;
        }
        [[fallthrough]];
      default:
        fields.Skip();
    }
  }
  return impl_->error.empty();
}

bool WriteRequestReader::NextHistogram(WriteHistogram& histogram) {
  std::string_view bytes;
  if (!impl_->NextPart(impl_->histograms, impl_->numbers.histograms, "Histograms", bytes)) {
    return false;
  }
  ReadHistogram(bytes, impl_->error, histogram);
  return impl_->error.empty();
}

bool WriteRequestReader::NextExemplar(WriteExemplar& exemplar) {
  Impl& impl = *impl_;
  std::string_view bytes;
  if (!impl.NextPart(impl.exemplars, impl.numbers.exemplars, "Exemplars", bytes)) return false;
  exemplar.labels.clear();
  exemplar.value = 0;
  exemplar.t = 0;
  exemplar.bad_reference.clear();
  impl.exemplar_refs.clear();
  WireReader fields(bytes, "Exemplar", impl.error);
  while (fields.Next()) {
    switch (fields.field()) {
      case 1:
        if (impl.version == WriteVersion::kV1) {
          ReadLabelInto(fields.Bytes("Labels"), impl.error, exemplar.labels);
        } else {
          fields.Varints("LabelsRefs", [&](std::uint64_t ref) {
            impl.exemplar_refs.push_back(static_cast<std::uint32_t>(ref));
          });
        }
        break;
      case 2:
        exemplar.value = fields.Double("Value");
        break;
      case 3:
        exemplar.t = fields.Int64("Timestamp");
        break;
      default:
        fields.Skip();
    }
  }
  if (impl.version == WriteVersion::kV2) {
    exemplar.bad_reference = impl.LookUp(impl.exemplar_refs, exemplar.labels);
  }
  return impl.error.empty();
}

Status WriteRequestReader::status() const {
  if (impl_->error.empty()) return {};
  return Fail(Code::kInvalidArgument, impl_->error);
}

}  // namespace narthex::proto
