//===- ReportPage.h - a report as one file for a browser ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PAGE_REPORTPAGE_H
#define DISCOC_PAGE_REPORTPAGE_H

#include "compiler/formats/Masks.h"
#include "compiler/formats/Report.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace discoc {

/// What a page shows. All of it is copied into the page.
struct PageContent {
  Report report;
  Masks masks;
  std::vector<std::pair<std::string, std::string>>
      sentences;                  ///< what the terminal says, each with its key
  std::optional<Report> against;  ///< another division of the same model
  std::optional<Events> measured; ///< one inference, by clocks
  /// By rank, nanoseconds by which measured times may be off; none: by any time.
  std::vector<std::optional<int64_t>> clocks;
};

/// The page: HTML that asks for nothing else. Whatever names are in the content, they are text.
std::string reportPage(const PageContent &content);

} // namespace discoc

#endif // DISCOC_PAGE_REPORTPAGE_H
