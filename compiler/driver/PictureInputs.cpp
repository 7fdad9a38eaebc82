//===- PictureInputs.cpp - inputs that are taken as pixels ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/PictureInputs.h"
#include "codegen/Codegen.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/formats/Picture.h"

using namespace mlir;
using namespace disco;

namespace {
/// One input and what is stated of it.
class PictureInput {
public:
  PictureInput(InputOp input, const discoc::PreprocessInput &how)
      : input(input), how(how), type(tensorType(input.getResult())) {}

  LogicalResult take() {
    const discoc::ElementInfo &element = elementInfo(type.getElementType());
    if (!isa<FloatType>(type.getElementType()))
      return fail("is not of floats: its pixels are what crosses already");
    if (!how.type.empty() && how.type != element.name)
      return fail(Twine("is ") + element.name + ", and its preprocessing makes " + how.type);
    if (!fits())
      return fail("has another shape than its preprocessing makes");
    const discoc::Array table = discoc::pixelTable(how, element.type);
    Value pixels = input.getResult();
    input->setAttr(kModelTypeAttr, TypeAttr::get(type.getElementType()));
    OpBuilder builder(input->getContext());
    builder.setInsertionPointAfter(input);
    pixels.setType(type.clone(builder.getIntegerType(8, /*isSigned=*/false)));
    auto lookup = builder.create<LookupOp>(
        input.getLoc(), type, pixels, constantOf(builder, table, element.bytes()),
        areAlike(table) ? IntegerAttr() : builder.getI64IntegerAttr(colorAxis()));
    pixels.replaceAllUsesExcept(lookup, lookup);
    return success();
  }

private:
  bool isPlanes() const { return how.layout == discoc::PreprocessInput::Layout::NCHW; }
  int64_t colorAxis() const { return type.getRank() - (isPlanes() ? 3 : 1); }

  bool fits() const {
    const std::array<int64_t, 3> wanted = isPlanes()
                                              ? std::array{how.colors(), how.height, how.width}
                                              : std::array{how.height, how.width, how.colors()};
    return type.getRank() >= 3 && type.getShape().take_back(3) == ArrayRef<int64_t>(wanted);
  }

  /// Whether the formula is the same for all colours.
  static bool areAlike(const discoc::Array &table) {
    const size_t row = table.data.size() / static_cast<size_t>(table.shape[0]);
    return std::equal(table.data.begin() + static_cast<ptrdiff_t>(row), table.data.end(),
                      table.data.begin());
  }

  Value constantOf(OpBuilder &builder, const discoc::Array &table, int64_t bytesEach) {
    SmallVector<int64_t> shape(table.shape.begin(), table.shape.end());
    if (areAlike(table))
      shape.erase(shape.begin());
    auto made = RankedTensorType::get(shape, type.getElementType());
    ConstantBuilder values(made);
    for (int64_t i = 0; i < made.getNumElements(); ++i)
      values.setBytes(i, reinterpret_cast<const char *>(table.data.data()) + i * bytesEach);
    return builder.create<ConstantOp>(input.getLoc(), made, values.finish(), ArrayAttr());
  }

  InFlightDiagnostic fail(const Twine &what) {
    return input->emitError("--picture-bytes: input '")
           << input.getName() << "' " << what
           << "; correct discoc.preprocess, or leave the option out";
  }

  InputOp input;
  const discoc::PreprocessInput &how;
  RankedTensorType type;
};
} // namespace

LogicalResult disco::takePictures(ModuleOp module) {
  FailureOr<EmitOptions> notes = readEmitOptions(module);
  if (failed(notes))
    return failure();
  bool any = false;
  for (InputOp input : llvm::to_vector(mainOf(module).getOps<InputOp>())) {
    if (!notes->preprocess)
      break;
    auto how = notes->preprocess->inputs.find(input.getName().str());
    if (how == notes->preprocess->inputs.end())
      continue;
    any = true;
    if (failed(PictureInput(input, how->second).take()))
      return failure();
  }
  if (any)
    return success();
  return module.emitError("--picture-bytes: the model's metadata states of no input how pictures "
                          "become it; add discoc.preprocess (docs/formats/preprocess.md), or leave "
                          "the option out");
}
