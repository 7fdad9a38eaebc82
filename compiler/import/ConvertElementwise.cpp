//===- ConvertElementwise.cpp - scalar functions of tensors ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

template <UnaryKind kind> static LogicalResult convertUnary(OpImport &op) {
  // Before opset 7 some ops could be done in place.
  op.ignore({"consumed_inputs"});
  return op.result(op.unary(op.input(0), kind));
}

static LogicalResult convertHardSigmoid(OpImport &op) {
  double alpha = op.real("alpha", 0.2f), beta = op.real("beta", 0.5f);
  return op.result(op.unary(op.input(0), UnaryKind::HardSigmoid, alpha, beta));
}

static LogicalResult convertLeakyRelu(OpImport &op) {
  return op.result(op.unary(op.input(0), UnaryKind::LeakyRelu, op.real("alpha", 0.01f)));
}

static LogicalResult convertElu(OpImport &op) {
  return op.result(op.unary(op.input(0), UnaryKind::Elu, op.real("alpha", 1)));
}

/// alpha * elu(x / alpha)
static LogicalResult convertCelu(OpImport &op) {
  double alpha = op.real("alpha", 1);
  if (alpha == 0)
    return op.error("alpha must not be 0");
  Value x = op.input(0);
  if (alpha == 1)
    return op.result(op.unary(x, UnaryKind::Elu, 1));
  Value scaled = op.unary(op.binary(BinaryKind::Div, x, op.scalar(x, alpha)), UnaryKind::Elu, 1);
  return op.result(op.binary(BinaryKind::Mul, scaled, op.scalar(x, alpha)));
}

static LogicalResult convertSelu(OpImport &op) {
  double alpha = op.real("alpha", 1.67326319217681884765625),
         gamma = op.real("gamma", 1.05070102214813232421875);
  return op.result(op.unary(op.input(0), UnaryKind::Selu, alpha, gamma));
}

static LogicalResult convertThresholdedRelu(OpImport &op) {
  return op.result(op.unary(op.input(0), UnaryKind::ThresholdedRelu, op.real("alpha", 1)));
}

/// x * sigmoid(alpha * x)
static LogicalResult convertSwish(OpImport &op) {
  double alpha = op.real("alpha", 1);
  Value x = op.input(0);
  if (op.hasFailed() || alpha == 1)
    return op.result(op.unary(x, UnaryKind::Silu));
  Value gate = op.binary(BinaryKind::Mul, x, op.scalar(x, alpha));
  return op.result(op.binary(BinaryKind::Mul, x, op.unary(gate, UnaryKind::Sigmoid)));
}

static LogicalResult convertGelu(OpImport &op) {
  std::string form = op.text("approximate", "none");
  Value x = op.input(0);
  if (form == "none")
    return op.result(op.unary(x, UnaryKind::Gelu));
  if (form != "tanh")
    return op.error("attribute 'approximate' is '" + form + "', but must be 'none' or 'tanh'");
  return op.result(op.unary(x, UnaryKind::GeluTanh));
}

/// ONNX Runtime's forms: with a bias that is added first, and as x * sigmoid(1.702 * x).
template <UnaryKind kind> static LogicalResult convertBiasGelu(OpImport &op) {
  Value x = op.input(0), bias = op.input(1);
  return op.result(op.unary(bias ? op.binary(BinaryKind::Add, x, bias) : x, kind));
}

static LogicalResult convertQuickGelu(OpImport &op) {
  double alpha = op.real("alpha", 1.702f);
  Value x = op.input(0);
  Value gate = op.binary(BinaryKind::Mul, x, op.scalar(x, alpha));
  return op.result(op.binary(BinaryKind::Mul, x, op.unary(gate, UnaryKind::Sigmoid)));
}

static LogicalResult convertShrink(OpImport &op) {
  double bias = op.real("bias", 0), lambd = op.real("lambd", 0.5);
  return op.result(op.unary(op.input(0), UnaryKind::Shrink, lambd, bias));
}

