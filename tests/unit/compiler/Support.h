//===- Support.h - what the compiler's tests share --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_TESTS_UNIT_COMPILER_SUPPORT_H
#define DISCOC_TESTS_UNIT_COMPILER_SUPPORT_H

#include "compiler/dialect/Disco.h"
#include "compiler/dialect/Evaluate.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace disco::test {

/// Reproducible numbers; a test gives its own seed and names it when it fails.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  /// From `low` to `high`, both inside. Not a distribution of the library: those differ between
  /// libraries.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int64_t percent) { return between(1, 100) <= percent; }
  template <typename Range> void shuffle(Range &range) {
    for (size_t i = range.size(); i > 1; --i)
      std::swap(range[i - 1], range[static_cast<size_t>(between(0, static_cast<int64_t>(i) - 1))]);
  }

private:
  std::mt19937_64 engine;
};

/// How many random cases a test tries; DISCOC_TEST_ROUNDS=N asks for more of them.
inline uint64_t rounds(uint64_t usual) {
  const char *text = std::getenv("DISCOC_TEST_ROUNDS");
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// A context with the dialects, and parsing of text.
struct Ir {
  mlir::MLIRContext context;
  Ir() { context.loadDialect<DiscoDialect, mlir::func::FuncDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context));
  }
  bool run(mlir::ModuleOp module, std::unique_ptr<mlir::Pass> pass) {
    mlir::PassManager manager(&context);
    manager.addPass(std::move(pass));
    return succeeded(manager.run(module));
  }
};

inline int64_t product(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

inline std::string join(const std::vector<int64_t> &list, const char *separator = ", ") {
  std::string text;
  for (int64_t value : list)
    text += (text.empty() ? "" : separator) + std::to_string(value);
  return text;
}

/// `tensor<2x3xi64>`
inline std::string tensorText(const std::vector<int64_t> &shape, const std::string &element) {
  return "tensor<" + join(shape, "x") + (shape.empty() ? "" : "x") + element + ">";
}

inline std::string arrayText(const std::vector<int64_t> &list) {
  return list.empty() ? "array<i64>" : "array<i64: " + join(list) + ">";
}

/// The digits of a linear index in a shape.
inline std::vector<int64_t> digits(int64_t linear, const std::vector<int64_t> &shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0; linear /= shape[i])
    index[i] = linear % shape[i];
  return index;
}

inline int64_t linear(const std::vector<int64_t> &index, const std::vector<int64_t> &shape) {
  int64_t value = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    value = value * shape[i] + index[i];
  return value;
}

} // namespace disco::test

#endif // DISCOC_TESTS_UNIT_COMPILER_SUPPORT_H
