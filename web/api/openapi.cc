// SPDX-License-Identifier: Apache-2.0
//
// /openapi.yaml: the API as an OpenAPI document, made of the table of its endpoints.
// Source: https://spec.openapis.org/oas/v3.1.0, v3.2.0
#include "web/api/openapi.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "web/api/middleware.h"
#include "web/api/openapi_table.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    parts.push_back(text.substr(0, text.find(separator)));
    text.remove_prefix(std::min(parts.back().size() + 1, text.size()));
  }
  return parts;
}

/// Lines with an indent. Texts are those of the table, which need no more quoting than this.
class YamlLines {
 public:
  class Deeper {
   public:
    explicit Deeper(YamlLines& yaml) : yaml_(yaml) { yaml_.indent_ += 2; }
    ~Deeper() { yaml_.indent_ -= 2; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    YamlLines& yaml_;
  };

  void Line(std::string_view text) {
    out_.append(indent_, ' ');
    out_ += text;
    out_ += '\n';
  }
  /// key: text, in quotes, so that no character of the text means anything.
  void Text(std::string_view key, std::string_view text) {
    Line(fmt::format("{}: {}", key, Quoted(text)));
  }
  static std::string Quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
    return out + "'";
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
  std::size_t indent_ = 0;
};
using Deeper = YamlLines::Deeper;

void WriteOneOf(std::string_view first, std::string_view first_format, std::string_view second,
                YamlLines& yaml) {
  yaml.Line("oneOf:");
  yaml.Line(fmt::format("- {{type: {}, format: {}}}", first, first_format));
  yaml.Line(fmt::format("- {{type: {}}}", second));
}

void WriteSchema(const ApiParameter& parameter, const OpenApiFacts& facts, YamlLines& yaml) {
  constexpr std::size_t kDefaultLimit = 100;
  const std::size_t most = facts.max_search_limit;
  switch (parameter.kind) {
    case ParameterKind::kText:
      return yaml.Line("type: string");
    case ParameterKind::kTexts:
      yaml.Line("type: array");
      return yaml.Line("items: {type: string}");
    case ParameterKind::kChoice:
      yaml.Line("type: string");
      yaml.Line("enum:");
      for (const std::string_view choice : Split(parameter.choices, '|')) {
        yaml.Line(fmt::format("- {}", choice));
      }
      return;
    case ParameterKind::kBool:
      return yaml.Line("type: boolean");
    case ParameterKind::kLimit:
    case ParameterKind::kBatch:
    case ParameterKind::kCount:
      yaml.Line("type: integer");
      yaml.Line("format: int64");
      break;
    case ParameterKind::kTime:
      return WriteOneOf("string", "date-time", "number", yaml);
    case ParameterKind::kDuration:
      return WriteOneOf("string", "duration", "number", yaml);
  }
  if (parameter.kind == ParameterKind::kCount) return;
  const bool limited = parameter.kind == ParameterKind::kLimit && most > 0;
  yaml.Line("minimum: 1");
  if (limited) yaml.Line(fmt::format("maximum: {}", most));
  yaml.Line(fmt::format("default: {}", limited ? std::min(most, kDefaultLimit) : kDefaultLimit));
}

void WriteParameters(const ApiOperation& operation, const OpenApiFacts& facts, YamlLines& yaml) {
  if (operation.parameters.empty()) return;
  yaml.Line("parameters:");
  for (const ApiParameter& parameter : operation.parameters) {
    const bool in_path =
        operation.path.find(fmt::format("{{{}}}", parameter.name)) != std::string_view::npos;
    yaml.Line(fmt::format("- name: {}", YamlLines::Quoted(parameter.name)));
    const Deeper deeper(yaml);
    yaml.Line(in_path ? "in: path" : "in: query");
    yaml.Text("description", parameter.description);
    yaml.Line(fmt::format("required: {}", parameter.required));
    yaml.Line("schema:");
    const Deeper schema(yaml);
    WriteSchema(parameter, facts, yaml);
  }
}

void WriteForm(const ApiOperation& operation, const OpenApiFacts& facts, YamlLines& yaml) {
  yaml.Line("requestBody:");
  const Deeper body(yaml);
  yaml.Line("required: true");
  yaml.Line("content:");
  const Deeper content(yaml);
  yaml.Line("application/x-www-form-urlencoded:");
  const Deeper form(yaml);
  yaml.Line("schema:");
  const Deeper schema(yaml);
  yaml.Line("type: object");
  yaml.Line("properties:");
  std::vector<std::string_view> required;
  {
    const Deeper properties(yaml);
    for (const ApiParameter& parameter : operation.parameters) {
      if (parameter.required) required.push_back(parameter.name);
      yaml.Line(fmt::format("{}:", YamlLines::Quoted(parameter.name)));
      const Deeper deeper(yaml);
      yaml.Text("description", parameter.description);
      WriteSchema(parameter, facts, yaml);
    }
  }
  if (required.empty()) return;
  yaml.Line("required:");
  for (const std::string_view name : required) {
    yaml.Line(fmt::format("- {}", YamlLines::Quoted(name)));
  }
}

/// The schema of a good answer: the envelope with its data.
std::string_view DataSchema(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::kArray:
      return "data: {type: array, items: {}}";
    case AnswerKind::kStrings:
      return "data: {type: array, items: {type: string}}";
    case AnswerKind::kString:
      return "data: {type: string}";
    default:
      return "data: {type: object}";
  }
}

