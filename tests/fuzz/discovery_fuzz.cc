// SPDX-License-Identifier: Apache-2.0
//
// Answers of the servers that discoveries ask, and target files: the first byte says whose. Where a
// discovery asks several questions the input is an object with the answers as its members.
#include <cstdint>
#include <string>
#include <string_view>

#include "scrape/answers/aws/ec2_targets.h"
#include "scrape/answers/aws/lightsail_targets.h"
#include "scrape/answers/aws/msk_targets.h"
#include "scrape/answers/consul_answers.h"
#include "scrape/answers/dns_answer.h"
#include "scrape/answers/docker/docker_targets.h"
#include "scrape/answers/docker/swarm_targets.h"
#include "scrape/answers/eureka_targets.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/kuma_answer.h"
#include "scrape/answers/marathon_targets.h"
#include "scrape/answers/nomad_targets.h"
#include "scrape/answers/puppetdb_targets.h"
#include "scrape/answers/target_file.h"
#include "scrape/answers/xml_rpc.h"

namespace narthex::scrape {
namespace {

/// Asks each value for each type, as a discovery of a cloud may.
void Walk(const JsonView& value) {
  (void)value.Text();
  (void)value.Int();
  (void)value.Real();
  (void)value.Flag();
  (void)value.TextMembers();
  (void)value.At("a.b").Texts();
  for (const auto& item : value.Items()) Walk(item);
  for (const auto& [name, member] : value.Members()) Walk(member);
}

void Ec2(const std::string& body) {
  const auto zones = ReadZoneIds(body);
  TargetBudget budget;
  config::TargetGroup group;
  (void)AddEc2Targets(body, "eu-west-2", zones ? *zones : ZoneIds(), 80, budget, group);
}

void Lightsail(const JsonView& root) {
  TargetBudget budget;
  config::TargetGroup group;
  (void)AddLightsailTargets(root, "eu-west-2", 80, budget, group);
}

void Msk(const JsonView& root) {
  TargetBudget budget;
  config::TargetGroup group;
  (void)AddMskTargets(root["cluster"], root["nodes"], 80, budget, group);
}

void Docker(const JsonView& root) {
  const LabelsById networks = NetworkLabels(root["networks"], "__meta_docker_");
  config::DockerSdConfig config;
  for (const bool first : {true, false}) {
    config.match_first_network = first;
    (void)ContainerTargets(root["containers"], networks, config);
  }
}

void Swarm(const JsonView& root) {
  const LabelsById networks = NetworkLabels(root["networks"], kSwarmPrefix);
  (void)ServiceTargets(root["services"], networks, 80);
  (void)TaskTargets(root["tasks"], root["services"], root["nodes"], networks, 80);
  (void)NodeTargets(root["nodes"], 80);
}

void Nomad(std::string_view body) {
  TargetBudget budget;
  (void)ParseNomadServices(body);
  (void)ParseNomadInstances(body, ",", budget);
}

void Puppetdb(std::string_view body) {
  config::PuppetdbSdConfig config;
  config.include_parameters = true;
  (void)ParsePuppetdbResources(body, config);
}

void Consul(std::string_view body) {
  (void)ParseConsulHealth(body, "service", "dc", ",");
  (void)ParseConsulServices(body);
  (void)ParseConsulDatacenter(body);
}

/// What is read with JsonView.
void View(char whose, std::string_view body) {
  const auto document = whose == 'x' ? ReadXmlRpcAnswer(body) : JsonDocument::Parse(body);
  if (!document) return;
  const JsonView root = (*document)->root();
  if (whose == 'D') Docker(root);
  if (whose == 'L') Lightsail(root);
  if (whose == 'M') Msk(root);
  if (whose == 'S') Swarm(root);
  if (whose == 'j' || whose == 'x') Walk(root);
  (void)(*document)->status();
}

void Read(char whose, std::string_view body) {
  switch (whose) {
    case 'E':
      return Ec2(std::string(body));
    case 'D':
    case 'L':
    case 'M':
    case 'S':
    case 'j':
    case 'x':
      return View(whose, body);
    case 'c':
      return Consul(body);
    case 'd':
      (void)ParseDnsAnswer({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
      return;
    case 'e':
      (void)ParseEurekaApps(body);
      return;
    case 'h':
      (void)ParseTargetFile("targets.json", body);
      return;
    case 'k':
      (void)ParseKumaAnswer(body);
      return;
    case 'm':
      (void)ParseMarathonApps(body);
      return;
    case 'n':
      return Nomad(body);
    case 'p':
      return Puppetdb(body);
    case 'y':
      (void)ParseTargetFile("targets.yml", body);
      return;
    default:
      return;
  }
}

}  // namespace
}  // namespace narthex::scrape

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  narthex::scrape::Read(static_cast<char>(data[0]),
                        {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
