// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/attr_type.h"

#include <algorithm>
#include <array>
#include <optional>

namespace narthex::alerting::tmpl::html {
namespace {

// All that are not plain, sorted. Source: HTML 5's attributes, as Go's html/template sorts them.
struct Typed {
  std::string_view name;
  Content type;
};
constexpr std::array<Typed, 42> kTyped = {{
    {"accept-charset", Content::kUnsafe},
    {"action", Content::kUrl},
    {"archive", Content::kUrl},
    {"async", Content::kUnsafe},
    {"background", Content::kUrl},
    {"challenge", Content::kUnsafe},
    {"charset", Content::kUnsafe},
    {"cite", Content::kUrl},
    {"classid", Content::kUrl},
    {"codebase", Content::kUrl},
    {"content", Content::kUnsafe},
    {"crossorigin", Content::kUnsafe},
    {"data", Content::kUrl},
    {"defer", Content::kUnsafe},
    {"enctype", Content::kUnsafe},
    {"form", Content::kUnsafe},
    {"formaction", Content::kUrl},
    {"formenctype", Content::kUnsafe},
    {"formmethod", Content::kUnsafe},
    {"formnovalidate", Content::kUnsafe},
    {"href", Content::kUrl},
    {"http-equiv", Content::kUnsafe},
    {"icon", Content::kUrl},
    {"keytype", Content::kUnsafe},
    {"language", Content::kUnsafe},
    {"longdesc", Content::kUrl},
    {"manifest", Content::kUrl},
    {"method", Content::kUnsafe},
    {"novalidate", Content::kUnsafe},
    {"pattern", Content::kUnsafe},
    {"poster", Content::kUrl},
    {"profile", Content::kUrl},
    {"rel", Content::kUnsafe},
    {"sandbox", Content::kUnsafe},
    {"src", Content::kUrl},
    {"srcdoc", Content::kHtml},
    {"srcset", Content::kSrcset},
    {"style", Content::kCss},
    {"type", Content::kUnsafe},
    {"usemap", Content::kUrl},
    {"value", Content::kUnsafe},
    {"xmlns", Content::kUrl},
}};
// Plain, though their names would make them something else by the rules for unknown ones.
constexpr std::array<std::string_view, 1> kPlain = {"srclang"};

std::optional<Content> Known(std::string_view name) {
  const auto found =
      std::lower_bound(kTyped.begin(), kTyped.end(), name,
                       [](const Typed& a, std::string_view b) { return a.name < b; });
  if (found != kTyped.end() && found->name == name) return found->type;
  if (std::find(kPlain.begin(), kPlain.end(), name) != kPlain.end()) return Content::kPlain;
  return std::nullopt;
}

bool Has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

Content AttrType(std::string_view name) {
  if (name.starts_with("data-")) {
    name.remove_prefix(5);
  } else if (const auto colon = name.find(':'); colon != name.npos) {
    if (name.substr(0, colon) == "xmlns") return Content::kUrl;
    name.remove_prefix(colon + 1);
  }
  if (const auto known = Known(name)) return *known;
  if (name.starts_with("on")) return Content::kJs;
  if (Has(name, "src") || Has(name, "uri") || Has(name, "url")) return Content::kUrl;
  return Content::kPlain;
}

}  // namespace narthex::alerting::tmpl::html
