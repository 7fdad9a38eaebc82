//===- Ops.cpp - what TableGen makes of the disco ops ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Disco.h"
#include "KernelCall.h"
#include "LocalContext.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace disco;

#define GET_OP_CLASSES
#include "DiscoOps.cpp.inc"
