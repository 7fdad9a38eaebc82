//===- StandardOutput.cpp - whether all that was printed arrived ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/StandardOutput.h"
#include "llvm/Support/raw_ostream.h"

std::string disco::finishLlvmStreams() {
  llvm::outs().flush();
  std::string why = llvm::outs().has_error() ? llvm::outs().error().message() : "";
  llvm::outs().clear_error();
  llvm::errs().clear_error(); // nobody can be told
  return why;
}
