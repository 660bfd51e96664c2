// SPDX-License-Identifier: Apache-2.0
#include "src/net/body_reader.h"

#include <algorithm>

#include "src/net/coding/inflate.h"
#include "src/net/coding/zstd_decoder.h"

namespace narthex::net {
namespace {

// Room for a body whose length its head tells, at first: heads are not to be trusted.
constexpr std::size_t kFirstRoom = std::size_t{256} << 10;
// Up to this size a gzip body is gathered and decoded at once, which takes half the time.
constexpr std::size_t kMaxGathered = std::size_t{8} << 20;

BodyReader::State StateOf(DecodeOutcome outcome, BodyReader::State if_ok) {
  switch (outcome) {
    case DecodeOutcome::kOk:
      return if_ok;
    case DecodeOutcome::kTooLarge:
      return BodyReader::State::kTooLarge;
    case DecodeOutcome::kTruncated:
      return BodyReader::State::kTorn;
    case DecodeOutcome::kBadHeader:
      return BodyReader::State::kBadHeader;
    case DecodeOutcome::kBadSum:
      return BodyReader::State::kBadSum;
    case DecodeOutcome::kCorrupt:
      break;
  }
  return BodyReader::State::kCorrupt;
}

std::unique_ptr<StreamDecoder> MakeDecoder(ContentCoding coding) {
  if (coding == ContentCoding::kZstd) return std::make_unique<ZstdDecoder>();
  return std::make_unique<GzipDecoder>();
}

}  // namespace

ContentCoding ContentCodingOf(const Headers& headers) {
  // "GZIP" is the body as it is, as for Prometheus.
  const std::string* coding = FindHeader(headers, "Content-Encoding");
  if (coding != nullptr && *coding == "gzip") return ContentCoding::kGzip;
  if (coding != nullptr && EqualsIgnoreCase(*coding, "zstd")) return ContentCoding::kZstd;
  return ContentCoding::kIdentity;
}

BodyReader::BodyReader(BodyFraming framing, ContentCoding coding, std::size_t max_bytes,
                       std::string& body, const BodySink* sink)
    : framing_(framing),
      coding_(coding),
      max_bytes_(max_bytes),
      body_(body),
      sink_(sink),
      in_place_(framing.kind == BodyKind::kLength && coding == ContentCoding::kIdentity &&
                sink == nullptr),
      left_(framing.length) {
  if (framing.kind == BodyKind::kChunked) chunked_.emplace();
  if (!in_place_) body_.clear();
}

BodyReader::State BodyReader::Feed(std::string_view& input) {
  switch (framing_.kind) {
    case BodyKind::kNone:
      return State::kDone;
    case BodyKind::kUntilClose: {
      const std::string_view data = input;
      input = {};
      return Take(data);
    }
    case BodyKind::kLength: {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      const std::string_view data = input.substr(0, n);
      input.remove_prefix(n);
      left_ -= n;
      const State state = in_place_ ? PutInPlace(data) : Take(data);
      return state == State::kNeedMore && left_ == 0 ? End() : state;
    }
    case BodyKind::kChunked:
      break;
  }
  for (;;) {
    std::string_view data;
    switch (chunked_->Next(input, data)) {
      case ChunkedDecoder::State::kNeedMore:
        return State::kNeedMore;
      case ChunkedDecoder::State::kDone:
        return End();
      case ChunkedDecoder::State::kError:
        return State::kMalformed;
      case ChunkedDecoder::State::kData:
        if (const State state = Take(data); state != State::kNeedMore) return state;
        break;
    }
  }
}

BodyReader::~BodyReader() {
  if (in_place_) body_.resize(filled_);
}

std::uint64_t BodyReader::Wanted() const {
  return max_bytes_ == 0 ? left_ : std::min<std::uint64_t>(left_, max_bytes_ - filled_);
}

BodyReader::State BodyReader::PutInPlace(std::string_view data) {
  const std::size_t room =
      max_bytes_ == 0 ? data.size() : std::min(data.size(), max_bytes_ - filled_);
  if (body_.size() < filled_ + room) body_.resize(filled_ + room);
  data.copy(body_.data() + filled_, room);
  filled_ += room;
  wire_bytes_ += data.size();
  return data.size() > room ? State::kTooLarge : State::kNeedMore;
}

std::span<char> BodyReader::Room() {
  const std::uint64_t wanted = in_place_ ? Wanted() : 0;
  if (wanted == 0) return {};
  if (filled_ == body_.size()) {
    const std::uint64_t more = std::min<std::uint64_t>(wanted, std::max(filled_, kFirstRoom));
    body_.resize(filled_ + static_cast<std::size_t>(more));
  }
  const std::size_t room = std::min<std::uint64_t>(wanted, body_.size() - filled_);
  return std::span(body_).subspan(filled_, room);
}

BodyReader::State BodyReader::Filled(std::size_t n) {
  filled_ += n;
  wire_bytes_ += n;
  left_ -= n;
  return left_ == 0 ? End() : State::kNeedMore;
}

BodyReader::State BodyReader::Finish() {
  return framing_.kind == BodyKind::kUntilClose ? End() : State::kNeedMore;
}

BodyReader::State BodyReader::Take(std::string_view data) {
  const State state = Decode(data);
  return sink_ == nullptr ? state : PassOn(state);
}

BodyReader::State BodyReader::PassOn(State state) {
  if (body_.empty()) return state;
  passed_on_ += body_.size();
  const bool go_on = (*sink_)(body_);
  body_.clear();
  const bool well = state == State::kNeedMore || state == State::kDone;
  return go_on || !well ? state : State::kStopped;
}

BodyReader::State BodyReader::Decode(std::string_view data) {
  wire_bytes_ += data.size();
  // Room that is left for the rest, after what the sink has got.
  const std::size_t limit = max_bytes_ == 0 ? 0 : max_bytes_ - passed_on_;
  if (coding_ == ContentCoding::kIdentity) {
    const std::size_t room = max_bytes_ == 0 ? data.size() : limit - std::min(limit, body_.size());
    body_.append(data.substr(0, room));
    return data.size() > room ? State::kTooLarge : State::kNeedMore;
  }
  std::string gathered;
  if (decoder_ == nullptr) {
    compressed_ += data;
    // A sink wants what there is.
    const bool gather = coding_ == ContentCoding::kGzip && sink_ == nullptr;
    if (gather && compressed_.size() <= kMaxGathered) return State::kNeedMore;
    decoder_ = MakeDecoder(coding_);
    gathered.swap(compressed_);
    data = gathered;
  }
  if (max_bytes_ != 0 && limit == 0) {
    // For the decoder 0 is no limit, and what follows the last byte is still to be checked.
    const State state = StateOf(decoder_->Feed(data, 1, body_), State::kNeedMore);
    if (body_.empty()) return state;
    body_.clear();
    return State::kTooLarge;
  }
  return StateOf(decoder_->Feed(data, limit, body_), State::kNeedMore);
}

BodyReader::State BodyReader::End() {
  if (coding_ == ContentCoding::kIdentity || wire_bytes_ == 0) return State::kDone;
  if (decoder_ != nullptr) return decoder_->complete() ? State::kDone : State::kTorn;
  return StateOf(Gunzip(compressed_, max_bytes_, body_), State::kDone);
}

}  // namespace narthex::net
