//===- EmitPieces.cpp - a shard with several inferences in flight ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitModel.h"

using namespace mlir;
using namespace disco;

int64_t disco::arenaStride(ModuleOp shard) {
  constexpr int64_t cacheLine = 64;
  const int64_t bytes = shard->getAttrOfType<IntegerAttr>(kArenaBytesAttr).getInt();
  return inFlightOf(cast<ModuleOp>(shard->getParentOp())) == 1
             ? bytes
             : (bytes + cacheLine - 1) / cacheLine * cacheLine;
}

int64_t disco::arenaBytes(ModuleOp shard) {
  return inFlightOf(cast<ModuleOp>(shard->getParentOp())) * arenaStride(shard);
}

void ModelEmitter::emitEmptyPiece() {
  ++numParts;
  partCalls += "    {DISCO_NONE, false, nullptr},\n";
}

/// What was called since the last piece becomes the function of one, which runs when its message
/// is there. In `partCalls` it is an entry of the list.
void ModelEmitter::endPiece() {
  if (calls.empty() && awaited.empty())
    return;
  if (numParts == 0 && (returns || !awaited.empty())) // the first one runs as it is submitted
    emitEmptyPiece();
  const std::string name = "piece" + std::to_string(numParts++);
  if (!calls.empty())
    parts += "static int " + name + "(disco_node *node, unsigned char *arena, " +
             "const void *const *inputs, void *const *outputs) {\n" +
             "  (void)inputs;\n  (void)outputs;\n" +
             "  (void)node;\n  (void)arena;\n  [[maybe_unused]] int error = 0;\n" + calls +
             "  return 0;\n}\n";
  partCalls += "    {" + (awaited.empty() ? "DISCO_NONE" : awaited) + ", " +
               (returns ? "true" : "false") + ", " + (calls.empty() ? "nullptr" : name) + "},\n";
  calls.clear();
  awaited.clear();
  returns = false;
}

/// With several inferences in flight: a piece begins at each wait, which the runtime does in its
/// place, at each op that computes, so that an older inference can go on before it, and where
/// outputs are returned.
void ModelEmitter::emitPieces(bool isOne) {
  for (Operation &op : function.getBody().front()) {
    const bool isWait = isa<RecvOp, FlushOp>(op), isOutput = isa<OutputOp>(op);
    if (isWait || (isOutput && !returns) ||
        (isa<KernelOpInterface>(op) && !isView(&op) && !isOutput && !isa<PostOp>(op)))
      endPiece();
    if (isWait)
      awaited = std::to_string(awaitedBy(&op));
    else
      emitOp(&op);
    if (auto recv = dyn_cast<RecvOp>(op); recv && !WireForm::of(recv).isPlain())
      emitExpanded(recv, WireForm::of(recv));
    returns |= isOutput;
  }
  endPiece();
  if (numParts == 0)
    emitEmptyPiece();
  code = (isOne ? "" : "namespace DISCO_LEVEL_NAME {\n") + structs + parts +
         "static const disco_piece list[] = {\n" + partCalls + "};\n" + (isOne ? "static " : "") +
         "const disco_piece *pieces() { return list; }\n" +
         (isOne ? "" : "} // namespace DISCO_LEVEL_NAME\n");
  for (std::string *part : {&structs, &parts, &partCalls})
    std::string().swap(*part);
}

unsigned ModelEmitter::awaitedBy(Operation *op) {
  if (auto flush = dyn_cast<FlushOp>(op)) {
    auto send = flush.getBuffer().getDefiningOp<SendOp>();
    return indexOf(send);
  }
  return indexOf(cast<RecvOp>(op).getBuffer().getDefiningOp<PostOp>());
}

/// The tables of a program with several inferences in flight.
void ModelEmitter::emitFlight(std::string &text) const {
  if (inFlight > 1)
    text += "static disco_cursor cursors[" + std::to_string(inFlight) +
            "];\nstatic const disco_flight flight = {pieces, " + std::to_string(numParts) +
            ", arena, " + std::to_string(arenaStride(shard)) + ", cursors};\n";
}
