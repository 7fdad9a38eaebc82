//===- Known.h - what has to be known when compiling ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_KNOWN_H
#define DISCOC_IMPORT_KNOWN_H

#include "mlir/IR/Value.h"
#include <string>

namespace disco::importing {

/// What helps where a value that is computed from inputs has to be known when compiling: to fix
/// those inputs, where they hold a few numbers each; else only another model does.
std::string adviceToKnow(mlir::Value value);

} // namespace disco::importing

#endif // DISCOC_IMPORT_KNOWN_H