static LogicalResult convertIsNan(OpImport &op) {
  Value x = op.input(0);
  return op.result(op.unary(op.binary(BinaryKind::Equal, x, x), UnaryKind::Not));
}

static LogicalResult convertIsInf(OpImport &op) {
  bool positive = op.flag("detect_positive", true), negative = op.flag("detect_negative", true);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (!positive && !negative)
    return op.result(op.filled(op.shape(x), op.builder.getI1Type(), 0));
  if (positive && negative)
    x = op.unary(x, UnaryKind::Abs);
  return op.result(op.binary(BinaryKind::Equal, x, op.scalar(x, positive ? HUGE_VAL : -HUGE_VAL)));
}

//===----------------------------------------------------------------------===//
// Clip
//===----------------------------------------------------------------------===//

/// The largest value of a type that is no NaN, and its opposite.
static double limitOf(Type element, bool upper) {
  if (isa<FloatType>(element))
    return (upper ? 1 : -1) * (element.isF64() ? DBL_MAX : static_cast<double>(FLT_MAX));
  unsigned width = element.getIntOrFloatBitWidth();
  if (element.isUnsignedInteger())
    return upper ? std::ldexp(1.0, static_cast<int>(width)) - 1 : 0;
  double half = std::ldexp(1.0, static_cast<int>(width) - 1);
  return upper ? half - 1 : -half;
}

