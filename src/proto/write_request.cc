// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/write_request.h"

#include <bit>
#include <cstring>

#include "narthex/base/hash.h"
#include "narthex/base/heap_bytes.h"
#include "narthex/base/uninit_vector.h"
#include "narthex/proto/remote_read.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

// Tags: field number and wire type.
constexpr std::uint8_t kVarint1 = 1 << 3;
constexpr std::uint8_t kVarint2 = 2 << 3;
constexpr std::uint8_t kVarint3 = 3 << 3;
constexpr std::uint8_t kVarint4 = 4 << 3;
constexpr std::uint8_t kFixed1 = 1 << 3 | 1;
constexpr std::uint8_t kFixed2 = 2 << 3 | 1;
constexpr std::uint8_t Length(int field) { return static_cast<std::uint8_t>(field << 3 | 2); }

// A zero that is not written is read as 0, so -0 has to be.
bool IsPlainZero(double value) { return std::bit_cast<std::uint64_t>(value) == 0; }

std::size_t VarintField(std::uint64_t value) { return value == 0 ? 0 : 1 + VarintBytes(value); }

std::uint8_t* PutField(std::uint8_t* p, std::uint8_t tag, std::uint64_t value) {
  if (value == 0) return p;
  *p++ = tag;
  return p + PutUvarint(p, value);
}

std::uint8_t* PutDouble(std::uint8_t* p, std::uint8_t tag, double value) {
  if (IsPlainZero(value)) return p;
  *p++ = tag;
  std::memcpy(p, &value, 8);
  return p + 8;
}

std::uint8_t* PutBytes(std::uint8_t* p, std::string_view bytes) {
  if (bytes.empty()) return p;  // Null perhaps, which memcpy may not get.
  std::memcpy(p, bytes.data(), bytes.size());
  return p + bytes.size();
}

// Bytes in which requests are built; they are not filled beforehand.
class Buffer {
 public:
  // Where up to n bytes may be written; End says how many were.
  std::uint8_t* Begin(std::size_t n) {
    if (used_ + n > bytes_.size()) bytes_.resize(std::max(2 * bytes_.size(), used_ + n));
    return bytes_.data() + used_;
  }
  void End(const std::uint8_t* end) { used_ = static_cast<std::size_t>(end - bytes_.data()); }
  void Append(std::string_view text) { End(PutBytes(Begin(text.size()), text)); }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), used_}; }
  std::size_t size() const { return used_; }
  void Clear() { used_ = 0; }
  std::size_t held_bytes() const { return bytes_.capacity(); }

 private:
  UninitVector<std::uint8_t> bytes_;
  std::size_t used_ = 0;
};

// The strings of a request of version 2, each once.
class Symbols {
 public:
  static constexpr std::uint8_t kTag = Length(4);

  Symbols() { Clear(); }
  void Clear() {
    fields_.Clear();
    places_.clear();
    slots_.assign(slots_.empty() ? 256 : slots_.size(), 0);
    Ref("");  // Number 0, by the specification.
  }
  std::uint32_t Ref(std::string_view text) {
    if (2 * places_.size() >= slots_.size()) Grow();
    std::uint32_t& slot = Slot(text);
    if (slot == 0) {
      std::uint8_t* p = fields_.Begin(1 + kMaxVarintBytes + text.size());
      *p++ = kTag;
      p += PutUvarint(p, text.size());
      fields_.End(PutBytes(p, text));
      places_.push_back({fields_.size() - text.size(), text.size()});
      slot = static_cast<std::uint32_t>(places_.size());
    }
    return slot - 1;
  }
  std::string_view fields() const { return fields_.text(); }
  std::size_t held_bytes() const {
    return fields_.held_bytes() + HeapBytes(places_) + HeapBytes(slots_);
  }

