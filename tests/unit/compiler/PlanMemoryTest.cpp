//===- PlanMemoryTest.cpp - random shards executed in their arenas --------===//
// SPDX-License-Identifier: Apache-2.0
//
// The planner and the checker share their view of lifetimes, so this test has its own: it executes
// the shard on an arena whose bytes remember which value was written into them, and looks at every
// read whether the value is still there.
#include "Support.h"
#include "passes/BufferPlan.h"
#include <map>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// Writes the text of a random shard.
class ShardWriter {
public:
  explicit ShardWriter(uint64_t seed) : random(seed) {}

  std::string write() {
    for (int64_t n = 0; n < 3; ++n)
      unary(constant());
    for (int64_t n = random.between(3, 40); n > 0; --n)
      step();
    while (!posted.empty())
      receive();
    while (!underWay.empty())
      flush();
    // Some of what is left is an output; the rest is never read.
    int64_t index = 0;
    for (auto &[name, width] : values)
      if (random.chance(20))
        body += "disco.output %" + name + " {name = \"" + name +
                "\", index = " + std::to_string(index++) + " : i64} : (" + type(width) +
                ") -> ()\n";
    return "module {\nmodule @node0 attributes {disco.rank = 0 : i64} {\nfunc.func @infer() {\n" +
           body + "return\n}\n}\n}\n";
  }

private:
  using Named = std::pair<std::string, int64_t>; // name and channels

  static std::string set(int64_t width) {
    return width == 1 ? "0" : "0 to " + std::to_string(width - 1);
  }
  static std::string type(int64_t width) {
    return "tensor<1x" + std::to_string(width) + "xf32, #disco.local<axis 1 : " + set(width) + ">>";
  }
  static std::string message(int64_t width) {
    return "!disco.message<" + std::to_string(4 * width) + ">";
  }
  std::string fresh() { return "v" + std::to_string(count++); }
  const Named &any() {
    return values[static_cast<size_t>(random.between(0, static_cast<int64_t>(values.size()) - 1))];
  }

  Named constant() {
    int64_t width = random.chance(50) ? random.between(1, 6) : random.between(1, 60);
    Named named{fresh(), width};
    body += "%" + named.first + " = disco.constant dense<1.0> : tensor<1x" + std::to_string(width) +
            "xf32> : tensor<1x" + std::to_string(width) + "xf32>\n";
    return named;
  }

  void unary(Named from) {
    std::string name = fresh();
    std::string operand =
        from.second == 0 ? "" : "tensor<1x" + std::to_string(from.second) + "xf32>";
    body += "%" + name + " = disco.unary %" + from.first + " {act = #disco.act<relu>} : (" +
            operand + ") -> " + type(from.second) + "\n";
    values.push_back({name, from.second});
  }

  void unaryOfValue() {
    Named from = any();
    std::string name = fresh();
    body += "%" + name + " = disco.unary %" + from.first + " {act = #disco.act<exp>} : (" +
            type(from.second) + ") -> " + type(from.second) + "\n";
    values.push_back({name, from.second});
  }

  void rearrange() {
    Named from = any();
    std::string name = fresh(), width = std::to_string(from.second);
    bool view = from.second % 2 || random.chance(60);
    std::string half = std::to_string(from.second / 2);
    std::string how = view ? "view = array<i64: 1, " + width + ">, perm = array<i64: 0, 1>"
                           : "view = array<i64: 1, 2, " + half + ">, perm = array<i64: 0, 2, 1>";
    body += "%" + name + " = disco.rearrange %" + from.first + " {" + how + "} : (" +
            type(from.second) + ") -> " + type(from.second) + "\n";
    values.push_back({name, from.second});
  }

  void binary() {
    Named a = any(), b = any();
    if (a.second != b.second && b.second != 1)
      b = a;
    std::string name = fresh();
    body += "%" + name + " = disco.binary %" + a.first + ", %" + b.first + " {kind = 0 : i32} : (" +
            type(a.second) + ", " + type(b.second) + ") -> " + type(a.second) + "\n";
    values.push_back({name, a.second});
  }

