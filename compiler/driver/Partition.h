//===- Partition.h - discoc partition ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_PARTITION_H
#define DISCOC_DRIVER_PARTITION_H

#include "compiler/driver/Search.h"

namespace disco {

/// Of links that state nothing: 100 Mbit/s Ethernet, of whose rate TCP's payload is 94 %, and a
/// switch between two hosts.
inline constexpr double kAssumedBandwidth = 11.75e6, kAssumedLatency = 100e-6;

/// What was searched, and what was found, for people and for programs.
struct Partition {
  SearchOptions options;
  SearchResult result;
  bool assumesLinks = false; ///< some link states nothing, and nobody said how fast it is
  std::string explain;       ///< an op of the model; may be empty
};

/// A table, which candidate is best, and why.
std::string partitionText(const Partition &partition);
/// Of that the lines that say what was chosen, and why.
std::string chosenText(const Partition &partition);
/// Side by side what else could be done with the same nodes and links, with ratios.
std::string comparisonText(const Partition &partition);
/// How one op is divided by every candidate; empty: no candidate has it.
std::string explanationText(const Partition &partition);
/// The same as one line of JSON: docs/formats/partition.md.
std::string partitionJson(const Partition &partition);

/// Why nothing was chosen, and what would do.
std::string whyNothing(const Partition &partition);

} // namespace disco

#endif // DISCOC_DRIVER_PARTITION_H
