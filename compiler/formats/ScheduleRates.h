//===- ScheduleRates.h - what the times of a schedule hang on -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_SCHEDULERATES_H
#define DISCOC_FORMATS_SCHEDULERATES_H

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace discoc {

/// What is stated of a node's speed. What is not known is 0, or absent.
struct NodeRates {
  bool bare = false;                    ///< nothing but our program runs there
  double clock = 0;                     ///< Hz
  std::map<std::string, double> cycles; ///< of one multiply-accumulate, by op or by element

  bool operator==(const NodeRates &o) const {
    return bare == o.bare && clock == o.clock && cycles == o.cycles;
  }
};

/// What is stated of a link.
struct LinkRates {
  enum class Duplex {
    Full, ///< both directions of an end at once
    Half, ///< one of the two
    Bus   ///< one message of all its ends
  } duplex = Duplex::Full;
  bool packets = true;       ///< else a stream over the one port that a host has for all of them
  std::vector<int64_t> ends; ///< ranks
  double bandwidth = 0;      ///< payload bytes a second; 0: unknown
  double latency = 0;        ///< seconds
};

/// One link of a message's way.
struct WayHop {
  int32_t link;
  int32_t from, to; ///< ranks
};

struct ScheduleRates {
  std::vector<NodeRates> nodes;
  std::vector<LinkRates> links;
  /// By source and destination; none: nothing is known of their link.
  std::map<std::pair<int32_t, int32_t>, std::vector<WayHop>> ways;
};

} // namespace discoc

#endif // DISCOC_FORMATS_SCHEDULERATES_H