  void product() {
    Named init = any(), x = any();
    std::string w = fresh(), name = fresh();
    std::string weights =
        "tensor<" + std::to_string(x.second) + "x" + std::to_string(init.second) + "xf32>";
    body += "%" + w + " = disco.constant dense<1.0> : " + weights + " : " + weights + "\n";
    body += "%" + name + " = disco.matmul %" + x.first + ", %" + w + " init %" + init.first +
            " : (" + type(x.second) + ", " + weights + ", " + type(init.second) + ") -> " +
            type(init.second) + "\n";
    values.push_back({name, init.second});
  }

  void concat() {
    Named a = any(), b = any();
    std::string name = fresh();
    if (a.second + b.second > 100)
      return;
    body += "%" + name + " = disco.concat %" + a.first + ", %" + b.first + " {axis = 1 : i64} : (" +
            type(a.second) + ", " + type(b.second) + ") -> " + type(a.second + b.second) + "\n";
    values.push_back({name, a.second + b.second});
  }

  void send() {
    Named from = any();
    std::string name = fresh();
    body += "%" + name + " = disco.send %" + from.first +
            " {to = 1 : i64, message = " + std::to_string(count) +
            " : i64, parts = [#disco.part<\"x\" : axis 1 : " + set(from.second) + ">]} : (" +
            type(from.second) + ") -> " + message(from.second) + "\n";
    underWay.push_back({name, from.second});
  }

  void flush() {
    body += "disco.flush %" + underWay.front().first + " : (" + message(underWay.front().second) +
            ") -> ()\n";
    underWay.erase(underWay.begin());
  }

  void post() {
    Named named{fresh(), random.between(2, 30)};
    body += "%" + named.first +
            " = disco.post {from = 1 : i64, message = " + std::to_string(count) +
            " : i64} : () -> " + message(named.second) + "\n";
    posted.push_back(named);
  }

  void receive() {
    Named from = posted.front();
    posted.erase(posted.begin());
    int64_t first = random.between(1, from.second - 1), second = from.second - first;
    std::string name = fresh();
    body += "%" + name + ":2 = disco.recv %" + from.first +
            " {parts = [#disco.part<\"a\" : axis 1 : " + set(first) +
            ">, #disco.part<\"b\" : axis 1 : " + set(second) + ">]} : (" + message(from.second) +
            ") -> (" + type(first) + ", " + type(second) + ")\n";
    values.push_back({name + "#0", first});
    values.push_back({name + "#1", second});
  }

  void step() {
    switch (random.between(0, 9)) {
    case 0: return unary(constant());
    case 1:
    case 2: return unaryOfValue();
    case 3: return rearrange();
    case 4: return binary();
    case 5: return product();
    case 6: return concat();
    case 7: return underWay.empty() || random.chance(50) ? send() : flush();
    default: return posted.empty() || random.chance(40) ? post() : receive();
    }
  }

  Random random;
  std::string body;
  int64_t count = 0;
  std::vector<Named> values, underWay, posted;
};

/// Executes a planned shard.
class Arena {
public:
  explicit Arena(int64_t bytes) : content(static_cast<size_t>(bytes), -1) {}

  void run(func::FuncOp function) {
    for (Operation &op : function.getBody().front()) {
      for (Value operand : op.getOperands())
        read(&op, operand);
      if (!isa<ConstantOp>(op) && op.getNumResults())
        write(&op);
      if (::testing::Test::HasFatalFailure())
        return;
    }
  }

private:
  struct Region {
    int64_t offset, bytes, tag;
  };

  static int64_t bytesOf(Value value) {
    auto message = dyn_cast<MessageType>(value.getType());
    return message ? message.getBytes() : byteSize(tensorType(value));
  }

  static std::string text(Operation *op) {
    std::string out;
    llvm::raw_string_ostream(out) << *op;
    return out;
  }

  void read(Operation *op, Value operand) {
    if (operand.getDefiningOp<ConstantOp>())
      return;
    Region region = regions.at(operand.getAsOpaquePointer());
    for (int64_t i = 0; i < region.bytes; ++i)
      ASSERT_EQ(content[static_cast<size_t>(region.offset + i)], region.tag)
          << "byte " << i << " of an operand is overwritten when this reads it: " << text(op);
  }

