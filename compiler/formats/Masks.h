//===- Masks.h - stated communication masks ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/masks.md is the specification.
#ifndef DISCOC_FORMATS_MASKS_H
#define DISCOC_FORMATS_MASKS_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/IndexSet.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// Which channels of `from` the node `to` reads for one contraction.
struct MaskEntry {
  std::string op; ///< ONNX op name, or the name of its first output
  int64_t from = 0;
  int64_t to = 0;
  IndexSet channels; ///< global, along the contraction's own input axis
};

struct Masks {
  static constexpr int64_t version = 1;
  enum class Apply {
    Check, ///< a nonzero weight that a mask forbids is an error
    Zero,  ///< such a weight is set to zero
  };
  /// What a pair without an entry reads, of an op that has one.
  enum class Unlisted {
    Keep,  ///< what its weights say
    Empty, ///< nothing, as if its entry were empty
  };
  int64_t nodes = 0;
  int64_t ownerMap = 0; ///< the default map for which they were made; 0: not stated
  Apply apply = Apply::Check;
  Unlisted unlisted = Unlisted::Keep;
  std::vector<MaskEntry> entries; ///< in the file's order; written by op, from, to
};

/// Sorted by op, from, to.
std::string toJson(const Masks &masks);

/// `nodes` is the N of the compilation; nullopt reads a file of any N. `file` is
/// only used in diagnostics, and may name a metadata property.
std::optional<Masks> parseMasks(const std::string &text, const std::string &file,
                                std::optional<int64_t> nodes, Diagnostics &diagnostics);
std::optional<Masks> readMasks(const std::string &path, std::optional<int64_t> nodes,
                               Diagnostics &diagnostics);

/// One entry against what the compiler knows: the channels that `from` owns along
/// the input axis, and the axis' size. `index` is the entry's place in the file.
bool checkMaskEntry(const MaskEntry &entry, size_t index, const IndexSet &owned, int64_t axisSize,
                    const std::string &file, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_MASKS_H
