//===- PackedWinograd.cpp - transformed weights ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// G g G^T of every 3x3 kernel g, for the tiles of conv_winograd.h: in double, in one order, without
// contraction to FMA (CMakeLists.txt), and rounded once, so that every build stores the same bytes.
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/PackedConstant.h"
#include "runtime_stub/kernels/tiles.h"
#include <array>
#include <vector>

using namespace mlir;
using namespace disco;

LogicalResult WinogradAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tile) {
  if (tile == 2 || tile == 4)
    return success();
  return emitError() << "Winograd's tiles are 2 x 2 or 4 x 4 outputs, not " << tile << " x "
                     << tile;
}

LogicalResult disco::verifyWinograd(RankedTensorType type,
                                    function_ref<InFlightDiagnostic()> emitError) {
  if (type.getElementType().isF32() && type.getRank() == 4 && type.getDimSize(2) == 3 &&
      type.getDimSize(3) == 3)
    return success();
  return emitError() << "weights for Winograd's tiles are f32 kernels of 3 x 3, not " << type;
}

static int64_t placesOf(WinogradAttr packing) {
  return (packing.getTile() + 2) * (packing.getTile() + 2);
}

int64_t disco::winogradBytes(WinogradAttr packing, RankedTensorType type) {
  return 4 * placesOf(packing) * whole_steps(type.getDimSize(0), winograd_block) *
         type.getDimSize(1);
}

namespace {
using Row = std::array<double, 3>;

/// G of F(2x2, 3x3): the points 0, 1, -1 and infinity.
constexpr Row kTwo[] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

/// G of F(4x4, 3x3): 0, +-sqrt(1/2), +-sqrt(2) and infinity.
constexpr double kThird = 1.0 / 3, kSixth = 1.0 / 6;
constexpr double kNear = 0.47140452079103168293; // sqrt(2) / 3
constexpr double kFar = 0.23570226039551584147;  // sqrt(2) / 6
constexpr Row kFour[] = {{1, 0, 0},
                         {-2 * kThird, -kNear, -kThird},
                         {-2 * kThird, kNear, -kThird},
                         {kSixth, kFar, kThird},
                         {kSixth, -kFar, kThird},
                         {0, 0, 1}};

class Transform {
public:
  explicit Transform(WinogradAttr packing)
      : g(packing.getTile() == 2 ? ArrayRef<Row>(kTwo) : ArrayRef<Row>(kFour)) {}

  /// Every place of one kernel, `step` floats apart.
  void write(ArrayRef<double> kernel, float *to, int64_t step) const {
    for (const Row &row : g) {
      double half[3];
      for (size_t j = 0; j < 3; ++j)
        half[j] = row[0] * kernel[j] + row[1] * kernel[3 + j] + row[2] * kernel[6 + j];
      for (const Row &column : g) {
        *to = static_cast<float>(half[0] * column[0] + half[1] * column[1] + half[2] * column[2]);
        to += step;
      }
    }
  }

private:
  ArrayRef<Row> g;
};
} // namespace

void disco::forEachWinogradPiece(ConstantOp op, WinogradAttr packing,
                                 function_ref<void(ArrayRef<char>)> callback) {
  ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
  const ConstantView view(op.getValue(), shape);
  SmallVector<IndexSet> sets = storedIndices(op);
  const SmallVector<int64_t> rows = sets[0].toVector(), columns = sets[1].toVector();
  const Transform transform(packing);
  const auto count = static_cast<int64_t>(rows.size()), ci = static_cast<int64_t>(columns.size()),
             step = ci * winograd_block;
  std::vector<float> block(placesOf(packing) * step);
  for (int64_t first = 0; first < count; first += winograd_block) {
    std::fill(block.begin(), block.end(), 0.0F);
    for (int64_t lane = 0; lane < std::min<int64_t>(winograd_block, count - first); ++lane)
      for (int64_t i = 0; i < ci; ++i) {
        double kernel[9];
        for (int64_t tap = 0; tap < 9; ++tap)
          kernel[tap] = view.real((rows[first + lane] * shape[1] + columns[i]) * 9 + tap);
        transform.write(kernel, block.data() + i * winograd_block + lane, step);
      }
    callback({reinterpret_cast<const char *>(block.data()), block.size() * sizeof(float)});
  }
}
