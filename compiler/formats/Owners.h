//===- Owners.h - stated owner maps ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/owners.md is the specification, also of the default owner map.
#ifndef DISCOC_FORMATS_OWNERS_H
#define DISCOC_FORMATS_OWNERS_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/IndexSet.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// Which node owns which channels of one tensor.
struct OwnerMap {
  int64_t axis = 0;
  std::vector<IndexSet> owners; ///< one set a node, in rank order, disjoint; may be empty
};

/// The default maps have the numbers 1 to this one; files that state none mean the first.
constexpr int64_t latestOwnerMap = 2;

struct Owners {
  static constexpr int64_t version = 1;
  int64_t nodes = 0;
  int64_t ownerMap = 1; ///< the default map that tensors follow which are not named
  std::map<std::string, OwnerMap> tensors; ///< by ONNX tensor name
};

/// Sorted by tensor name.
std::string toJson(const Owners &owners);

/// As parseMasks(). Checks all that needs only the file: N sets, rising, disjoint.
std::optional<Owners> parseOwners(const std::string &text, const std::string &file,
                                  std::optional<int64_t> nodes, Diagnostics &diagnostics);
std::optional<Owners> readOwners(const std::string &path, std::optional<int64_t> nodes,
                                 Diagnostics &diagnostics);

/// Why the sets are no partition of 0 .. axisSize-1, and what to do; empty: they are one.
struct PartitionFault {
  std::string what, hint;
};
PartitionFault partitionFault(const OwnerMap &map, int64_t axisSize);

/// Whether the sets are a partition of 0 .. axisSize-1; else says which channels
/// are missing, too large or owned twice.
bool checkPartition(const OwnerMap &map, int64_t axisSize, const std::string &tensor,
                    const std::string &file, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_OWNERS_H
