//===- ReportText.h - a report in words and tables ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_REPORTTEXT_H
#define DISCOC_DRIVER_REPORTTEXT_H

#include "compiler/formats/Report.h"

#include <string>

namespace discoc {

/// At most 100 columns wide, and fewer than 60 lines unless `all` of them are asked for.
std::string reportText(const Report &report, bool all = false);

} // namespace discoc

#endif // DISCOC_DRIVER_REPORTTEXT_H
