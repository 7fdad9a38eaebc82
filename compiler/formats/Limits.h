//===- Limits.h - bounds that every file keeps ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_LIMITS_H
#define DISCOC_FORMATS_LIMITS_H

#include <cstdint>

namespace discoc {

constexpr int64_t maxNodes = 65535;           ///< ranks are 16 bits wide in frames
constexpr int64_t maxClusterNodes = 1024;     ///< of -n and of a cluster file
constexpr int64_t maxIndex = (1LL << 31) - 1; ///< of a channel
constexpr int64_t maxFileBytes = 256LL << 20; ///< of a manifest or a report
/// Of a masks, owners, preprocess file, and of the same texts in a model's metadata.
constexpr int64_t maxStatedBytes = 128LL << 20;
constexpr int64_t maxTomlBytes = 4LL << 20; ///< of a cluster, a board, its bounds
constexpr int maxDepth = 64;                ///< of lists and objects in each other
constexpr int maxKeyParts = 16;             ///< of a.b.c in TOML

} // namespace discoc

#endif // DISCOC_FORMATS_LIMITS_H
