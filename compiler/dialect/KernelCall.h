//===- KernelCall.h - a call of a kernel of the runtime stub ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_KERNELCALL_H
#define DISCOC_DIALECT_KERNELCALL_H

#include "compiler/dialect/Disco.h"
#include <string>
#include <vector>

namespace disco {

/// What the emitter needs to write one kernel call: `kernel<Parameters>(pointers...)`. Members
/// become those of the struct Parameters at namespace scope, in the order in which they were added.
/// The contract of each kernel is in runtime_stub/kernels/README.md.
struct KernelCall {
  std::string header;                // below runtime_stub/kernels, such as "conv.h"
  std::string kernel;                // such as "conv"
  std::vector<std::string> members;  // complete member declarations
  std::vector<mlir::Value> pointers; // the result first; null: nullptr
  std::vector<mlir::Value> sources;  // passed as one array of pointers after the others
  std::string value;                 // a last argument that is a number
  int64_t scratch = 0;               // bytes of scratch memory: the last argument, and a member
                                     // that the emitter adds

  /// One of runtime_stub/kernels/kernels.inc, which knows its header.
  KernelCall &use(llvm::StringRef kernel);
  /// The kernel that was chosen for an op, and its scratch memory.
  KernelCall &useChosen(mlir::Operation *op);
  KernelCall &type(llvm::StringRef name, mlir::Value tensor);
  KernelCall &type(llvm::StringRef name, mlir::Type element);
  KernelCall &constant(llvm::StringRef name, int64_t value);
  KernelCall &flag(llvm::StringRef name, bool value);
  KernelCall &real(llvm::StringRef name, double value);
  KernelCall &member(llvm::StringRef declaration) {
    members.push_back(declaration.str());
    return *this;
  }
  /// `using name = disco::functor`.
  KernelCall &alias(llvm::StringRef name, llvm::StringRef functor);
  /// A scalar function and its parameters, as the member type `name`; null is no function.
  KernelCall &function(llvm::StringRef name, ActAttr act);
  /// `static constexpr int64_t name[]`; an empty array gets one element, as kernels want it.
  KernelCall &array(llvm::StringRef name, llvm::ArrayRef<int64_t> values);
  /// `static constexpr float name[]`.
  KernelCall &floats(llvm::StringRef name, llvm::ArrayRef<float> values);
  KernelCall &reals(llvm::StringRef name, llvm::ArrayRef<double> values);
  /// `static constexpr int64_t name(int64_t i)`, from a table.
  KernelCall &table(llvm::StringRef name, llvm::ArrayRef<int64_t> values);

  /// C++ for the offset of an element of a tensor, given C++ for the index of each axis: an empty
  /// one, and that of an axis of extent 1, is 0. `name` is for the tables that it may add.
  std::string offsetText(llvm::StringRef name, mlir::RankedTensorType type,
                         llvm::ArrayRef<std::string> indices);
  /// `static constexpr ptrdiff_t name(ptrdiff_t ...)`, an offset by indices.
  KernelCall &offsets(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> parameters,
                      const std::string &text);

  /// Whether the kernel's code may call the mathematical library, or another that not every program
  /// of a board has in it; false only where that is known.
  bool mayCallLibrary() const { return library; }

private:
  bool library = false; // so far: what use(), type(), alias() and function() were told
};

/// Whether runtime_stub/kernels/kernels.inc has a kernel of that name.
bool isKernel(llvm::StringRef name);

/// The C++ type of an element in a buffer: float, disco::f16, int8_t...
std::string storageType(mlir::Type element);
/// The shortest text that C++ reads back as the same double.
std::string realText(double value);

} // namespace disco

#endif // DISCOC_DIALECT_KERNELCALL_H
