// SPDX-License-Identifier: Apache-2.0
//
// Calls and answers of XML-RPC; the first of each are those of its specification.
#include "scrape/answers/xml_rpc.h"

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

std::string Answer(const std::string& value) {
  return "<?xml version=\"1.0\"?>\n<methodResponse>\n <params>\n  <param>" + value +
         "</param>\n </params>\n</methodResponse>\n";
}

std::string ErrorOf(const std::string& xml) {
  const auto document = ReadXmlRpcAnswer(xml);
  return document ? "none" : document.error().message();
}

TEST(XmlRpcTest, Calls) {
  EXPECT_EQ(WriteXmlRpcCall("examples.getStateName", {std::int64_t{41}}),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>"
            "examples.getStateName</methodName><params><param><value><int>41</int></value></param>"
            "</params></methodCall>");
  EXPECT_EQ(WriteXmlRpcCall("m", {"a<b&", std::vector<std::int64_t>{1, -2}}),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>m</methodName>"
            "<params><param><value><string>a&lt;b&amp;</string></value></param><param><value>"
            "<array><data><value><int>1</int></value><value><int>-2</int></value></data></array>"
            "</value></param></params></methodCall>");
}

TEST(XmlRpcTest, ValuesOfAllTypes) {
  const auto document = ReadXmlRpcAnswer(Answer(R"(<value><struct>
    <member><name>text</name><value><string>a &amp; b</string></value></member>
    <member><name>bare</name><value>
        South Dakota </value></member>
    <member><name>i4</name><value><i4>-7</i4></value></member>
    <member><name>int</name><value><int>8</int></value></member>
    <member><name>i8</name><value><i8>9000000000000000000</i8></value></member>
    <member><name>double</name><value><double>-12.5</double></value></member>
    <member><name>yes</name><value><boolean>1</boolean></value></member>
    <member><name>no</name><value><boolean>0</boolean></value></member>
    <member><name>date</name><value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value></member>
    <member><name>base64</name><value><base64>eW91</base64></value></member>
    <member><name>empty</name><value><int/></value></member>
    <member><name>nothing</name><value/></member>
    <member><name>list</name><value><array><data>
      <value><string>x</string></value><value><![CDATA[y]]></value></data></array></value></member>
    </struct></value>)"));
  ASSERT_TRUE(document) << document.error().message();
  const JsonView root = (*document)->root();
  EXPECT_EQ(root["text"].Text(), "a & b");
  EXPECT_EQ(root["bare"].Text(), "South Dakota");
  EXPECT_EQ(root["i4"].Int(), -7);
  EXPECT_EQ(root["int"].Int(), 8);
  EXPECT_EQ(root["i8"].Int(), 9'000'000'000'000'000'000);
  EXPECT_EQ(root["double"].Real(), -12.5);
  EXPECT_TRUE(root["yes"].Flag());
  EXPECT_TRUE(root["no"].present());
  EXPECT_FALSE(root["no"].Flag());
  EXPECT_EQ(root["date"].Text(), "19980717T14:08:55");
  EXPECT_EQ(root["base64"].Text(), "eW91");
  EXPECT_EQ(root["empty"].Int(), 0);
  EXPECT_FALSE(root["nothing"].present());
  EXPECT_EQ(root["list"].Texts(), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE((*document)->status());
}

TEST(XmlRpcTest, WhatIsNoAnswer) {
  EXPECT_EQ(ErrorOf(R"(<methodResponse><fault><value><struct>
      <member><name>faultCode</name><value><int>4</int></value></member>
      <member><name>faultString</name><value><string>Too many parameters.</string></value></member>
      </struct></value></fault></methodResponse>)"),
            "Fault(4): Too many parameters.");
  EXPECT_TRUE(ErrorOf("<methodResponse>").starts_with("XML syntax error at byte "));
  EXPECT_EQ(ErrorOf("\xff"), "XML: invalid UTF-8");
  EXPECT_EQ(ErrorOf("<html><body/></html>"), "XML-RPC: the answer has no value");
  EXPECT_EQ(ErrorOf(Answer("<value><int>1x</int></value>")), "XML-RPC: no integer: 1x");
  EXPECT_EQ(ErrorOf(Answer("<value><double>inf</double></value>")), "XML-RPC: no number: inf");
  EXPECT_EQ(ErrorOf(Answer("<value><boolean>2</boolean></value>")), "XML-RPC: no boolean: 2");
  EXPECT_EQ(ErrorOf(Answer("<value><date>x</date></value>")), "XML-RPC: unsupported type date");
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "<value><array><data>";
  for (int i = 0; i < 65; ++i) deep += "</data></array></value>";
  EXPECT_EQ(ErrorOf(Answer(deep)), "XML-RPC: values nested more than 64 levels");
  EXPECT_EQ(ErrorOf(std::string((std::size_t{32} << 20) + 1, ' ')),
            "XML of 33554433 bytes, at most 33554432 are read");
}

}  // namespace
}  // namespace narthex::scrape
