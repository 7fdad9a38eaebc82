//===- Cost.h - what an op costs whoever runs it ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_COST_H
#define DISCOC_DIALECT_COST_H

#include <cstdint>

namespace disco {

/// What one execution of an op takes, counted on the shapes that it really has. A target makes time
/// of it.
struct Cost {
  int64_t macs = 0;         // multiply-accumulate operations
  int64_t elements = 0;     // of the result, where something else is computed
  int64_t bytesRead = 0;    // of memory, weights included
  int64_t bytesWritten = 0; // of memory
  int64_t messages = 0;     // sent
  int64_t wireBytes = 0;    // in them, frames not counted

  Cost &operator+=(const Cost &other) {
    macs += other.macs;
    elements += other.elements;
    bytesRead += other.bytesRead;
    bytesWritten += other.bytesWritten;
    messages += other.messages;
    wireBytes += other.wireBytes;
    return *this;
  }
  Cost &operator-=(const Cost &other) {
    macs -= other.macs;
    elements -= other.elements;
    bytesRead -= other.bytesRead;
    bytesWritten -= other.bytesWritten;
    messages -= other.messages;
    wireBytes -= other.wireBytes;
    return *this;
  }
};

} // namespace disco

#endif // DISCOC_DIALECT_COST_H
