//===- BoardPlan.h - buffers of a program on a bare board -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_BOARDPLAN_H
#define DISCOC_CODEGEN_BOARDPLAN_H

#include "compiler/formats/Board.h"
#include "compiler/formats/Cluster.h"
#include <string>
#include <vector>

namespace disco {

/// Numbers that all nodes whose packets meet have to share.
struct PacketPlan {
  int64_t payload = 0; ///< bytes of a segment
  int64_t window = 0;  ///< segments under way to a peer
  int64_t retryUs = 0; ///< first retransmission time-out
  int64_t floor = 0;   ///< of progress, bytes a second
  /// The most that is asked for in a deadline: a peer that computes moves a window at each of its
  /// calls.
  int64_t floorMost() const { return 2 * window * payload; }
};
PacketPlan planPackets(const discoc::Cluster &cluster);

/// How many packets of other nodes may wait at a node: 0 unless some pass there.
int64_t forwardSlots(const discoc::Cluster &cluster, int64_t rank);

/// A member of the struct of buffers in the emitted main.cpp.
struct BoardBuffer {
  std::string name; ///< "input0", "uart1_rx", ...
  int64_t bytes = 0;
};

/// What a program needs beside arena, weights and code: inputs, outputs and links.
struct BoardPlan {
  PacketPlan packets;
  int64_t peers = 0;        ///< nodes that packets reach from here
  int64_t forwardSlots = 0; ///< packets of other nodes that wait here
  std::vector<BoardBuffer> buffers;
  int64_t bytes() const; ///< of the struct, with its alignment
};

/// Buffers lie at multiples of this.
inline constexpr int64_t kBoardBufferAlignment = 8;

/// `inputs` and `outputs` are the bytes of those that this node is given and returns; `messages` is
/// how many it sends and receives in an inference; `desk`: a UART leads to the desk;
/// `noteBytes`: of the ring of a traced program.
BoardPlan planBoard(const discoc::Cluster &cluster, int64_t rank,
                    const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                    int64_t messages, bool desk = false, int64_t noteBytes = 0);

} // namespace disco

#endif // DISCOC_CODEGEN_BOARDPLAN_H
