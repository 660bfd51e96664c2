// SPDX-License-Identifier: Apache-2.0
//
// /labels, /label/{name}/values, /series.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"
#include "narthex/storage/merge.h"
#include "narthex/storage/querier.h"
#include "web/api/gather.h"
#include "web/api/handlers.h"
#include "web/api/name_escaping.h"
#include "web/api/parameters.h"
#include "web/api/value_json.h"

namespace narthex::web {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

struct LabelParameters {
  std::size_t limit = 0;
  TimeRange range;
  std::vector<MatcherSet> matcher_sets;
};

Result<LabelParameters> ReadLabelParameters(const Call& call) {
  LabelParameters out;
  NX_ASSIGN_OR_RETURN(out.limit, LimitParameter(call.form));
  NX_ASSIGN_OR_RETURN(out.range, RangeParameters(call.form));
  NX_ASSIGN_OR_RETURN(out.matcher_sets, ParseMatcherSets(call.form.All("match[]")));
  return out;
}

void AnswerStrings(Call& call, std::vector<std::string> strings, std::size_t limit,
                   storage::Annotations annotations) {
  if (limit > 0 && strings.size() > limit) {
    strings.resize(limit);
    annotations.AddWarning(std::string(kTruncated));
  }
  call.reply.Data(
      [&](JsonWriter& out) {
        out.BeginArray();
        for (const std::string& text : strings) {
          if (call.reply.gone()) break;
          out.String(text);
        }
        out.EndArray();
      },
      annotations);
}

}  // namespace

Status LabelNames(Call& call) {
  NX_ASSIGN_OR_RETURN(const LabelParameters p, ReadLabelParameters(call));
  NX_ASSIGN_OR_RETURN(const auto querier,
                      FromStorage(call.api.queryable.NewQuerier(p.range.start, p.range.end)));
  NX_ASSIGN_OR_RETURN(std::vector<std::string> names,
                      FromStorage(Gather(p.matcher_sets, [&](const MatcherSet& matchers) {
                        return querier->LabelNames(matchers, HintLimit(p.limit), call.request.stop);
                      })));
  storage::Annotations annotations;
  querier->CollectWarnings(annotations);
  AnswerStrings(call, std::move(names), p.limit, std::move(annotations));
  return {};
}

Status LabelValues(Call& call) {
  const std::string name = UnescapeName(call.request.path_value);
  if (name.empty() || !model::IsValidUtf8(name)) {
    return Fail(Code::kInvalidArgument, "invalid label name: " + go::Quote(name));
  }
  NX_ASSIGN_OR_RETURN(const LabelParameters p, ReadLabelParameters(call));
  NX_ASSIGN_OR_RETURN(const auto querier,
                      FromStorage(call.api.queryable.NewQuerier(p.range.start, p.range.end)));
  NX_ASSIGN_OR_RETURN(std::vector<std::string> values,
                      FromStorage(Gather(p.matcher_sets, [&](const MatcherSet& matchers) {
                        return querier->LabelValues(name, matchers, HintLimit(p.limit),
                                                    call.request.stop);
                      })));
  storage::Annotations annotations;
  querier->CollectWarnings(annotations);
  AnswerStrings(call, std::move(values), p.limit, std::move(annotations));
  return {};
}

Status Series(Call& call) {
  NX_RETURN_IF_ERROR(CheckForm(call.request));
  const std::vector<std::string> selectors = call.form.All("match[]");
  if (selectors.empty()) return Fail(Code::kInvalidArgument, "no match[] parameter provided");
  NX_ASSIGN_OR_RETURN(const std::size_t limit, LimitParameter(call.form));
  NX_ASSIGN_OR_RETURN(const TimeRange range, RangeParameters(call.form));
  const auto matcher_sets = ParseMatcherSets(selectors);
  if (!matcher_sets) return Fail(BadParameter("match[]", matcher_sets.error().message()));

  NX_ASSIGN_OR_RETURN(const auto querier,
                      FromStorage(call.api.queryable.NewQuerier(range.start, range.end)));
  storage::SelectHints hints;
  hints.start_ms = range.start;
  hints.end_ms = range.end;
  hints.limit = HintLimit(limit);
  hints.func = "series";
  std::vector<storage::Selection> selections;
  for (const MatcherSet& matchers : *matcher_sets) selections.push_back({matchers, hints});
  NX_ASSIGN_OR_RETURN(auto sets, FromStorage(querier->SelectAll(selections, call.request.stop)));
  const auto series =
      sets.size() == 1 ? std::move(sets[0]) : storage::MergeSeriesSets(std::move(sets));
  const std::size_t wanted = limit == 0 ? series->size() : std::min(limit, series->size());
  storage::Annotations annotations;
  querier->CollectWarnings(annotations);
  if (wanted < series->size()) annotations.AddWarning(std::string(kTruncated));
  call.reply.Data(
      [&](JsonWriter& out) {
        out.BeginArray();
        for (std::size_t i = 0; i < wanted && !call.reply.gone(); ++i) {
          out.BeginObject();
          series->ForEachLabel(i, [&](std::string_view name, std::string_view value) {
            out.PlainKey(name);
            out.PlainString(value);
          });
          out.EndObject();
        }
        out.EndArray();
      },
      annotations);
  return {};
}

}  // namespace narthex::web
