//===- ThisHost.h - what this machine is ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_THISHOST_H
#define DISCOC_FORMATS_THISHOST_H

#include <cstdint>
#include <string>

namespace discoc {

/// The name of its processor, as the system has it.
std::string processorName();

/// Of the last cache of one processor; 0: not known.
int64_t lastCacheBytes();

/// Processes that ran or wanted to in the last minute, for each processor.
double loadOfProcessors();

} // namespace discoc

#endif // DISCOC_FORMATS_THISHOST_H
