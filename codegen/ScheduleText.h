//===- ScheduleText.h - a timed schedule as a file --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/schedule.md is the specification.
#ifndef DISCOC_CODEGEN_SCHEDULETEXT_H
#define DISCOC_CODEGEN_SCHEDULETEXT_H

#include "codegen/Times.h"
#include "compiler/formats/Diagnostics.h"

namespace disco {

std::string scheduleText(TimedSchedule &timed);
/// Null with a diagnostic. `file` is for that.
std::optional<TimedSchedule> parseSchedule(llvm::StringRef text, const std::string &file,
                                           discoc::Diagnostics &diagnostics);

} // namespace disco

#endif // DISCOC_CODEGEN_SCHEDULETEXT_H
