//===- ReportPage.cpp - a report as one file for a browser ---===//
// SPDX-License-Identifier: Apache-2.0
//
// The page is made of src/ by scripts/bundle-report; here its data are put into it.
#include "compiler/page/ReportPage.h"
#include "compiler/formats/EventsJson.h"

#include <cstdlib>
#include <string_view>

namespace discoc {

static constexpr std::string_view page =
#include "compiler/page/ReportPage.inc"
    ;
static constexpr std::string_view place = "@data@";

/// As it may stand in a script of HTML: only a '<' could end it, and JSON has one in strings alone.
static std::string escaped(const std::string &json) {
  std::string text;
  text.reserve(json.size());
  for (char c : json)
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  return text;
}

static Json clocksOf(const std::vector<std::optional<int64_t>> &clocks) {
  Json list = Json::array();
  for (const std::optional<int64_t> &around : clocks)
    list.push_back(around ? Json(*around) : Json());
  return list;
}

std::string reportPage(const PageContent &content) {
  const size_t at = page.find(place);
  if (at == std::string_view::npos)
    std::abort(); // a page without a place for its data was never bundled
  Json sentences = Json::object();
  for (const auto &[key, text] : content.sentences)
    sentences[key] = text;
  std::string json = "{\"report\": " + toJson(content.report) +
                     ", \"masks\": " + toJson(content.masks) +
                     ", \"sentences\": " + layOut(sentences);
  if (content.against)
    json += ", \"against\": " + toJson(*content.against);
  if (content.measured)
    json += ", \"measured\": " + layOut(toJson(*content.measured)) +
            ", \"clocks\": " + layOut(clocksOf(content.clocks));
  return std::string(page.substr(0, at)) + escaped(json + "}") +
         std::string(page.substr(at + place.size()));
}

} // namespace discoc
