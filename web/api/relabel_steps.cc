// SPDX-License-Identifier: Apache-2.0
//
// /targets/relabel_steps: what each rule of a pool makes of some labels.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/relabel.h"
#include "web/api/handlers.h"
#include "web/api/label_json.h"
#include "web/api/value_json.h"

namespace narthex::web {
namespace {

struct Step {
  const model::RelabelConfig* rule = nullptr;
  model::Labels output;  // Empty once the labels are dropped.
  bool keep = false;
};

Result<std::vector<Step>> MakeSteps(const model::Labels& labels,
                                    const std::vector<model::RelabelConfig>& rules) {
  std::vector<Step> steps;
  model::LabelsBuilder builder(labels);
  bool keep = true;
  for (const model::RelabelConfig& rule : rules) {
    if (keep) {
      NX_ASSIGN_OR_RETURN(keep, model::Relabel(builder, {&rule, 1}));
    }
    steps.push_back({&rule, keep ? builder.Build() : model::Labels(), keep});
  }
  return steps;
}

void WriteText(std::string_view key, std::string_view text, JsonWriter& out) {
  out.Key(key);
  out.String(text);
}

void WriteRule(const model::RelabelConfig& rule, JsonWriter& out) {
  out.BeginObject();
  if (!rule.source_labels.empty()) {
    out.Key("source_labels");
    out.BeginArray();
    for (const std::string& name : rule.source_labels) out.String(name);
    out.EndArray();
  }
  WriteText("separator", rule.separator, out);
  WriteText("regex", rule.regex.pattern(), out);
  if (rule.modulus != 0) {
    out.Key("modulus");
    out.Uint(rule.modulus);
  }
  if (!rule.target_label.empty()) WriteText("target_label", rule.target_label, out);
  WriteText("replacement", rule.replacement, out);
  WriteText("action", model::RelabelActionName(rule.action), out);
  out.EndObject();
}

}  // namespace

Status TargetsRelabelSteps(Call& call) {
  const auto bad = [](std::string text) { return Fail(Code::kInvalidArgument, std::move(text)); };
  const std::string& pool = call.form.Get("scrapePool");
  if (pool.empty()) return bad("no scrapePool parameter provided");
  const std::string& text = call.form.Get("labels");
  if (text.empty()) return bad("no labels parameter provided");
  const auto labels = ParseLabelsJson(text);
  if (!labels) return bad("error parsing labels: " + labels.error().message());
  std::optional<std::vector<model::RelabelConfig>> rules;
  if (call.api.targets != nullptr) rules = call.api.targets->RelabelConfigs(pool);
  if (!rules) {
    return bad(
        fmt::format("error retrieving scrape config: scrape pool {} not found", go::Quote(pool)));
  }
  NX_ASSIGN_OR_RETURN(const auto steps, MakeSteps(*labels, *rules));
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("steps");
    out.BeginArray();
    for (const Step& step : steps) {
      out.BeginObject();
      out.Key("rule");
      WriteRule(*step.rule, out);
      out.Key("output");
      WriteLabels(step.output, out);
      out.Key("keep");
      out.Bool(step.keep);
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
  });
  return {};
}

}  // namespace narthex::web