  /// A result may lie on an operand only where the kernel works element by element in place.
  static bool mayShare(Operation *op, unsigned operand) {
    return isa<UnaryOp>(op) ||
           (isa<BinaryOp>(op) && bytesOf(op->getOperand(operand)) == bytesOf(op->getResult(0))) ||
           (isa<MatMulOp>(op) && operand == 2) || isa<RecvOp, SendOp>(op) ||
           (isa<RearrangeOp>(op) && isView(op));
  }

  void write(Operation *op) {
    auto offsets = op->getAttrOfType<DenseI64ArrayAttr>("disco.offsets");
    ASSERT_TRUE(offsets) << text(op);
    ASSERT_EQ(offsets.size(), op->getNumResults()) << text(op);
    for (auto [result, offset] : llvm::zip(op->getResults(), offsets.asArrayRef())) {
      int64_t bytes = bytesOf(result), tag = next++;
      ASSERT_GE(offset, 0);
      ASSERT_LE(offset + bytes, static_cast<int64_t>(content.size())) << text(op);
      for (auto [k, operand] : llvm::enumerate(op->getOperands())) {
        if (operand.getDefiningOp<ConstantOp>())
          continue;
        Region from = regions.at(operand.getAsOpaquePointer());
        bool apart = offset + bytes <= from.offset || from.offset + from.bytes <= offset;
        bool same = offset == from.offset || isa<RecvOp>(op);
        ASSERT_TRUE(apart || (same && mayShare(op, static_cast<unsigned>(k)))) << text(op);
        // A view, and what is sent in place, has the bytes of its operand.
        if (!apart && (isView(op) || isa<SendOp>(op))) {
          ASSERT_EQ(offset, from.offset) << text(op);
          tag = from.tag;
        }
      }
      regions[result.getAsOpaquePointer()] = {offset, bytes, tag};
      std::fill_n(content.begin() + offset, bytes, tag);
    }
  }

  std::vector<int64_t> content;
  std::map<const void *, Region> regions;
  int64_t next = 0;
};

TEST(PlanMemory, NothingIsOverwrittenTooEarly) {
  double worst = 0, sum = 0;
  uint64_t count = rounds(1000);
  for (uint64_t seed = 0; seed < count; ++seed) {
    std::string text = ShardWriter(seed).write();
    Ir ir;
    OwningOpRef<ModuleOp> module = ir.parse(text);
    ASSERT_TRUE(module) << text;
    ASSERT_TRUE(ir.run(*module, createPlanMemory()));
    ModuleOp shard = shardsOf(*module).front();
    int64_t arena = shard->getAttrOfType<IntegerAttr>("disco.arena_bytes").getInt();
    int64_t live = shard->getAttrOfType<IntegerAttr>("disco.live_bytes").getInt();
    ASSERT_GE(arena, live);
    ASSERT_LE(4 * arena, 5 * live) << "seed " << seed;
    worst = std::max(worst, static_cast<double>(arena) / static_cast<double>(live));
    sum += static_cast<double>(arena) / static_cast<double>(live);
    Arena(arena).run(inferOf(shard));
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << "\n" << text;
  }
  RecordProperty("worst arena by live bytes", std::to_string(worst));
  EXPECT_LT(sum / static_cast<double>(count), 1.02);
}

TEST(PlanMemory, LiveSumByHand) {
  // Three buffers of 16, 32 and 16 bytes; the first two live together, the third takes the first
  // one's time.
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse(R"(
    module @node0 attributes {disco.rank = 0 : i64} {
    func.func @infer() {
      %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
      %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      %b = disco.concat %a, %a {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
      %d = disco.slice %b {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<1x8xf32>) -> tensor<1x4xf32>
      return
    }
    })");
  ASSERT_TRUE(module);
  BufferPlan plan(inferOf(*module));
  ASSERT_EQ(plan.buffers.size(), 3u);
  EXPECT_EQ(plan.largestLiveSum(), 48);
}

} // namespace
