// SPDX-License-Identifier: Apache-2.0
//
// Paths, methods, names and identifiers are those of Prometheus 3.14, which generated clients know.
#include "web/api/openapi_table.h"

namespace narthex::web {
namespace {

using Kind = ParameterKind;

constexpr ApiParameter kQuery{"query", Kind::kText, true, "PromQL expression."};
constexpr ApiParameter kLimit{"limit", Kind::kCount, false,
                              "Most entries of the answer; 0 means all."};
constexpr ApiParameter kStart{"start", Kind::kTime, false, "First instant of the time range."};
constexpr ApiParameter kEnd{"end", Kind::kTime, false, "Last instant of the time range."};
constexpr ApiParameter kTimeout{"timeout", Kind::kDuration, false,
                                "Longest time of the evaluation; the server has a limit, too."};
constexpr ApiParameter kLookback{"lookback_delta", Kind::kDuration, false,
                                 "How far an instant selector looks back, for this query."};
constexpr ApiParameter kStats{"stats", Kind::kText, false,
                              "With true or all the answer tells timings and sample counts."};
constexpr ApiParameter kMatch{"match[]", Kind::kTexts, false,
                              "Series selectors; what matches one of them counts."};
constexpr ApiParameter kMatchRequired{"match[]", Kind::kTexts, true,
                                      "Series selectors; what matches one of them counts."};

constexpr ApiParameter kInstantParameters[] = {
    kLimit,    {"time", Kind::kTime, false, "Instant of the evaluation; now when it is missing."},
    kQuery,    kTimeout,
    kLookback, kStats};
constexpr ApiParameter kRangeParameters[] = {
    kLimit,
    {"start", Kind::kTime, true, "First instant of the evaluation."},
    {"end", Kind::kTime, true, "Last instant of the evaluation."},
    {"step", Kind::kDuration, true, "Time between two instants of the evaluation."},
    kQuery,
    kTimeout,
    kLookback,
    kStats};
constexpr ApiParameter kExemplarParameters[] = {kStart, kEnd, kQuery};
constexpr ApiParameter kQueryAlone[] = {kQuery};
constexpr ApiParameter kLabelsParameters[] = {kStart, kEnd, kMatch, kLimit};
constexpr ApiParameter kLabelValuesParameters[] = {
    {"name", Kind::kText, true, "Name of the label; with the prefix U__ in its escaped form."},
    kStart,
    kEnd,
    kMatch,
    kLimit};
constexpr ApiParameter kSeriesParameters[] = {kStart, kEnd, kMatchRequired, kLimit};

constexpr ApiParameter kTerms{"search[]", Kind::kTexts, false,
                              "Up to 32 texts to look for; what fits one of them is found."};
constexpr ApiParameter kThreshold{"fuzz_threshold", Kind::kCount, false,
                                  "Least score of what is found, in percent."};
constexpr ApiParameter kAlgorithm{"fuzz_alg", Kind::kChoice, false, "How the score is measured.",
                                  "subsequence|jarowinkler"};
constexpr ApiParameter kCase{"case_sensitive", Kind::kBool, false,
                             "Whether upper and lower case differ; true when it is missing."};
constexpr ApiParameter kSortBy{"sort_by", Kind::kChoice, false,
                               "Order of the answer: by name, or the best score first.",
                               "alpha|score"};
constexpr ApiParameter kSortDir{"sort_dir", Kind::kChoice, false, "Direction of the order by name.",
                                "asc|dsc"};
constexpr ApiParameter kScore{"include_score", Kind::kBool, false,
                              "Whether each result has its score."};
constexpr ApiParameter kSearchStart{"start", Kind::kTime, false,
                                    "First instant of the time range; an hour ago when missing."};
constexpr ApiParameter kSearchEnd{"end", Kind::kTime, false,
                                  "Last instant of the time range; now when it is missing."};
constexpr ApiParameter kSearchLimit{"limit", Kind::kLimit, false, "Most results."};
constexpr ApiParameter kBatch{"batch_size", Kind::kBatch, false, "Results in a line."};
constexpr ApiParameter kMetricNamesParameters[] = {
    kMatch,
    kTerms,
    kThreshold,
    kAlgorithm,
    kCase,
    kSortBy,
    kSortDir,
    kScore,
    {"include_metadata", Kind::kBool, false, "Whether results have type, help and unit."},
    kSearchStart,
    kSearchEnd,
    kSearchLimit,
    kBatch};
constexpr ApiParameter kLabelNamesParameters[] = {
    kMatch,   kTerms, kThreshold,   kAlgorithm, kCase,        kSortBy,
    kSortDir, kScore, kSearchStart, kSearchEnd, kSearchLimit, kBatch};
constexpr ApiParameter kSearchValuesParameters[] = {
    {"label", Kind::kText, true, "Name of the label."},
    kMatch,
    kTerms,
    kThreshold,
    kAlgorithm,
    kCase,
    kSortBy,
    kSortDir,
    kScore,
    kSearchStart,
    kSearchEnd,
    kSearchLimit,
    kBatch};

constexpr ApiParameter kMetadataParameters[] = {
    {"limit", Kind::kCount, false, "Most metrics of the answer."},
    {"limit_per_metric", Kind::kCount, false, "Most entries of a metric."},
    {"metric", Kind::kText, false, "Only this metric."}};
constexpr ApiParameter kTargetsParameters[] = {
    {"scrapePool", Kind::kText, false, "Only the targets of this pool."},
    {"state", Kind::kText, false, "active, dropped, or any."}};
constexpr ApiParameter kTargetsMetadataParameters[] = {
    {"match_target", Kind::kText, false, "Only targets whose labels this selector matches."},
    {"metric", Kind::kText, false, "Only this metric."},
    {"limit", Kind::kCount, false, "Most targets of the answer."}};
constexpr ApiParameter kRelabelParameters[] = {
    {"scrapePool", Kind::kText, true, "Pool whose rules are applied."},
    {"labels", Kind::kText, true, "Labels to begin with, as a JSON object."}};
constexpr ApiParameter kRulesParameters[] = {
    {"type", Kind::kText, false, "alert or record: only rules of this type."},
    {"rule_name[]", Kind::kTexts, false, "Only rules of these names."},
    {"rule_group[]", Kind::kTexts, false, "Only groups of these names."},
    {"file[]", Kind::kTexts, false, "Only groups of these files."},
    {"match[]", Kind::kTexts, false, "Only rules whose labels one of the selectors matches."},
    {"exclude_alerts", Kind::kText, false, "With true rules come without their alerts."},
    {"group_limit", Kind::kCount, false, "Most groups in one answer."},
    {"group_next_token", Kind::kText, false, "Where to go on, from the answer before."}};
constexpr ApiParameter kTsdbParameters[] = {
    {"limit", Kind::kCount, false, "Most entries of each list, up to 10000."}};
constexpr ApiParameter kSelfMetricsParameters[] = {
    {"metric_name_pattern", Kind::kText, false, "Regular expression for whole names."}};
constexpr ApiParameter kDeleteParameters[] = {kMatchRequired, kStart, kEnd};
constexpr ApiParameter kSnapshotParameters[] = {
    {"skip_head", Kind::kText, false, "With true only blocks are taken, not what is in memory."}};

// clang-format off: a line for each.
constexpr ApiOperation kOperations[] = {
    {"/query", "get post", "query", "query", "Evaluates an expression at one instant",
     kInstantParameters, AnswerKind::kObject},
    {"/query_range", "get post", "query", "query-range",
     "Evaluates an expression over a time range", kRangeParameters, AnswerKind::kObject},
    {"/query_exemplars", "get post", "query", "query-exemplars",
     "Finds exemplars of the series in an expression", kExemplarParameters, AnswerKind::kArray},
    {"/format_query", "get post", "query", "format-query", "Writes an expression in its usual form",
     kQueryAlone, AnswerKind::kString},
    {"/parse_query", "get post", "query", "parse-query", "Gives the syntax tree of an expression",
     kQueryAlone, AnswerKind::kObject},
    {"/labels", "get post", "labels", "labels", "Lists label names", kLabelsParameters,
     AnswerKind::kStrings},
    {"/label/{name}/values", "get", "labels", "label-values", "Lists the values of a label",
     kLabelValuesParameters, AnswerKind::kStrings},
    {"/search/metric_names", "get post", "metadata", "search-metric-names",
     "Looks for metric names", kMetricNamesParameters, AnswerKind::kLines},
    {"/search/label_names", "get post", "labels", "search-label-names", "Looks for label names",
     kLabelNamesParameters, AnswerKind::kLines},
    {"/search/label_values", "get post", "labels", "search-label-values",
     "Looks for values of a label", kSearchValuesParameters, AnswerKind::kLines},
    {"/series", "get post", "series", "series", "Lists series by their labels", kSeriesParameters,
     AnswerKind::kArray},
    {"/metadata", "get", "metadata", "get-metadata", "Lists type, help and unit of metrics",
     kMetadataParameters, AnswerKind::kObject},
    {"/scrape_pools",
     "get",
     "targets",
     "get-scrape-pools",
     "Lists the scrape pools",
     {},
     AnswerKind::kObject},
    {"/targets", "get", "targets", "get-targets", "Lists targets and how they are",
     kTargetsParameters, AnswerKind::kObject},
    {"/targets/metadata", "get", "targets", "get-targets-metadata", "Lists metadata by target",
     kTargetsMetadataParameters, AnswerKind::kArray},
    {"/targets/relabel_steps", "get", "targets", "get-targets-relabel-steps",
     "Shows what each rule of a pool makes of labels", kRelabelParameters, AnswerKind::kObject},
    {"/rules", "get", "rules", "rules", "Lists recording and alerting rules", kRulesParameters,
     AnswerKind::kObject},
    {"/alerts",
     "get",
     "alerts",
     "alerts",
     "Lists pending and firing alerts",
     {},
     AnswerKind::kObject},
    {"/alertmanagers",
     "get",
     "alerts",
     "alertmanagers",
     "Lists the Alertmanagers",
     {},
     AnswerKind::kObject},
    {"/status/config",
     "get",
     "status",
     "get-status-config",
     "Shows the configuration",
     {},
     AnswerKind::kObject},
    {"/status/runtimeinfo",
     "get",
     "status",
     "get-status-runtimeinfo",
     "Tells about the process",
     {},
     AnswerKind::kObject},
    {"/status/buildinfo",
     "get",
     "status",
     "get-status-buildinfo",
     "Tells about the program",
     {},
     AnswerKind::kObject},
    {"/status/flags",
     "get",
     "status",
     "get-status-flags",
     "Lists the flags",
     {},
     AnswerKind::kObject},
    {"/status/tsdb", "get", "status", "status-tsdb", "Tells what the database holds in memory",
     kTsdbParameters, AnswerKind::kObject},
    {"/status/tsdb/blocks",
     "get",
     "status",
     "status-tsdb-blocks",
     "Lists the blocks on disk",
     {},
     AnswerKind::kObject},
    {"/status/walreplay",
     "get",
     "status",
     "get-status-walreplay",
     "Tells how far the start is",
     {},
     AnswerKind::kObject},
    {"/status/self_metrics", "get", "status", "get-status-self-metrics",
     "Gives the metrics of the server itself", kSelfMetricsParameters, AnswerKind::kArray},
    {"/admin/tsdb/delete_series", "put post", "admin", "deleteSeries", "Deletes samples of series",
     kDeleteParameters, AnswerKind::kNothing},
    {"/admin/tsdb/clean_tombstones",
     "put post",
     "admin",
     "cleanTombstones",
     "Frees the space of what is deleted",
     {},
     AnswerKind::kNothing},
    {"/admin/tsdb/snapshot", "put post", "admin", "snapshot", "Makes a copy of the database",
     kSnapshotParameters, AnswerKind::kObject},
    {"/read",
     "post",
     "remote",
     "remoteRead",
     "Remote read: protobuf, snappy",
     {},
     AnswerKind::kNothing},
    {"/write",
     "post",
     "remote",
     "remoteWrite",
     "Remote write: protobuf, snappy",
     {},
     AnswerKind::kNothing},
    {"/otlp/v1/metrics",
     "post",
     "otlp",
     "otlpWrite",
     "Takes OTLP metrics",
     {},
     AnswerKind::kNothing},
    {"/notifications",
     "get",
     "notifications",
     "get-notifications",
     "Lists what the operator should know",
     {},
     AnswerKind::kArray},
    {"/notifications/live",
     "get",
     "notifications",
     "notifications-live",
     "Sends notifications as they come",
     {},
     AnswerKind::kEvents},
    {"/features",
     "get",
     "features",
     "get-features",
     "Lists which features are on",
     {},
     AnswerKind::kObject},
};

constexpr ApiTag kTags[] = {
    {"query", "Query", "Evaluation of PromQL expressions."},
    {"metadata", "Metadata", "Type, help and unit of metrics."},
    {"labels", "Labels", "Names and values of labels."},
    {"series", "Series", "Series by their labels."},
    {"targets", "Targets", "What is scraped."},
    {"rules", "Rules", "Recording and alerting rules."},
    {"alerts", "Alerts", "Alerts, and where they are sent."},
    {"status", "Status", "Configuration and state of the server."},
    {"admin", "Admin", "Work on the database."},
    {"features", "Features", "What is switched on."},
    {"remote", "Remote Storage", "Remote read and remote write."},
    {"otlp", "OTLP", "Metrics of OpenTelemetry."},
    {"notifications", "Notifications", "What the operator should know."},
};
// clang-format on

}  // namespace

std::span<const ApiOperation> ApiOperations() { return kOperations; }
std::span<const ApiTag> ApiTags() { return kTags; }

}  // namespace narthex::web
