// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over saved inputs: each file (or each file of a folder) named on the command
// line, and each of their lines as an input of its own. Then over what comes of these by chance,
// always the same, until --mutations=N are done or --seconds=N over.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

int Run(std::string_view input) {
  return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::size_t Replay(const std::filesystem::path& path, std::vector<std::string>& corpus) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  Run(content);
  corpus.push_back(content);
  std::size_t count = 1;
  std::string_view rest = content;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    Run(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++count;
  }
  return count;
}

/// Changes inputs as a file changes that is torn, joined with another one or badly written.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string Next() {
    std::string text = corpus_[Below(corpus_.size())];
    for (std::size_t left = 1 + Below(4); left > 0; --left) Change(text);
    return text;
  }

 private:
  std::size_t Below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  void Change(std::string& text) {
    constexpr std::string_view kBytes = {"\0\x01\x7f\x80\xff\n\"\\{}[],:# 0-eE.", 22};
    const std::size_t at = Below(text.size() + 1);
    const std::size_t length = Below(std::min<std::size_t>(text.size() - at, 64) + 1);
    switch (Below(7)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = kBytes[Below(kBytes.size())];
        break;
      case 2:
        text.insert(at, 1 + Below(8), kBytes[Below(kBytes.size())]);
        break;
      case 3:
        text.erase(at, length);
        break;
      case 4:
        text.insert(at, text.substr(at, length));
        break;
      case 5: {
        const std::string& other = corpus_[Below(corpus_.size())];
        const std::size_t from = Below(other.size() + 1);
        text.insert(at, other.substr(from, Below(other.size() - from + 1)));
        break;
      }
      default:
        text.resize(at);
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_{1};  // A fixed seed: what fails once fails again.
};

std::size_t RunMutations(const std::vector<std::string>& corpus, std::size_t count,
                         std::chrono::seconds limit) {
  if (corpus.empty()) return 0;
  const auto end = std::chrono::steady_clock::now() + limit;
  Mutator mutator(corpus);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::chrono::steady_clock::now() > end) return i;
    Run(mutator.Next());
  }
  return count;
}

/// The number behind "--name="; false for another argument.
bool ReadOption(std::string_view argument, std::string_view name, std::size_t& value) {
  if (!argument.starts_with(name)) return false;
  value = std::stoul(std::string(argument.substr(name.size())));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0, mutations = 0, seconds = 60;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    if (ReadOption(argv[i], "--mutations=", mutations) ||
        ReadOption(argv[i], "--seconds=", seconds)) {
      continue;
    }
    const std::filesystem::path path = argv[i];
    if (!std::filesystem::is_directory(path)) {
      count += Replay(path, corpus);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      count += Replay(entry.path(), corpus);
    }
  }
  std::sort(corpus.begin(), corpus.end());  // A folder has no order.
  const std::size_t mutated =
      RunMutations(corpus, mutations, std::chrono::seconds(static_cast<std::int64_t>(seconds)));
  fmt::print("{} inputs, {} mutated ones\n", count, mutated);
  return count > 0 ? 0 : 1;
}
