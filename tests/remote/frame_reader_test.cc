// SPDX-License-Identifier: Apache-2.0
#include "src/remote/frame_reader.h"

#include <vector>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::remote {
namespace {

std::string Frame(const std::string& message) {
  std::string out;
  Encoder frame(out);
  frame.Uvarint(message.size());
  frame.Be32(Crc32c({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}));
  frame.Bytes(message);
  return out;
}

struct Taken {
  std::vector<std::string> messages;
  std::string error;
};

/// @param cut  bytes of each piece
Taken Read(const std::string& body, std::size_t cut, std::uint64_t max_bytes = 1000) {
  Taken taken;
  FrameReader reader(max_bytes, [&](std::string_view message) -> Status {
    if (message == "refused") return Fail(Code::kUnavailable, "refused");
    taken.messages.emplace_back(message);
    return {};
  });
  Status status;
  for (std::size_t at = 0; status && at < body.size(); at += cut) {
    status = reader.Feed(std::string_view(body).substr(at, cut));
    EXPECT_LE(reader.held_bytes(), 2 * body.size() + 64);
  }
  if (status) status = reader.Finish();
  if (!status) taken.error = status.error().message();
  return taken;
}

TEST(FrameReaderTest, TakesFramesWhereverTheyAreCut) {
  const std::vector<std::string> messages = {"", "a", std::string(300, 'b'), "", "last"};
  std::string body;
  for (const std::string& message : messages) body += Frame(message);
  for (std::size_t cut = 1; cut <= body.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Taken taken = Read(body, cut);
    EXPECT_EQ("", taken.error);
    EXPECT_EQ(messages, taken.messages);
  }
  EXPECT_EQ("", Read("", 1).error);
}

TEST(FrameReaderTest, ATornFrameIsAnError) {
  const std::string body = Frame("one") + Frame("two");
  for (std::size_t size = Frame("one").size() + 1; size < body.size(); ++size) {
    SCOPED_TRACE(size);
    for (const std::size_t cut : {std::size_t{1}, size}) {
      const Taken taken = Read(body.substr(0, size), cut);
      EXPECT_EQ("unexpected EOF", taken.error);
      EXPECT_EQ((std::vector<std::string>{"one"}), taken.messages);
    }
  }
}

TEST(FrameReaderTest, RefusesWhatIsNoFrame) {
  std::string flipped = Frame("message");
  flipped.back() ^= 1;
  const std::string longest(9, '\xff');
  const struct {
    std::string body;
    const char* want;
  } cases[] = {
      {flipped, "chunkedReader: corrupted frame; checksum mismatch"},
      {Frame(std::string(1001, 'x')),
       "chunkedReader: message size exceeded the limit 1000 bytes; got: 1001 bytes"},
      {longest + "\x01",
       "chunkedReader: message size exceeded the limit 1000 bytes; got: "
       "18446744073709551615 bytes"},
      {longest + "\x02", "binary: varint overflows a 64-bit integer"},
      {longest + "\xff\x01", "binary: varint overflows a 64-bit integer"},
      {Frame("refused") + Frame("later"), "refused"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, c.body.size()}) {
      const Taken taken = Read(c.body, cut);
      EXPECT_EQ(c.want, taken.error);
      EXPECT_TRUE(taken.messages.empty());
    }
  }
  EXPECT_EQ("", Read(Frame(std::string(1000, 'x')), 7).error);
}

}  // namespace
}  // namespace narthex::remote
