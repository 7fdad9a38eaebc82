//===- VerifyInputs.cpp - seeded random inputs of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/VerifyInputs.h"
#include "compiler/formats/Half.h"
#include "compiler/formats/Picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace discoc {

namespace {
/// The library's distributions differ between libraries; the engine does not.
class Random {
public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t n) { return engine_() % n; }
  /// 0 <= x < 1, exact in float32.
  double unit() { return static_cast<double>(engine_() >> 40) * 0x1p-24; }

private:
  std::mt19937_64 engine_;
};

template <class T> void append(std::vector<uint8_t> &to, T value) {
  uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  to.insert(to.end(), bytes, bytes + sizeof(T));
}

void appendElement(std::vector<uint8_t> &to, ElementType type, Random &random) {
  switch (type) {
  case ElementType::F32: append(to, static_cast<float>(random.unit())); break;
  case ElementType::F64: append(to, random.unit()); break;
  case ElementType::F16:
    append(to, doubleToHalf(static_cast<double>(random.below(2048)) / 2048));
    break;
  case ElementType::Bool: append(to, static_cast<uint8_t>(random.below(2))); break;
  case ElementType::U8:
  case ElementType::I8: append(to, static_cast<uint8_t>(random.below(256))); break;
  case ElementType::U16:
  case ElementType::I16: append(to, static_cast<uint16_t>(random.below(8))); break;
  case ElementType::U32:
  case ElementType::I32: append(to, static_cast<uint32_t>(random.below(8))); break;
  case ElementType::U64:
  case ElementType::I64: append(to, random.below(8)); break;
  default: break; // no tensor of a program has other elements
  }
}

/// Smooth colours from a coarse grid with a little noise: more like a picture than noise alone,
/// which a network's first layers average away.
Picture randomPicture(const PreprocessInput &how, Random &random) {
  constexpr int64_t cells = 6;
  Picture picture;
  picture.height = how.height;
  picture.width = how.width;
  picture.colors = how.colors();
  std::vector<double> grid(static_cast<size_t>((cells + 1) * (cells + 1) * picture.colors));
  for (double &corner : grid)
    corner = static_cast<double>(random.below(256));
  auto corner = [&](int64_t y, int64_t x, int64_t c) {
    return grid[static_cast<size_t>((y * (cells + 1) + x) * picture.colors + c)];
  };
  for (int64_t y = 0; y < picture.height; ++y)
    for (int64_t x = 0; x < picture.width; ++x)
      for (int64_t c = 0; c < picture.colors; ++c) {
        const double gy = static_cast<double>(y * cells) / static_cast<double>(picture.height);
        const double gx = static_cast<double>(x * cells) / static_cast<double>(picture.width);
        const int64_t iy = static_cast<int64_t>(gy), ix = static_cast<int64_t>(gx);
        const double fy = gy - static_cast<double>(iy), fx = gx - static_cast<double>(ix);
        const double smooth =
            (corner(iy, ix, c) * (1 - fx) + corner(iy, ix + 1, c) * fx) * (1 - fy) +
            (corner(iy + 1, ix, c) * (1 - fx) + corner(iy + 1, ix + 1, c) * fx) * fy;
        const double value = std::floor(smooth + static_cast<double>(random.below(33)) - 16);
        picture.values.push_back(static_cast<float>(std::min(255.0, std::max(0.0, value))));
      }
  return picture;
}

Array randomInput(const ManifestTensor &input, const PreprocessInput *how, int64_t samples,
                  Random &random) {
  Array all;
  all.type = elementInfo(input.type)->type;
  all.shape = input.shape;
  const int64_t count = all.count();
  for (int64_t s = 0; s < samples; ++s) {
    if (how) {
      const Array one = toTensor(randomPicture(*how, random), *how, all.type);
      if (one.count() == count && one.type == all.type) {
        all.data.insert(all.data.end(), one.data.begin(), one.data.end());
        continue;
      }
    }
    for (int64_t i = 0; i < count; ++i)
      appendElement(all.data, all.type, random);
  }
  if (samples != 1 && all.shape.empty())
    all.shape = {samples};
  else if (samples != 1)
    all.shape[0] *= samples;
  return all;
}
} // namespace

std::vector<Array> randomInputs(const Manifest &manifest, int64_t samples, uint64_t seed,
                                bool forPrograms) {
  Random random(seed);
  std::vector<Array> inputs;
  for (const ManifestTensor &input : manifest.inputs) {
    const PreprocessInput *how = nullptr;
    if (manifest.preprocess)
      if (auto it = manifest.preprocess->inputs.find(input.name);
          it != manifest.preprocess->inputs.end())
        how = &it->second;
    if (input.modelType.empty() || !how) {
      inputs.push_back(randomInput(input, how, samples, random));
    } else if (forPrograms) {
      const PreprocessInput pixels = pixelsOf(*how);
      inputs.push_back(randomInput(input, &pixels, samples, random));
    } else {
      ManifestTensor stated = input;
      stated.type = input.modelType;
      inputs.push_back(randomInput(stated, how, samples, random));
    }
  }
  return inputs;
}

/// Bits are an integer of the float's size; zeros only move away from zero.
template <class Bits> static void moveByUlp(Array &array) {
  for (size_t i = 0; i < array.data.size() / sizeof(Bits); ++i) {
    uint8_t *at = array.data.data() + i * sizeof(Bits);
    Bits bits;
    std::memcpy(&bits, at, sizeof(Bits));
    const bool isZero = static_cast<Bits>(bits << 1) == 0;
    bits += i % 2 == 0 || isZero ? 1 : -1;
    std::memcpy(at, &bits, sizeof(Bits));
  }
}

std::vector<Array> movedByUlp(std::vector<Array> inputs) {
  for (Array &input : inputs) {
    if (input.type == ElementType::F32)
      moveByUlp<uint32_t>(input);
    else if (input.type == ElementType::F64)
      moveByUlp<uint64_t>(input);
  }
  return inputs;
}

} // namespace discoc
