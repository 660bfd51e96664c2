// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/meta.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace narthex::tsdb {
namespace {

namespace json = boost::json;

constexpr int kMetaVersion = 1;
constexpr std::string_view kMetaFile = "meta.json";

// Reads members of an object; remembers the first one that has the wrong type.
class Fields {
 public:
  explicit Fields(const json::object& object, std::string& problem)
      : object_(object), problem_(problem) {}

  template <typename T>
  void Number(std::string_view key, T& out) {
    const json::value* v = object_.if_contains({key.data(), key.size()});
    if (v == nullptr) return;
    boost::system::error_code error;
    const T n = v->to_number<T>(error);
    if (error) {
      Wrong(key, "a number");
    } else {
      out = n;
    }
  }
  void Bool(std::string_view key, bool& out) {
    const json::value* v = object_.if_contains({key.data(), key.size()});
    if (v == nullptr) return;
    if (v->is_bool()) {
      out = v->get_bool();
    } else {
      Wrong(key, "true or false");
    }
  }
  void Text(std::string_view key, std::string& out) {
    const json::value* v = object_.if_contains({key.data(), key.size()});
    if (v == nullptr) return;
    if (v->is_string()) {
      out.assign(v->get_string().data(), v->get_string().size());
    } else {
      Wrong(key, "a string");
    }
  }
  void Texts(std::string_view key, std::vector<std::string>& out) {
    ForEach(key, [&](const json::value& v) {
      if (!v.is_string()) return Wrong(key, "strings");
      out.emplace_back(v.get_string().data(), v.get_string().size());
    });
  }
  const json::object* Object(std::string_view key) {
    const json::value* v = object_.if_contains({key.data(), key.size()});
    if (v == nullptr || v->is_null()) return nullptr;
    if (!v->is_object()) Wrong(key, "an object");
    return v->if_object();
  }
  template <typename Each>
  void ForEach(std::string_view key, Each&& each) {
    const json::value* v = object_.if_contains({key.data(), key.size()});
    if (v == nullptr || v->is_null()) return;
    if (!v->is_array()) return Wrong(key, "an array");
    for (const json::value& element : v->get_array()) each(element);
  }
  void Wrong(std::string_view key, std::string_view want) {
    if (problem_.empty()) problem_ = fmt::format("\"{}\" must be {}", key, want);
  }

 private:
  const json::object& object_;
  std::string& problem_;
};

void ReadStats(const json::object& object, BlockStats& stats, std::string& problem) {
  Fields in(object, problem);
  in.Number("numSamples", stats.num_samples);
  in.Number("numFloatSamples", stats.num_float_samples);
  in.Number("numHistogramSamples", stats.num_histogram_samples);
  in.Number("numSeries", stats.num_series);
  in.Number("numChunks", stats.num_chunks);
  in.Number("numTombstones", stats.num_tombstones);
}

void ReadCompaction(const json::object& object, BlockCompaction& c, std::string& problem) {
  Fields in(object, problem);
  in.Number("level", c.level);
  in.Texts("sources", c.sources);
  in.Bool("deletable", c.deletable);
  in.ForEach("parents", [&](const json::value& v) {
    if (!v.is_object()) return in.Wrong("parents", "objects");
    Fields parent(v.get_object(), problem);
    BlockDesc desc;
    parent.Text("ulid", desc.ulid);
    parent.Number("minTime", desc.min_time);
    parent.Number("maxTime", desc.max_time);
    c.parents.push_back(std::move(desc));
  });
  in.Bool("failed", c.failed);
  in.Texts("hints", c.hints);
}

bool IsOurs(std::string_view key) {
  for (const std::string_view ours :
       {"ulid", "minTime", "maxTime", "stats", "compaction", "version"}) {
    if (key == ours) return true;
  }
  return false;
}

// Writes indented JSON: one member or element a line, a tab per depth.
class IndentedJson {
 public:
  void Open(char c) {
    text_ += c;
    ++depth_;
    empty_ = true;
  }
  void Close(char c) {
    --depth_;
    if (!empty_) NewLine();
    text_ += c;
    empty_ = false;
  }
  void Element() {
    if (!empty_) text_ += ',';
    empty_ = false;
    NewLine();
  }
  void Key(std::string_view key) {
    Element();
    text_ += fmt::format("\"{}\": ", key);
  }
  void Raw(std::string_view value) { text_ += value; }
  void Text(std::string_view value) {
    Raw(json::serialize(json::string(value.data(), value.size())));
  }
  template <typename T>
  void Number(std::string_view key, T n) {
    Key(key);
    text_ += fmt::format("{}", n);
  }
  std::string Take() { return std::move(text_); }

