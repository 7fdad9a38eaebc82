//===- KernelCallTest.cpp - what a kernel's parameters say ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/KernelCall.h"
#include "mlir/IR/Builders.h"
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>

using namespace disco;

namespace {
struct KernelCallTest : testing::Test {
  mlir::MLIRContext context;
  mlir::Builder builder{&context};

  static KernelCall call(const char *kernel) { return std::move(KernelCall().use(kernel)); }
};
} // namespace

TEST_F(KernelCallTest, LibraryIsLeftOutOnlyWhereThatIsKnown) {
  EXPECT_FALSE(call("rearrange").mayCallLibrary());
  EXPECT_FALSE(call("conv_gemm")
                   .type("x_t", builder.getF32Type())
                   .alias("act", "act_relu")
                   .mayCallLibrary());
  EXPECT_FALSE(call("pad").type("x_t", builder.getI8Type()).constant("rank", 2).mayCallLibrary());
  EXPECT_TRUE(call("conv_gemm").alias("act", "act_softplus").mayCallLibrary());
  EXPECT_TRUE(
      call("unary").type("x_t", builder.getF32Type()).alias("op", "op_sqrt").mayCallLibrary());
  EXPECT_TRUE(call("conv_gemm").type("x_t", builder.getF64Type()).mayCallLibrary());
  EXPECT_TRUE(
      call("binary").type("a_t", builder.getI64Type()).alias("op", "op_add").mayCallLibrary());
  EXPECT_TRUE(call("conv_gemm").type("x_t", builder.getF16Type()).mayCallLibrary());
  EXPECT_TRUE(call("top_k").mayCallLibrary());
}

TEST_F(KernelCallTest, ADeclarationSaysTheHeader) {
  EXPECT_EQ(call("conv_planes").header, "conv.h");
  EXPECT_TRUE(isKernel("conv_rows"));
  EXPECT_FALSE(isKernel("conv"));
  EXPECT_DEATH(call("conv"), "kernels.inc has no kernel conv");
}

static std::string textOf(const std::string &path) {
  std::ifstream file(std::string(DISCOC_SOURCE) + "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Why kernels have no benchmark.
static const std::map<std::string, std::string> unmeasured = {
    {"assemble concat gather pack pad rearrange scatter select where",
     "what they take is that of moving the bytes"},
    {"binary cast dequantize lookup lookup_rows quantize quant_binary requantize unary",
     "one look at every element; a small part of every model that was measured"},
    {"arg_extreme average_pool average_pool_int max_pool max_pool_index reduce softmax log_softmax "
     "cum_sum",
     "a small part of every model that was measured"},
    {"grid_sample gru lstm rnn non_max_suppression resize roi_align top_k",
     "no model that was measured spends its time there"},
    {"assemble_any binary_any conv_any copy_blocks pool_any relayout unary_any",
     "plain loops that try layouts; quick kernels for them are still to come"},
    {"matmul_int_dots matmul_int_gemm", "tests/bench/layers.py measures them in whole models"},
};

/// A kernel of kernels.inc is in its header, has a row of contracts, a test and a benchmark.
TEST(Kernels, DeclaredOnesAreThereAndTested) {
  struct Line {
    std::string name, header;
  };
  static const Line lines[] = {
#define DISCO_KERNEL(name, header, library) {#name, header},
#define DISCO_PLAIN(name)
#include "runtime_stub/kernels/kernels.inc"
#undef DISCO_KERNEL
#undef DISCO_PLAIN
  };
  const std::string contracts = textOf("runtime_stub/kernels/README.md");
  std::string tests;
  for (const char *name :
       {"blocks", "conv", "detect", "eltwise", "matmul", "move", "pool", "quant", "recurrent",
        "reduce", "resize", "sample", "types", "order", "layout", "winograd"})
    tests += textOf("tests/unit/kernels/" + std::string(name) + "_test.cpp");
  const std::string bench =
      textOf("tests/bench/kernels_bench.cpp") + textOf("tests/bench/quant_bench.cpp");
  for (const Line &line : lines) {
    EXPECT_NE(textOf("runtime_stub/kernels/" + line.header).find(line.name + "("),
              std::string::npos)
        << line.name;
    EXPECT_NE(contracts.find("`" + line.name + "`"), std::string::npos) << line.name;
    EXPECT_NE(tests.find(line.name + "<"), std::string::npos) << line.name;
    const bool isMeasured = bench.find("disco::" + line.name + "<") != std::string::npos;
    const bool isExcused = llvm::any_of(unmeasured, [&](const auto &entry) {
      return (" " + entry.first + " ").find(" " + line.name + " ") != std::string::npos;
    });
    EXPECT_NE(isMeasured, isExcused) << line.name;
  }
}
