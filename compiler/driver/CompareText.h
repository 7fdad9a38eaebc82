//===- CompareText.h - two divisions of one model side by side ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_COMPARETEXT_H
#define DISCOC_DRIVER_COMPARETEXT_H

#include "compiler/formats/Report.h"
#include <string>

namespace discoc {

/// The report of the output in `out`, which `report` is compared with; a fault where most
/// layers of the two are not the same.
std::optional<Report> readAgainst(const Report &report, const std::string &out,
                                  Diagnostics &faults);

/// What differs in all, by node and by layer; of layers the `most` that differ most.
std::string compareText(const Report &report, const Report &against, size_t most);
/// The same as one line of JSON, of layers all that differ: docs/report.md.
std::string compareJson(const Report &report, const Report &against);

} // namespace discoc

#endif // DISCOC_DRIVER_COMPARETEXT_H
