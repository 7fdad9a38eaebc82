//===- ScheduleRates.h - what the times of a schedule hang on -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_SCHEDULERATES_H
#define DISCOC_FORMATS_SCHEDULERATES_H

#include <algorithm>
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
  double speed = 1;                     ///< of a host: how many times as fast as its profile says

  bool operator==(const NodeRates &o) const {
    return bare == o.bare && clock == o.clock && cycles == o.cycles && speed == o.speed;
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
  double bandwidth = 0;      ///< bytes a second; 0: unknown
  double latency = 0;        ///< seconds
  /// Of packets: bytes of a segment, bytes around each, and those of the shortest. 0: not counted.
  int64_t segment = 0, around = 0, least = 0;
  int64_t header = 0; ///< bytes of a frame before its payload

  /// What is sent of a message of so many bytes of payload.
  int64_t wireBytes(int64_t payload) const {
    if (segment == 0)
      return payload;
    const int64_t stream = payload + header, rest = stream % segment;
    return stream / segment * std::max(segment + around, least) +
           (rest ? std::max(rest + around, least) : 0);
  }
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
