//===- Notes.cpp - the ring of one traced program ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/trace/Notes.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>

namespace discoc {

namespace {

constexpr char magic[] = "disconot";
constexpr uint32_t version = 1;
constexpr size_t headBytes = 72, noteBytes = 24;

class NotesReader {
public:
  NotesReader(const std::string &bytes, const std::string &file, Diagnostics &out)
      : bytes_(bytes), file_(file), out_(out) {}

  std::optional<NodeNotes> read(const Report &report, const NodeReport &node) {
    if (bytes_.size() < headBytes || bytes_.compare(0, 8, magic) != 0)
      return fault("is no file of a traced program's notes", "");
    if (number<uint32_t>(8) != version)
      return fault("has version " + std::to_string(number<uint32_t>(8)) + " of notes",
                   "use the discoc that compiled the model");
    if (hash() != report.buildHash)
      return fault("is of build " + hash() + ", and OUT of " + report.buildHash,
                   "build and run the programs again");
    const uint64_t capacity = number<uint32_t>(20), written = number<uint64_t>(56);
    if (number<uint32_t>(12) != static_cast<uint64_t>(node.rank) ||
        capacity != static_cast<uint64_t>(node.noteCount) ||
        bytes_.size() != headBytes + capacity * noteBytes || ticks() == 0)
      return damaged();
    NodeNotes notes;
    notes.rank = node.rank;
    notes.clockId = number<uint64_t>(40);
    constexpr uint64_t second = 1000000000;
    notes.tickNs = static_cast<int64_t>(second / ticks() + (second % ticks() != 0));
    const uint64_t kept = std::min(written, capacity);
    notes.lost = static_cast<int64_t>(std::min<uint64_t>(written - kept, int64Most));
    for (const StepReport &step : node.steps)
      known_.insert(static_cast<uint64_t>(step.step));
    for (uint64_t i = written - kept; i < written; ++i)
      if (!add(headBytes + i % capacity * noteBytes, i + 1 == written, notes))
        return damaged();
    return notes;
  }

private:
  static constexpr uint64_t int64Most = std::numeric_limits<int64_t>::max();

  template <class T> T number(size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  uint64_t ticks() const { return number<uint64_t>(48); }

  std::string hash() const {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (size_t i = 24; i < 40; ++i) {
      text += digits[static_cast<unsigned char>(bytes_[i]) >> 4];
      text += digits[static_cast<unsigned char>(bytes_[i]) & 15];
    }
    return text;
  }

  /// Of a tick of the clock, from which nothing sensible is far away.
  bool nanoseconds(uint64_t tick, int64_t &time) const {
    const long double value =
        static_cast<long double>(tick) * 1e9L / static_cast<long double>(ticks());
    time = static_cast<int64_t>(std::min<long double>(value, 4e18L));
    return value < 4e18L;
  }

  bool add(size_t at, bool isLast, NodeNotes &notes) {
    Note note;
    const uint64_t end = number<uint64_t>(at + 8);
    note.step = number<uint32_t>(at + 16);
    note.inference = number<uint32_t>(at + 20);
    note.isOpen = end == 0;
    if (!nanoseconds(number<uint64_t>(at), note.start) || !nanoseconds(end, note.end))
      return false;
    const bool isInference = note.step == Note::inferenceStep;
    if (!isInference && note.step != Note::endStep && known_.count(note.step) == 0)
      return false;
    // The program may have been killed between two words of its last note.
    const int64_t before = notes.notes.empty() ? note.start : notes.notes.back().end;
    if (note.isOpen) {
      note.start = isLast ? std::max(note.start, before) : note.start;
      note.end = note.start;
    }
    if (note.end < note.start || (note.isOpen && !isLast) || (!isInference && note.start < before))
      return false;
    notes.notes.push_back(note);
    return true;
  }

  std::nullopt_t fault(const std::string &what, const std::string &hint) {
    out_.push_back({file_, "", what, hint});
    return std::nullopt;
  }
  std::nullopt_t damaged() {
    return fault("is damaged: it is not as a traced program writes it", "run the programs again");
  }

  const std::string &bytes_, &file_;
  Diagnostics &out_;
  std::set<uint64_t> known_;
};

} // namespace

std::optional<NodeNotes> parseNotes(const std::string &bytes, const std::string &file,
                                    const Report &report, const NodeReport &node,
                                    Diagnostics &out) {
  return NotesReader(bytes, file, out).read(report, node);
}

std::optional<std::vector<NodeNotes>> readNotes(const std::string &folder, const Report &report,
                                                Diagnostics &out) {
  std::vector<NodeNotes> all;
  for (const NodeReport &node : report.nodes) {
    const std::string path = folder + "/node" + std::to_string(node.rank) + ".notes";
    std::error_code error;
    if (!std::filesystem::exists(path, error))
      continue;
    std::optional<std::string> bytes = readText(path, out);
    if (!bytes)
      return std::nullopt;
    std::optional<NodeNotes> notes = parseNotes(*bytes, path, report, node, out);
    if (!notes)
      return std::nullopt;
    all.push_back(std::move(*notes));
  }
  return all;
}

} // namespace discoc
