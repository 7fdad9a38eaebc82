//===- Interpreter.h - executes programs of the dialect ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Plain loops over doubles, written from the ops' descriptions alone. With whole numbers of modest
// size every sum is exact, so that a divided program must give the very numbers of the undivided
// one. Half precision and integers are rounded to where a cast or a quantisation says so.
#ifndef DISCOC_TESTS_UNIT_COMPILER_INTERPRETER_H
#define DISCOC_TESTS_UNIT_COMPILER_INTERPRETER_H

#include "Support.h"
#include <map>

namespace disco::test {

struct Array {
  std::vector<int64_t> shape;
  std::vector<double> data;

  double at(const std::vector<int64_t> &index) const {
    return data[static_cast<size_t>(linear(index, shape))];
  }
};

/// By name of the model's input or output.
using Named = std::map<std::string, Array>;
/// What is under way, by message.
using Mail = std::map<int64_t, std::vector<Array>>;

class Interpreter {
public:
  Interpreter(mlir::func::FuncOp function, const Named &inputs, Named &outputs, Mail &mail)
      : inputs(inputs), outputs(outputs), mail(mail), next(function.getBody().front().begin()),
        end(function.getBody().front().end()) {}

  /// Runs up to the end or to a message that has not been sent. Returns whether anything was done.
  bool advance();
  bool isFinished() const { return next == end; }

private:
  bool execute(mlir::Operation &op);
  const Array &get(mlir::Value value) { return values.at(value.getAsOpaquePointer()); }
  void set(mlir::Value value, Array array);

  const Named &inputs;
  Named &outputs;
  Mail &mail;
  mlir::Block::iterator next, end;
  std::map<const void *, Array> values;
};

/// The outputs of an undivided program.
Named interpret(mlir::func::FuncOp function, const Named &inputs);
/// The outputs of a split one; a test failure when the shards wait for each other.
Named interpretShards(mlir::ModuleOp module, const Named &inputs);

} // namespace disco::test

#endif // DISCOC_TESTS_UNIT_COMPILER_INTERPRETER_H
