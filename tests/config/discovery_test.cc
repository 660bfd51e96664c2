// SPDX-License-Identifier: Apache-2.0
//
// *_sd_configs: what they become, how they are printed, and what is wrong with them. Texts and
// prints are those of promtool 3.14.
#include <string>

#include <gtest/gtest.h>

#include "narthex/config/config.h"

namespace narthex::config {
namespace {

std::string Job(const std::string& name, const std::string& entry) {
  return "scrape_configs: [{job_name: a, " + name + "_sd_configs: [" + entry + "]}]\n";
}

template <typename Settings>
Settings Load(const std::string& name, const std::string& entry) {
  const auto config = LoadText(Job(name, entry), "/etc/p/prometheus.yml");
  EXPECT_TRUE(config.has_value()) << config.error().message();
  if (!config) return {};
  const auto& discoveries = (*config)->scrape_configs.at(0).discovery_configs;
  EXPECT_EQ(1u, discoveries.size());
  EXPECT_EQ(name, discoveries.at(0).mechanism);
  return std::get<Settings>(discoveries.at(0).settings);
}

std::string Failure(const std::string& name, const std::string& entry) {
  const auto config = LoadText(Job(name, entry), "p.yml");
  if (config) return "";
  std::string text = config.error().message();
  constexpr std::string_view kFile = "parsing YAML file p.yml: ";
  EXPECT_TRUE(text.starts_with(kFile)) << text;
  text.erase(0, kFile.size());
  // Ours alone say where.
  if (const std::size_t at = text.rfind(" (line "); at != std::string::npos) text.erase(at);
  return text;
}

/// The entry as the page of the configuration shows it, without its key.
std::string Printed(const std::string& name, const std::string& entry) {
  const auto config = LoadText(Job(name, entry), "p.yml");
  EXPECT_TRUE(config.has_value()) << config.error().message();
  if (!config) return "";
  const std::string& text = (*config)->yaml;
  std::size_t at = text.find("  " + name + "_sd_configs:\n");
  std::string lines;
  while (at != std::string::npos && (at = text.find('\n', at) + 1) < text.size()) {
    if (text.compare(at, 2, "  ") != 0) break;  // The next section.
    lines += text.substr(at, text.find('\n', at) + 1 - at);
  }
  return lines;
}

TEST(DiscoveryConfigTest, Http) {
  const auto sd = Load<HttpSdConfig>(
      "http",
      "{url: 'https://h/x', refresh_interval: 5s, basic_auth: {username: u, password_file: "
      "pw}}");
  EXPECT_EQ("https://h/x", sd.url);
  EXPECT_EQ(5'000, sd.refresh_interval_ms);
  EXPECT_EQ("u", sd.http.basic_username);
  EXPECT_EQ("/etc/p/pw", sd.http.basic_password_file);
  EXPECT_EQ(60'000, Load<HttpSdConfig>("http", "{url: 'http://h:1'}").refresh_interval_ms);
  EXPECT_EQ(
      "  - follow_redirects: true\n    enable_http2: true\n    refresh_interval: 1m\n"
      "    url: http://u:p@h/x\n",
      Printed("http", "{url: 'http://u:p@h/x'}"));
  EXPECT_EQ("URL is missing", Failure("http", "{}"));
  EXPECT_EQ("URL is missing", Failure("http", "{url: ''}"));
  EXPECT_EQ("URL scheme must be 'http' or 'https'", Failure("http", "{url: 'ftp://h/'}"));
  EXPECT_EQ("URL scheme must be 'http' or 'https'", Failure("http", "{url: 'h/x'}"));
  EXPECT_EQ("host is missing in URL", Failure("http", "{url: 'http://'}"));
  EXPECT_EQ("host is missing in URL", Failure("http", "{url: 'http:///x'}"));
  EXPECT_EQ("parse \"http://h:x\": invalid port \":x\" after host",
            Failure("http", "{url: 'http://h:x'}"));
  EXPECT_EQ("at most one of basic_auth, oauth2 & authorization must be configured",
            Failure("http",
                    "{url: 'http://h', basic_auth: {username: a}, authorization: "
                    "{credentials: x}}"));
  EXPECT_EQ("empty or null section in http_sd_configs", Failure("http", "null"));
  EXPECT_EQ("yaml: unmarshal errors:\n  line 1: field foo not found in type http.plain",
            Failure("http", "{url: 'http://h', foo: 1}"));
}

TEST(DiscoveryConfigTest, Dns) {
  const auto sd = Load<DnsSdConfig>("dns", "{names: [a, b.], type: aAaA, port: 9100}");
  EXPECT_EQ((std::vector<std::string>{"a", "b."}), sd.names);
  EXPECT_EQ(DnsRecordType::kAaaa, sd.type);
  EXPECT_EQ(9100, sd.port);
  EXPECT_EQ(30'000, sd.refresh_interval_ms);
  EXPECT_EQ(DnsRecordType::kSrv, Load<DnsSdConfig>("dns", "{names: [a]}").type);
  EXPECT_EQ("  - names:\n    - a\n    refresh_interval: 30s\n    type: SRV\n    port: 0\n",
            Printed("dns", "{names: [a]}"));
  EXPECT_EQ("DNS-SD config must contain at least one SRV record name", Failure("dns", "{}"));
  for (const std::string type : {"A", "AAAA", "MX", "NS", "ns"}) {
    EXPECT_EQ("a port is required in DNS-SD configs for all record types except SRV",
              Failure("dns", "{names: [a], type: " + type + "}"));
  }
  EXPECT_EQ("invalid DNS-SD records type PTR", Failure("dns", "{names: [a], type: PTR, port: 1}"));
}

TEST(DiscoveryConfigTest, Consul) {
  const auto sd = Load<ConsulSdConfig>(
      "consul",
      "{server: 'c:1', path_prefix: /p, token: t, datacenter: d, namespace: n, partition: q, "
      "tag_separator: ';', scheme: https, username: u, password: w, allow_stale: false, "
      "refresh_interval: 1s, services: [s], tags: [x, y], node_meta: {k: v}, filter: f, "
      "health_filter: h}");
  EXPECT_EQ("c:1", sd.server);
  EXPECT_EQ("/p", sd.path_prefix);
  EXPECT_EQ("t", sd.token);
  EXPECT_EQ("d", sd.datacenter);
  EXPECT_EQ("n", sd.name_space);
  EXPECT_EQ("q", sd.partition);
  EXPECT_EQ(";", sd.tag_separator);
  EXPECT_EQ("https", sd.scheme);
  EXPECT_EQ("u", sd.http.basic_username);
  EXPECT_EQ("w", sd.http.basic_password);
  EXPECT_FALSE(sd.allow_stale);
  EXPECT_EQ(1'000, sd.refresh_interval_ms);
  EXPECT_EQ(std::vector<std::string>{"s"}, sd.services);
  EXPECT_EQ((std::vector<std::string>{"x", "y"}), sd.tags);
  EXPECT_EQ((std::vector<std::pair<std::string, std::string>>{{"k", "v"}}), sd.node_meta);
  EXPECT_EQ("f", sd.filter);
  EXPECT_EQ("h", sd.health_filter);
  EXPECT_EQ(
      "  - server: localhost:8500\n    token: <secret>\n    tag_separator: ','\n    scheme: http\n"
      "    allow_stale: true\n    refresh_interval: 30s\n    follow_redirects: true\n"
      "    enable_http2: true\n",
      Printed("consul", "{token: x}"));
  EXPECT_EQ("consul SD configuration requires a server address",
            Failure("consul", "{server: ' '}"));
  EXPECT_EQ(
      "at most one of consul SD configuration username and password and basic auth can be "
      "configured",
      Failure("consul", "{username: u, basic_auth: {username: v}}"));
  for (const std::string other :
       {"authorization: {credentials: x}", "oauth2: {client_id: x, token_url: 'http://t'}"}) {
    EXPECT_EQ("at most one of consul SD token, authorization, or oauth2 can be configured",
              Failure("consul", "{token: x, " + other + "}"));
  }
}

TEST(DiscoveryConfigTest, Nomad) {
  const auto sd = Load<NomadSdConfig>("nomad", "{}");
  EXPECT_EQ("http://localhost:4646", sd.server);
  EXPECT_EQ("global", sd.region);
  EXPECT_EQ("default", sd.name_space);
  EXPECT_EQ(60'000, sd.refresh_interval_ms);
  EXPECT_TRUE(sd.allow_stale);
  EXPECT_EQ(
      "  - allow_stale: true\n    follow_redirects: true\n    enable_http2: true\n"
      "    namespace: default\n    refresh_interval: 1m\n    region: global\n"
      "    server: http://localhost:4646\n    tag_separator: ','\n",
      Printed("nomad", "{}"));
  EXPECT_EQ("nomad SD configuration requires a server address", Failure("nomad", "{server: ''}"));
}

TEST(DiscoveryConfigTest, Eureka) {
  EXPECT_EQ(30'000, Load<EurekaSdConfig>("eureka", "{server: 'http://e'}").refresh_interval_ms);
  EXPECT_EQ(
      "  - server: http://e/eureka\n    follow_redirects: true\n    enable_http2: true\n"
      "    refresh_interval: 30s\n",
      Printed("eureka", "{server: 'http://e/eureka'}"));
  EXPECT_EQ("eureka_sd: empty or null eureka server", Failure("eureka", "{}"));
  EXPECT_EQ("eureka_sd: invalid eureka server URL", Failure("eureka", "{server: e}"));
  EXPECT_EQ("eureka_sd: invalid eureka server URL", Failure("eureka", "{server: 'http:///x'}"));
}

TEST(DiscoveryConfigTest, Marathon) {
  const auto sd = Load<MarathonSdConfig>("marathon", "{servers: ['http://m'], auth_token_file: t}");
  EXPECT_EQ(std::vector<std::string>{"http://m"}, sd.servers);
  EXPECT_EQ("/etc/p/t", sd.auth_token_file);
  EXPECT_EQ(
      "  - servers:\n    - http://m\n    refresh_interval: 30s\n    auth_token: <secret>\n"
      "    follow_redirects: true\n    enable_http2: true\n",
      Printed("marathon", "{servers: ['http://m'], auth_token: x}"));
  const std::string start = "{servers: ['http://m'], auth_token: x, ";
  EXPECT_EQ("marathon_sd: must contain at least one Marathon server", Failure("marathon", "{}"));
  EXPECT_EQ("marathon_sd: at most one of auth_token & auth_token_file must be configured",
            Failure("marathon", start + "auth_token_file: y}"));
  EXPECT_EQ(
      "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured",
      Failure("marathon", start + "basic_auth: {username: u}}"));
  EXPECT_EQ(
      "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file "
      "must be configured",
      Failure("marathon", start + "bearer_token: b}"));
  EXPECT_EQ(
      "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured",
      Failure("marathon", start + "authorization: {credentials: x}}"));
}

TEST(DiscoveryConfigTest, Puppetdb) {
  const auto sd = Load<PuppetdbSdConfig>(
      "puppetdb", "{url: 'http://p', query: q, include_parameters: true, port: 9}");
  EXPECT_EQ("http://p", sd.url);
  EXPECT_EQ("q", sd.query);
  EXPECT_TRUE(sd.include_parameters);
  EXPECT_EQ(9, sd.port);
  EXPECT_EQ(
      "  - follow_redirects: true\n    enable_http2: true\n    refresh_interval: 1m\n"
      "    url: http://p\n    query: q\n    include_parameters: false\n    port: 80\n",
      Printed("puppetdb", "{url: 'http://p', query: q}"));
  EXPECT_EQ("URL is missing", Failure("puppetdb", "{query: q}"));
  EXPECT_EQ("query missing", Failure("puppetdb", "{url: 'http://p'}"));
  EXPECT_EQ("host is missing in URL", Failure("puppetdb", "{url: 'http://', query: q}"));
}

TEST(DiscoveryConfigTest, Kuma) {
  const auto sd = Load<KumaSdConfig>("kuma", "{server: 'http://k:5676', client_id: c}");
  EXPECT_EQ("http://k:5676", sd.server);
  EXPECT_EQ("c", sd.client_id);
  EXPECT_EQ(15'000, sd.refresh_interval_ms);
  EXPECT_EQ(120'000, sd.fetch_timeout_ms);
  EXPECT_EQ(
      "  - follow_redirects: true\n    enable_http2: true\n    refresh_interval: 15s\n"
      "    fetch_timeout: 2m\n    server: http://k\n",
      Printed("kuma", "{server: 'http://k'}"));
  EXPECT_EQ("kuma SD server must not be empty: ", Failure("kuma", "{}"));
  EXPECT_EQ("kuma SD server must not be empty and have a scheme: k/x",
            Failure("kuma", "{server: k/x}"));
}

TEST(DiscoveryConfigTest, KeysAreEqualForEqualSettingsOnly) {
  const auto config = LoadText(
      "scrape_configs:\n- job_name: a\n"
      "  dns_sd_configs: [{names: [x]}]\n"
      "  consul_sd_configs: [{token: s}, {token: s, scheme: http}, {token: t}]\n"
      "  http_sd_configs: [{url: 'http://h'}]\n"
      "alerting: {alertmanagers: [{consul_sd_configs: [{token: t}]}]}\n",
      "p.yml");
  ASSERT_TRUE(config.has_value()) << config.error().message();
  const auto& sd = (*config)->scrape_configs[0].discovery_configs;
  ASSERT_EQ(5u, sd.size());
  EXPECT_EQ("consul", sd[0].mechanism);  // Sorted by name, whatever their order in the file.
  EXPECT_EQ("dns", sd[3].mechanism);
  EXPECT_EQ("http", sd[4].mechanism);
  EXPECT_EQ(sd[0].key, sd[1].key);
  EXPECT_NE(sd[0].key, sd[2].key);
  const auto& alerting = (*config)->alerting.alertmanagers.at(0).discovery_configs;
  ASSERT_EQ(1u, alerting.size());
  EXPECT_EQ(sd[2].key, alerting[0].key);
}

TEST(DiscoveryConfigTest, WhatIsMissingHereIsSaid) {
  for (const std::string name : {"ecs", "elasticache", "rds", "stackit"}) {
    const std::string why = Failure(name, "{region: x}");
    EXPECT_NE(std::string::npos, why.find(name + "_sd_configs is known to Prometheus")) << why;
  }
}

TEST(DiscoveryConfigTest, IntervalsHaveBounds) {
  EXPECT_EQ("refresh_interval of dns_sd_configs must be longer than 0s",
            Failure("dns", "{names: [a], refresh_interval: 0s}"));
  EXPECT_EQ("refresh_interval of file_sd_configs must be longer than 0s",
            Failure("file", "{files: [a.json], refresh_interval: 0}"));
  const std::int64_t century_ms = std::int64_t{100} * 365 * 86'400'000;
  const auto sd = Load<KumaSdConfig>(
      "kuma", "{server: 'http://h', refresh_interval: 292y, fetch_timeout: 292y}");
  EXPECT_EQ(century_ms, sd.refresh_interval_ms);
  EXPECT_EQ(century_ms, sd.fetch_timeout_ms);
  EXPECT_EQ(1, Load<DnsSdConfig>("dns", "{names: [a], refresh_interval: 1ms}").refresh_interval_ms);
}

}  // namespace
}  // namespace narthex::config
