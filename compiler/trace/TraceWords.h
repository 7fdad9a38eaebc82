//===- TraceWords.h - how a trace's parts are called in its file; only inside discocTrace ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_TRACE_TRACEWORDS_H
#define DISCOC_TRACE_TRACEWORDS_H

#include "compiler/trace/Trace.h"

#include <utility>

namespace discoc {

inline constexpr std::pair<const char *, TraceEvent::Kind> traceKinds[] = {
    {"compute", TraceEvent::Kind::Compute},  {"send", TraceEvent::Kind::Send},
    {"flush", TraceEvent::Kind::Flush},      {"wait", TraceEvent::Kind::Wait},
    {"end", TraceEvent::Kind::End},          {"inference", TraceEvent::Kind::Inference},
    {"transfer", TraceEvent::Kind::Transfer}};
inline constexpr char traceFormat[] = "discoc-trace";

/// Tracks by their ids. 0 is Perfetto's own.
inline constexpr uint64_t traceTrack = 1;
constexpr uint64_t nodeTrack(int64_t rank) { return (1ull << 32) + static_cast<uint64_t>(rank); }
constexpr uint64_t linkTrack(int64_t from, int64_t to) {
  return (2ull << 32) + (static_cast<uint64_t>(from) << 16) + static_cast<uint64_t>(to);
}
constexpr uint64_t arenaTrack(int64_t rank) { return (3ull << 32) + static_cast<uint64_t>(rank); }
constexpr uint64_t queueTrack(int64_t from, int64_t to) {
  return linkTrack(from, to) + (2ull << 32);
}

} // namespace discoc

#endif // DISCOC_TRACE_TRACEWORDS_H
