//===- EmitWires.cpp - messages that are compressed -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitModel.h"
#include "compiler/dialect/WireForm.h"
#include "passes/BufferPlan.h"

using namespace mlir;
using namespace disco;

/// The scratch memory of an op, behind the places of its results.
static int64_t scratchOffset(Operation *op) {
  return op->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr).asArrayRef()[op->getNumResults()];
}

static int64_t widthOf(const WireForm &form) { return elementBytes(form.element); }

static StringRef nameOf(const WireForm &form) {
  return form.kind == WireForm::Kind::Sparse ? "sparse"
         : form.kind == WireForm::Kind::Lz4  ? "lz4"
                                             : "zfp";
}

/// Its template argument: how wide elements are, or what they are.
static std::string argumentOf(const WireForm &form) {
  const std::string width = std::to_string(widthOf(form));
  return form.kind == WireForm::Kind::Sparse ? "uint" + std::to_string(8 * widthOf(form)) + "_t"
         : form.kind == WireForm::Kind::Lz4  ? width
         : form.element.isF32()              ? "float"
                                             : "double";
}

static std::string shapeArgument(const WireForm &form) {
  std::string text = "{";
  for (int64_t extent : form.shape)
    text += std::to_string(extent) + ", ";
  return text + std::to_string(form.precision) + "}";
}

/// `fill` of bytes, as the pattern that they have.
static std::string lastArgument(const WireForm &form, const std::string &scratch, int64_t fill) {
  return form.kind == WireForm::Kind::Lz4   ? scratch
         : form.kind == WireForm::Kind::Zfp ? shapeArgument(form)
         : widthOf(form) == 1               ? std::to_string(fill & 255)
                                            : "0";
}

static std::string placeIn(int64_t offset) { return "arena + " + std::to_string(offset); }

unsigned ModelEmitter::indexOf(SendOp send) {
  return messageIndex(send.getMessage(), send.getTo(), false, send.getBuffer().getType().getBytes(),
                      WireForm::of(send));
}

unsigned ModelEmitter::indexOf(PostOp post) {
  return messageIndex(post.getMessage(), post.getFrom(), true,
                      post.getBuffer().getType().getBytes(), WireForm::of(post));
}

unsigned ModelEmitter::messageIndex(int64_t id, int64_t peer, bool incoming, int64_t bytes,
                                    const WireForm &form) {
  auto [known, isNew] = messageIndices.try_emplace(id, static_cast<unsigned>(messages.size()));
  if (isNew)
    messages.push_back({id, peer, form.bound(bytes), incoming, static_cast<int64_t>(form.kind)});
  return known->second;
}

/// Packed where it has to be, compressed into the message's buffer, and sent from there.
void ModelEmitter::emitCompressed(SendOp op, const WireForm &form) {
  used.insert(("kernels/wire_" + nameOf(form) + ".h").str());
  if (form.kind != WireForm::Kind::Sparse)
    linked.insert(nameOf(form).str());
  const int64_t bytes = op.getBuffer().getType().getBytes();
  const bool inPlace = isSentInPlace(op),
             turns = form.kind == WireForm::Kind::Lz4 && widthOf(form) > 1;
  const int64_t scratch = inPlace && !turns ? 0 : scratchOffset(op);
  beginNote();
  std::string from;
  if (inPlace) {
    calls += titleOf(op, cast<PartAttr>(op.getParts()[0])) + "; as it lies there\n";
    from = "reinterpret_cast<const uint8_t *>(" + pointer(op.getInputs().front(), false) + ")";
  } else {
    from = emitPacked(op, placeIn(scratch));
  }
  const std::string turned =
      turns ? placeIn(scratch + (inPlace ? 0 : BufferPlan::rounded(bytes))) : "nullptr";
  const std::string last = lastArgument(form, turned, fillOf(op.getInputs().front()));
  check("disco_send_size(node, " + std::to_string(indexOf(op)) + ", " + arenaAt(op.getBuffer()) +
        ", disco::" + nameOf(form).str() + "_pack<" + argumentOf(form) + ">(" +
        arenaAt(op.getBuffer()) + ", " + from + ", " + std::to_string(bytes) + ", " + last + "))");
  endNote();
}

/// What has come is checked as it is expanded: its CRC says that it came as it was sent, not that
/// it can be read.
void ModelEmitter::emitExpanded(RecvOp op, const WireForm &form) {
  used.insert(("kernels/wire_" + nameOf(form) + ".h").str());
  if (form.kind != WireForm::Kind::Sparse)
    linked.insert(nameOf(form).str());
  const std::string index = std::to_string(indexOf(op.getBuffer().getDefiningOp<PostOp>()));
  const bool turns = form.kind == WireForm::Kind::Lz4 && widthOf(form) > 1;
  std::string call = "disco::" + nameOf(form).str() + "_unpack<" + argumentOf(form) + ">(" +
                     arenaAt(op.getResult(0)) + ", " +
                     std::to_string(op.getBuffer().getType().getBytes()) + ", " +
                     arenaAt(op.getBuffer()) + ", disco_received(node, " + index + ")";
  if (form.kind != WireForm::Kind::Sparse)
    call += ", " + lastArgument(form, turns ? placeIn(scratchOffset(op)) : "nullptr", 0);
  calls += "  if (!" + call + "))\n    return disco_refuse(node, " + index + ");\n";
}
