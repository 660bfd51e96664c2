// SPDX-License-Identifier: Apache-2.0
//
// kubernetes_sd_configs and kubeconfig files. The messages are those of Prometheus 3.14.
#include "narthex/config/kubernetes_sd.h"

#include <gtest/gtest.h>

#include "narthex/config/config.h"
#include "src/config/kubernetes_selector.h"

namespace narthex::config {
namespace {

/// One job whose only discovery has these lines.
Result<std::shared_ptr<const Config>> Load(const std::string& entry) {
  return LoadText("scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - " + entry,
                  "/etc/narthex/main.yml");
}

KubernetesSdConfig Parse(const std::string& entry) {
  const auto config = Load(entry);
  EXPECT_TRUE(config) << config.error().message();
  if (!config) return {};
  return std::get<KubernetesSdConfig>((*config)->scrape_configs[0].discovery_configs[0].settings);
}

TEST(KubernetesSdTest, Defaults) {
  const KubernetesSdConfig sd = Parse("role: pod");
  EXPECT_EQ(KubernetesRole::kPod, sd.role);
  EXPECT_EQ("", sd.api_server);
  EXPECT_TRUE(sd.namespaces.empty());
  EXPECT_FALSE(sd.own_namespace);
  EXPECT_FALSE(sd.attach.node);
}

TEST(KubernetesSdTest, AllKeys) {
  const KubernetesSdConfig sd = Parse(R"(role: endpointslice
    api_server: https://k:6443/x
    basic_auth: {username: u, password: p}
    namespaces: {names: [a, b]}
    selectors:
    - {role: pod, label: 'app in (a, b)', field: status.phase=Running}
    - {role: endpointslice, label: x}
    attach_metadata: {node: true, namespace: true, deployment: true, job: true, cronjob: true})");
  EXPECT_EQ(KubernetesRole::kEndpointSlice, sd.role);
  EXPECT_EQ("https://k:6443/x", sd.api_server);
  EXPECT_EQ("u", sd.http.basic_username);
  EXPECT_EQ((std::vector<std::string>{"a", "b"}), sd.namespaces);
  ASSERT_EQ(2U, sd.selectors.size());
  EXPECT_EQ(KubernetesRole::kPod, sd.selectors[0].role);
  EXPECT_EQ("app in (a, b)", sd.selectors[0].label);
  EXPECT_EQ("status.phase=Running", sd.selectors[0].field);
  EXPECT_TRUE(sd.attach.node && sd.attach.space && sd.attach.deployment && sd.attach.job &&
              sd.attach.cronjob);
}

TEST(KubernetesSdTest, AnEmptyApiServerIsOne) {
  const KubernetesSdConfig sd = Parse("{role: pod, api_server: '', basic_auth: {username: u}}");
  EXPECT_EQ("http://localhost", sd.api_server);
  EXPECT_EQ("u", sd.http.basic_username);
  EXPECT_EQ("", Parse("{role: pod, api_server: }").api_server);
}

TEST(KubernetesSdTest, KubeConfigIsBesideTheFile) {
  EXPECT_EQ(
      "/etc/narthex/kube.yml",
      Parse("{role: node, kubeconfig_file: kube.yml, follow_redirects: true}").kubeconfig_file);
}

TEST(KubernetesSdTest, PrintedAsByPrometheus) {
  const auto config = Load(R"({role: pod, selectors: [{role: pod, label: a=b}],
    namespaces: {own_namespace: true}, attach_metadata: {node: true}})");
  ASSERT_TRUE(config) << config.error().message();
  const std::string& yaml = (*config)->yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: ""
    follow_redirects: true
    enable_http2: true
    namespaces:
      own_namespace: true
      names: []
    selectors:
    - role: pod
      label: a=b
    attach_metadata:
      node: true
      namespace: false
      deployment: false
      job: false
      cronjob: false
)")) << yaml;
}

