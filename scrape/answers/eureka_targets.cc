// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/eureka_targets.h"

#include <charconv>

#include <fmt/core.h>
#include <pugixml.hpp>

#include "narthex/base/go_format.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

/// A tree in memory takes up to 16 times its text. 10,000 instances have some 15 MB.
constexpr std::size_t kMaxXmlBytes = std::size_t{32} << 20;

/// All text that stands directly in an element.
std::string Text(const pugi::xml_node& element) {
  std::string text;
  for (const pugi::xml_node& part : element.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) text += part.value();
  }
  return text;
}

std::string ChildText(const pugi::xml_node& element, const char* name) {
  return Text(element.child(name));
}

std::size_t SkipPast(std::string_view xml, std::size_t at, std::string_view mark) {
  const std::size_t found = xml.find(mark, at);
  return found == std::string_view::npos ? xml.size() : found + mark.size();
}

/// Behind the ">" of a tag that has begun before `at`; one in quotes is none.
std::size_t TagEnd(std::string_view xml, std::size_t at) {
  char quote = '\0';
  for (; at < xml.size(); ++at) {
    const char c = xml[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at + 1;
    }
  }
  return at;
}

/// What stands in an element as it was written, tags and escapes included. The text is known to be
/// well-formed. @param name_at  where the name in the element's start tag is; < 0 = unknown
std::string_view InnerXml(std::string_view xml, std::ptrdiff_t name_at) {
  if (name_at < 0) return {};
  std::size_t at = TagEnd(xml, static_cast<std::size_t>(name_at));
  if (at < 2 || xml[at - 2] == '/') return {};
  const std::size_t from = at;
  int depth = 1;
  while ((at = xml.find('<', at)) != std::string_view::npos) {
    const std::string_view rest = xml.substr(at);
    if (rest.starts_with("<!--")) {
      at = SkipPast(xml, at + 4, "-->");
    } else if (rest.starts_with("<![CDATA[")) {
      at = SkipPast(xml, at, "]]>");
    } else if (rest.starts_with("<?")) {
      at = SkipPast(xml, at, "?>");
    } else if (rest.starts_with("</")) {
      if (--depth == 0) return xml.substr(from, at - from);
      at = TagEnd(xml, at);
    } else {
      at = TagEnd(xml, at);
      if (xml[at - 2] != '/') ++depth;
    }
  }
  return {};
}

/// Reads one application; keeps the first error.
class Reader {
 public:
  Reader(std::string_view xml, const TargetLimits& limits) : budget(limits), xml_(xml) {}

  void ReadApplication(const pugi::xml_node& application) {
    const std::string name = ChildText(application, "name");
    for (const pugi::xml_node& instance : application.children("instance")) {
      ReadInstance(name, instance);
    }
  }

  std::vector<model::Labels> targets;
  std::string error;
  TargetBudget budget;

 private:
  std::int64_t Int(const std::string& text) {
    std::string_view trimmed = text;
    trimmed.remove_prefix(std::min(trimmed.find_first_not_of(" \t\r\n"), trimmed.size()));
    while (!trimmed.empty() && std::string_view(" \t\r\n").find(trimmed.back()) != trimmed.npos) {
      trimmed.remove_suffix(1);
    }
    std::int64_t number = 0;
    if (trimmed.empty()) return number;
    const auto [end, code] =
        std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
    if ((code != std::errc() || end != trimmed.data() + trimmed.size()) && error.empty()) {
      error = fmt::format("strconv.ParseInt: parsing {}: invalid syntax", go::Quote(trimmed));
    }
    return number;
  }

  void SetPort(const pugi::xml_node& port, const std::string& prefix, LabelList& labels) {
    if (!port) return;
    labels.Add(prefix, std::to_string(Int(Text(port))));
    const std::string_view enabled = port.attribute("enabled").value();
    const bool is_enabled = enabled == "true" || enabled == "1" || enabled == "t" ||
                            enabled == "T" || enabled == "TRUE" || enabled == "True";
    labels.Add(prefix + "_enabled", is_enabled ? "true" : "false");
  }

  void SetMetadata(const pugi::xml_node& metadata, const std::string& prefix, LabelList& labels) {
    for (const pugi::xml_node& item : metadata.children()) {
      if (item.type() != pugi::node_element) continue;
      std::string_view name = item.name();
      name.remove_prefix(name.find(':') + 1);  // Of its namespace; npos + 1 is none.
      labels.AddSanitized(prefix, name, InnerXml(xml_, item.offset_debug()));
    }
  }

  void ReadInstance(const std::string& application, const pugi::xml_node& instance) {
    budget.TakeTargets(1);
    if (budget.exhausted()) return;
    const std::string kPrefix = "__meta_eureka_app_instance_";
    LabelList labels(budget);
    const std::string host = ChildText(instance, "hostName");
    const std::string id = ChildText(instance, "instanceId");
    const pugi::xml_node port = instance.child("port");
    labels.Add("__address__", JoinHostPort(host, port ? Int(Text(port)) : 80));
    labels.Add("instance", id);
    labels.Add("__meta_eureka_app_name", application);
    constexpr std::pair<const char*, const char*> kTexts[] = {
        {"hostname", "hostName"},
        {"homepage_url", "homePageUrl"},
        {"statuspage_url", "statusPageUrl"},
        {"healthcheck_url", "healthCheckUrl"},
        {"ip_addr", "ipAddr"},
        {"vip_address", "vipAddress"},
        {"secure_vip_address", "secureVipAddress"},
        {"status", "status"},
        {"id", "instanceId"}};
    for (const auto& [label, element] : kTexts) {
      labels.Add(kPrefix + label, ChildText(instance, element));
    }
    labels.Add(kPrefix + "country_id", std::to_string(Int(ChildText(instance, "countryId"))));
    SetPort(port, kPrefix + "port", labels);
    SetPort(instance.child("securePort"), kPrefix + "secure_port", labels);
    if (const pugi::xml_node center = instance.child("dataCenterInfo")) {
      labels.Add(kPrefix + "datacenterinfo_name", ChildText(center, "name"));
      SetMetadata(center.child("metadata"), kPrefix + "datacenterinfo_metadata_", labels);
    }
    SetMetadata(instance.child("metadata"), kPrefix + "metadata_", labels);
    targets.push_back(labels.Build());
  }

  const std::string_view xml_;
};

}  // namespace

Result<std::vector<model::Labels>> ParseEurekaApps(std::string_view body,
                                                   const TargetLimits& limits) {
  if (body.size() > kMaxXmlBytes) {
    return Fail(Code::kResourceExhausted,
                fmt::format("XML of {} bytes, at most {} are read", body.size(), kMaxXmlBytes));
  }
  if (!model::IsValidUtf8(body)) return Fail(Code::kInvalidArgument, "XML: invalid UTF-8");
  pugi::xml_document document;
  // As it is, so that places in the parser's copy are places in the answer.
  const pugi::xml_parse_result parsed =
      document.load_buffer(body.data(), body.size(),
                           pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (!parsed) {
    return Fail(Code::kInvalidArgument, fmt::format("XML syntax error at byte {}: {}",
                                                    parsed.offset, parsed.description()));
  }
  Reader reader(body, limits);
  for (const pugi::xml_node& application : document.document_element().children("application")) {
    reader.ReadApplication(application);
  }
  NX_RETURN_IF_ERROR(reader.budget.status());
  if (!reader.error.empty()) return Fail(Code::kInvalidArgument, std::move(reader.error));
  return std::move(reader.targets);
}

}  // namespace narthex::scrape
