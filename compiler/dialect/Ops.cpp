//===- Ops.cpp - what TableGen makes of the disco ops ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Disco.h"
#include "compiler/dialect/KernelCall.h"
#include "compiler/dialect/LocalContext.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace disco;

#define GET_OP_CLASSES
#include "compiler/dialect/DiscoOps.cpp.inc"
