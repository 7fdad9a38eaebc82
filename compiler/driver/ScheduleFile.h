//===- ScheduleFile.h - OUT/schedule.txt ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_SCHEDULEFILE_H
#define DISCOC_DRIVER_SCHEDULEFILE_H

#include "compiler/formats/Profile.h"
#include <optional>
#include <string>
#include <vector>

namespace disco {

/// By rank: what every step that computes does, in the order of the program. Nothing after errors
/// on standard error.
std::optional<std::vector<std::vector<discoc::StepWork>>> readStepWorks(const std::string &out);

} // namespace disco

#endif // DISCOC_DRIVER_SCHEDULEFILE_H
