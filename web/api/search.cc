// SPDX-License-Identifier: Apache-2.0
//
// /search/metric_names, /search/label_names, /search/label_values: answers line by line, for those
// who complete what somebody types.
#include <functional>

#include "narthex/base/clock.h"
#include "narthex/storage/querier.h"
#include "web/api/gather.h"
#include "web/api/handlers.h"
#include "web/api/known_metadata.h"
#include "web/api/middleware.h"
#include "web/api/read_gate.h"
#include "web/api/routes.h"
#include "web/api/search_parameters.h"

namespace narthex::web {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;
/// Each may hold all values of a label.
constexpr std::size_t kMostAtOnce = 4;

/// What one request wants, with its answer in the making.
struct Search {
  const ContextPtr& context;
  KnownMetadata& metadata;
  ReadGate& gate;
  const net::ServerRequest& request;
  const net::Params form;
  net::ResponseWriter& writer;
  SearchParameters parameters;
};

/// Writes what a result has beside its name or value, and its score.
using WriteExtra = std::function<void(const SearchResult&, JsonWriter&)>;

/// Sends a line of JSON, in pieces when it is long. @return false when the client is gone
bool SendLine(net::ResponseWriter& writer, const std::function<void(JsonWriter&)>& write) {
  bool connected = true;
  JsonWriter line([&](std::string_view piece) { connected = connected && writer.Write(piece); },
                  kFlushBytes);
  line.BeginObject();
  write(line);
  line.EndObject();
  line.Flush();
  return connected && writer.Write("\n") && writer.Flush();
}

void WriteBatch(std::span<const SearchResult> batch, std::string_view key, bool with_score,
                const WriteExtra& extra, JsonWriter& line) {
  line.Key("results");
  line.BeginArray();
  for (const SearchResult& result : batch) {
    line.BeginObject();
    line.Key(key);
    line.String(result.value);
    if (with_score) {
      line.Key("score");
      line.Double(result.score);
    }
    if (extra) extra(result, line);
    line.EndObject();
  }
  line.EndArray();
}

/// Batches, of which the first may be empty, and a line that tells how it ended.
void SendResults(Search& search, const std::vector<SearchResult>& found, std::string_view key,
                 const WriteExtra& extra) {
  const SearchParameters& parameters = search.parameters;
  search.writer.SetHeader("Content-Type", "application/x-ndjson; charset=utf-8");
  const bool has_more = found.size() > parameters.limit;
  std::span<const SearchResult> rest(found.data(), std::min(found.size(), parameters.limit));
  do {
    const auto batch = rest.first(std::min(rest.size(), parameters.batch_size));
    const bool connected = SendLine(search.writer, [&](JsonWriter& line) {
      WriteBatch(batch, key, parameters.include_score, extra, line);
    });
    // Without the last line nobody takes the part for the whole.
    if (!connected || search.request.stop.stop_requested()) return;
    rest = rest.subspan(batch.size());
  } while (!rest.empty());
  SendLine(search.writer, [&](JsonWriter& line) {
    line.Key("status");
    line.String("success");
    line.Key("has_more");
    line.Bool(has_more);
  });
}

/// Asks storage and keeps what fits.
/// @param ask  (querier, matchers, limit) -> names or values, sorted
template <typename Ask>
Result<std::vector<SearchResult>> Find(const Search& search, const Ask& ask) {
  const SearchParameters& p = search.parameters;
  NX_ASSIGN_OR_RETURN(const auto querier, FromStorage(search.context->api.queryable.NewQuerier(
                                              p.range.start, p.range.end)));
  const GatePlace place(search.gate, search.request.stop);
  if (!place) return Fail(Code::kCancelled, "context canceled");
  SearchFilter filter(p.terms, p.algorithm, p.threshold, p.case_sensitive);
  const std::size_t wanted = HintLimit(p.limit);
  const bool first_ones = filter.takes_all() && p.order == SearchOrder::kAscending;
  NX_ASSIGN_OR_RETURN(auto values,
                      FromStorage(Gather(p.matcher_sets, [&](const MatcherSet& matchers) {
                        return ask(*querier, matchers, first_ones ? wanted : 0);
                      })));
  auto found = SelectResults(std::move(values), filter, p.order, wanted, search.request.stop);
  if (search.request.stop.stop_requested()) return Fail(Code::kCancelled, "context canceled");
  return found;
}

/// Writes the type, help and unit of a metric, as far as they are known.
class MetadataOfNames {
 public:
  explicit MetadataOfNames(Search& search) : search_(search) {}

