//===- Patches.cpp - what a layer's rows see at a position ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Layer.h"

#include <algorithm>
#include <numeric>

namespace discoc::mask {

static int64_t product(const std::vector<int64_t> &values, size_t from = 0) {
  return std::accumulate(values.begin() + static_cast<ptrdiff_t>(std::min(from, values.size())),
                         values.end(), int64_t(1), std::multiplies<>());
}

int64_t Layer::positions() const { return rows == 0 ? 0 : product(outputShape) / rows; }

/// What `auto_pad` puts before the input along one axis.
static int64_t padBefore(const Layer &layer, size_t axis) {
  if (!layer.automatic)
    return layer.pads[axis];
  const int64_t reach = (layer.kernel[axis] - 1) * layer.dilations[axis] + 1;
  const int64_t all = std::max<int64_t>(0, (layer.outputShape[axis + 2] - 1) * layer.strides[axis] +
                                               reach - layer.inputShape[axis + 2]);
  return layer.automaticUpper ? all / 2 : all - all / 2;
}

/// Where along one axis the output at `place` sees through tap `tap`; -1: beside the input.
static int64_t sourceAlong(const Layer &layer, size_t axis, int64_t place, int64_t tap) {
  const int64_t reach = tap * layer.dilations[axis], pad = padBefore(layer, axis);
  int64_t source = place * layer.strides[axis] + reach - pad;
  if (layer.kind == Layer::Kind::Transposed) {
    const int64_t from = place + pad - reach;
    source = from % layer.strides[axis] == 0 ? from / layer.strides[axis] : -1;
  }
  return source >= 0 && source < layer.inputShape[axis + 2] ? source : -1;
}

/// The place within a channel that every tap sees from an output place within a channel.
static std::vector<int64_t> sourcesOf(const Layer &layer, int64_t place) {
  std::vector<int64_t> sources(static_cast<size_t>(layer.taps), 0);
  int64_t rest = place, tapStride = 1, inputStride = 1;
  for (size_t axis = layer.kernel.size(); axis-- > 0;) {
    const int64_t along = rest % layer.outputShape[axis + 2];
    rest /= layer.outputShape[axis + 2];
    for (int64_t tap = 0; tap < layer.taps; ++tap) {
      int64_t &source = sources[static_cast<size_t>(tap)];
      const int64_t at = sourceAlong(layer, axis, along, tap / tapStride % layer.kernel[axis]);
      source = source < 0 || at < 0 ? -1 : source + at * inputStride;
    }
    tapStride *= layer.kernel[axis];
    inputStride *= layer.inputShape[axis + 2];
  }
  return sources;
}

static void gatherConvolution(const Layer &layer, int64_t group, const float *input,
                              int64_t position, float *patch) {
  const int64_t inside = product(layer.outputShape, 2), channel = product(layer.inputShape, 2);
  const int64_t batch = position / inside;
  const std::vector<int64_t> sources = sourcesOf(layer, position % inside);
  const float *from = input + (batch * layer.columns + group * layer.columnsInGroup()) * channel;
  for (int64_t column = 0; column < layer.columnsInGroup(); ++column, from += channel)
    for (int64_t source : sources)
      *patch++ = source < 0 ? 0 : from[source];
}

void gatherPatches(const Layer &layer, int64_t group, const float *input,
                   const std::vector<int64_t> &positions, Eigen::Ref<Samples> patches) {
  for (size_t i = 0; i < positions.size(); ++i) {
    float *patch = patches.col(static_cast<Eigen::Index>(i)).data();
    if (layer.kind == Layer::Kind::Matrix)
      std::copy_n(input + positions[i] * layer.columns, layer.columns, patch);
    else
      gatherConvolution(layer, group, input, positions[i], patch);
    patch[layer.width()] = 1;
  }
}

void gatherOutputs(const Layer &layer, const float *output, const std::vector<int64_t> &positions,
                   Eigen::Ref<Samples> outputs) {
  const bool last = layer.kind == Layer::Kind::Matrix;
  const int64_t inside = last ? 1 : product(layer.outputShape, 2);
  for (size_t i = 0; i < positions.size(); ++i) {
    const float *from =
        output + positions[i] / inside * layer.rows * inside + positions[i] % inside;
    for (int64_t row = 0; row < layer.rows; ++row)
      outputs(row, static_cast<Eigen::Index>(i)) = from[row * inside];
  }
}

} // namespace discoc::mask
