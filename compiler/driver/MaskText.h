//===- MaskText.h - what discoc mask did, for people and as JSON ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MASKTEXT_H
#define DISCOC_DRIVER_MASKTEXT_H

#include "compiler/driver/MaskOwners.h"

#include <string>
#include <utility>
#include <vector>

namespace discoc {

struct MaskSummary {
  std::string model, output;
  int64_t nodes = 0, samples = 0, held = 0;
  bool random = false; ///< the inputs
  std::vector<mask::LayerResult> layers;
  std::vector<std::pair<std::string, std::string>> whole; ///< what got no mask, and why
  std::optional<MovedOwners> moved;        ///< channels that have other owners than before
  int64_t bytesBefore = 0, bytesAfter = 0; ///< exchanged an inference, as compile reports them
  std::optional<int64_t> latencyBefore, latencyAfter; ///< predicted, in ns; with a cluster file
  double seconds = 0;
};

std::string maskText(const MaskSummary &summary);
/// One line; docs/masks.md says what each key means.
std::string maskJson(const MaskSummary &summary);

} // namespace discoc

#endif // DISCOC_DRIVER_MASKTEXT_H
