//===- StorageTest.cpp - ops that the passes do not know ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// An op of another dialect says through its interface where its result may lie, and is planned so.
#include "Support.h"

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// Overwrites its operand, when nobody reads that later.
class NegateOp : public Op<NegateOp, OpTrait::OneOperand, OpTrait::OneResult, OpTrait::ZeroRegions,
                           OpTrait::ZeroSuccessors, StorageOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "test.negate"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  SmallVector<InPlaceOperand> getInPlaceOperands() { return {{getOperation()->getOperand(0)}}; }
};

/// Has its operand's bytes.
class RenameOp : public Op<RenameOp, OpTrait::OneOperand, OpTrait::OneResult, OpTrait::ZeroRegions,
                           OpTrait::ZeroSuccessors, StorageOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "test.rename"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  bool isView() { return true; }
};

class TestDialect : public Dialect {
public:
  explicit TestDialect(MLIRContext *context)
      : Dialect("test", context, TypeID::get<TestDialect>()) {
    addOperations<NegateOp, RenameOp>();
    allowUnknownOperations();
  }
  static StringRef getDialectNamespace() { return "test"; }
};

/// The arena's bytes, and the offset of every op's result in order, of a shard with a body.
std::pair<int64_t, std::vector<int64_t>> plan(const std::string &body) {
  Ir ir;
  ir.context.loadDialect<TestDialect>();
  OwningOpRef<ModuleOp> module = ir.parse("module {\nmodule @node0 attributes {disco.rank = 0 : "
                                          "i64} {\nfunc.func @infer() {\n" +
                                          body + "return\n}\n}\n}\n");
  EXPECT_TRUE(module && ir.run(*module, createPlanMemory()));
  std::vector<int64_t> offsets;
  module->walk([&](Operation *op) {
    if (auto list = op->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr))
      llvm::append_range(offsets, list.asArrayRef());
  });
  ModuleOp shard = shardsOf(*module).front();
  return {shard->getAttrOfType<IntegerAttr>(kArenaBytesAttr).getInt(), offsets};
}

std::string line(const std::string &result, const std::string &op, const std::string &operand) {
  return "%" + result + " = \"" + op + "\"(%" + operand +
         ") : (tensor<1x8xf32>) -> tensor<1x8xf32>\n";
}

const std::string start = "%c = disco.constant dense<1.0> : tensor<1x8xf32> : tensor<1x8xf32>\n" +
                          line("a", "test.other", "c");

TEST(Storage, AnOpOfAnotherDialectWorksInPlace) {
  auto [arena, offsets] =
      plan(start + line("b", "test.negate", "a") + line("d", "test.negate", "b"));
  EXPECT_EQ(arena, 32);
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 0, 0}));
}

TEST(Storage, NotWhileItsOperandIsReadLater) {
  auto [arena, offsets] =
      plan(start + line("b", "test.negate", "a") + line("d", "test.other", "a"));
  EXPECT_EQ(arena, 64);
  EXPECT_NE(offsets[0], offsets[1]);
}

TEST(Storage, AViewOfAnotherDialectHasNoStorage) {
  auto [arena, offsets] =
      plan(start + line("b", "test.rename", "a") + line("d", "test.negate", "b"));
  EXPECT_EQ(arena, 32);
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 0, 0}));
}

TEST(Storage, AnOpThatSaysNothingHasStorageOfItsOwn) {
  auto [arena, offsets] = plan(start + line("b", "test.other", "a"));
  EXPECT_EQ(arena, 64);
}

} // namespace
