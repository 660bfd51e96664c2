// SPDX-License-Identifier: Apache-2.0
//
// Answers of the servers that discoveries ask: the first byte says whose.
#include <cstdint>
#include <string>
#include <string_view>

#include "scrape/answers/consul_answers.h"
#include "scrape/answers/dns_answer.h"
#include "scrape/answers/eureka_targets.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/kuma_answer.h"
#include "scrape/answers/marathon_targets.h"
#include "scrape/answers/nomad_targets.h"
#include "scrape/answers/puppetdb_targets.h"
#include "scrape/answers/target_file.h"

namespace {

/// Asks each value for each type, as a discovery of a cloud may.
void Walk(const narthex::scrape::JsonView& value) {
  (void)value.Text();
  (void)value.Int();
  (void)value.Real();
  (void)value.At("a.b").Texts();
  for (const auto& item : value.Items()) Walk(item);
  for (const auto& [name, member] : value.Members()) Walk(member);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narthex::scrape;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'h':
      (void)ParseTargetGroupsJson(body);
      break;
    case 'c':
      (void)ParseConsulHealth(body, "service", "dc", ",");
      (void)ParseConsulServices(body);
      (void)ParseConsulDatacenter(body);
      break;
    case 'd':
      (void)ParseDnsAnswer({data + 1, size - 1});
      break;
    case 'e':
      (void)ParseEurekaApps(body);
      break;
    case 'k':
      (void)ParseKumaAnswer(body);
      break;
    case 'm':
      (void)ParseMarathonApps(body);
      break;
    case 'n': {
      TargetBudget budget;
      (void)ParseNomadServices(body);
      (void)ParseNomadInstances(body, ",", budget);
      break;
    }
    case 'j':
      if (const auto document = JsonDocument::Parse(body)) Walk((*document)->root());
      break;
    case 'y':
      (void)ParseTargetFile("targets.yml", body);
      break;
    case 'p': {
      narthex::config::PuppetdbSdConfig config;
      config.include_parameters = true;
      (void)ParsePuppetdbResources(body, config);
      break;
    }
    default:
      break;
  }
  return 0;
}
