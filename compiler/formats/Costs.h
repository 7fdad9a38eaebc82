//===- Costs.h - what a channel costs that another node reads ---===//
// SPDX-License-Identifier: Apache-2.0
//
// For trainers. docs/formats/costs.md is the specification.
#ifndef DISCOC_FORMATS_COSTS_H
#define DISCOC_FORMATS_COSTS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct PairCost {
  int64_t from = 0, to = 0; ///< ranks
  int64_t channels = 0;     ///< of `from` that `to` reads
  int64_t bytes = 0;        ///< of one of them, as it travels
  /// Microseconds of one channel and of a message whatever it carries; where links state them.
  std::optional<double> us, messageUs;
};

struct TensorCosts {
  int64_t axis = 0; ///< that is divided
  std::vector<PairCost> pairs;
};

struct Costs {
  static constexpr int64_t version = 1;
  int64_t nodes = 0, ownerMap = 1;
  std::map<std::string, TensorCosts> tensors; ///< by ONNX name
};

std::string toJson(const Costs &costs);

} // namespace discoc

#endif // DISCOC_FORMATS_COSTS_H
