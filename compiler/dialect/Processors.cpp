//===- Processors.cpp - what kernels may expect of a node -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Processors.h"
#include "compiler/formats/Target.h"

using namespace mlir;
using namespace disco;

// As vec.h and gemm_int.h find by the preprocessor; a kernel that was promised less scratch memory
// than it takes does not compile.
static constexpr processor kScalars{0, 4, 4, 0, false, cell_form::words},
    kScalarPairs{0, 4, 4, 0, false, cell_form::pairs}, kMve{0, 4, 4, 0, true, cell_form::bytes},
    kSse2{16, 4, 3, 16, false, cell_form::pairs}, kAvx{32, 4, 3, 16, false, cell_form::pairs},
    kAvx2{32, 4, 3, 32, false, cell_form::pairs}, kAvx512{64, 8, 3, 64, false, cell_form::pairs},
    kAarch64{16, 8, 3, 16, false, cell_form::halves};

static constexpr processor withQuads(processor base) {
  base.quads = true;
  return base;
}

static processor ofLevel(const discoc::Level &level) {
  const bool quads =
      StringRef(level.name).contains("vnni") || StringRef(level.name).contains("dotprod");
  const processor base = level.arch == "aarch64"   ? kAarch64
                         : level.vectorBytes == 64 ? kAvx512
                         : level.vectorBytes == 32 ? kAvx2
                                                   : kSse2;
  return quads ? withQuads(base) : base;
}

/// Of a board without levels, by its instruction set.
static SmallVector<processor> ofArch(StringRef arch) {
  if (arch == "aarch64" || arch == "armv8-a")
    return {kAarch64, withQuads(kAarch64)};
  if (arch.starts_with("armv8.1-m"))
    return {kScalarPairs, kMve};
  if (arch == "armv7e-m" || arch == "armv8-m.main" || arch == "armv7-a" || arch == "armv7ve")
    return {kScalarPairs};
  if (arch == "armv6-m" || arch == "armv7-m" || arch.starts_with("rv"))
    return {kScalars};
  return {kMve, kScalarPairs, kScalars};
}

SmallVector<processor> disco::processorsOf(NodeAttr node) {
  SmallVector<processor> all;
  if (node)
    for (auto name : node.getTarget().getLevels().getAsRange<StringAttr>())
      all.push_back(ofLevel(*discoc::findLevel(name.str())));
  if (!all.empty())
    return all;
  if (node && node.getBoard())
    return ofArch(node.getTarget().getArch().getValue());
  return {kScalars, kScalarPairs,     kAarch64, withQuads(kAarch64), kSse2, kAvx,
          kAvx2,    withQuads(kAvx2), kAvx512,  withQuads(kAvx512)};
}

int64_t disco::mostScratch(ArrayRef<processor> processors,
                           function_ref<int64_t(const processor &)> bytes) {
  int64_t most = 1;
  for (const processor &one : processors)
    most = std::max(most, bytes(one));
  return most;
}
