//===- Events.h - what happens when, in one or more inferences ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/events.md is the specification. What a schedule is computed to do and what a trace
// measured have the same form.
#ifndef DISCOC_FORMATS_EVENTS_H
#define DISCOC_FORMATS_EVENTS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct ScheduleEvent {
  enum class Kind {
    Compute,  ///< a node runs an op
    Transfer, ///< a message is on its way
    Wait      ///< a node can do nothing before a message has come or left
  } kind = Kind::Compute;
  int64_t node = 0; ///< rank; of a transfer the sender's
  int64_t inference = 0;
  int64_t step = -1;    ///< of what computes and of a wait: its number in the node's program
  std::string op;       ///< what computes: its ONNX name, else what it is in the IR; of a transfer
                        ///< what made the first that it carries, empty where that is not noted
  int64_t message = -1; ///< of a transfer and a wait: its id in the manifest
  int64_t to = -1;      ///< of a transfer: the receiver's rank
  int64_t bytes = 0;    ///< of a transfer: payload
  std::optional<int64_t> startNs, endNs; ///< nanoseconds; absent where no time is known
};

/// What one inference takes of a node, as scheduled.
struct NodeLoad {
  int64_t busyNs = 0; ///< its processor: steps, and what messages take of it
  int64_t linkNs = 0; ///< the busiest direction of its links
};

/// Nodes of a pipeline that have a stretch of layers, and what one inference takes of the busiest.
struct StageLoad {
  std::vector<int64_t> nodes; ///< ranks
  std::string from;           ///< the op with which it begins; empty: it has no name
  int64_t busyNs = 0, linkNs = 0;

  int64_t slowest() const { return busyNs > linkNs ? busyNs : linkNs; }
};

struct Events {
  static constexpr int64_t version = 1;
  enum class Source { Computed, Measured } source = Source::Computed;
  int64_t inFlight = 1; ///< inferences that a node may have begun and not ended
  /// Nanoseconds of one inference. Absent where the time of a step or a link is not known.
  std::optional<int64_t> latencyNs;    ///< where messages move while nodes compute
  std::optional<int64_t> sequentialNs; ///< where they move only while both ends wait
  std::optional<int64_t> periodNs;     ///< between the ends of two inferences, back to back
  std::optional<int64_t> chainNs;      ///< of the longest chain of steps that need each other
  std::vector<NodeLoad> nodes;         ///< by rank; empty where times are not known
  std::vector<StageLoad>
      stages; ///< in order; empty: no pipeline. Without times where none is known
  /// The part of a period in which a node's processor has nothing to do. Of known times.
  double idleOf(const NodeLoad &node) const;
  /// Of stages the one that holds all others up: an index. There has to be one.
  size_t bottleneck() const;
  /// The most messages that need each other, one after another; inputs handed out and outputs
  /// handed in do not count. Absent where nobody counted them.
  std::optional<int64_t> exchangePoints;
  std::vector<ScheduleEvent> events; ///< as they begin
  int64_t leftOut = 0;               ///< events that are not listed: there are too many
};

/// As a file of its own.
std::string eventsText(const Events &events);

} // namespace discoc

#endif // DISCOC_FORMATS_EVENTS_H
