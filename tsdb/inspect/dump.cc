// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"
#include "narthex/tsdb/inspect.h"
#include "tsdb/inspect/folder.h"
#include "tsdb/inspect/merged_cursor.h"
#include "tsdb/inspect/sample_text.h"

namespace narthex::tsdb {
namespace {

using inspect::InspectedHead;
using inspect::MergedCursor;
using inspect::SampleChain;
using inspect::SeriesCursor;
using inspect::SeriesOrder;

// Text is handed on when it has reached this size, so also in the middle of a long series.
constexpr std::size_t kFlushBytes = 64 << 10;

// The parts of the folder that a dump reads.
struct Parts {
  std::vector<std::shared_ptr<const Block>> blocks;
  std::unique_ptr<InspectedHead> head;  // Null when the blocks reach beyond the wanted time.
};

Result<Parts> OpenParts(Fs& fs, const DumpOptions& options) {
  Parts parts;
  NX_ASSIGN_OR_RETURN(parts.blocks, inspect::OpenBlocks(fs, options.dir));
  const model::TimestampMs head_from = CoveredUntil(parts.blocks);
  if (head_from > options.max_time) return parts;
  const std::string wal = JoinPath(options.dir, "wal");
  if (!fs.Exists(wal)) {
    // A snapshot and what create-blocks-from makes have blocks alone.
    if (!parts.blocks.empty()) return parts;
    return Fail(
        Code::kNotFound,
        fmt::format("read WAL: find last checkpoint: open {}: no such file or directory", wal));
  }
  NX_ASSIGN_OR_RETURN(parts.head, InspectedHead::Open(fs, options.dir, options.sandbox, head_from));
  return parts;
}

Result<std::unique_ptr<MergedCursor>> OpenCursor(const Parts& parts, const DumpOptions& options) {
  const Interval range{options.min_time, options.max_time};
  std::vector<std::shared_ptr<const Block>> blocks;
  for (const auto& block : parts.blocks) {
    const BlockMeta& meta = block->meta();
    if (meta.min_time <= range.maxt && range.mint < meta.max_time) blocks.push_back(block);
  }
  std::vector<std::unique_ptr<SeriesCursor>> cursors;
  const auto has_head = [&](const Head& head) {
    return head.min_time() <= range.maxt ||
           head.state().ooo.store().Overlaps(range.mint, range.maxt);
  };
  if (parts.head != nullptr && has_head(parts.head->head())) {
    // Nothing to merge: then nobody sorts.
    const bool alone = blocks.empty() && options.matcher_sets.size() <= 1;
    NX_ASSIGN_OR_RETURN(
        auto cursor,
        inspect::NewHeadCursor(parts.head->head().state(), range, options.matcher_sets,
                               alone ? SeriesOrder::kByCreation : SeriesOrder::kByLabels));
    cursors.push_back(std::move(cursor));
  }
  for (auto& block : blocks) {
    NX_ASSIGN_OR_RETURN(auto cursor,
                        inspect::NewBlockCursor(std::move(block), range, options.matcher_sets));
    cursors.push_back(std::move(cursor));
  }
  return std::make_unique<MergedCursor>(std::move(cursors));
}

// Lines on their way to the sink.
class Output {
 public:
  explicit Output(const TextSink& sink) : sink_(sink) {}
  std::string& text() { return text_; }
  Status EndLine() {
    text_ += '\n';
    return text_.size() < kFlushBytes ? Status() : Flush();
  }
  Status Flush() {
    Status status = text_.empty() ? Status() : sink_(text_);
    text_.clear();
    return status;
  }

 private:
  const TextSink& sink_;
  std::string text_;
};

Status DumpSamples(MergedCursor& cursor, Output& out) {
  SampleChain chain;
  for (;;) {
    NX_ASSIGN_OR_RETURN(const bool more, cursor.Next());
    if (!more) return {};
    NX_RETURN_IF_ERROR(cursor.Read(chain));
    const std::string labels = cursor.labels().ToString() + ' ';
    while (chain.Next()) {
      std::string& text = out.text();
      text += labels;
      chain.run().VisitAt(chain.index(),
                          [&](const auto& sample) { inspect::AppendText(sample, text); });
      text += ' ';
      text += std::to_string(chain.run().TimeAt(chain.index()));
      NX_RETURN_IF_ERROR(out.EndLine());
    }
  }
}

std::string LabelsJson(const model::Labels& labels) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : labels) {
    json.Key(name);
    json.String(value);
  }
  json.EndObject();
  return json.TakeText();
}

Status DumpSeries(MergedCursor& cursor, Output& out) {
  for (;;) {
    NX_ASSIGN_OR_RETURN(const bool more, cursor.Next());
    if (!more) return {};
    out.text() += LabelsJson(cursor.labels());
    NX_RETURN_IF_ERROR(out.EndLine());
  }
}

// name{a="b",c="d"}: names as they are, also where the format would want quotes (as promtool).
std::string OpenMetricsName(const model::Labels& labels) {
  std::string name(labels.Get(model::kMetricName));
  char separator = '{';
  for (const auto& [label, value] : labels) {
    if (label == model::kMetricName) continue;
    name += separator;
    name.append(label);
    name += '=' + go::Quote(value);
    separator = ',';
  }
  name += separator == '{' ? "{}" : "}";
  return name;
}

Status DumpOpenMetrics(MergedCursor& cursor, Output& out) {
  SampleChain chain;
  for (;;) {
    NX_ASSIGN_OR_RETURN(const bool more, cursor.Next());
    if (!more) break;
    NX_RETURN_IF_ERROR(cursor.Read(chain));
    const std::string name = OpenMetricsName(cursor.labels()) + ' ';
    while (chain.Next()) {
      bool is_float = false;
      chain.run().VisitAt(chain.index(), [&](const auto& sample) {
        if constexpr (std::is_same_v<decltype(sample), const double&>) {
          is_float = true;
          out.text() += name;
          inspect::AppendText(sample, out.text());
        }
      });
      if (!is_float) break;
      const auto t = static_cast<double>(chain.run().TimeAt(chain.index()));
      out.text() += fmt::format(" {:.3f}", t / 1000);
      NX_RETURN_IF_ERROR(out.EndLine());
    }
  }
  out.text() += "# EOF";
  return out.EndLine();
}

Status DumpAs(DumpFormat format, MergedCursor& cursor, Output& out) {
  switch (format) {
    case DumpFormat::kSamples:
      return DumpSamples(cursor, out);
    case DumpFormat::kSeriesJson:
      return DumpSeries(cursor, out);
    case DumpFormat::kOpenMetrics:
      return DumpOpenMetrics(cursor, out);
  }
  return {};
}

}  // namespace

Status Dump(Fs& fs, const DumpOptions& options, const TextSink& sink) {
  NX_ASSIGN_OR_RETURN(const Parts parts, OpenParts(fs, options));
  NX_ASSIGN_OR_RETURN(const auto cursor, OpenCursor(parts, options));
  Output out(sink);
  Status status = DumpAs(options.format, *cursor, out);
  // What was read before an error is shown.
  NX_RETURN_IF_ERROR(out.Flush());
  return status;
}

}  // namespace narthex::tsdb
