//===- MaskRun.h - makes masks for a trained model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MASKRUN_H
#define DISCOC_DRIVER_MASKRUN_H

#include "compiler/driver/Options.h"

#include <cstddef>
#include <optional>

namespace discoc {

struct MaskOptions {
  ModelOptions model;
  std::string out, preprocess;
  std::vector<std::string> calibration;
  std::optional<double> density;
  std::optional<int64_t> bytes;
  std::optional<double> latency; ///< ms
  int64_t samples = 16;          ///< random ones
  uint64_t seed = 0;
  size_t threads = 0;
  bool defaultOwners = false;
  bool json = false;
};

/// The exit code; what is wrong was said on standard error.
int runMask(const MaskOptions &options);

} // namespace discoc

#endif // DISCOC_DRIVER_MASKRUN_H