 private:
  struct Place {
    std::size_t offset, size;
  };
  std::uint32_t& Slot(std::string_view text) {
    for (std::size_t i = Hash64(text);; ++i) {
      std::uint32_t& slot = slots_[i & (slots_.size() - 1)];
      if (slot == 0) return slot;
      const Place& place = places_[slot - 1];
      if (fields_.text().substr(place.offset, place.size) == text) return slot;
    }
  }
  void Grow() {
    slots_.assign(2 * slots_.size(), 0);
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
      Slot(fields_.text().substr(places_[i].offset, places_[i].size)) = i + 1;
    }
  }

  Buffer fields_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> slots_;
};

}  // namespace

std::uint32_t LabelPairs::Intern(std::string_view name, std::string_view value) {
  scratch_.clear();
  WireWriter writer(scratch_);
  writer.BeginMessage(1, LabelBytes(name, value));
  writer.Bytes(1, name);
  writer.Bytes(2, value);
  if (2 * size() >= slots_.size()) Grow();
  for (std::size_t i = Hash64(scratch_);; ++i) {
    std::uint32_t& slot = slots_[i & (slots_.size() - 1)];
    if (slot == 0) {
      fields_ += scratch_;
      offsets_.push_back(fields_.size());
      slot = static_cast<std::uint32_t>(size());
      return slot - 1;
    }
    if (field(slot - 1) == scratch_) return slot - 1;
  }
}

void LabelPairs::Grow() {
  slots_.assign(std::max<std::size_t>(256, 2 * slots_.size()), 0);
  for (std::uint32_t pair = 0; pair < size(); ++pair) {
    std::size_t i = Hash64(field(pair));
    while (slots_[i & (slots_.size() - 1)] != 0) ++i;
    slots_[i & (slots_.size() - 1)] = pair + 1;
  }
}

