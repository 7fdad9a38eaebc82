//===- Clocks.h - the clocks of all nodes as one ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Nothing is sent to compare clocks: what was sent anyway bounds them. A message is received after
// it was sent, so each bounds the difference of two clocks from one side; messages in both
// directions, also by way of other nodes, leave an interval.
#ifndef DISCOC_TRACE_CLOCKS_H
#define DISCOC_TRACE_CLOCKS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace discoc {

/// A message, each end by its own node's clock, in nanoseconds.
struct Crossing {
  size_t from = 0, to = 0;
  int64_t sent = 0;     ///< it had not left before
  int64_t received = 0; ///< it was there by then
};

/// The clock of one node: in pieces of at most ten seconds, each with an offset and a drift.
class AlignedClock {
public:
  struct Piece {
    int64_t begin = 0;   ///< by the node's own clock
    double offset = 0;   ///< nanoseconds to be added at `begin`
    double drift = 0;    ///< and so many more for each that passes
    double around = 0;   ///< the offset may be so much larger or smaller
    bool isOpen = false; ///< messages bound the offset from one side, or not at all
  };
  std::vector<Piece> pieces; ///< as they begin; at least one

  /// The common time of a local one, in nanoseconds.
  int64_t common(int64_t local) const;
  bool isOpen() const;
  int64_t around() const; ///< the largest of its pieces, nanoseconds
};

/// The clocks of all nodes. The common time is that of node 0's clock. `ids`: by node; clocks of
/// one id, other than 0, are one clock. By the result no message is received before it was sent,
/// unless the clocks are off by more than half a thousandth.
std::vector<AlignedClock> alignClocks(const std::vector<uint64_t> &ids,
                                      const std::vector<Crossing> &crossings);

} // namespace discoc

#endif // DISCOC_TRACE_CLOCKS_H
