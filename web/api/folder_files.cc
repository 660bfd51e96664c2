// SPDX-License-Identifier: Apache-2.0
#include "web/api/folder_files.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/core.h>

namespace narthex::web {
namespace {

namespace fs = std::filesystem;

/// Whether a path leads to something in a folder when its links are followed. A link of the
/// operator's to another place in the folder is fine; one that leads out is not, as whoever can ask
/// for a page would read files that were never meant to be pages.
bool IsInside(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return false;
  const fs::path real_path = fs::canonical(path, error);
  if (error) return false;
  const auto [end, at] =
      std::mismatch(real_folder.begin(), real_folder.end(), real_path.begin(), real_path.end());
  return end == real_folder.end();
}

/// Bytes that no text has.
bool IsBinary(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x08 || byte == 0x0b || (byte >= 0x0e && byte <= 0x1f && byte != 0x1b);
}

}  // namespace

Result<FolderEntry> FindInFolder(const std::string& folder, const std::string& name) {
  const auto gone = [](std::string text) { return Fail(Code::kNotFound, std::move(text)); };
  if (name.find('\0') != std::string::npos) return gone("http: invalid or unsafe file path");
  // By itself "/../x" is "/x", so nothing leads up from the folder.
  const std::string below = fs::path(name).lexically_normal().string();
  std::string path = fs::path(folder + below).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::error_code error;
  const fs::file_status found = fs::status(path, error);
  if (error == std::errc::not_a_directory) return gone("file does not exist");
  if (!fs::exists(found)) {
    return gone(fmt::format("open {}: {}", path, "no such file or directory"));
  }
  if (!IsInside(folder, path)) return gone(fmt::format("open {}: leads out of {}", path, folder));
  const bool is_folder = fs::is_directory(found);
  if (!is_folder && !fs::is_regular_file(found))
    return gone(fmt::format("open {}: not a file", path));
  return FolderEntry{std::move(path), is_folder};
}

std::string_view SniffContentType(std::string_view page) {
  static constexpr std::string_view kTags[] = {"<!doctype html",
                                               "<html",
                                               "<head",
                                               "<script",
                                               "<iframe",
                                               "<h1",
                                               "<div",
                                               "<font",
                                               "<table",
                                               "<a",
                                               "<style",
                                               "<title",
                                               "<b",
                                               "<body",
                                               "<br",
                                               "<p",
                                               "<!--"};
  page = page.substr(0, 512);
  page.remove_prefix(std::min(page.find_first_not_of("\t\n\f\r "), page.size()));
  const auto begins = [&](std::string_view tag) {
    return page.size() > tag.size() && (page[tag.size()] == ' ' || page[tag.size()] == '>') &&
           std::equal(tag.begin(), tag.end(), page.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  if (std::any_of(std::begin(kTags), std::end(kTags), begins)) return "text/html; charset=utf-8";
  if (page.starts_with("<?xml")) return "text/xml; charset=utf-8";
  if (std::any_of(page.begin(), page.end(), IsBinary)) return "application/octet-stream";
  return "text/plain; charset=utf-8";
}

}  // namespace narthex::web
