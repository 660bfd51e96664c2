// SPDX-License-Identifier: Apache-2.0
#include "src/server/flag_arguments.h"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "narthex/base/fs.h"
#include "src/server/flag_table.h"

namespace narthex::server {
namespace {

// "@path" stands for the lines of that file.
Result<std::vector<std::string>> ExpandFiles(std::vector<std::string> arguments) {
  std::vector<std::string> expanded;
  for (std::string& argument : arguments) {
    if (argument.size() < 2 || argument[0] != '@') {
      expanded.push_back(std::move(argument));
      continue;
    }
    NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(argument.substr(1)));
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      if (end > begin) expanded.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return expanded;
}

// Prometheus's wording for what CLI11 found wrong, and its exit code: 1 where an argument is not
// known, 2 where its use is wrong.
std::pair<std::string, int> Explain(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extras = app.remaining();
    const std::string first = extras.empty() ? "" : extras.front();
    return first.starts_with("-")
               ? std::pair{fmt::format("unknown long flag '{}'", first.substr(0, first.find('='))),
                           1}
               : std::pair{fmt::format("unexpected {}", first), 1};
  }
  return {error.what(), 2};
}

}  // namespace

std::vector<std::string> SplitCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string FlagHelp() {
  std::string text =
      "usage: narthex [<flags>]\n       narthex test promql FILE...\n\n"
      "A monitoring server that takes Prometheus's configuration, flags and data.\n\nFlags:\n"
      "  -h, --help\n      Show this help.\n  --version\n      Show the version.\n";
  for (const FlagSpec& flag : AllFlags()) {
    if (flag.hidden) continue;
    text += flag.kind == FlagKind::kBool
                ? fmt::format("  --[no-]{}\n", flag.name)
                : fmt::format("  --{}={}\n", flag.name,
                              flag.default_text.empty() ? "\"\"" : flag.default_text);
    text += fmt::format("      {}\n", flag.help);
  }
  return text;
}

std::string FlagDocumentation() {
  std::string text =
      "---\ntitle: narthex\n---\n\n"
      "A monitoring server that takes Prometheus's configuration, flags and data.\n\n\n## Flags\n\n"
      "| Flag | Description | Default |\n| --- | --- | --- |\n";
  for (const FlagSpec& flag : AllFlags()) {
    if (flag.hidden) continue;
    const bool repeats = flag.kind == FlagKind::kList;
    text += fmt::format("| <code class=\"text-nowrap\">--{}</code>{} | {} | {} |\n", flag.name,
                        repeats ? " <code class=\"text-nowrap\">...</code>" : "", flag.help,
                        flag.default_text.empty() ? "" : fmt::format("`{}`", flag.default_text));
  }
  return text;
}

Result<FlagArguments> ReadFlagArguments(std::vector<std::string> arguments, int& exit_code) {
  exit_code = 1;
  NX_ASSIGN_OR_RETURN(arguments, ExpandFiles(std::move(arguments)));
  FlagArguments parsed;
  CLI::App app;
  app.set_help_flag();
  app.add_flag("-h,--help", parsed.help);
  app.add_flag("--version", parsed.version);
  FlagTexts values;
  std::map<std::string_view, int> switches;
  for (const FlagSpec& flag : AllFlags()) {
    const std::string name(flag.name);
    if (flag.kind == FlagKind::kBool) {
      app.add_flag(fmt::format("--{0},!--no-{0}", name), switches[flag.name])
          ->disable_flag_override();
    } else {
      app.add_option("--" + name, values[name])
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back.
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    auto [message, code] = Explain(app, error);
    exit_code = code;
    return Fail(Code::kInvalidArgument, std::move(message));
  }
  for (const CLI::Option* option : app.parse_order()) {
    parsed.order.push_back(option->get_lnames().front());
  }
  for (const FlagSpec& flag : AllFlags()) {
    const std::string name(flag.name);
    const std::size_t count = app.count("--" + name);
    if (count == 0) continue;
    if (count > 1 && flag.kind != FlagKind::kList) {
      exit_code = 2;
      return Fail(Code::kInvalidArgument, fmt::format("flag '{}' cannot be repeated", name));
    }
    if (flag.kind == FlagKind::kBool) {
      parsed.given[name] = {switches[flag.name] > 0 ? "true" : "false"};
    } else {
      parsed.given[name] = values[name];
    }
  }
  return parsed;
}

}  // namespace narthex::server