void WriteAnswer(AnswerKind kind, YamlLines& yaml) {
  if (kind == AnswerKind::kNothing) {
    yaml.Line("'204':");
    const Deeper deeper(yaml);
    return yaml.Line("description: Done; there is nothing to tell.");
  }
  yaml.Line("'200':");
  const Deeper answer(yaml);
  yaml.Line("description: It went well.");
  yaml.Line("content:");
  const Deeper content(yaml);
  if (kind == AnswerKind::kLines) {
    yaml.Line("application/x-ndjson:");
    const Deeper deeper(yaml);
    return yaml.Line(
        "schema: {type: string, description: 'Lines with results, then one with has_more.'}");
  }
  if (kind == AnswerKind::kEvents) {
    yaml.Line("text/event-stream:");
    const Deeper deeper(yaml);
    return yaml.Line(
        "itemSchema: {type: object, properties: {data: {type: string, contentMediaType: "
        "application/json}}, required: [data]}");
  }
  yaml.Line("application/json:");
  const Deeper json(yaml);
  yaml.Line("schema:");
  const Deeper schema(yaml);
  yaml.Line("allOf:");
  yaml.Line("- $ref: '#/components/schemas/Success'");
  yaml.Line("- type: object");
  const Deeper object(yaml);
  yaml.Line("properties:");
  const Deeper properties(yaml);
  yaml.Line(DataSchema(kind));
}

void WriteResponses(AnswerKind kind, YamlLines& yaml) {
  yaml.Line("responses:");
  const Deeper responses(yaml);
  WriteAnswer(kind, yaml);
  yaml.Line("default:");
  const Deeper error(yaml);
  yaml.Line("description: It failed.");
  yaml.Line("content:");
  const Deeper content(yaml);
  yaml.Line("application/json:");
  const Deeper json(yaml);
  yaml.Line("schema: {$ref: '#/components/schemas/Error'}");
}

/// Upstream's identifiers for a second method: "query-post", but "snapshotPut" and "snapshotPost".
std::string OperationId(const ApiOperation& operation, std::string_view method) {
  if (operation.methods == "put post") {
    return fmt::format("{}{}", operation.id, method == "put" ? "Put" : "Post");
  }
  return operation.methods == "get post" && method == "post" ? fmt::format("{}-post", operation.id)
                                                             : std::string(operation.id);
}

void WriteOperation(const ApiOperation& operation, const OpenApiFacts& facts, YamlLines& yaml) {
  yaml.Line(fmt::format("{}:", operation.path));
  const Deeper path(yaml);
  for (const std::string_view method : Split(operation.methods, ' ')) {
    yaml.Line(fmt::format("{}:", method));
    const Deeper deeper(yaml);
    yaml.Line(fmt::format("tags: [{}]", operation.tag));
    yaml.Text("summary", operation.summary);
    yaml.Line(fmt::format("operationId: {}", OperationId(operation, method)));
    if (method == "post" && operation.methods == "get post") {
      WriteForm(operation, facts, yaml);
    } else {
      WriteParameters(operation, facts, yaml);
    }
    WriteResponses(operation.answer, yaml);
  }
}

constexpr std::string_view kComponents = R"(components:
  schemas:
    Success:
      type: object
      required: [status, data]
      properties:
        status: {type: string, enum: [success]}
        data: {}
        warnings: {type: array, items: {type: string}}
        infos: {type: array, items: {type: string}}
    Error:
      type: object
      required: [status, errorType, error]
      properties:
        status: {type: string, enum: [error]}
        errorType: {type: string}
        error: {type: string}
        data: {}
)";

}  // namespace

std::string OpenApiYaml(const OpenApiFacts& facts) {
  const bool newer = facts.version == OpenApiVersion::k32;
  YamlLines yaml;
  yaml.Line(newer ? "openapi: 3.2.0" : "openapi: 3.1.0");
  yaml.Line("info:");
  {
    const Deeper info(yaml);
    yaml.Line("title: Prometheus API");
    yaml.Text("description", "The HTTP API of Prometheus, as Narthex answers it.");
    yaml.Text("version", facts.api_version);
  }
  yaml.Line("servers:");
  yaml.Line(fmt::format("- url: {}", YamlLines::Quoted(facts.server_url)));
  yaml.Line("paths:");
  {
    const Deeper paths(yaml);
    for (const ApiOperation& operation : ApiOperations()) {
      if (operation.answer == AnswerKind::kEvents && !newer) continue;
      WriteOperation(operation, facts, yaml);
    }
  }
  std::string text = yaml.Take();
  text += kComponents;
  YamlLines tags;
  tags.Line("tags:");
  for (const ApiTag& tag : ApiTags()) {
    tags.Line(fmt::format("- name: {}", tag.name));
    const Deeper deeper(tags);
    if (newer) tags.Text("summary", tag.title);
    tags.Text("description", tag.description);
  }
  return text + tags.Take();
}

void AddOpenApi(const ContextPtr& context, const AddRoute& add) {
  add("GET", "/api/v1/openapi.yaml",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const ApiDependencies& api = context->api;
        const Admission admission(api.status, writer);
        if (!admission) return;
        net::Params url;
        url.AddEncoded(request.raw_query);
        const std::string& wanted = url.Get("openapi_version");
        OpenApiFacts facts;
        if (wanted == "3.2" || wanted == "3.2.0") facts.version = OpenApiVersion::k32;
        facts.api_version = api.status.Build().version;
        facts.server_url = api.options.external_url + "/api/v1";
        facts.max_search_limit = api.options.max_search_limit;
        writer.SetHeader("Content-Type", "application/yaml; charset=utf-8");
        writer.SetHeader("Cache-Control", "no-cache, no-store, must-revalidate");
        writer.SetHeader("Content-Encoding", "identity");  // As upstream.
        writer.Write(OpenApiYaml(facts));
      });
}

}  // namespace narthex::web
