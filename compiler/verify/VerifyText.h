//===- VerifyText.h - what a verification found, for people and as JSON ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_VERIFY_VERIFYTEXT_H
#define DISCOC_VERIFY_VERIFYTEXT_H

#include "compiler/verify/VerifyCompare.h"

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

struct VerifyResult {
  std::string against; ///< "single-node" or "onnxruntime"
  uint64_t seed = 0;
  int64_t samples = 0;
  double tolerance = 0;
  std::vector<OutputError> outputs;
  std::vector<std::string> changed; ///< files of OUT that are not as compile writes them

  bool good() const;
};

std::string verifyText(const VerifyResult &result, const Manifest &manifest);
/// One line a node whose results differ.
std::vector<std::string> differences(const VerifyResult &result);
/// One line; docs/verify.md says what each key means.
std::string verifyJson(const VerifyResult &result, const Manifest &manifest,
                       const std::string &error, int exitCode);

} // namespace discoc

#endif // DISCOC_VERIFY_VERIFYTEXT_H
