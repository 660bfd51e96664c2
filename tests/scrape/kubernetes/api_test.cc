// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/api.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace narthex::scrape::kubernetes {
namespace {

class FindApiTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir.path() + "/" + name) << text;
    return dir.path() + "/" + name;
  }
  std::string Error() const {
    const auto access = FindApi(config, environment);
    return access ? "" : access.error().message();
  }

  narthex::testing::TempDir dir;
  ClusterEnvironment environment{.host = "10.0.0.1", .port = "443", .folder = dir.path()};
  config::KubernetesSdConfig config;
};

TEST_F(FindApiTest, ServiceAccount) {
  Write("token", "secret\n");
  Write("ca.crt", "x");
  auto access = FindApi(config, environment);
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ("https", access->base.scheme);
  EXPECT_EQ("10.0.0.1", access->base.host);
  EXPECT_EQ(443, access->base.port);
  EXPECT_EQ("", access->base.target);
  EXPECT_EQ(dir.path() + "/token", access->options.authorization_credentials_file);
  EXPECT_EQ(dir.path() + "/ca.crt", access->options.tls.ca_file);
  EXPECT_EQ((std::vector<std::string>{""}), access->namespaces);

  config.own_namespace = true;
  EXPECT_TRUE(Error().starts_with("could not determine the pod's namespace: ")) << Error();
  Write("namespace", "");
  EXPECT_EQ("could not read own namespace name (empty file)", Error());
  Write("namespace", "shop");
  config.namespaces = {"b", "shop", "a", "b"};
  access = FindApi(config, environment);
  ASSERT_TRUE(access);
  EXPECT_EQ((std::vector<std::string>{"a", "b", "shop"}), access->namespaces);

  environment.host = "fd00::1";
  access = FindApi(config, environment);
  ASSERT_TRUE(access);
  EXPECT_EQ("fd00::1", access->base.host);
}

TEST_F(FindApiTest, NotInACluster) {
  EXPECT_NE(std::string::npos, Error().find("token")) << Error();
  environment.host.clear();
  EXPECT_EQ(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
      "KUBERNETES_SERVICE_PORT must be defined",
      Error());
}

TEST_F(FindApiTest, ApiServer) {
  config.api_server = "https://k8s.example.org:6443/cluster/a/";
  config.http.basic_username = "me";
  const auto access = FindApi(config, {});
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ("/cluster/a", access->base.target);
  EXPECT_EQ(6443, access->base.port);
  EXPECT_EQ("me", access->options.basic_username);
  config.api_server = "ftp://x";
  EXPECT_EQ("parse \"ftp://x\": unsupported protocol scheme \"ftp\"", Error());
}

TEST_F(FindApiTest, NamespacesThatAreNoPartOfAPath) {
  config.api_server = "http://k";
  config.namespaces = {"a", "."};
  EXPECT_EQ("invalid namespace \".\": [may not be '.']", Error());
  config.namespaces = {".."};
  EXPECT_EQ("invalid namespace \"..\": [may not be '..']", Error());
  config.namespaces = {"a/b%"};
  EXPECT_EQ("invalid namespace \"a/b%\": [may not contain '/' may not contain '%']", Error());
  config.namespaces = {"..a b"};
  EXPECT_EQ("", Error());
}

TEST_F(FindApiTest, ProxyOfAKubeConfig) {
  const auto write = [&](const std::string& proxy) {
    config.kubeconfig_file =
        Write("kube.yml",
              "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]"
              "\nclusters: [{name: k, cluster: {server: 'https://k', "
              "proxy-url: '" +
                  proxy + "'}}]\n");
  };
  for (const std::string proxy : {"socks5://me:secret@p", "https://me:secret@p", "me:secret@p"}) {
    SCOPED_TRACE(proxy);
    write(proxy);
    EXPECT_EQ(
        "kubeconfig " + config.kubeconfig_file + ": proxy-url: only http proxies are supported",
        Error());
  }
  write("http://me:secret@p:3128");
  const auto access = FindApi(config, environment);
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ("http://me:secret@p:3128", access->options.proxy.url);
}

TEST_F(FindApiTest, KubeConfig) {
  const auto file = [](const std::string& server, const std::string& user) {
    return "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
           "clusters: [{name: k, cluster: {server: '" +
           server +
           "', certificate-authority: ca.pem, tls-server-name: api}}]\n"
           "users: [{name: u, user: {" +
           user + "}}]\n";
  };
  config.kubeconfig_file = Write("kube.yml", file("https://k:6443", "token: secret"));
  auto access = FindApi(config, environment);
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ("k", access->base.host);
  EXPECT_EQ("secret", access->options.authorization_credentials);
  EXPECT_EQ(dir.path() + "/ca.pem", access->options.tls.ca_file);
  EXPECT_EQ("api", access->options.tls.server_name);

  Write("kube.yml", file("https://k:6443", "token: secret, tokenFile: token"));
  EXPECT_NE(std::string::npos, Error().find("token")) << Error();
  Write("token", "x");
  access = FindApi(config, environment);
  ASSERT_TRUE(access);
  EXPECT_EQ(dir.path() + "/token", access->options.authorization_credentials_file);
  EXPECT_EQ("", access->options.authorization_credentials);

  // In clear nobody is told who we are.
  Write("kube.yml", file("http://k:8080", "token: secret"));
  access = FindApi(config, environment);
  ASSERT_TRUE(access);
  EXPECT_EQ("", access->options.authorization_credentials);

  Write("kube.yml", file("https://k", "exec: {command: aws}"));
  EXPECT_EQ("kubeconfig " + config.kubeconfig_file +
                ": user \"u\": credentials from another program (exec) not supported",
            Error());
  config.kubeconfig_file = dir.path() + "/missing.yml";
  EXPECT_NE("", Error());
}

}  // namespace
}  // namespace narthex::scrape::kubernetes