  void Write(const std::string& name, JsonWriter& out) {
    const ApiDependencies& api = search_.context->api;
    if (api.targets == nullptr) return;
    if (families_ == nullptr) families_ = search_.metadata.Get(*api.targets, api.clock);
    const auto it = families_->find(name);
    if (it == families_->end()) return;
    const model::Metadata& metadata = it->second;
    WriteText("type", model::MetricTypeName(metadata.type), out);
    WriteText("help", metadata.help, out);
    WriteText("unit", metadata.unit, out);
  }

 private:
  static void WriteText(std::string_view key, std::string_view text, JsonWriter& out) {
    if (text.empty()) return;
    out.Key(key);
    out.String(text);
  }

  Search& search_;
  std::shared_ptr<const KnownMetadata::Families> families_;  // Null until it is needed.
};

auto AskValues(const Search& search, std::string_view label) {
  return [&search, label](const storage::Querier& querier, const MatcherSet& matchers,
                          std::size_t limit) {
    return querier.LabelValues(label, matchers, limit, search.request.stop);
  };
}

Status SearchMetricNames(Search& search) {
  NX_ASSIGN_OR_RETURN(const bool with_metadata,
                      BoolParameter(search.form, "include_metadata", false));
  NX_ASSIGN_OR_RETURN(const auto found, Find(search, AskValues(search, model::kMetricName)));
  MetadataOfNames metadata(search);
  WriteExtra extra;
  if (with_metadata) {
    extra = [&metadata](const SearchResult& result, JsonWriter& out) {
      metadata.Write(result.value, out);
    };
  }
  SendResults(search, found, "name", extra);
  return {};
}

Status SearchLabelNames(Search& search) {
  NX_ASSIGN_OR_RETURN(const auto found,
                      Find(search, [&search](const storage::Querier& querier,
                                             const MatcherSet& matchers, std::size_t limit) {
                        return querier.LabelNames(matchers, limit, search.request.stop);
                      }));
  SendResults(search, found, "name", {});
  return {};
}

Status SearchLabelValues(Search& search) {
  const std::string& label = search.form.Get("label");
  if (label.empty()) {
    return Fail(Code::kInvalidArgument, "missing required parameter \"label\"");
  }
  NX_ASSIGN_OR_RETURN(const auto found, Find(search, AskValues(search, label)));
  SendResults(search, found, "value", {});
  return {};
}

Status RunSearch(Search& search, std::string_view name, Status (*endpoint)(Search&)) {
  const ApiDependencies& api = search.context->api;
  if (!api.options.enable_search) return Fail(Code::kUnavailable, "search API disabled");
  if (api.options.agent_mode) return UnavailableWithAgent();
  NX_RETURN_IF_ERROR(CheckForm(search.request));
  NX_ASSIGN_OR_RETURN(search.parameters, ReadSearchParameters(search.form, name, api.clock.NowMs(),
                                                              api.options.max_search_limit));
  return endpoint(search);
}

}  // namespace

void AddSearch(const ContextPtr& context, const AddRoute& add) {
  const auto metadata = std::make_shared<KnownMetadata>();
  const auto gate = std::make_shared<ReadGate>(kMostAtOnce);
  const struct {
    std::string_view name;
    Status (*endpoint)(Search&);
  } endpoints[] = {{"metric_names", SearchMetricNames},
                   {"label_names", SearchLabelNames},
                   {"label_values", SearchLabelValues}};
  for (const auto& [name, endpoint] : endpoints) {
    const auto handler = [context, metadata, gate, name = name, endpoint = endpoint](
                             const net::ServerRequest& request, net::ResponseWriter& writer) {
      const Admission admission(context->api.status, writer);
      if (!admission) return;
      SetCorsHeaders(context->cors_origin, request, writer);
      writer.SetHeader("Content-Encoding", "identity");  // Each line is to arrive at once.
      Search search{context, *metadata, *gate, request, request.Form(), writer, {}};
      if (const Status status = RunSearch(search, name, endpoint); !status) {
        Reply(writer).Fail(status.error());
      }
    };
    for (const std::string_view method : {"GET", "POST"}) {
      add(method, "/api/v1/search/" + std::string(name), handler);
    }
  }
}

}  // namespace narthex::web
