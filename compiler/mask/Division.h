//===- Division.h - what the compiler knows of a contraction that is to get masks ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_MASK_DIVISION_H
#define DISCOC_MASK_DIVISION_H

#include <cstdint>
#include <string>
#include <vector>

namespace discoc::mask {

/// Who computes a contraction's outputs, and what every node reads for it.
struct Division {
  std::string op;                   ///< the ONNX op's name
  std::vector<int64_t> rowOwner;    ///< of every output channel
  std::vector<int64_t> columnOwner; ///< of every input channel
  /// Of every output and input channel: those of one class have one owner. -1: it stays where it
  /// is.
  std::vector<int64_t> rowClass, columnClass;
  std::vector<std::vector<char>> reads; ///< [node][input channel]: for what it computes
  /// The tensor that it reads; readers of one share it. -1: what nodes read of it stays as it is.
  int64_t feature = -1;
  int64_t bytes = 0; ///< of one input channel, as it travels
};

} // namespace discoc::mask

#endif // DISCOC_MASK_DIVISION_H
