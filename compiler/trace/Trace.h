//===- Trace.h - what every node did when, planned or measured ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_TRACE_TRACE_H
#define DISCOC_TRACE_TRACE_H

#include "compiler/formats/Events.h"
#include "compiler/formats/Manifest.h"
#include "compiler/formats/Report.h"
#include "compiler/trace/Notes.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct TraceEvent {
  enum class Kind {
    Compute,   ///< a kernel, or what copies an input or output
    Send,      ///< packing a message and handing it to the link
    Flush,     ///< waiting until a message has left
    Wait,      ///< waiting for a message, which is there at the end
    End,       ///< waiting until all that was sent has left
    Inference, ///< everything from the beginning of an inference to its end
    Transfer   ///< a message, from the beginning of its send until it is there at the latest
  } kind = Kind::Compute;
  int64_t node = 0; ///< rank; of a transfer the sender's
  int64_t inference = 0;
  int64_t step = -1;    ///< of the node's program; -1: none
  std::string op;       ///< that runs; of a send that ran before, of a wait that is held up, of a
                        ///< transfer what the message carries first
  int64_t message = -1; ///< id in the manifest
  int64_t to = -1;      ///< of a transfer: the receiver's rank
  int64_t bytes = 0;    ///< of a transfer: payload
  int64_t startNs = 0, endNs = 0;
  bool isOpen = false; ///< it had not ended when the program did

  bool waits() const { return kind == Kind::Flush || kind == Kind::Wait || kind == Kind::End; }
};

struct TraceNode {
  std::string name;
  int64_t notes = 0, lost = 0; ///< that there are, and that later ones took the place of
  int64_t tickNs = 1;          ///< its clock counts in steps of so many nanoseconds
  int64_t aroundNs = 0;        ///< its times may be so much earlier or later
  bool isOpen = false;         ///< or by any time: messages bound its clock from one side at most
};

struct Trace {
  static constexpr int64_t version = 1;
  std::string model, buildHash;
  Events::Source source = Events::Source::Measured;
  std::vector<TraceNode> nodes;   ///< by rank
  std::vector<TraceEvent> events; ///< as they begin; from time 0 on
};

/// What the notes of all programs say together.
Trace measuredTrace(const Report &report, const Manifest &manifest,
                    const std::vector<NodeNotes> &notes);

/// The schedule of a report. Nothing, with a diagnostic, where no times are known.
std::optional<Trace> plannedTrace(const Report &report, const Manifest &manifest, Diagnostics &out);

/// An inference that all nodes noted from its beginning to its end, by the common time.
struct WholeInference {
  int64_t inference = 0, startNs = 0, endNs = 0;
};
std::vector<WholeInference> wholeInferences(const Trace &trace);

/// One inference of a trace in the form of a schedule, from time 0: the one of median duration of
/// those that all nodes noted as a whole. Nothing where there is none.
std::optional<Events> medianInference(const Trace &trace);

/// Where each node stood when its program ended, a line for each that was in the middle of an
/// inference: "rank 1 was in inference 3 at layer \"conv2\": waiting for message 5 from rank 0", or
/// "rank 1 was in inference 3 after layer \"conv2\"" between two steps.
std::vector<std::string> standings(const Trace &trace, const Manifest &manifest);

} // namespace discoc

#endif // DISCOC_TRACE_TRACE_H
