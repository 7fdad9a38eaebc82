//===- ReportText.h - a report in words and tables ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_REPORTTEXT_H
#define DISCOC_DRIVER_REPORTTEXT_H

#include "compiler/formats/Report.h"

#include <string>

namespace discoc {

/// At most 100 columns wide.
std::string reportText(const Report &report);

} // namespace discoc

#endif // DISCOC_DRIVER_REPORTTEXT_H
