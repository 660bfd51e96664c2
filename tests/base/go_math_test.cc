// SPDX-License-Identifier: Apache-2.0
//
// testdata/go_math.txt was printed by a Go program on amd64: function, arguments, result, as bits.
#include "narthex/base/go_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::go {
namespace {

double FromBits(const std::string& hex) {
  return std::bit_cast<double>(std::stoull(hex, nullptr, 16));
}

TEST(GoMathTest, EveryBitIsGos) {
  const std::map<std::string, double (*)(double)> of_one = {
      {"exp", Exp},     {"exp2", Exp2},   {"ln", Log},     {"log2", Log2}, {"log10", Log10},
      {"log1p", Log1p}, {"sin", Sin},     {"cos", Cos},    {"tan", Tan},   {"asin", Asin},
      {"acos", Acos},   {"atan", Atan},   {"sinh", Sinh},  {"cosh", Cosh}, {"tanh", Tanh},
      {"asinh", Asinh}, {"acosh", Acosh}, {"atanh", Atanh}};
  const std::map<std::string, double (*)(double, double)> of_two = {{"pow", Pow}, {"atan2", Atan2}};
  std::ifstream file("tests/base/testdata/go_math.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::istringstream in(line);
    std::string name;
    in >> name;
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    const double x = FromBits(words.at(0));
    const double result =
        of_one.contains(name) ? of_one.at(name)(x) : of_two.at(name)(x, FromBits(words.at(1)));
    if (words.back() == "nan") {
      EXPECT_TRUE(std::isnan(result)) << line << ": " << result;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(result),
                std::bit_cast<std::uint64_t>(FromBits(words.back())))
          << line << " of " << x << ": " << result << " instead of " << FromBits(words.back());
    }
  }
  EXPECT_GT(lines, 2'000) << "the table was not read";
}

}  // namespace
}  // namespace narthex::go
