// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/remote_read.h"
#include "src/proto/wire_reader.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

ReadMatcher DecodeMatcher(std::string_view bytes, std::string& error) {
  ReadMatcher matcher;
  WireReader in(bytes, "LabelMatcher", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        matcher.type = static_cast<std::int32_t>(in.Varint("Type"));
        break;
      case 2:
        matcher.name = in.Bytes("Name");
        break;
      case 3:
        matcher.value = in.Bytes("Value");
        break;
      default:
        in.Skip();
    }
  }
  return matcher;
}

void DecodeHints(std::string_view bytes, std::string& error, ReadHints& hints) {
  WireReader in(bytes, "ReadHints", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        hints.step_ms = in.Int64("StepMs");
        break;
      case 2:
        hints.func = in.Bytes("Func");
        break;
      case 3:
        hints.start_ms = in.Int64("StartMs");
        break;
      case 4:
        hints.end_ms = in.Int64("EndMs");
        break;
      case 5:
        hints.grouping.emplace_back(in.Bytes("Grouping"));
        break;
      case 6:
        hints.by = in.Varint("By") != 0;
        break;
      case 7:
        hints.range_ms = in.Int64("RangeMs");
        break;
      default:
        in.Skip();
    }
  }
}

ReadQuery DecodeQuery(std::string_view bytes, std::string& error) {
  ReadQuery query;
  WireReader in(bytes, "Query", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        query.start_ms = in.Int64("StartTimestampMs");
        break;
      case 2:
        query.end_ms = in.Int64("EndTimestampMs");
        break;
      case 3:
        query.matchers.push_back(DecodeMatcher(in.Bytes("Matchers"), error));
        break;
      case 4:
        query.has_hints = true;
        DecodeHints(in.Bytes("Hints"), error, query.hints);
        break;
      default:
        in.Skip();
    }
  }
  return query;
}

std::string EncodeMatcher(const ReadMatcher& matcher) {
  std::string bytes;
  WireWriter out(bytes);
  out.Varint(1, static_cast<std::uint32_t>(matcher.type));
  out.Bytes(2, matcher.name);
  out.Bytes(3, matcher.value);
  return bytes;
}

std::string EncodeHints(const ReadHints& hints) {
  std::string bytes;
  WireWriter out(bytes);
  out.Int64(1, hints.step_ms);
  out.Bytes(2, hints.func);
  out.Int64(3, hints.start_ms);
  out.Int64(4, hints.end_ms);
  for (const std::string& label : hints.grouping) out.Message(5, label);
  out.Varint(6, hints.by ? 1 : 0);
  out.Int64(7, hints.range_ms);
  return bytes;
}

std::string EncodeQuery(const ReadQuery& query) {
  std::string bytes;
  WireWriter out(bytes);
  out.Int64(1, query.start_ms);
  out.Int64(2, query.end_ms);
  for (const ReadMatcher& matcher : query.matchers) out.Message(3, EncodeMatcher(matcher));
  if (query.has_hints) out.Message(4, EncodeHints(query.hints));
  return bytes;
}

}  // namespace

void EncodeReadRequest(const ReadRequest& request, std::string& out) {
  WireWriter writer(out);
  for (const ReadQuery& query : request.queries) writer.Message(1, EncodeQuery(query));
  if (request.accepted_types.empty()) return;
  std::string types;
  WireWriter packed(types);
  for (const std::int32_t type : request.accepted_types) {
    packed.Raw(static_cast<std::uint32_t>(type));
  }
  writer.Message(2, types);
}

Result<ReadRequest> DecodeReadRequest(std::string_view body) {
  ReadRequest request;
  std::string error;
  WireReader in(body, "ReadRequest", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        request.queries.push_back(DecodeQuery(in.Bytes("Queries"), error));
        break;
      case 2:
        in.Varints("AcceptedResponseTypes", [&](std::uint64_t type) {
          request.accepted_types.push_back(static_cast<std::int32_t>(type));
        });
        break;
      default:
        in.Skip();
    }
  }
  if (!error.empty()) return Fail(Code::kInvalidArgument, std::move(error));
  return request;
}

ReadMatcher FromMatcher(const model::Matcher& matcher) {
  static_assert(static_cast<int>(model::MatchType::kNotRegex) == 3);  // The wire's numbers.
  return {static_cast<std::int32_t>(matcher.type()), matcher.name(), matcher.value()};
}

Result<model::Matcher> MakeMatcher(const ReadMatcher& matcher) {
  constexpr model::MatchType kTypes[] = {model::MatchType::kEqual, model::MatchType::kNotEqual,
                                         model::MatchType::kRegex, model::MatchType::kNotRegex};
  if (matcher.type < 0 || matcher.type >= static_cast<std::int32_t>(std::size(kTypes))) {
    return Fail(Code::kInvalidArgument, "invalid matcher type");
  }
  return model::Matcher::Create(kTypes[matcher.type], matcher.name, matcher.value);
}

}  // namespace narthex::proto