model::LabelView LabelPairs::label(std::uint32_t pair) const {
  const std::string_view bytes = field(pair);
  Decoder in({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  in.Byte();
  in.Uvarint();
  model::LabelView label;
  while (!in.done()) {
    const bool is_name = in.Byte() == Length(1);
    (is_name ? label.name : label.value) = in.String();
  }
  return label;
}

std::size_t LabelPairs::held_bytes() const {
  return HeapBytes(fields_) + HeapBytes(offsets_) + HeapBytes(slots_);
}

struct WriteRequestWriter::Impl {
  Impl(WriteVersion v, const LabelPairs& p) : version(v), pairs(p) {}

  // The numbers of a pair's strings among the symbols of the request `generation`.
  struct PairRefs {
    std::uint32_t generation = 0;
    std::uint32_t name = 0, value = 0;
  };

  void Begin() {
    if (!finished) return;
    finished = false;
    body.Clear();
    if (version == WriteVersion::kV1) return;
    symbols.Clear();
    if (++generation == 0) pair_refs.clear(), generation = 1;
  }
  // Begins a series with `inner` bytes behind labels and metadata, and the exemplars that were
  // collected. @return where the inner bytes go
  std::uint8_t* BeginSeries(const SeriesLabels& labels, const model::Metadata* metadata,
                            std::size_t inner);
  void EndSeries(std::uint8_t* end);
  void CollectExemplar(const model::Labels& labels, model::TimestampMs t, double value);
  void CollectRefs(const SeriesLabels& labels);
  void CollectMetadata(const model::Metadata* metadata);

  const WriteVersion version;
  const LabelPairs& pairs;
  bool finished = true;
  Buffer body;

  // Version 2:
  Symbols symbols;
  Buffer request;
  std::vector<PairRefs> pair_refs;
  std::uint32_t generation = 0;
  Buffer refs;      // Labels of the series at hand, packed.
  Buffer metadata;  // Its field.

  Buffer exemplar_labels;  // Of the exemplar at hand, in the form of the version.
  Buffer exemplars;        // Fields of the series at hand.
};

void WriteRequestWriter::Impl::CollectRefs(const SeriesLabels& labels) {
  refs.Clear();
  if (pair_refs.size() < pairs.size()) pair_refs.resize(pairs.size());
  std::uint8_t* p = refs.Begin(2 * kMaxVarintBytes * labels.pairs.size());
  for (const std::uint32_t pair : labels.pairs) {
    PairRefs& known = pair_refs[pair];
    if (known.generation != generation) {
      const model::LabelView label = pairs.label(pair);
      known = {generation, symbols.Ref(label.name), symbols.Ref(label.value)};
    }
    p += PutUvarint(p, known.name);
    p += PutUvarint(p, known.value);
  }
  refs.End(p);
}

void WriteRequestWriter::Impl::CollectMetadata(const model::Metadata* known) {
  metadata.Clear();
  if (known == nullptr) return;
  const std::uint32_t help = symbols.Ref(known->help);
  const std::uint32_t unit = symbols.Ref(known->unit);
  const auto type = static_cast<std::uint64_t>(known->type);
  std::uint8_t* p = metadata.Begin(4 * kMaxVarintBytes);
  *p++ = Length(5);
  *p++ = static_cast<std::uint8_t>(VarintField(type) + VarintField(help) + VarintField(unit));
  p = PutField(p, kVarint1, type);
  p = PutField(p, kVarint3, help);
  p = PutField(p, kVarint4, unit);
  metadata.End(p);
}

std::uint8_t* WriteRequestWriter::Impl::BeginSeries(const SeriesLabels& labels,
                                                    const model::Metadata* known,
                                                    std::size_t inner) {
  Begin();
  inner += exemplars.size();
  if (version == WriteVersion::kV1) {
    std::uint8_t* p = body.Begin(1 + kMaxVarintBytes + labels.field_bytes + inner);
    *p++ = Length(1);
    p += PutUvarint(p, labels.field_bytes + inner);
    for (const std::uint32_t pair : labels.pairs) p = PutBytes(p, pairs.field(pair));
    return p;
  }
  CollectRefs(labels);
  CollectMetadata(known);
  const std::size_t size = 1 + VarintBytes(refs.size()) + refs.size() + metadata.size() + inner;
  std::uint8_t* p = body.Begin(1 + kMaxVarintBytes + size);
  *p++ = Length(5);
  p += PutUvarint(p, size);
  *p++ = Length(1);
  p += PutUvarint(p, refs.size());
  p = PutBytes(p, refs.text());
  return PutBytes(p, metadata.text());
}

void WriteRequestWriter::Impl::EndSeries(std::uint8_t* end) {
  body.End(PutBytes(end, exemplars.text()));
  exemplars.Clear();
}

void WriteRequestWriter::Impl::CollectExemplar(const model::Labels& labels, model::TimestampMs t,
                                               double value) {
  Begin();
  Buffer& own = exemplar_labels;
  own.Clear();
  for (const model::LabelView label : labels) {
    if (version == WriteVersion::kV2) {
      std::uint8_t* p = own.Begin(2 * kMaxVarintBytes);
      p += PutUvarint(p, symbols.Ref(label.name));
      own.End(p + PutUvarint(p, symbols.Ref(label.value)));
      continue;
    }
    const std::size_t size = LabelBytes(label.name, label.value);
    std::uint8_t* p = own.Begin(size + 4 * kMaxVarintBytes);
    *p++ = Length(1);
    p += PutUvarint(p, size);
    *p++ = Length(1);
    p += PutUvarint(p, label.name.size());
    p = PutBytes(p, label.name);
    *p++ = Length(2);
    p += PutUvarint(p, label.value.size());
    own.End(PutBytes(p, label.value));
  }
  const bool packed = version == WriteVersion::kV2 && own.size() != 0;
  const std::size_t size = (packed ? 1 + VarintBytes(own.size()) : 0) + own.size() +
                           (IsPlainZero(value) ? 0 : 9) +
                           VarintField(static_cast<std::uint64_t>(t));
  std::uint8_t* p = exemplars.Begin(1 + kMaxVarintBytes + size);
  *p++ = Length(version == WriteVersion::kV1 ? 3 : 4);
  p += PutUvarint(p, size);
  if (packed) {
    *p++ = Length(1);
    p += PutUvarint(p, own.size());
  }
  p = PutBytes(p, own.text());
  p = PutDouble(p, kFixed2, value);
  exemplars.End(PutField(p, kVarint3, static_cast<std::uint64_t>(t)));
}

WriteRequestWriter::WriteRequestWriter(WriteVersion version, const LabelPairs& pairs)
    : impl_(std::make_unique<Impl>(version, pairs)) {}
WriteRequestWriter::~WriteRequestWriter() = default;

WriteVersion WriteRequestWriter::version() const { return impl_->version; }

void WriteRequestWriter::AddSample(const SeriesLabels& labels, const model::Metadata* metadata,
                                   model::TimestampMs t, model::TimestampMs start, double value) {
  if (impl_->version == WriteVersion::kV1) start = 0;
  const std::size_t size = (IsPlainZero(value) ? 0 : 9) +
                           VarintField(static_cast<std::uint64_t>(t)) +
                           VarintField(static_cast<std::uint64_t>(start));
  std::uint8_t* p = impl_->BeginSeries(labels, metadata, 2 + size);
  *p++ = Length(2);
  *p++ = static_cast<std::uint8_t>(size);
  p = PutDouble(p, kFixed1, value);
  p = PutField(p, kVarint2, static_cast<std::uint64_t>(t));
  impl_->EndSeries(PutField(p, kVarint3, static_cast<std::uint64_t>(start)));
}

void WriteRequestWriter::AddHistogram(const SeriesLabels& labels, const model::Metadata* metadata,
                                      std::string_view message) {
  std::uint8_t* p =
      impl_->BeginSeries(labels, metadata, 1 + VarintBytes(message.size()) + message.size());
  *p++ = Length(impl_->version == WriteVersion::kV1 ? 4 : 3);
  p += PutUvarint(p, message.size());
  impl_->EndSeries(PutBytes(p, message));
}

void WriteRequestWriter::AddExemplar(const SeriesLabels& labels, const model::Metadata* metadata,
                                     const model::Labels& exemplar, model::TimestampMs t,
                                     double value) {
  impl_->CollectExemplar(exemplar, t, value);
  impl_->EndSeries(impl_->BeginSeries(labels, metadata, 0));
}

void WriteRequestWriter::GiveExemplar(const model::Labels& exemplar, model::TimestampMs t,
                                      double value) {
  impl_->CollectExemplar(exemplar, t, value);
}

void WriteRequestWriter::AddMetadata(std::string_view family, const model::Metadata& metadata) {
  impl_->Begin();
  std::string message;
  WireWriter writer(message);
  writer.Varint(1, static_cast<std::uint64_t>(metadata.type));
  writer.Bytes(2, family);
  writer.Bytes(4, metadata.help);
  writer.Bytes(5, metadata.unit);
  std::string field;
  WireWriter(field).Message(3, message);
  impl_->body.Append(field);
}

std::string_view WriteRequestWriter::Finish() {
  Impl& impl = *impl_;
  impl.Begin();
  impl.finished = true;
  if (impl.version == WriteVersion::kV1) return impl.body.text();
  impl.request.Clear();
  impl.request.Append(impl.symbols.fields());
  impl.request.Append(impl.body.text());
  return impl.request.text();
}

void WriteRequestWriter::Forget() { impl_->pair_refs.clear(); }

std::size_t WriteRequestWriter::held_bytes() const {
  const Impl& impl = *impl_;
  return impl.body.held_bytes() + impl.symbols.held_bytes() + impl.request.held_bytes() +
         HeapBytes(impl.pair_refs);
}

}  // namespace narthex::proto
