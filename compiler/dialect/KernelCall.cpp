//===- KernelCall.cpp - a call of a kernel of the runtime stub ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/KernelCall.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <charconv>
#include <cmath>

using namespace mlir;
using namespace disco;

std::string disco::storageType(Type element) { return elementInfo(element).cpp; }

std::string disco::realText(double value) {
  if (std::isinf(value))
    return value < 0 ? "-__builtin_inf()" : "__builtin_inf()";
  if (std::isnan(value))
    return "__builtin_nan(\"\")";
  // to_chars knows no locale.
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

namespace {
/// A line of kernels.inc.
struct Declared {
  StringRef name, header;
  bool library;
};
} // namespace

static constexpr Declared declaredKernels[] = {
#define DISCO_KERNEL(name, header, library) {#name, header, library},
#define DISCO_PLAIN(name)
#include "runtime_stub/kernels/kernels.inc"
#undef DISCO_KERNEL
#undef DISCO_PLAIN
};

/// Functors whose arithmetic on floats is the runtime stub's own.
static constexpr StringRef plainFunctors[] = {
#define DISCO_KERNEL(name, header, library)
#define DISCO_PLAIN(name) #name,
#include "runtime_stub/kernels/kernels.inc"
#undef DISCO_KERNEL
#undef DISCO_PLAIN
};

static const Declared *findKernel(StringRef name) {
  const auto *found =
      llvm::find_if(declaredKernels, [&](const Declared &kernel) { return kernel.name == name; });
  return found == std::end(declaredKernels) ? nullptr : found;
}

bool disco::isKernel(StringRef name) { return findKernel(name) != nullptr; }

KernelCall &KernelCall::use(StringRef name) {
  const Declared *declared = findKernel(name);
  if (!declared)
    llvm::report_fatal_error("kernels.inc has no kernel " + Twine(name));
  header = declared->header.str();
  kernel = name.str();
  library = library || declared->library;
  return *this;
}

KernelCall &KernelCall::useChosen(Operation *op) {
  KernelAttr chosen = chosenKernel(op);
  if (!chosen)
    llvm::report_fatal_error("no kernel was chosen for an op that is emitted");
  use(chosen.getName().getValue());
  scratch = chosen.getScratch();
  return *this;
}

KernelCall &KernelCall::type(StringRef name, Value tensor) {
  return type(name, tensorType(tensor).getElementType());
}

/// Small cores have arithmetic of 64 bits, and conversions of halves, in a library only.
KernelCall &KernelCall::type(StringRef name, Type element) {
  members.push_back("using " + name.str() + " = " + storageType(element) + ";");
  library = library || element.getIntOrFloatBitWidth() == 64 || element.isF16();
  return *this;
}

/// Adds a declarator to the last member when that declares the same type and the line stays short.
static void declare(std::vector<std::string> &members, const std::string &type,
                    const std::string &declarator) {
  constexpr size_t lineLength = 90;
  if (!members.empty()) {
    std::string &last = members.back();
    bool plain = StringRef(last).starts_with(type) && last.find_first_of("[(") == std::string::npos;
    if (plain && last.size() + declarator.size() < lineLength) {
      last.back() = ',';
      last += " " + declarator + ";";
      return;
    }
  }
  members.push_back(type + declarator + ";");
}

KernelCall &KernelCall::constant(StringRef name, int64_t value) {
  declare(members, "static constexpr int64_t ", name.str() + " = " + std::to_string(value));
  return *this;
}

KernelCall &KernelCall::flag(StringRef name, bool value) {
  declare(members, "static constexpr bool ", name.str() + (value ? " = true" : " = false"));
  return *this;
}

KernelCall &KernelCall::real(StringRef name, double value) {
  members.push_back("static constexpr double " + name.str() + " = " + realText(value) + ";");
  return *this;
}

KernelCall &KernelCall::alias(StringRef name, StringRef functor) {
  members.push_back("using " + name.str() + " = disco::" + functor.str() + ";");
  library = library || !llvm::is_contained(plainFunctors, functor);
  return *this;
}

KernelCall &KernelCall::array(StringRef name, ArrayRef<int64_t> values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  members.push_back("static constexpr int64_t " + name.str() + "[] = {" +
                    (text.empty() ? "0" : text) + "};");
  return *this;
}

KernelCall &KernelCall::reals(StringRef name, ArrayRef<double> values) {
  std::string text;
  for (double value : values)
    text += (text.empty() ? "" : ", ") + realText(value);
  members.push_back("static constexpr double " + name.str() + "[] = {" +
                    (text.empty() ? "0" : text) + "};");
  return *this;
}

KernelCall &KernelCall::floats(StringRef name, ArrayRef<float> values) {
  std::string text;
  for (float value : values) {
    char buffer[32];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
    std::string digits(buffer, end);
    if (digits.find_first_of(".e") == std::string::npos)
      digits += ".0";
    text += (text.empty() ? "" : ", ") + digits + "f";
  }
  members.push_back("static constexpr float " + name.str() + "[] = {" +
                    (text.empty() ? "0" : text) + "};");
  return *this;
}

KernelCall &KernelCall::table(StringRef name, ArrayRef<int64_t> values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  members.push_back("static constexpr int32_t " + name.str() + "_table[] = {" +
                    (text.empty() ? "0" : text) + "};");
  members.push_back("static constexpr int64_t " + name.str() + "(int64_t i) { return " +
                    name.str() + "_table[i]; }");
  return *this;
}

namespace {
/// The functor of the runtime stub for a scalar function, and what it calls the two parameters.
struct Functor {
  const char *name, *alpha = nullptr, *beta = nullptr;
};
} // namespace

static Functor functorOf(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Identity: return {"act_none"};
  case UnaryKind::Relu: return {"act_relu"};
  case UnaryKind::Clip: return {"act_clip", "min", "max"};
  case UnaryKind::Sigmoid: return {"act_sigmoid"};
  case UnaryKind::HardSigmoid: return {"act_hard_sigmoid", "alpha", "beta"};
  case UnaryKind::HardSwish: return {"act_hard_swish"};
  case UnaryKind::Tanh: return {"act_tanh"};
  case UnaryKind::LeakyRelu: return {"act_leaky_relu", "alpha"};
  case UnaryKind::Silu: return {"act_silu"};
  case UnaryKind::Elu: return {"act_elu", "alpha"};
  case UnaryKind::Softplus: return {"act_softplus"};
  case UnaryKind::Softsign: return {"act_softsign"};
  case UnaryKind::Selu: return {"act_selu", "alpha", "gamma"};
  case UnaryKind::Gelu: return {"act_gelu"};
  case UnaryKind::Mish: return {"act_mish"};
  case UnaryKind::ThresholdedRelu: return {"act_thresholded_relu", "alpha"};
  case UnaryKind::Erf: return {"op_erf"};
  case UnaryKind::Exp: return {"op_exp"};
  case UnaryKind::Log: return {"op_log"};
  case UnaryKind::Sqrt: return {"op_sqrt"};
  case UnaryKind::Abs: return {"op_abs"};
  case UnaryKind::Neg: return {"op_neg"};
  case UnaryKind::Floor: return {"op_floor"};
  case UnaryKind::Ceil: return {"op_ceil"};
  case UnaryKind::Round: return {"op_round"};
  case UnaryKind::Reciprocal: return {"op_reciprocal"};
  case UnaryKind::Sign: return {"op_sign"};
  case UnaryKind::Sin: return {"op_sin"};
  case UnaryKind::Cos: return {"op_cos"};
  case UnaryKind::Not: return {"op_not"};
  case UnaryKind::Tan: return {"op_tan"};
  case UnaryKind::Asin: return {"op_asin"};
  case UnaryKind::Acos: return {"op_acos"};
  case UnaryKind::Atan: return {"op_atan"};
  case UnaryKind::Sinh: return {"op_sinh"};
  case UnaryKind::Cosh: return {"op_cosh"};
  case UnaryKind::Asinh: return {"op_asinh"};
  case UnaryKind::Acosh: return {"op_acosh"};
  case UnaryKind::Atanh: return {"op_atanh"};
  case UnaryKind::GeluTanh: return {"act_gelu_tanh"};
  case UnaryKind::Shrink: return {"act_shrink", "lambd", "bias"};
  case UnaryKind::Affine: return {"act_affine", "alpha", "beta"};
  case UnaryKind::ScaledTanh: return {"act_scaled_tanh", "alpha", "beta"};
  }
  llvm_unreachable("covered");
}

KernelCall &KernelCall::function(StringRef name, ActAttr act) {
  Functor functor = act ? functorOf(act.getKind()) : Functor{"act_none"};
  if (!functor.alpha)
    return alias(name, functor.name);
  std::string text = "struct " + name.str() + " : disco::" + functor.name +
                     " { static constexpr double " + functor.alpha + " = " +
                     realText(act.getAlphaValue());
  if (functor.beta)
    text += std::string(", ") + functor.beta + " = " + realText(act.getBetaValue());
  members.push_back(text + "; };");
  library = library || !llvm::is_contained(plainFunctors, StringRef(functor.name));
  return *this;
}

KernelAttr disco::chosenKernel(Operation *op) { return op->getAttrOfType<KernelAttr>(kKernelAttr); }