TEST(KubernetesSdTest, Refused) {
  const struct {
    const char* entry;
    const char* error;
  } cases[] = {
      {"{}", "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"},
      {"{role: vacation}", "unknown Kubernetes SD role \"vacation\""},
      {"{role: pod, selectors: [{role: x}]}", "unknown Kubernetes SD role \"x\""},
      {"{role: pod, api_server: '', kubeconfig_file: k}",
       "cannot use 'kubeconfig_file' and 'api_server' simultaneously"},
      {"{role: pod, api_server: '', namespaces: {own_namespace: true}}",
       "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"},
      {"{role: pod, api_server: 'http://k', kubeconfig_file: k}",
       "cannot use 'kubeconfig_file' and 'api_server' simultaneously"},
      {"{role: pod, kubeconfig_file: k, bearer_token: x}",
       "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"},
      {"{role: pod, follow_redirects: false}",
       "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"},
      {"{role: pod, basic_auth: {}}",
       "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"},
      {"{role: pod, api_server: 'http://k', namespaces: {own_namespace: true}}",
       "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"},
      {"{role: pod, kubeconfig_file: k, namespaces: {own_namespace: true}}",
       "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"},
      {"{role: pod, api_server: 'http://k', bearer_token: x, bearer_token_file: y}",
       "at most one of bearer_token & bearer_token_file must be configured"},
      {"{role: pod, selectors: [{role: pod}, {role: pod}]}", "duplicated selector role: pod"},
      {"{role: pod, selectors: [{label: a}]}", "pod role supports only pod, node selectors"},
      {"{role: service, selectors: [{role: pod}]}", "service role supports only service selectors"},
      {"{role: endpoints, selectors: [{role: endpointslice}]}",
       "endpoints role supports only pod, service, endpoints selectors"},
      {"{role: endpointslice, selectors: [{role: node}]}",
       "endpointslice role supports only pod, service, endpointslice selectors"},
      {"{role: pod, selectors: [{role: pod, field: 'a b'}]}",
       "invalid selector: 'a b'; can't understand 'a b'"},
      {"{role: pod, selectors: [{role: pod, label: 'a=('}]}",
       "unable to parse requirement: found '(', expected: identifier"},
      {"{role: pod, attach_metadata: {pod: true}}",
       "field pod not found in type kubernetes.AttachMetadataConfig"},
      {"{role: pod, port: 80}", "field port not found in type kubernetes.plain"},
      {"", "empty or null section in kubernetes_sd_configs"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.entry);
    const auto config = Load(c.entry);
    ASSERT_FALSE(config);
    EXPECT_NE(std::string::npos, config.error().message().find(c.error))
        << config.error().message();
  }
}

TEST(KubernetesSelectorTest, Fields) {
  for (const char* good :
       {"", "a=b", "a==b", "a!=b", "a.b=c,d=e", ",", "a=", "=", R"(a=b\,c\=d\\)"}) {
    EXPECT_TRUE(CheckFieldSelector(good)) << good;
  }
  const struct {
    const char* text;
    const char* error;
  } bad[] = {
      {"x", "invalid selector: 'x'; can't understand 'x'"},
      {"z,b=1,a", "invalid selector: 'z,b=1,a'; can't understand 'a'"},
      {"a=b=c", "invalid field selector: unescaped character in value: 61"},
      {R"(a=\x)", R"(invalid field selector: invalid escape sequence: \x)"},
      {R"(a=b\)", R"(invalid field selector: invalid escape sequence: \)"},
  };
  for (const auto& c : bad) {
    const Status status = CheckFieldSelector(c.text);
    ASSERT_FALSE(status) << c.text;
    EXPECT_EQ(c.error, status.error().message());
  }
}

TEST(KubernetesSelectorTest, Labels) {
  for (const char* good :
       {"",        "a",           "!a",         "a=b",        "a==b",          "a!=b",
        "a=",      "a,b",         " a , !b ",   "a in (b)",   "a notin (b,c)", "a in (,b)",
        "a in ()", "a in (b,,c)", "in in (in)", "x.io/a_b=c", "a>1",           "a<2",
        "a in(b)", "a = b"}) {
    const Status status = CheckLabelSelector(good);
    EXPECT_TRUE(status) << good << ": " << status.error().message();
  }
  constexpr const char* kNameRule =
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
      "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
      "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  const std::string requirement = "unable to parse requirement: ";
  const struct {
    const char* text;
    std::string error;
  } bad[] = {
      {",", "found ',', expected: !, identifier, or 'end of string'"},
      {"a,", "found '', expected: identifier after ','"},
      {"a b", requirement + "found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a=b c", "found 'c', expected: ',' or 'end of string'"},
      {"!", requirement + "found '', expected: identifier"},
      {"a=(", requirement + "found '(', expected: identifier"},
      {"a in b", requirement + "found 'b' expected: '('"},
      {"a in (b", requirement + "found '', expected: ',' or ')'"},
      {"a in (=)", requirement + "found '=', expected: ',', ')' or identifier"},
      {"a in (b,=)", requirement + "found '=', expected: ',', or identifier"},
      {"-a", requirement + "<nil>: Invalid value: \"-a\": " + kNameRule},
      {"a/b/c", requirement + "<nil>: Invalid value: \"a/b/c\": a valid label key must"},
      {"/b", requirement + "<nil>: Invalid value: \"/b\": prefix part must be non-empty"},
      {"A/b", requirement + "<nil>: Invalid value: \"A/b\": prefix part a lowercase RFC 1123"},
      {"a/", requirement + "<nil>: Invalid value: \"a/\": name part must be non-empty; name part "},
      {"a=-", requirement + "values[0][a]: Invalid value: \"-\": a valid label must be an empty"},
      {"a>b", requirement + "values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value "
                            "must be an integer"},
  };
  for (const auto& c : bad) {
    SCOPED_TRACE(c.text);
    const Status status = CheckLabelSelector(c.text);
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().message().starts_with(c.error)) << status.error().message();
  }
}

