// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/dns_answer.h"

#include <algorithm>

#include <ares.h>
#include <fmt/core.h>

namespace narthex::scrape {

namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kFixedBytes = 10;  // Type, class, TTL and length of a record.

/// c-ares marks other special characters with a backslash than Prometheus's library does.
/// Source: github.com/miekg/dns, isDomainNameLabelSpecial.
std::string WithMarksOfGo(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] != '$') out += '\\';
    } else if (text[i] == ' ' || text[i] == '\'') {
      out += '\\';
    }
    out += text[i];
  }
  return out;
}

/// Walks through a message; names may point back to any part of it.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> message) : message_(message) {}

  bool Skip(std::size_t n) {
    if (n > message_.size() - at_) return false;
    at_ += n;
    return true;
  }
  bool U16(std::uint16_t& value) {
    if (message_.size() - at_ < 2) return false;
    value = static_cast<std::uint16_t>(message_[at_] << 8 | message_[at_ + 1]);
    at_ += 2;
    return true;
  }
  /// A name in text with a dot at its end.
  bool Name(std::string& name) {
    if (at_ >= message_.size()) return false;
    char* text = nullptr;
    long encoded = 0;
    const int status = ares_expand_name(message_.data() + at_, message_.data(),
                                        static_cast<int>(message_.size()), &text, &encoded);
    if (status != ARES_SUCCESS) return false;
    name = WithMarksOfGo(text);
    name += '.';
    ares_free_string(text);
    return Skip(static_cast<std::size_t>(encoded));
  }
  std::span<const std::uint8_t> Rest() const { return message_.subspan(at_); }
  std::size_t position() const { return at_; }
  void MoveTo(std::size_t position) { at_ = position; }

 private:
  const std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
};

bool ReadData(Reader& reader, std::size_t size, DnsRecord& record) {
  const std::span<const std::uint8_t> data = reader.Rest().subspan(0, size);
  switch (record.type) {
    case kDnsA:
      if (size != 4) return false;
      record.text = fmt::format("{}.{}.{}.{}", data[0], data[1], data[2], data[3]);
      return true;
    case kDnsAaaa:
      if (size != 16) return false;
      record.text = FormatIpv6(data.subspan<0, 16>());
      return true;
    case kDnsNs:
      return reader.Name(record.text);
    case kDnsMx:
      return reader.Skip(2) && reader.Name(record.text);
    case kDnsSrv:
      return reader.Skip(4) && reader.U16(record.port) && reader.Name(record.text);
    default:
      return true;
  }
}

bool ReadRecord(Reader& reader, DnsRecord& record) {
  std::string owner;
  std::uint16_t size = 0;
  if (!reader.Name(owner) || !reader.U16(record.type)) return false;
  if (!reader.Skip(kFixedBytes - 4) || !reader.U16(size)) return false;
  if (size > reader.Rest().size()) return false;
  const std::size_t end = reader.position() + size;
  if (!ReadData(reader, size, record) || reader.position() > end) return false;
  reader.MoveTo(end);
  return true;
}

bool ReadAnswer(std::span<const std::uint8_t> message, std::vector<DnsRecord>& records) {
  Reader reader(message);
  std::uint16_t num_questions = 0;
  std::uint16_t num_answers = 0;
  std::string name;
  if (!reader.Skip(4) || !reader.U16(num_questions) || !reader.U16(num_answers)) return false;
  reader.MoveTo(std::min(kHeaderBytes, message.size()));
  for (int i = 0; i < num_questions; ++i) {
    if (!reader.Name(name) || !reader.Skip(4)) return false;
  }
  for (int i = 0; i < num_answers; ++i) {
    if (!ReadRecord(reader, records.emplace_back())) return false;
  }
  return true;
}

}  // namespace

Result<std::vector<DnsRecord>> ParseDnsAnswer(std::span<const std::uint8_t> message) {
  std::vector<DnsRecord> records;
  if (!ReadAnswer(message, records)) {
    return Fail(Code::kInvalidArgument, "dns: malformed answer");
  }
  return records;
}

std::string FormatIpv6(std::span<const std::uint8_t, 16> bytes) {
  constexpr std::uint8_t kIpv4Prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(std::begin(kIpv4Prefix), std::end(kIpv4Prefix), bytes.begin())) {
    return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  }
  std::uint16_t groups[8];
  for (int i = 0; i < 8; ++i) {
    groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  // "::" stands for the first of the longest runs of zeros.
  int run_start = -1;
  int run_size = 1;
  for (int i = 0; i < 8;) {
    int end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > run_size) {
      run_start = i;
      run_size = end - i;
    }
    i = std::max(end, i + 1);
  }
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == run_start) {
      text += "::";
      i += run_size - 1;
      continue;
    }
    if (!text.empty() && !text.ends_with("::")) text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

}  // namespace narthex::scrape
