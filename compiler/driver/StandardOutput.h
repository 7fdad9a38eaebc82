//===- StandardOutput.h - whether all that was printed arrived --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_STANDARDOUTPUT_H
#define DISCOC_DRIVER_STANDARDOUTPUT_H

#include <string>

namespace disco {

/// Writes out what LLVM's streams hold; why standard output failed, or empty. Called once, at the
/// end: LLVM ends a program with such an error in its own way otherwise.
std::string finishLlvmStreams();

} // namespace disco

#endif // DISCOC_DRIVER_STANDARDOUTPUT_H
