//===- OnnxModel.h - an ONNX model as plain C++ structures ----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// What the reader makes of a .onnx file, and what the conversion into the
// dialect reads. No ONNX, protobuf or MLIR header is needed to use it.
//
//===----------------------------------------------------------------------===//

#ifndef DISCOC_IMPORT_ONNXMODEL_H
#define DISCOC_IMPORT_ONNXMODEL_H

#include "compiler/formats/ElementType.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace discoc::importer {

/// A user's mistake, told so that the user can mend it. Fields that do not
/// apply are empty (opset: 0).
struct Diagnostic {
  std::string message; ///< what is wrong, and why
  std::string advice;  ///< what to do about it
  std::string file;
  std::string opName;
  std::string opType;
  int64_t opset = 0;

  /// `FILE: op 'NAME' (TYPE, opset N): MESSAGE; ADVICE`.
  std::string str() const;
};
using Diagnostics = std::vector<Diagnostic>;

using ElemType = discoc::ElementType;

/// A constant tensor: dense, row-major, little-endian. `bytes` may lie at any
/// address (inside a mapped file nothing is aligned); `owner` keeps it alive.
struct Tensor {
  std::string name;
  ElemType type = ElemType::Undefined;
  std::vector<int64_t> dims;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  /// Never overflows: the reader checked it.
  int64_t elementCount() const;
};

/// One dimension: a size, a name to be pinned, or nothing known at all.
struct Dim {
  int64_t size = -1; ///< -1: not known
  std::string symbol;

  bool isFixed() const { return size >= 0; }
  bool operator==(const Dim &) const = default;
};

/// A named value of the graph with its declared type.
struct ValueInfo {
  std::string name;
  ElemType type = ElemType::Undefined;
  bool hasShape = false; ///< false: not even the rank is known
  std::vector<Dim> dims;
};

struct Graph;

/// An attribute of an op.
struct Attribute {
  /// The numbers are ONNX's AttributeProto.AttributeType.
  enum class Kind : int32_t {
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
    Tensors = 9,
    Graphs = 10,
    SparseTensor = 11,
    SparseTensors = 12,
    TypeProto = 13,
    TypeProtos = 14,
  };

  std::string name;
  Kind kind = Kind::Undefined;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<Tensor> tensors;         ///< exactly one for Kind::Tensor, as for sparse ones
  std::vector<importer::Graph> graphs; ///< exactly one for Kind::Graph
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  /// Inside functions: the function's attribute that stands here. Empty in
  /// every model that readOnnx returned.
  std::string refName;
};

/// "FLOAT", "INTS", ...
std::string_view attributeKindName(Attribute::Kind kind);

/// What ONNX calls a node.
struct Op {
  std::string name; ///< unique in the model, never empty
  std::string type;
  std::string domain;   ///< "" is ONNX's own
  std::string overload; ///< of functions, IR version 10 on
  /// The version of the op's domain. Ops from functions carry the version that
  /// their function imports, which may differ from the model's.
  int64_t opset = 0;
  std::vector<std::string> inputs;  ///< "" stands for one left out
  std::vector<std::string> outputs; ///< likewise
  std::vector<Attribute> attributes;

  const Attribute *findAttribute(std::string_view attributeName) const;
};

/// The graph of a model, or of a branch or loop of an op in it, which also reads tensors of the
/// graphs around it. All functions are inlined, ops in topological order.
struct Graph {
  std::string name;
  std::vector<Op> ops;
  std::vector<Tensor> initializers;
  std::vector<ValueInfo> inputs; ///< without those that are initialisers
  std::vector<ValueInfo> outputs;
  std::vector<ValueInfo> valueInfos; ///< hints for values in between
};

/// A read model. Copies are cheap in bytes: weights stay where they are.
struct Model {
  std::string path;
  int64_t irVersion = 0;
  std::map<std::string, int64_t> opsets; ///< by domain; "" is ONNX's own
  std::string producerName;
  std::string producerVersion;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> inlinedFunctions; ///< domain::name, sorted
  Graph graph;
  /// Inputs that are constants here alone: initialisers that the file does not have.
  std::vector<std::string> setInputs;

  /// The file and every file of external data, in order of first use: what a
  /// hash of the model must cover.
  std::vector<std::span<const std::byte>> files;
  std::vector<std::shared_ptr<const void>> owners;
  /// Of those, the files of external data by the location that the model gives.
  std::map<std::string, std::span<const std::byte>> externalFiles;

  int64_t defaultOpset() const;
};

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXMODEL_H
