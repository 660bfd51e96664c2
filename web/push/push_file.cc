// SPDX-License-Identifier: Apache-2.0
#include "web/push/push_file.h"

#include <limits>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/base/fs.h"

namespace narthex::web {
namespace {

constexpr std::string_view kMagic = "NXPUSH\x01\n";  // The last but one byte is the version.
constexpr std::size_t kChecksumBytes = 4;

tl::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(Code::kCorruption, fmt::format("file of pushed metrics: {}", what));
}

Result<PushGroup> ReadGroup(Decoder& in) {
  PushGroup group;
  for (std::uint64_t n = in.Uvarint(); n > 0 && in.ok(); --n) {
    const std::string name(in.String());
    group.labels[name] = std::string(in.String());
  }
  for (std::uint64_t n = in.Uvarint(); n > 0 && in.ok(); --n) {
    const std::int64_t pushed_ns = in.Varint();
    const std::string_view message = in.String();
    auto families = proto::DecodeFamilies(message, std::numeric_limits<std::size_t>::max());
    if (!families) return Corrupt(families.error().message());
    for (auto& [name, family] : *families) {
      group.families[name] = {pushed_ns,
                              std::make_shared<const proto::MetricFamily>(std::move(family))};
    }
  }
  if (!in.ok()) return Corrupt("it ends too early");
  return group;
}

}  // namespace

Status WritePushFile(Fs& fs, const std::string& path,
                     const std::vector<std::shared_ptr<const PushGroup>>& groups) {
  std::string out(kMagic);
  Encoder encoder(out);
  encoder.Uvarint(groups.size());
  std::string message;
  for (const auto& group : groups) {
    encoder.Uvarint(group->labels.size());
    for (const auto& [name, value] : group->labels) {
      encoder.String(name);
      encoder.String(value);
    }
    encoder.Uvarint(group->families.size());
    for (const auto& [name, stored] : group->families) {
      message.clear();
      proto::EncodeFamily(*stored.family, message);
      encoder.Varint(stored.pushed_ns);
      encoder.String(message);
    }
  }
  encoder.Be32(Crc32c(AsBytes(out)));
  return WriteFileAtomically(fs, path, AsBytes(out));
}

Result<std::vector<PushGroup>> ReadPushFile(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  const ByteSpan bytes = AsBytes(text);
  if (!text.starts_with(kMagic)) return Corrupt("it does not begin as one");
  if (text.size() < kMagic.size() + kChecksumBytes) return Corrupt("it ends too early");
  const ByteSpan body = bytes.first(bytes.size() - kChecksumBytes);
  const std::uint32_t stored = LoadBe32(body.data() + body.size());
  if (const std::uint32_t crc = Crc32c(body); crc != stored) {
    return Corrupt(fmt::format("checksum {:08x}, want {:08x}", crc, stored));
  }
  Decoder in(body.subspan(kMagic.size()));
  std::vector<PushGroup> groups;
  for (std::uint64_t n = in.Uvarint(); n > 0; --n) {
    NX_ASSIGN_OR_RETURN(PushGroup group, ReadGroup(in));
    groups.push_back(std::move(group));
  }
  if (in.remaining() != 0) return Corrupt("there is something after its end");
  return groups;
}

}  // namespace narthex::web
