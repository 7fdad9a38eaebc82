//===- EmitBoard.h - the program of a node on a bare board ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_EMITBOARD_H
#define DISCOC_CODEGEN_EMITBOARD_H

#include "codegen/BoardPlan.h"
#include "codegen/Codegen.h"
#include "codegen/Desk.h"
#include "codegen/EmitModel.h"
#include "codegen/NodeFiles.h"

namespace disco {

/// What the runtime stub has for a node on a bare board.
mlir::LogicalResult addBoardRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                    const discoc::ClusterNode &node, const Desk &desk,
                                    bool checksImage);

/// main.cpp, build files, and the board's start-up and drivers. model.h, model.cpp and the weights
/// are there.
mlir::LogicalResult emitBoardNode(const ModelEmitter &emitter, const EmitOptions &options,
                                  const discoc::Board &board, const RuntimeFiles &runtime,
                                  int64_t rank, llvm::StringRef directory);

/// The node as a library, in the folder `library` of its directory: three calls over callbacks, and
/// descriptions for Arduino, PlatformIO and Zephyr.
mlir::LogicalResult emitLibrary(const ModelEmitter &emitter, const EmitOptions &options,
                                const RuntimeStub &stub, int64_t rank, llvm::StringRef node,
                                llvm::StringRef buildHash);

/// The lines that name the compiler of a Linux board, before project() in its CMakeLists.txt.
std::string crossCompiler(const discoc::Board &board);

} // namespace disco

#endif // DISCOC_CODEGEN_EMITBOARD_H
