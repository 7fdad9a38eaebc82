//===- RuntimeDirectory.h - where the runtime stub's sources lie -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_RUNTIMEDIRECTORY_H
#define DISCOC_DRIVER_RUNTIMEDIRECTORY_H

#include <string>

namespace disco {

/// DISCOC_RUNTIME if set, else discoc's own (DataDirectory.h); empty when there are none.
std::string runtimeDirectory();

} // namespace disco

#endif // DISCOC_DRIVER_RUNTIMEDIRECTORY_H
