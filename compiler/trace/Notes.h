//===- Notes.h - the ring of one traced program ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/trace.md says how it lies in a file; runtime_stub/disco_note.h writes it.
#ifndef DISCOC_TRACE_NOTES_H
#define DISCOC_TRACE_NOTES_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct Note {
  /// Beside the steps of the program.
  static constexpr uint32_t inferenceStep = 0xffffffff, endStep = 0xfffffffe;
  int64_t start = 0, end = 0; ///< nanoseconds by the node's clock
  bool isOpen = false;        ///< it had not ended; its end is its start
  uint32_t step = 0;
  int64_t inference = 0;
};

struct NodeNotes {
  int64_t rank = 0;
  int64_t lost = 0;        ///< notes that others took the place of
  int64_t tickNs = 1;      ///< nanoseconds by which its clock counts, rounded up
  uint64_t clockId = 0;    ///< clocks of one id, other than 0, are one clock
  std::vector<Note> notes; ///< as they were begun; a whole inference as it ended
};

/// `bytes`: of the file of the node `node` of a model that was compiled with --trace. Nothing, with
/// a diagnostic, where it is damaged or of another build.
std::optional<NodeNotes> parseNotes(const std::string &bytes, const std::string &file,
                                    const Report &report, const NodeReport &node, Diagnostics &out);

/// node<rank>.notes of every rank in `folder`; a program that did not begin has none.
std::optional<std::vector<NodeNotes>> readNotes(const std::string &folder, const Report &report,
                                                Diagnostics &out);

} // namespace discoc

#endif // DISCOC_TRACE_NOTES_H