 private:
  void NewLine() {
    text_ += '\n';
    text_.append(depth_, '\t');
  }
  std::string text_;
  std::size_t depth_ = 0;
  bool empty_ = true;
};

void WriteTexts(IndentedJson& out, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.Key(key);
  out.Open('[');
  for (const std::string& text : texts) {
    out.Element();
    out.Text(text);
  }
  out.Close(']');
}

void WriteStats(IndentedJson& out, const BlockStats& stats) {
  const std::pair<std::string_view, std::uint64_t> fields[] = {
      {"numSamples", stats.num_samples},
      {"numFloatSamples", stats.num_float_samples},
      {"numHistogramSamples", stats.num_histogram_samples},
      {"numSeries", stats.num_series},
      {"numChunks", stats.num_chunks},
      {"numTombstones", stats.num_tombstones}};
  out.Key("stats");
  out.Open('{');
  for (const auto& [key, n] : fields) {
    if (n != 0) out.Number(key, n);
  }
  out.Close('}');
}

void WriteCompaction(IndentedJson& out, const BlockCompaction& c) {
  out.Key("compaction");
  out.Open('{');
  out.Number("level", c.level);
  WriteTexts(out, "sources", c.sources);
  if (c.deletable) {
    out.Key("deletable");
    out.Raw("true");
  }
  if (!c.parents.empty()) {
    out.Key("parents");
    out.Open('[');
    for (const BlockDesc& parent : c.parents) {
      out.Element();
      out.Open('{');
      out.Key("ulid");
      out.Text(parent.ulid);
      out.Number("minTime", parent.min_time);
      out.Number("maxTime", parent.max_time);
      out.Close('}');
    }
    out.Close(']');
  }
  if (c.failed) {
    out.Key("failed");
    out.Raw("true");
  }
  WriteTexts(out, "hints", c.hints);
  out.Close('}');
}

}  // namespace

bool BlockCompaction::HasHint(std::string_view hint) const {
  return std::find(hints.begin(), hints.end(), hint) != hints.end();
}

Result<BlockMeta> ParseBlockMeta(std::string_view text) {
  boost::system::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error);
  if (error || !root.is_object()) {
    return Fail(Code::kCorruption,
                error ? "meta.json: " + error.message() : "meta.json: not an object");
  }
  BlockMeta meta;
  std::string problem;
  Fields in(root.get_object(), problem);
  meta.version = 0;
  in.Number("version", meta.version);
  if (problem.empty() && meta.version != kMetaVersion) {
    return Fail(Code::kCorruption, fmt::format("unexpected meta file version {}", meta.version));
  }
  in.Text("ulid", meta.ulid);
  in.Number("minTime", meta.min_time);
  in.Number("maxTime", meta.max_time);
  if (const auto* stats = in.Object("stats")) ReadStats(*stats, meta.stats, problem);
  if (const auto* c = in.Object("compaction")) ReadCompaction(*c, meta.compaction, problem);
  for (const auto& [key, value] : root.get_object()) {
    if (!IsOurs({key.data(), key.size()})) meta.unknown.emplace_back(key, json::serialize(value));
  }
  if (!problem.empty()) return Fail(Code::kCorruption, "meta.json: " + problem);
  return meta;
}

std::string FormatBlockMeta(const BlockMeta& meta) {
  IndentedJson out;
  out.Open('{');
  out.Key("ulid");
  out.Text(meta.ulid);
  out.Number("minTime", meta.min_time);
  out.Number("maxTime", meta.max_time);
  WriteStats(out, meta.stats);
  WriteCompaction(out, meta.compaction);
  out.Number("version", kMetaVersion);
  for (const auto& [key, value] : meta.unknown) {
    out.Element();
    out.Text(key);
    out.Raw(": ");
    out.Raw(value);
  }
  out.Close('}');
  return out.Take();
}

Result<BlockMeta> ReadBlockMeta(Fs& fs, const std::string& block_dir) {
  const std::string path = JoinPath(block_dir, kMetaFile);
  NX_ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  auto meta = ParseBlockMeta(text);
  if (!meta) return Fail(std::move(meta).error().Wrap(path));
  return meta;
}

Status WriteBlockMeta(Fs& fs, const std::string& block_dir, const BlockMeta& meta) {
  return WriteFileAtomically(fs, JoinPath(block_dir, kMetaFile), AsBytes(FormatBlockMeta(meta)));
}

}  // namespace narthex::tsdb
