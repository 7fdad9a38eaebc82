//===- TraceText.h - what a trace says of every layer and node ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_TRACE_TRACETEXT_H
#define DISCOC_TRACE_TRACETEXT_H

#include "compiler/trace/Trace.h"

namespace discoc {

/// One layer on one node, over all inferences.
struct LayerTimes {
  std::string op;
  int64_t node = 0;
  int64_t inferences = 0;
  int64_t medianNs = 0, leastNs = 0, mostNs = 0; ///< computing and sending, of one inference
  int64_t busyNs = 0, waitingNs = 0;             ///< of all inferences together
};

/// One message that a node waited for, over all inferences.
struct LateMessage {
  int64_t message = 0, from = -1, to = 0;
  std::string op; ///< that was held up
  int64_t waits = 0, totalNs = 0, medianNs = 0;
};

struct TraceSummary {
  int64_t inferences = 0; ///< that all nodes noted as a whole
  int64_t medianNs = 0, leastNs = 0, mostNs = 0;
  std::vector<LayerTimes> layers; ///< those that took most first
  std::vector<LateMessage> late;  ///< those that cost most first
};

TraceSummary summarise(const Trace &trace);

/// Tables; `most`: rows of each.
std::string traceText(const Trace &trace, size_t most);
/// One line of JSON.
std::string traceJson(const Trace &trace);

} // namespace discoc

#endif // DISCOC_TRACE_TRACETEXT_H
