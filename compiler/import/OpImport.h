//===- OpImport.h - one ONNX op on its way into the dialect -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What converters work with: operands, attributes with checked types, and builders that fold
// constants and never assert. The first error of an op sticks: from then on builders return null
// values, which they also accept.
#ifndef DISCOC_IMPORT_OPIMPORT_H
#define DISCOC_IMPORT_OPIMPORT_H

#include "compiler/dialect/Build.h"
#include "compiler/import/OnnxModel.h"
#include "llvm/ADT/StringSet.h"

namespace disco::importing {

using OnnxAttribute = discoc::importer::Attribute;
using discoc::importer::ElemType;
using OnnxOp = discoc::importer::Op;
using discoc::importer::Tensor;

using Ints = llvm::SmallVector<int64_t>;
using Reals = llvm::SmallVector<double>;
using Values = llvm::SmallVector<mlir::Value>;

class ModelImport;

/// The dialect's element type; null when it has none.
mlir::Type elementType(mlir::MLIRContext *context, ElemType type);
/// The type in which the dialect has a constant: 4-bit integers in 8 bits, bfloat16 as float.
mlir::Type constantType(mlir::MLIRContext *context, ElemType type);
/// The ONNX element type of a tensor of the dialect.
ElemType elemTypeOf(mlir::Type element);

class OpImport {
public:
  OpImport(ModelImport &model, const OnnxOp &op);

  const OnnxOp &op;
  mlir::OpBuilder &builder;
  const std::string name; ///< of the op in the IR and in messages
  const mlir::Location loc;

  int64_t opset() const { return op.opset; }

  //===--- operands ---------------------------------------------------------===//

  bool hasInput(size_t i) const { return i < op.inputs.size() && !op.inputs[i].empty(); }
  /// float16 tensors come as f32.
  mlir::Value input(size_t i);
  Values inputs();
  /// The operand as a contraction stores it: a float16 constant stays one.
  mlir::Value weights(size_t i);
  ElemType inputType(size_t i) const;
  llvm::ArrayRef<int64_t> shape(mlir::Value value) const;
  int64_t rank(mlir::Value value) const { return static_cast<int64_t>(shape(value).size()); }
  /// The value of a constant; null for others. It may be smaller than the tensor for which it
  /// stands: see ConstantView.
  static mlir::ElementsAttr constant(mlir::Value value);
  /// The same, also of what is computed of constants alone when the model runs because it would
  /// be a larger constant. For what has to be known now.
  static mlir::ElementsAttr known(mlir::Value value);
  /// An operand that must be known now. `what` is ONNX's name of it.
  std::optional<Ints> constantInts(size_t i, llvm::StringRef what);
  std::optional<Reals> constantReals(size_t i, llvm::StringRef what);
  /// What the model says that output i has along a dimension; nothing when it does not.
  std::optional<int64_t> declaredExtent(size_t i, size_t dimension) const;
  /// Whether anything reads output i.
  bool isUsed(size_t i) const;

  //===--- attributes -------------------------------------------------------===//

  bool hasAttr(llvm::StringRef name) const { return op.findAttribute({name.data(), name.size()}); }
  const OnnxAttribute *attr(llvm::StringRef name, OnnxAttribute::Kind kind);
  int64_t integer(llvm::StringRef name, int64_t missing);
  bool flag(llvm::StringRef name, bool missing = false) { return integer(name, missing) != 0; }
  double real(llvm::StringRef name, double missing);
  std::string text(llvm::StringRef name, llvm::StringRef missing);
  Ints integers(llvm::StringRef name, llvm::ArrayRef<int64_t> missing = {});
  Reals reals(llvm::StringRef name);
  /// Attributes that change nothing here.
  void ignore(std::initializer_list<llvm::StringRef> names);
  /// An integer list that is an attribute before opset `since` and input `i` from then on; nothing
  /// when absent or wrong.
  std::optional<Ints> attrOrInput(llvm::StringRef name, int64_t since, size_t i);
  /// `axis` counted from the front.
  std::optional<int64_t> normalAxis(int64_t axis, int64_t rank);
  /// Sorted and without negative ones; twice the same is an error.
  std::optional<Ints> normalAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  //===--- errors -----------------------------------------------------------===//

  mlir::LogicalResult error(const llvm::Twine &message, const llvm::Twine &advice = "");
  bool hasFailed() const { return failed; }
  /// An attribute that no converter asked for.
  mlir::LogicalResult checkAttributesRead();

  //===--- building ---------------------------------------------------------===//

