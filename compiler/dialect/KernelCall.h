//===- KernelCall.h - a call of a kernel of the runtime stub ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_KERNELCALL_H
#define DISCOC_DIALECT_KERNELCALL_H

#include "mlir/IR/Value.h"
#include <string>
#include <utility>
#include <vector>

namespace disco {

/// What the emitter needs to write one kernel call: `kernel<Parameters>(pointers...)`. The parameters
/// become members of a struct at namespace scope, in the order in which they were added.
struct KernelCall {
  std::string header; // below runtime_stub/kernels, such as "conv.h"
  std::string kernel; // such as "conv"
  std::vector<std::string> members;                               // complete member declarations
  std::vector<std::pair<std::string, std::vector<int64_t>>> lists; // members that are tables of indices
  std::vector<mlir::Value> pointers;                              // null: nullptr

  void type(llvm::StringRef name, mlir::Type element);
  void constant(llvm::StringRef name, int64_t value);
  void flag(llvm::StringRef name, bool value);
  void real(llvm::StringRef name, double value);
  void member(std::string declaration) { members.push_back(std::move(declaration)); }
  void list(llvm::StringRef name, llvm::ArrayRef<int64_t> values) { lists.emplace_back(name.str(), std::vector<int64_t>(values.begin(), values.end())); }
};

} // namespace disco

#endif // DISCOC_DIALECT_KERNELCALL_H
