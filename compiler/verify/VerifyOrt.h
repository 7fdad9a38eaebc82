//===- VerifyOrt.h - ONNX Runtime as the reference, loaded when it is asked for ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_VERIFY_VERIFYORT_H
#define DISCOC_VERIFY_VERIFYORT_H

#include "compiler/formats/Npy.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// A model in ONNX Runtime. No header of it is needed: its table of functions only ever grows at
/// the end.
class OrtSession {
public:
  /// `library` is libonnxruntime.so.1; `optimise`: the model as it sees fit, else op by op. Null
  /// with a diagnostic.
  static std::unique_ptr<OrtSession> open(const std::string &library, const std::string &model,
                                          bool optimise, Diagnostics &out);
  ~OrtSession();
  OrtSession(const OrtSession &) = delete;
  OrtSession &operator=(const OrtSession &) = delete;

  /// One inference. The arrays must outlive the call.
  std::optional<std::vector<Array>> run(const std::vector<std::string> &inputNames,
                                        const std::vector<Array> &inputs,
                                        const std::vector<std::string> &outputNames,
                                        Diagnostics &out);

private:
  OrtSession() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace discoc

#endif // DISCOC_VERIFY_VERIFYORT_H
