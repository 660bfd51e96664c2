// SPDX-License-Identifier: Apache-2.0
//
// Property: any body is read to its end or to an error, by each of the three parsers and with
// classic histograms converted or not; what they give lies inside the body; series can be read
// again by their place; and hints change nothing of what is found.
// The first byte chooses the parser and its options.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/check.h"
#include "scrape/textparse/converting_parser.h"
#include "scrape/textparse/created_lines.h"
#include "scrape/textparse/histogram_limits.h"
#include "scrape/textparse/openmetrics_parser.h"
#include "scrape/textparse/proto_parser.h"
#include "scrape/textparse/protocol.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {
namespace {

/// What was found of an entry, numbers as their bits: NaN equals itself.
struct Found {
  EntryKind kind;
  Hash128 hash;  // Of a series; of the metadata's texts.
  std::size_t length;
  std::uint64_t value = 0;
  std::int64_t timestamp = 0;
  std::int64_t start = 0;
  bool operator==(const Found&) const = default;
};

template <typename Parser>
Found Metadata(const Parser& parser, EntryKind kind) {
  if (kind == EntryKind::kComment) return {kind, {}, 0};
  std::string text(parser.family());
  if (kind == EntryKind::kHelp && Parser::kHelpEscapes != HelpEscapes::kNone) {
    text += Unescape(parser.text(), Parser::kHelpEscapes == HelpEscapes::kOpenMetrics);
  } else if (kind != EntryKind::kType) {
    text += parser.text();
  }
  return {kind, HashBytes128(text), text.size(), static_cast<std::uint64_t>(parser.type())};
}

template <typename Parser>
Found Series(Parser& parser, EntryKind kind, CreatedLines& created) {
  const std::string text(parser.series());  // A copy: that reading is looked at by the sanitizer.
  Found found = {kind, parser.series_hash(), text.size()};
  if constexpr (!Parser::kHasHistograms) {
    NX_CHECK(HashBytes128(text) == found.hash, "the hash is not that of the series' text");
  }
  if (kind == EntryKind::kSeries) found.value = std::bit_cast<std::uint64_t>(parser.value());
  if (parser.has_timestamp()) found.timestamp = parser.timestamp();
  if constexpr (Parser::kHasCreatedLines) {
    if (!CreatedLines::IsCreated(parser.series(), parser.type())) {
      found.start = created.StartOf(parser.body(), parser.line(), parser.family(), parser.type());
    }
  } else if constexpr (Parser::kHasStarts) {
    found.start = parser.start();
  }
  return found;
}

/// Reads all labels, so that what is found is what a first scrape accepts.
template <typename Parser>
std::vector<Found> Walk(Parser& parser, const std::vector<Found>* hints) {
  std::vector<Found> found;
  ParsedLabels labels, again;
  std::vector<model::Exemplar> exemplars;
  CreatedLines created;
  for (std::size_t i = 0;; ++i) {
    SeriesHint hint;
    if (hints != nullptr && i < hints->size()) {
      hint = {(*hints)[i].hash, static_cast<std::uint32_t>((*hints)[i].length)};
    }
    const EntryKind kind = parser.Next(hint);
    NX_CHECK(kind != EntryKind::kError || !parser.error().empty(), "an error without a text");
    if (kind == EntryKind::kEnd || kind == EntryKind::kError) return found;
    if (kind != EntryKind::kSeries && kind != EntryKind::kHistogram) {
      found.push_back(Metadata(parser, kind));
      continue;
    }
    if (!parser.ReadLabels(labels)) return found;
    found.push_back(Series(parser, kind, created));
    if (kind == EntryKind::kSeries) {
      NX_CHECK(parser.ReadLabelsAt(parser.line(), parser.type(), again), "can't be read again");
      NX_CHECK(labels.pairs == again.pairs, "read again it has other labels");
    }
    if constexpr (Parser::kHasExemplars) {
      exemplars.clear();
      if (parser.has_exemplars()) parser.ReadExemplars(exemplars);
    }
    if constexpr (Parser::kHasHistograms) {
      if (kind == EntryKind::kHistogram) LimitHistogram(parser.histogram(), 1, 4);
    }
  }
}

template <typename Make>
void WalkTwice(const Make& walk) {
  const std::vector<Found> first = walk(nullptr);
  NX_CHECK(walk(&first) == first, "hints change what is found");
}

void Check(std::uint8_t choice, std::string_view bytes) {
  const HistogramOptions options{.native = (choice & 4) != 0,
                                 .keep_classic = (choice & 8) != 0,
                                 .convert = (choice & 16) != 0};
  const bool starts = (choice & 32) != 0;
  const auto text = [&](auto make) {
    WalkTwice([&](const std::vector<Found>* hints) {
      // Without room to spare, so that to read behind what parsers append is an error.
      std::string body;
      body.reserve(bytes.size() + 1 + OpenMetricsParser::kPadding);
      body = bytes;
      auto parser = make(body);
      if (!options.convert) return Walk(parser, hints);
      ConvertingParser converting(parser, options.keep_classic, starts);
      return Walk(converting, hints);
    });
  };
  switch (choice & 3) {
    case 0:
      return text([](std::string& body) { return TextParser(body); });
    case 1:
      return text([](std::string& body) { return OpenMetricsParser(body); });
    case 2:
      return WalkTwice([&](const std::vector<Found>* hints) {
        ProtoParser parser(bytes, options);
        return Walk(parser, hints);
      });
    default:
      (void)FormatOf(bytes, "");
  }
}

}  // namespace
}  // namespace narthex::scrape

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  narthex::scrape::Check(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
