// SPDX-License-Identifier: Apache-2.0
//
// /rules and /alerts.
#include <fmt/core.h>
#include <openssl/evp.h>

#include "narthex/base/go_format.h"
#include "narthex/base/letter_case.h"
#include "web/api/handlers.h"
#include "web/api/parameters.h"
#include "web/api/time_json.h"
#include "web/api/value_json.h"

namespace narthex::web {
namespace {

std::string_view StateName(AlertState state) {
  switch (state) {
    case AlertState::kFiring:
      return "firing";
    case AlertState::kPending:
      return "pending";
    case AlertState::kInactive:
      return "inactive";
    case AlertState::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view HealthName(RuleHealth health) {
  switch (health) {
    case RuleHealth::kOk:
      return "ok";
    case RuleHealth::kErr:
      return "err";
    case RuleHealth::kUnknown:
      break;
  }
  return "unknown";
}

struct RuleFilter {
  std::set<std::string> names, groups, files;
  std::vector<MatcherSet> matcher_sets;
  bool alerting = true;
  bool recording = true;
  bool exclude_alerts = false;
  std::size_t group_limit = 0;  // 0 = all.
  std::string next_token;
};

std::set<std::string> SetOf(const net::Params& form, std::string_view key) {
  const std::vector<std::string> values = form.All(key);
  return {values.begin(), values.end()};
}

Status ReadPagination(const net::Params& url, RuleFilter& out) {
  const std::string& limit = url.Get("group_limit");
  out.next_token = url.Get("group_next_token");
  if (limit.empty()) {
    if (out.next_token.empty()) return {};
    return Fail(
        BadParameter("group_next_token",
                     "group_limit needs to be present in order to paginate over the groups"));
  }
  const auto value = ParseInt(limit);
  if (!value || *value > INT32_MAX || *value < INT32_MIN) {
    return Fail(BadParameter(
        "group_limit", "group_limit needs to be a valid number: " +
                           (value ? fmt::format("strconv.ParseInt: parsing {}: value out of range",
                                                go::Quote(limit))
                                  : ParseIntFailure("ParseInt", limit))));
  }
  if (*value <= 0)
    return Fail(BadParameter("group_limit", "group_limit needs to be greater than 0"));
  out.group_limit = static_cast<std::size_t>(*value);
  return {};
}

Result<RuleFilter> ReadFilter(const Call& call) {
  NX_RETURN_IF_ERROR(CheckForm(call.request));
  RuleFilter out;
  net::Params url;
  url.AddEncoded(call.request.raw_query);
  out.names = SetOf(call.form, "rule_name[]");
  out.groups = SetOf(call.form, "rule_group[]");
  out.files = SetOf(call.form, "file[]");
  NX_ASSIGN_OR_RETURN(out.matcher_sets, ParseMatcherSets(call.form.All("match[]")));
  const std::string type = ToLowerCase(url.Get("type"));
  if (!type.empty() && type != "alert" && type != "record") {
    return Fail(BadParameter("type", "not supported value " + go::Quote(type)));
  }
  out.alerting = type != "record";
  out.recording = type != "alert";
  if (const std::string text = ToLowerCase(url.Get("exclude_alerts")); !text.empty()) {
    const auto value = ParseBool(text);
    if (!value) {
      return Fail(BadParameter("exclude_alerts",
                               fmt::format("error converting exclude_alerts: strconv.ParseBool: "
                                           "parsing {}: invalid syntax",
                                           go::Quote(text))));
    }
    out.exclude_alerts = *value;
  }
  NX_RETURN_IF_ERROR(ReadPagination(url, out));
  return out;
}

bool Selects(const RuleFilter& filter, const RuleStatus& rule) {
  if (rule.alerting ? !filter.alerting : !filter.recording) return false;
  if (!filter.names.empty() && !filter.names.contains(rule.name)) return false;
  if (filter.matcher_sets.empty()) return true;
  return std::any_of(filter.matcher_sets.begin(), filter.matcher_sets.end(), [&](const auto& set) {
    return std::all_of(set.begin(), set.end(), [&](const model::Matcher& m) {
      return m.Matches(rule.labels.Get(m.name()));
    });
  });
}

/// Names a group in a way that survives the addition of others.
std::string GroupToken(const RuleGroupStatus& group) {
  const std::string text = group.file + ";" + group.name;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

void WriteAlert(const AlertStatus& alert, JsonWriter& out) {
  out.BeginObject();
  out.Key("labels");
  WriteLabels(alert.labels, out);
  out.Key("annotations");
  WriteLabels(alert.annotations, out);
  out.Key("state");
  out.String(StateName(alert.state));
  if (alert.active_at_ns != 0) {
    out.Key("activeAt");
    WriteTime(alert.active_at_ns, out);
  }
  if (alert.keep_firing_since_ns != 0) {
    out.Key("keepFiringSince");
    WriteTime(alert.keep_firing_since_ns, out);
  }
  out.Key("value");
  out.String(go::FormatFloatE(alert.value));
  out.EndObject();
}

void WriteAlertingFields(const RuleStatus& rule, JsonWriter& out) {
  out.Key("duration");
  out.Double(rule.hold_duration_s);
  out.Key("keepFiringFor");
  out.Double(rule.keep_firing_for_s);
}

void WriteRule(const RuleStatus& rule, bool exclude_alerts, JsonWriter& out) {
  out.BeginObject();
  if (rule.alerting) {
    out.Key("state");
    out.String(StateName(rule.state));
  }
  out.Key("name");
  out.String(rule.name);
  out.Key("query");
  out.String(rule.query);
  if (rule.alerting) WriteAlertingFields(rule, out);
  out.Key("labels");
  WriteLabels(rule.labels, out);
  if (rule.alerting) {
    out.Key("annotations");
    WriteLabels(rule.annotations, out);
    out.Key("alerts");
    if (exclude_alerts) {
      out.Null();
    } else {
      out.BeginArray();
      for (const AlertStatus& alert : rule.alerts) WriteAlert(alert, out);
      out.EndArray();
    }
  }
  out.Key("health");
  out.String(HealthName(rule.health));
  if (!rule.last_error.empty()) {
    out.Key("lastError");
    out.String(rule.last_error);
  }
  out.Key("evaluationTime");
  out.Double(rule.evaluation_time_s);
  out.Key("lastEvaluation");
  WriteTime(rule.last_evaluation_ns, out);
  out.Key("type");
  out.String(rule.alerting ? "alerting" : "recording");
  out.EndObject();
}

void WriteGroup(const RuleGroupStatus& group, const std::vector<const RuleStatus*>& rules,
                bool exclude_alerts, JsonWriter& out) {
  out.BeginObject();
  out.Key("name");
  out.String(group.name);
  out.Key("file");
  out.String(group.file);
  out.Key("rules");
  out.BeginArray();
  for (const RuleStatus* rule : rules) WriteRule(*rule, exclude_alerts, out);
  out.EndArray();
  out.Key("interval");
  out.Double(group.interval_s);
  out.Key("limit");
  out.Int(group.limit);
  out.Key("evaluationTime");
  out.Double(group.evaluation_time_s);
  out.Key("lastEvaluation");
  WriteTime(group.last_evaluation_ns, out);
  out.EndObject();
}

/// What one page shows: each group with its selected rules.
struct Page {
  std::vector<std::pair<const RuleGroupStatus*, std::vector<const RuleStatus*>>> groups;
  std::string next_token;
  bool found_token = false;
};

Page SelectPage(const std::vector<RuleGroupStatus>& groups, const RuleFilter& filter) {
  Page page;
  page.found_token = filter.next_token.empty();
  for (const RuleGroupStatus& group : groups) {
    if (!page.found_token) page.found_token = GroupToken(group) == filter.next_token;
    if (!page.found_token) continue;
    if (!filter.groups.empty() && !filter.groups.contains(group.name)) continue;
    if (!filter.files.empty() && !filter.files.contains(group.file)) continue;
    std::vector<const RuleStatus*> rules;
    for (const RuleStatus& rule : group.rules) {
      if (Selects(filter, rule)) rules.push_back(&rule);
    }
    if (rules.empty()) continue;
    if (filter.group_limit > 0 && page.groups.size() == filter.group_limit) {
      page.next_token = GroupToken(group);
      break;
    }
    page.groups.emplace_back(&group, std::move(rules));
  }
  return page;
}

}  // namespace

Status Rules(Call& call) {
  NX_ASSIGN_OR_RETURN(const RuleFilter filter, ReadFilter(call));
  std::vector<RuleGroupStatus> groups;
  if (call.api.rules != nullptr) groups = call.api.rules->RuleGroups(!filter.exclude_alerts);
  const Page page = SelectPage(groups, filter);
  if (!page.found_token) {
    return Fail(BadParameter("group_next_token",
                             fmt::format("invalid group_next_token '{}'. were rule groups changed?",
                                         filter.next_token)));
  }
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("groups");
    out.BeginArray();
    for (const auto& [group, rules] : page.groups) {
      WriteGroup(*group, rules, filter.exclude_alerts, out);
    }
    out.EndArray();
    if (!page.next_token.empty()) {
      out.Key("groupNextToken");
      out.String(page.next_token);
    }
    out.EndObject();
  });
  return {};
}

Status Alerts(Call& call) {
  std::vector<RuleGroupStatus> groups;
  if (call.api.rules != nullptr) groups = call.api.rules->RuleGroups(true);
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("alerts");
    out.BeginArray();
    for (const RuleGroupStatus& group : groups) {
      for (const RuleStatus& rule : group.rules) {
        for (const AlertStatus& alert : rule.alerts) WriteAlert(alert, out);
      }
    }
    out.EndArray();
    out.EndObject();
  });
  return {};
}

}  // namespace narthex::web