std::string KubeText(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
         "contexts: [{name: other}, {name: main, context: {cluster: c, user: u, namespace: n}}]\n"
         "clusters: [{name: c, cluster: {" +
         cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
}

TEST(KubeConfigTest, ReadsTheCurrentContext) {
  auto config =
      ParseKubeConfig(KubeText("server: 'https://k:6443', certificate-authority-data: Q0E=, "
                               "certificate-authority: ignored, proxy-url: 'http://p'",
                               "client-certificate: c.pem, client-key-data: S0VZ"),
                      "/home/me/.kube");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ("https://k:6443", config->server);
  EXPECT_EQ("CA", config->ca);
  EXPECT_EQ("", config->ca_file);
  EXPECT_EQ("http://p", config->proxy_url);
  EXPECT_EQ("/home/me/.kube/c.pem", config->cert_file);
  EXPECT_EQ("KEY", config->key);
  config = ParseKubeConfig(
      KubeText("server: h, insecure-skip-tls-verify: true", "username: a, password: b"), ".");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_TRUE(config->insecure_skip_verify);
  EXPECT_EQ("a", config->username);
  // JSON is YAML.
  config = ParseKubeConfig(
      R"({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "y"}}],
          "clusters": [{"name": "y", "cluster": {"server": "s"}}]})",
      ".");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ("s", config->server);
}

TEST(KubeConfigTest, FlagsAsYamlHasThem) {
  const std::pair<const char*, bool> cases[] = {
      {"true", true}, {"True", true},   {"YES", true}, {"y", true},  {"on", true},   {"On", true},
      {"ON", true},   {"false", false}, {"No", false}, {"n", false}, {"off", false}, {"~", false}};
  for (const auto& [text, wanted] : cases) {
    SCOPED_TRACE(text);
    const auto config = ParseKubeConfig(
        KubeText("server: s, insecure-skip-tls-verify: " + std::string(text), ""), ".");
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(wanted, config->insecure_skip_verify);
  }
}

TEST(KubeConfigTest, Refused) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"",
       "invalid configuration: no configuration has been provided, try setting "
       "KUBERNETES_MASTER environment variable"},
      {"current-context: x", "context \"x\" does not exist"},
      {"current-context: x\ncontexts: [{name: x, context: {user: u}}]",
       "auth info \"u\" does not exist"},
      {"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
       "cluster \"c\" does not exist"},
      {KubeText("", ""), "invalid configuration: no server found for cluster \"c\""},
      {KubeText("server: ''", "token: x"),
       "invalid configuration: no server found for cluster \"c\""},
      {KubeText("server: s, certificate-authority-data: '%'", ""),
       "certificate-authority-data: invalid base64 data"},
      {KubeText("server: s", "client-certificate: c, client-key-data: '%'"),
       "client-key-data: invalid base64 data"},
      {KubeText("server: s, insecure-skip-tls-verify: 'true'", ""),
       "line 5: \"insecure-skip-tls-verify\" must be true or false"},
      {KubeText("server: s, insecure-skip-tls-verify: 1", ""),
       "line 5: \"insecure-skip-tls-verify\" must be true or false"},
      {KubeText("server: s, certificate-authority: f, insecure-skip-tls-verify: true", ""),
       "invalid configuration: specifying a root certificates file with the insecure flag is not "
       "allowed"},
      {KubeText("server: s", "client-certificate: c"),
       "invalid configuration: client-key-data or client-key must be specified for u to use the "
       "clientCert authentication method."},
      {KubeText("server: s", "token: t, username: x"),
       "invalid configuration: more than one authentication method found for u; found [token "
       "basicAuth], only one is allowed"},
      {KubeText("server: s", "token: t, password: x"),
       "invalid configuration: more than one authentication method found for u; found [token "
       "basicAuth], only one is allowed"},
      {KubeText("server: s", "tokenFile: t, username: x"),
       "username/password or bearer token may be set, but not both"},
      {KubeText("server: s", "exec: {command: aws}"),
       "user \"u\": credentials from another program (exec) not supported"},
      {KubeText("server: s", "auth-provider: {name: gcp}"),
       "user \"u\": auth providers not supported"},
      {KubeText("server: s", "as: boss"), "user \"u\": impersonation (as) not supported"},
      {KubeText("server: [s]", ""), "line 5: \"server\" must be a text"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto config = ParseKubeConfig(c.text, ".");
    ASSERT_FALSE(config);
    EXPECT_EQ(c.error, config.error().message());
  }
  EXPECT_FALSE(ParseKubeConfig("a: [", "."));
}

}  // namespace
}  // namespace narthex::config
