//===- TraceFile.h - a trace as a file that Perfetto shows ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/trace.md says what is in it. Planned and measured traces have one writer.
#ifndef DISCOC_TRACE_TRACEFILE_H
#define DISCOC_TRACE_TRACEFILE_H

#include "compiler/trace/Trace.h"

namespace discoc {

/// Protocol Buffers of Perfetto's TrackEvent. `report` and `manifest` are those of the trace's OUT:
/// they say what buffers live when, and what messages carry.
std::string traceBytes(const Trace &trace, const Report &report, const Manifest &manifest);

/// Nothing, with a diagnostic, where they are damaged or not what traceBytes() wrote.
std::optional<Trace> parseTrace(const std::string &bytes, const std::string &file,
                                Diagnostics &out);
std::optional<Trace> readTrace(const std::string &path, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_TRACE_TRACEFILE_H
