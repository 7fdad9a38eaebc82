//===- EventEngine.h - runs a schedule, event by event ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// One engine for the proof that a schedule ends and for the times in reports. Its model:
//  - a node does one step at a time, those of one inference in the order of its program;
//  - links store nothing: a message moves once its send has begun and its buffer is posted. A node
//    that waits, also for a send, keeps receiving;
//  - every direction of a link's end moves one message at a time. A message moves once all of its
//    way is free, of those for which it is the first that was ready;
//  - inferences follow each other without a pause. Of several in flight a node goes on with the
//    oldest that can; they end in the order in which they began. One that begins opens its first
//    buffers at once.
// With no times at all the order alone is left, which is what the proof needs: whether everything
// ends does not depend on how long anything takes.
#ifndef DISCOC_PASSES_EVENTENGINE_H
#define DISCOC_PASSES_EVENTENGINE_H

#include "passes/ClusterSchedule.h"
#include <functional>

namespace disco {

/// Nanoseconds. What would not fit stays at the largest.
using Nanoseconds = uint64_t;
Nanoseconds saturatingSum(Nanoseconds a, Nanoseconds b);

/// One link of a message's way.
struct Hop {
  size_t out, in;   ///< the directions that it takes, of the sending and of the receiving end
  Nanoseconds busy; ///< for so long
};

/// What a message takes. It takes all links of its way at once, at the pace of the slowest.
struct Passage {
  llvm::SmallVector<Hop, 1> hops;
  Nanoseconds latency = 0; ///< from its last byte's leaving to its arriving

  Nanoseconds busy() const;
};

/// How long things take. Without a function they take no time.
struct Timing {
  std::function<Nanoseconds(int64_t rank, const Step &step)> compute;
  std::function<Passage(ScheduledMessage &message)> passage;
  size_t directions = 0; ///< hops name those below
  /// Whether messages move while their ends compute (interrupts, kernel buffers), or only while
  /// both of them wait.
  bool overlap = true;
  /// What a message takes of a node's processor: packing and handing over before it moves, checking
  /// and unpacking once it is there.
  std::function<Nanoseconds(int64_t rank, const Step &step)> handling = {};
  /// What waking takes a node that waited for longer than `spin`: until then it looks all the time.
  Nanoseconds wake = 0, spin = 0;
};

struct Event {
  enum class Kind : uint8_t { Compute, Transfer, Wait } kind = Kind::Compute;
  int64_t inference = 0;
  int64_t rank = 0;           ///< of a transfer: the sender's
  int32_t message = -1;       ///< index; of a transfer or a wait
  const Step *step = nullptr; ///< that computes or waits
  Nanoseconds start = 0, end = 0;
};

/// A node that waits for ever.
struct Stuck {
  int64_t rank;
  const Step *step;
};

struct EngineResult {
  std::vector<Event> events;          ///< in an order in which they can happen
  std::vector<Nanoseconds> finished;  ///< by inference: the end of its last step
  std::vector<Nanoseconds> computing; ///< by rank, of the first inference
  std::vector<Nanoseconds> handling;  ///< of messages, likewise; without waking up
  std::vector<Nanoseconds> moving;    ///< by direction, likewise
  std::vector<Stuck> stuck;           ///< by rank; empty: everything ended
};

/// Runs so many inferences back to back; `recorded`: of how many of them, the first, the events are
/// kept.
EngineResult runSchedule(ClusterSchedule &schedule, const Timing &timing, int64_t inferences,
                         int64_t recorded);

/// The longest chain of steps and messages that need each other, in one inference: no order of the
/// same steps takes less.
Nanoseconds longestChain(ClusterSchedule &schedule, const Timing &timing);

} // namespace disco

#endif // DISCOC_PASSES_EVENTENGINE_H
