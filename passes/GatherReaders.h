//===- GatherReaders.h - readers of a message one after the other -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_GATHERREADERS_H
#define DISCOC_PASSES_GATHERREADERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace disco {

/// Lets the buffers of received messages go earlier, by reading each message in one go.
///
/// Every further reader of a message moves forward to just behind the first one, together with the
/// ops that it depends on. It moves only where these ops wait for no other node, and only if the
/// shard then needs less memory. Sends and waits stay where they are, so a schedule that ends still
/// ends. Returns how many bytes fewer live at a time.
int64_t gatherReaders(mlir::func::FuncOp function);

} // namespace disco

#endif // DISCOC_PASSES_GATHERREADERS_H
