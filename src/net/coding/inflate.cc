// SPDX-License-Identifier: Apache-2.0
#include "src/net/coding/inflate.h"

#include <libdeflate.h>
#include <zlib.h>

#include "narthex/base/check.h"

namespace narthex::net {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to say "gzip framing".
constexpr std::size_t kStep = 64 << 10;
constexpr std::size_t kHeaderBytes = 10;

Bytef* InputOf(std::string_view in) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib does not write to it.
}

}  // namespace

struct GzipDecoder::Impl {
  z_stream stream{};
  bool at_member_end = false;
  // Of a member that does not begin as one should. That counts when its header is there as a whole;
  // one that ends within it is torn.
  std::size_t bad_header = 0;
};

GzipDecoder::GzipDecoder() : impl_(std::make_unique<Impl>()) {
  NX_CHECK(inflateInit2(&impl_->stream, kGzipWindow) == Z_OK, "out of memory for inflate");
}

GzipDecoder::~GzipDecoder() { inflateEnd(&impl_->stream); }

DecodeOutcome GzipDecoder::Feed(std::string_view in, std::size_t max_bytes, std::string& out) {
  const auto bad_header = [this](std::size_t more) {
    impl_->bad_header += more;
    return impl_->bad_header < kHeaderBytes ? DecodeOutcome::kOk : DecodeOutcome::kBadHeader;
  };
  if (impl_->bad_header > 0) return bad_header(in.size());
  z_stream& z = impl_->stream;
  z.next_in = InputOf(in);
  z.avail_in = static_cast<uInt>(in.size());
  char buffer[kStep];
  while (z.avail_in > 0) {
    if (impl_->at_member_end) {
      if (inflateReset(&z) != Z_OK) return DecodeOutcome::kCorrupt;
      impl_->at_member_end = false;
    }
    int code = Z_OK;
    do {
      z.next_out = reinterpret_cast<Bytef*>(buffer);
      z.avail_out = sizeof(buffer);
      code = inflate(&z, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        const std::string_view why = z.msg == nullptr ? "" : z.msg;
        if (why == "incorrect header check") return bad_header(z.total_in + z.avail_in);
        const bool sum = why == "incorrect data check" || why == "incorrect length check";
        return sum ? DecodeOutcome::kBadSum : DecodeOutcome::kCorrupt;
      }
      const std::size_t n = sizeof(buffer) - z.avail_out;
      const std::size_t room = max_bytes == 0 ? n : max_bytes - std::min(max_bytes, out.size());
      out.append(buffer, std::min(n, room));
      if (n > room) return DecodeOutcome::kTooLarge;
    } while (code == Z_OK && z.avail_out == 0);
    impl_->at_member_end = code == Z_STREAM_END;
    if (code == Z_BUF_ERROR) break;
  }
  return DecodeOutcome::kOk;
}

bool GzipDecoder::complete() const { return impl_->at_member_end; }

namespace {

/// One attempt in one piece, for bodies of one member whose trailer tells the true size.
bool GunzipAtOnce(std::string_view in, std::size_t max_bytes, std::string& out) {
  // A member is at least 18 bytes; deflate expands at most 1032 times.
  if (in.size() < 18) return false;
  std::uint32_t size = 0;
  std::memcpy(&size, in.data() + in.size() - sizeof(size), sizeof(size));
  if (size / 1032 > in.size() || (max_bytes != 0 && out.size() + size > max_bytes)) return false;
  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  if (!decompressor) return false;
  const std::size_t before = out.size();
  out.resize(before + size);
  std::size_t used = 0, made = 0;
  const libdeflate_result result = libdeflate_gzip_decompress_ex(
      decompressor.get(), in.data(), in.size(), out.data() + before, size, &used, &made);
  if (result == LIBDEFLATE_SUCCESS && used == in.size() && made == size) return true;
  out.resize(before);
  return false;
}

}  // namespace

DecodeOutcome Gunzip(std::string_view in, std::size_t max_bytes, std::string& out) {
  if (GunzipAtOnce(in, max_bytes, out)) return DecodeOutcome::kOk;
  if (in.size() < kHeaderBytes) return DecodeOutcome::kTruncated;
  if (!in.starts_with("\x1f\x8b")) return DecodeOutcome::kBadHeader;
  // Several members, a bad trailer, too large: the slow way finds out and keeps what is good.
  GzipDecoder decoder;
  const DecodeOutcome outcome = decoder.Feed(in, max_bytes, out);
  if (outcome == DecodeOutcome::kOk && !decoder.complete()) return DecodeOutcome::kTruncated;
  return outcome;
}

struct Deflater::Impl {
  z_stream stream{};
};

Deflater::Deflater(Compression format) : impl_(std::make_unique<Impl>()) {
  const int window = format == Compression::kGzip ? kGzipWindow : 15;
  NX_CHECK(deflateInit2(&impl_->stream, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK,
           "out of memory for deflate");
}

Deflater::~Deflater() { deflateEnd(&impl_->stream); }

void Deflater::Feed(std::string_view in, bool last, std::string& out) {
  z_stream& z = impl_->stream;
  z.next_in = InputOf(in);
  z.avail_in = static_cast<uInt>(in.size());
  char buffer[kStep];
  do {
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof(buffer);
    deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
    out.append(buffer, sizeof(buffer) - z.avail_out);
  } while (z.avail_out == 0);
}

}  // namespace narthex::net