static LogicalResult convertClip(OpImport &op) {
  op.ignore({"consumed_inputs"});
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  Type element = tensorType(x).getElementType();
  double bounds[] = {limitOf(element, false), limitOf(element, true)};
  bool given[] = {false, false}, runtime = false;
  for (size_t i = 0; i < 2; ++i) {
    if (op.opset() < 11) {
      StringRef name = i ? "max" : "min";
      given[i] = op.hasAttr(name);
      bounds[i] = op.real(name, bounds[i]);
      continue;
    }
    Value bound = op.input(i + 1);
    if (!bound)
      continue;
    if (elementCount(shapeOf(bound)) != 1)
      return op.error("the bounds must be scalars");
    given[i] = true;
    if (isConstant(bound))
      bounds[i] = ConstantView(bound).real(0);
    else
      runtime = true;
  }
  if (op.hasFailed())
    return failure();
  if (!given[0] && !given[1])
    return op.forward();
  // A double does not hold every 64-bit bound.
  bool exact = isa<FloatType>(element) || element.getIntOrFloatBitWidth() < 64;
  if (!runtime && exact)
    return op.result(op.unary(x, UnaryKind::Clip, bounds[0], bounds[1]));
  for (size_t i = 0; i < 2; ++i)
    if (given[i])
      x = op.binary(i ? BinaryKind::Min : BinaryKind::Max, x,
                    op.opset() < 11 ? op.scalar(x, bounds[i]) : op.reshape(op.input(i + 1), {}));
  return op.result(x);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// Before opset 7 the second operand was broadcast only on demand, from `axis` on.
static Value secondOperand(OpImport &op) {
  Value x = op.input(0), y = op.input(1);
  if (op.opset() >= 7 || !x || !y)
    return y;
  op.ignore({"consumed_inputs"});
  bool broadcast = op.flag("broadcast");
  int64_t free = op.rank(x) - op.rank(y), axis = op.integer("axis", free);
  if (!broadcast) {
    if (op.shape(x) != op.shape(y))
      (void)op.error("the operands' shapes " + shapeText(op.shape(x)) + " and " +
                     shapeText(op.shape(y)) + " differ, and broadcast is 0");
    return y;
  }
  if (axis < 0)
    axis += op.rank(x);
  if (free < 0 || axis < 0 || axis > free) {
    (void)op.error("a tensor of the shape " + shapeText(op.shape(y)) +
                   " cannot be broadcast from axis " + Twine(axis) + " of one of the shape " +
                   shapeText(op.shape(x)));
    return {};
  }
  Ints shape(op.shape(y));
  shape.append(static_cast<size_t>(free - axis), 1);
  return op.reshape(y, shape);
}

template <BinaryKind kind> static LogicalResult convertBinary(OpImport &op) {
  Value rhs = secondOperand(op);
  return op.result(op.binary(kind, op.input(0), rhs));
}

static LogicalResult convertPow(OpImport &op) {
  Value exponent = secondOperand(op), base = op.input(0);
  // Integers are exact as the exponents of floats.
  if (base && exponent && isa<FloatType>(tensorType(base).getElementType()))
    exponent = op.convertTo(exponent, tensorType(base).getElementType());
  return op.result(op.binary(BinaryKind::Pow, base, exponent));
}

static LogicalResult convertMod(OpImport &op) {
  bool fmod = op.flag("fmod");
  if (!fmod && (op.inputType(0) == ElemType::F32 || op.inputType(0) == ElemType::F64 ||
                op.inputType(0) == ElemType::F16))
    return op.error("attribute 'fmod' must be 1 for floats");
  return op.result(op.binary(fmod ? BinaryKind::Fmod : BinaryKind::Mod, op.input(0), op.input(1)));
}

static LogicalResult convertPrelu(OpImport &op) {
  op.ignore({"consumed_inputs"});
  Value x = op.input(0), slope = op.input(1);
  // Before opset 7 a slope with one dimension goes by channel. So do converted models whose slope
  // would not fit otherwise.
  bool byChannel =
      x && slope && op.rank(slope) == 1 && op.rank(x) > 2 &&
      (op.opset() < 7 || (op.shape(slope)[0] == op.shape(x)[1] &&
                          op.shape(slope)[0] != op.shape(x).back() && op.shape(slope)[0] != 1));
  if (byChannel) {
    Ints shape(static_cast<size_t>(op.rank(x)) - 1, 1);
    shape[0] = op.shape(slope)[0];
    slope = op.reshape(slope, shape);
  }
  if (x && slope && broadcastShapes(op.shape(x), op.shape(slope)) != Ints(op.shape(x)))
    return op.error(
        "a slope of the shape " + shapeText(op.shape(slope)) + " cannot be broadcast to " +
            shapeText(op.shape(x)),
        "dimensions are matched from the right: slopes by channel need the shape [C, 1, 1]");
  return op.result(op.binary(BinaryKind::Prelu, x, slope));
}

static LogicalResult convertBitShift(OpImport &op) {
  std::string direction = op.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return op.error("attribute 'direction' is '" + direction + "', but must be LEFT or RIGHT");
  return op.result(op.binary(direction == "LEFT" ? BinaryKind::ShiftLeft : BinaryKind::ShiftRight,
                             op.input(0), op.input(1)));
}

/// What is exclusive or with all bits.
static LogicalResult convertBitwiseNot(OpImport &op) {
  Value x = op.input(0);
  return op.result(op.binary(BinaryKind::Xor, x, op.integerScalar(x, -1)));
}

template <BinaryKind kind> static LogicalResult convertVariadic(OpImport &op) {
  op.ignore({"consumed_inputs"});
  Values operands = op.inputs();
  Value sum = operands[0];
  for (Value operand : llvm::drop_begin(operands))
    sum = op.binary(kind, sum, operand);
  return op.result(sum);
}

static LogicalResult convertMean(OpImport &op) {
  op.ignore({"consumed_inputs"});
  Values operands = op.inputs();
  Value sum = operands[0];
  for (Value operand : llvm::drop_begin(operands))
    sum = op.binary(BinaryKind::Add, sum, operand);
  if (operands.size() == 1)
    return op.result(sum);
  return op.result(
      op.binary(BinaryKind::Div, sum, op.scalar(sum, static_cast<double>(operands.size()))));
}

//===----------------------------------------------------------------------===//
// Where and casts
//===----------------------------------------------------------------------===//

static LogicalResult convertWhere(OpImport &op) {
  if (op.inputType(1) != op.inputType(2))
    return op.error("the second and the third input must have the same element type");
  return op.result(op.where(op.input(0), op.input(1), op.input(2)), 0, 1);
}

/// Rounds an f32 that stands for a float16, unless it just was one.
static Value roundedToHalf(OpImport &op, Value x) {
  auto before = x ? x.getDefiningOp<CastOp>() : CastOp();
  if (!x || OpImport::constant(x) || (before && tensorType(before.getX()).getElementType().isF16()))
    return x;
  return op.convertTo(op.convertTo(x, op.builder.getF16Type()), op.builder.getF32Type());
}

static LogicalResult castTo(OpImport &op, ElemType to) {
  ElemType from = op.inputType(0);
  Type element = elementType(op.builder.getContext(), to);
  if (!element)
    return op.error("a cast to " + elemTypeName(to) + " is not supported",
                    "export the model in float or float16");
  if (from == to)
    return op.forward();
  Value x = op.input(0);
  if (from == ElemType::F16)
    x = roundedToHalf(op, x);
  x = op.convertTo(x, element);
  if (to == ElemType::F16)
    x = op.convertTo(x, op.builder.getF32Type());
  return op.resultOfType(x, to);
}

static LogicalResult convertCast(OpImport &op) {
  op.ignore({"saturate", "round_mode"}); // of 8-bit floats only
  if (!op.hasAttr("to"))
    return op.error("attribute 'to' is missing");
  return castTo(op, static_cast<ElemType>(op.integer("to", 0)));
}

static LogicalResult convertCastLike(OpImport &op) {
  op.ignore({"saturate", "round_mode"});
  return castTo(op, op.inputType(1));
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

void disco::importing::addElementwise(ConverterTable &table) {
  constexpr unsigned kSignedNumbers = kFloats | kSigned;
  auto unary = [&](StringRef name, LogicalResult (*convert)(OpImport &), unsigned types = kFloats) {
    table[name] = {convert, 1, 1, 1, types, 1};
  };
  unary("Relu", convertUnary<UnaryKind::Relu>, kSignedNumbers);
  unary("Sigmoid", convertUnary<UnaryKind::Sigmoid>);
  unary("HardSwish", convertUnary<UnaryKind::HardSwish>);
  unary("Tanh", convertUnary<UnaryKind::Tanh>);
  unary("Softplus", convertUnary<UnaryKind::Softplus>);
  unary("Softsign", convertUnary<UnaryKind::Softsign>);
  unary("Erf", convertUnary<UnaryKind::Erf>, kNumbers);
  unary("Exp", convertUnary<UnaryKind::Exp>);
  unary("Log", convertUnary<UnaryKind::Log>);
  unary("Sqrt", convertUnary<UnaryKind::Sqrt>);
  unary("Abs", convertUnary<UnaryKind::Abs>, kNumbers);
  unary("Neg", convertUnary<UnaryKind::Neg>, kSignedNumbers);
  unary("Floor", convertUnary<UnaryKind::Floor>);
  unary("Ceil", convertUnary<UnaryKind::Ceil>);
  unary("Round", convertUnary<UnaryKind::Round>);
  unary("Reciprocal", convertUnary<UnaryKind::Reciprocal>);
  unary("Sign", convertUnary<UnaryKind::Sign>, kNumbers);
  unary("Sin", convertUnary<UnaryKind::Sin>);
  unary("Cos", convertUnary<UnaryKind::Cos>);
  unary("Not", convertUnary<UnaryKind::Not>, kBool);
  unary("Mish", convertUnary<UnaryKind::Mish>);
  unary("Tan", convertUnary<UnaryKind::Tan>);
  unary("Asin", convertUnary<UnaryKind::Asin>);
  unary("Acos", convertUnary<UnaryKind::Acos>);
  unary("Atan", convertUnary<UnaryKind::Atan>);
  unary("Sinh", convertUnary<UnaryKind::Sinh>);
  unary("Cosh", convertUnary<UnaryKind::Cosh>);
  unary("Asinh", convertUnary<UnaryKind::Asinh>);
  unary("Acosh", convertUnary<UnaryKind::Acosh>);
  unary("Atanh", convertUnary<UnaryKind::Atanh>);
  unary("Shrink", convertShrink, kSignedNumbers);
  unary("IsNaN", convertIsNan);
  unary("IsInf", convertIsInf);
  unary("BitwiseNot", convertBitwiseNot, kSigned | kUnsigned);
  unary("HardSigmoid", convertHardSigmoid);
  unary("LeakyRelu", convertLeakyRelu);
  unary("Elu", convertElu);
  unary("Celu", convertCelu);
  unary("Selu", convertSelu);
  unary("ThresholdedRelu", convertThresholdedRelu);
  unary("Gelu", convertGelu);
  unary("Swish", convertSwish);
  unary("Cast", convertCast, kAny);
  table["com.microsoft.Gelu"] = {convertGelu, 1, 1, 1, kFloats};
  table["com.microsoft.BiasGelu"] = {convertBiasGelu<UnaryKind::Gelu>, 2, 2, 1, kFloats, 2};
  table["com.microsoft.FastGelu"] = {convertBiasGelu<UnaryKind::GeluTanh>, 1, 2, 1, kFloats, 2};
  table["com.microsoft.QuickGelu"] = {convertQuickGelu, 1, 1, 1, kFloats};
  table["CastLike"] = {convertCastLike, 2, 2, 1, kAny, 1};
  table["Clip"] = {convertClip, 1, 3, 1, kNumbers, 3};

  auto binary = [&](StringRef name, LogicalResult (*convert)(OpImport &),
                    unsigned types = kNumbers) { table[name] = {convert, 2, 2, 1, types, 2}; };
  binary("Add", convertBinary<BinaryKind::Add>);
  binary("Sub", convertBinary<BinaryKind::Sub>);
  binary("Mul", convertBinary<BinaryKind::Mul>);
  binary("Div", convertBinary<BinaryKind::Div>);
  binary("And", convertBinary<BinaryKind::And>, kBool);
  binary("Or", convertBinary<BinaryKind::Or>, kBool);
  binary("Xor", convertBinary<BinaryKind::Xor>, kBool);
  binary("Equal", convertBinary<BinaryKind::Equal>, kAny);
  binary("Less", convertBinary<BinaryKind::Less>);
  binary("Greater", convertBinary<BinaryKind::Greater>);
  binary("LessOrEqual", convertBinary<BinaryKind::LessOrEqual>);
  binary("GreaterOrEqual", convertBinary<BinaryKind::GreaterOrEqual>);
  binary("Mod", convertMod);
  binary("BitShift", convertBitShift, kUnsigned);
  binary("BitwiseAnd", convertBinary<BinaryKind::And>, kSigned | kUnsigned);
  binary("BitwiseOr", convertBinary<BinaryKind::Or>, kSigned | kUnsigned);
  binary("BitwiseXor", convertBinary<BinaryKind::Xor>, kSigned | kUnsigned);
  binary("PRelu", convertPrelu);
  table["Pow"] = {convertPow, 2, 2, 1, kNumbers, 1};
  table["Min"] = {convertVariadic<BinaryKind::Min>, 1, kVariadic, 1, kNumbers, kVariadic};
  table["Max"] = {convertVariadic<BinaryKind::Max>, 1, kVariadic, 1, kNumbers, kVariadic};
  table["Sum"] = {convertVariadic<BinaryKind::Add>, 1, kVariadic, 1, kFloats, kVariadic};
  table["Mean"] = {convertMean, 1, kVariadic, 1, kFloats, kVariadic};
  table["Where"] = {convertWhere, 3, 3, 1, kBool, 1};
}
