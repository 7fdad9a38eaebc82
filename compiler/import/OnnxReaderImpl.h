//===- OnnxReaderImpl.h - parts of the reader, private to it --------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCOC_IMPORT_ONNXREADERIMPL_H
#define DISCOC_IMPORT_ONNXREADERIMPL_H

#include "compiler/import/MappedFile.h"
#include "compiler/import/OnnxReader.h"
#include "compiler/import/OnnxWire.h"

#include <onnx/onnx_pb.h>

namespace discoc::importer {

/// A model-local function as read, before it is inlined.
struct Function {
  std::string name;
  std::string domain;
  std::string overload;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Attribute> defaults;
  std::map<std::string, int64_t> opsets;
  std::vector<Op> ops;
};

using Opsets = std::map<std::string, int64_t>;

/// domain, name, overload.
using FunctionKey = std::tuple<std::string, std::string, std::string>;
using FunctionMap = std::map<FunctionKey, Function>;

inline FunctionKey functionKey(const Op &op) { return {op.domain, op.type, op.overload}; }

/// State of one reading.
struct ReadContext {
  Diagnostics &errors;
  const ReadOptions &options;
  std::string path;
  std::string directory;
  std::shared_ptr<const void> fileOwner;
  CutModel cut;
  Model model;
  std::map<std::string, std::shared_ptr<MappedFile>> externalFiles;

  /// The op that messages are about; empty outside ops.
  std::string opName, opType;
  int64_t opset = 0;
  /// Ops read so far, those of functions aside, and bytes that sparse tensors became.
  size_t ops = 0, sparseBytes = 0;

  /// Always false, so that `return context.error(...)` reads well.
  bool error(std::string message, std::string advice = "");
  /// The same about \p op.
  bool errorAt(const Op &op, std::string message, std::string advice = "");
};

/// Text of the file in quotes: cut when long, control characters escaped.
std::string quote(std::string_view text);
/// "2x3x4", "scalar".
std::string dimsText(const std::vector<int64_t> &dims);
/// Names end up in C++ comments and JSON: UTF-8 without control characters.
bool isCleanName(std::string_view name);
/// ONNX calls its own domain "" or "ai.onnx".
std::string normalDomain(const std::string &domain);
/// Product of the non-zero dims times the element size fits 63 bits.
bool dimsFit(const std::vector<int64_t> &dims, ElemType type);

bool readTensor(ReadContext &context, const onnx::TensorProto &proto, const std::string &what,
                Tensor &tensor);
/// \p opsets are those of the graph or function around the op.
bool readOp(ReadContext &context, const onnx::NodeProto &proto, const Opsets &opsets,
            bool inFunction, Op &op);
bool readAttribute(ReadContext &context, const onnx::AttributeProto &proto, const Opsets &opsets,
                   bool inFunction, Attribute &attribute);
/// A tensor stored by the coordinates of what is not zero, made dense.
bool readSparseTensor(ReadContext &context, const onnx::SparseTensorProto &proto,
                      const std::string &what, Tensor &tensor);
bool readGraph(ReadContext &context, const onnx::GraphProto &proto, Graph &graph);
bool readFunctions(ReadContext &context, const onnx::ModelProto &proto, FunctionMap &functions);
bool readOpsets(ReadContext &context,
                const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &protos,
                const std::string &where, std::map<std::string, int64_t> &opsets);

/// Gives every op its name, which may still not be unique.
void nameOps(std::vector<Op> &ops);
bool inlineFunctions(ReadContext &context, const FunctionMap &functions);
/// Single assignment, definitions, order, outputs, unique op names.
bool checkGraph(ReadContext &context);

/// Length-delimited field \p number of \p message, also when this libonnx is
/// too old to know the field.
std::vector<std::string> bytesField(const google::protobuf::Message &message, int number);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXREADERIMPL_H
