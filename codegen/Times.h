//===- Times.h - how long the steps and messages of a schedule take -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// The one place that says what anything takes: for reports, `inspect --what-if` and `simulate`.
#ifndef DISCOC_CODEGEN_TIMES_H
#define DISCOC_CODEGEN_TIMES_H

#include "compiler/formats/Events.h"
#include "compiler/formats/Profile.h"
#include "compiler/formats/ScheduleRates.h"
#include "passes/EventEngine.h"
#include "passes/strategies/CostModel.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace disco {

/// Nodes of a pipeline that have a stretch of layers.
struct StageNodes {
  std::vector<int64_t> ranks;
  int32_t name = -1; ///< of the op with which it begins, in the table of names; -1: none
};

/// A schedule, what its steps do, and what is stated of nodes and links.
struct TimedSchedule {
  ClusterSchedule schedule;
  std::vector<discoc::StepWork> works; ///< Step::work names a row
  std::vector<std::string> names;      ///< of ops in the model
  discoc::ScheduleRates rates;
  std::vector<StageNodes> stages; ///< in order; empty: no pipeline

  /// Whether it is known which steps need which: of what was read from the IR.
  bool hasDependencies() const { return schedule.nodes.front().function != nullptr; }

  /// Of a planned module.
  static mlir::FailureOr<TimedSchedule> read(mlir::ModuleOp module);
};

/// What takes no time, to learn what the rest takes.
struct Without {
  bool arithmetic = false, bytes = false, messages = false;
};

/// How long the steps and messages of a schedule take. What is not known takes no time.
class Times {
public:
  /// `profile`: of all hosts; null: nothing is known of them. Both have to outlive this object.
  Times(TimedSchedule &timed, const discoc::Profile *profile, Without without = {});

  Timing timing();
  bool knowsComputing(int64_t rank) const;
  bool knowsPassages() const;
  /// Whether the times of a whole inference are known.
  bool knowsAll() const;

  /// The time that the busier direction of the busiest end of a link moves something.
  Nanoseconds mostOf(size_t link, mlir::ArrayRef<Nanoseconds> moving) const;

  /// The same of all directions of a node's links.
  Nanoseconds busiestOf(int64_t rank, mlir::ArrayRef<Nanoseconds> moving) const;

private:
  /// Whether a node's weights come from memory in every inference.
  bool isCold(size_t rank) const;
  std::optional<Nanoseconds> stepTime(int64_t rank, int32_t work) const;
  Nanoseconds handling(int64_t rank, const Step &step);
  Passage passageOf(const ScheduledMessage &message, int64_t bytes) const;
  size_t directionOf(int32_t link, int64_t rank, bool in) const;

  /// The way of a pair's messages, looked up once.
  struct Route {
    struct Hop {
      size_t out, in;   // directions
      double bandwidth; // 0: unknown
      size_t link;
    };
    llvm::SmallVector<Hop, 1> hops; // none: nothing is known of their link
    Nanoseconds latency = 0;
  };
  Route routeOf(mlir::ArrayRef<discoc::WayHop> way) const;
  const Route &routeOf(const ScheduledMessage &message) const;

  TimedSchedule &timed;
  const discoc::Profile *profile;
  Without without;
  std::vector<size_t> kinds; // of nodes: those with equal speeds are of one
  std::vector<int64_t> firstOfKind;
  std::vector<std::vector<std::optional<Nanoseconds>>> costs; // by kind, then by work
  std::vector<size_t> firstDirection;                         // of links
  size_t directions = 0;
  std::vector<llvm::DenseMap<int64_t, size_t>> endOf; // by link, then by rank
  llvm::DenseMap<std::pair<int32_t, int32_t>, Route> routes;
  Route unknown;
};

/// Gives links that state no bandwidth this one, in payload bytes a second, and this latency, in
/// seconds; hosts without a link one port each.
void stateLinks(TimedSchedule &timed, double bandwidth, double latency);

/// Latency, period and the rest of whole inferences, when all times are known.
void addInferenceTimes(discoc::Events &events, TimedSchedule &timed, Times &times);

/// Messages one behind another, those not counted that only hand inputs out or outputs in.
int64_t exchangePoints(ClusterSchedule &schedule);

/// An event as files have it.
discoc::ScheduleEvent eventOf(const Event &event, TimedSchedule &timed, bool hasTimes);
/// All of them as they begin; their number alone where they are too many.
void addEvents(discoc::Events &events, std::vector<Event> found, TimedSchedule &timed,
               bool hasTimes);

} // namespace disco

#endif // DISCOC_CODEGEN_TIMES_H
