//===- VerifyCompare.h - how far two outputs are apart, node by node ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_VERIFY_VERIFYCOMPARE_H
#define DISCOC_VERIFY_VERIFYCOMPARE_H

#include "compiler/formats/Manifest.h"
#include "compiler/formats/Npy.h"

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

/// The elements of one output that one node computed.
struct NodeError {
  int64_t rank = 0;
  int64_t elements = 0;
  int64_t wrong = 0;          ///< elements beyond the tolerance
  int64_t unsettled = 0;      ///< of elements beyond it, those that the reference's error explains
  double absolute = 0;        ///< largest error; infinity where only one value is finite
  double relative = 0;        ///< of the output's range
  int64_t ulps = 0;           ///< float16 only: the largest distance in units in the last place
  std::vector<int64_t> where; ///< of the largest error: indices in one sample's output
  int64_t sample = 0;
  double got = 0, wanted = 0; ///< there
};

struct OutputError {
  ManifestTensor tensor;
  double least = 0, most = 0;   ///< of the reference's finite values
  std::vector<NodeError> nodes; ///< those that own some of it, in rank order

  double range() const { return most - least; }
  int64_t unsettled() const;
  bool good() const;
};

/// float16 may be off by this many units in the last place, whatever the tolerance is.
constexpr int64_t halfUlps = 2;

/// ONNX Runtime's sigmoid is good to 1.5e-7, and a value may be the difference of two.
constexpr double ortFloor = 3e-7;

/// How far the reference itself may be off.
struct ReferenceError {
  double floor = 0;          ///< of every floating-point value, absolute
  std::vector<Array> others; ///< what it also answers: each value between its answers is right
};

/// Both hold the same number of samples, stacked along the first dimension. Floating-point values
/// may differ by `tolerance` of the range of `wanted`; others not at all. What differs more and is
/// no farther from the reference than that is from the truth counts apart, and is not wrong.
OutputError compareOutput(const ManifestTensor &tensor, int64_t root, const Array &got,
                          const Array &wanted, double tolerance,
                          const ReferenceError &allowed = {});

} // namespace discoc

#endif // DISCOC_VERIFY_VERIFYCOMPARE_H