  template <typename OpTy>
  mlir::Value make(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attrs) {
    if (!usable(operands))
      return {};
    mlir::FailureOr<OpTy> made = createInferred<OpTy>(builder, loc, operands, attrs);
    return mlir::failed(made) ? wrongShapes() : settle(*made);
  }
  mlir::NamedAttribute named(llvm::StringRef name, mlir::Attribute value) {
    return builder.getNamedAttr(name, value);
  }
  mlir::NamedAttribute named(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return builder.getNamedAttr(name, builder.getDenseI64ArrayAttr(values));
  }
  mlir::NamedAttribute named(llvm::StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute unit(llvm::StringRef name) {
    return builder.getNamedAttr(name, builder.getUnitAttr());
  }

  /// ONNX's flags as unit attributes of the same names.
  void addFlags(llvm::SmallVectorImpl<mlir::NamedAttribute> &attrs,
                std::initializer_list<llvm::StringRef> names) {
    for (llvm::StringRef name : names)
      if (flag(name))
        attrs.push_back(unit(name));
  }

  mlir::Value unary(mlir::Value x, UnaryKind kind, double alpha = 0, double beta = 0);
  mlir::Value binary(BinaryKind kind, mlir::Value lhs, mlir::Value rhs);
  mlir::Value where(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value reduce(mlir::Value x, ReduceKind kind, llvm::ArrayRef<int64_t> axes, bool keepdims);
  mlir::Value quantize(mlir::Value x, mlir::Value scale, mlir::Value zero, mlir::Type element);
  mlir::Value dequantize(mlir::Value x, mlir::Value scale, mlir::Value zero);
  mlir::Value convertTo(mlir::Value x, mlir::Type element);
  /// `view` becomes a common refinement of both shapes where there is one.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value rearrange(mlir::Value x, llvm::ArrayRef<int64_t> view, llvm::ArrayRef<int64_t> perm,
                        llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm);
  mlir::Value expand(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value slice(mlir::Value x, llvm::ArrayRef<int64_t> starts, llvm::ArrayRef<int64_t> steps,
                    llvm::ArrayRef<int64_t> shape);
  mlir::Value select(mlir::Value x, int64_t axis, llvm::ArrayRef<int64_t> indices);
  mlir::Value concat(mlir::ValueRange values, int64_t axis);
  /// Slices of `axis`; the first `batch` dimensions are shared. Known indices are checked.
  mlir::Value gather(mlir::Value x, mlir::Value indices, int64_t axis, int64_t batch = 0);
  mlir::Value scatter(mlir::Value x, mlir::Value indices, mlir::Value updates, int64_t batch,
                      ScatterKind kind = ScatterKind::None);
  /// With an axis moved to the end, and from the end back to its place.
  mlir::Value movedLast(mlir::Value x, int64_t axis);
  mlir::Value movedFromLast(mlir::Value x, int64_t axis);

  mlir::Value constant(mlir::RankedTensorType type, mlir::ElementsAttr value);
  mlir::Value constantInts(llvm::ArrayRef<int64_t> values);
  /// 64-bit integers of any shape.
  mlir::Value integersOf(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values);
  /// Every element the same: a number, or a FloatAttr or IntegerAttr.
  mlir::Value filled(llvm::ArrayRef<int64_t> shape, mlir::Type element, double value);
  mlir::Value filled(llvm::ArrayRef<int64_t> shape, mlir::Type element, mlir::Attribute value);
  /// A constant that broadcasts against x.
  mlir::Value scalar(mlir::Value x, double value);
  mlir::Value integerScalar(mlir::Value x, int64_t value);
  mlir::Value reals(llvm::ArrayRef<int64_t> shape, mlir::Type element,
                    llvm::ArrayRef<double> values);
  mlir::Value fromTensor(const Tensor &tensor);

  //===--- results ----------------------------------------------------------===//

  /// Output i is this value. Its ONNX element type follows from the value; f32 stands for float16
  /// when input `like` is float16.
  mlir::LogicalResult result(mlir::Value value, size_t i = 0, size_t like = 0);
  mlir::LogicalResult resultOfType(mlir::Value value, ElemType type, size_t i = 0);
  mlir::LogicalResult forward(size_t i = 0) { return result(input(i), 0, i); }

private:
  bool usable(mlir::ValueRange operands);
  /// Checks the result's size, folds the op if its operands are constants.
  mlir::Value settle(mlir::Operation *made);
  mlir::Value wrongShapes();

  ModelImport &model;
  llvm::StringSet<> read;
  bool failed = false;
};

/// Constants that are made here have at most this many elements, splats aside.
inline constexpr int64_t kMostConstant = int64_t(1) << 24;
/// Whether a shape's elements can be counted, and a tensor of them exist.
bool isReasonable(llvm::ArrayRef<int64_t> shape);
int64_t elementCount(llvm::ArrayRef<int64_t> shape);
/// Factors of a reshape: a common refinement of both shapes, or between borders without one the
/// operand's extents.
Ints commonView(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);
/// Multidirectional broadcasting; nothing when the shapes do not fit.
std::optional<Ints> broadcastShapes(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);
/// 0, 1, ... count - 1
Ints iota(int64_t count, int64_t first = 0);
/// `[2, 3]`
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace disco::importing

#endif // DISCOC_IMPORT_OPIMPORT_H
