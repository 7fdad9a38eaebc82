//===- DeskRun.cpp - hands inputs to real boards, and hears them ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/DeskRun.h"
#include "compiler/formats/DeskFile.h"
#include "compiler/run/BoardFiles.h"
#include "compiler/run/Desks.h"
#include "compiler/run/RankGroup.h"

#include <fmt/core.h>

#include <algorithm>

namespace discoc {

namespace {
class DeskRun {
public:
  DeskRun(const RunRequest &request, const Manifest &manifest, Diagnostics &out)
      : request_(request), manifest_(manifest), out_(out), files_(request, manifest, out),
        boards_(manifest.nodes.size()) {
    result_.reports.resize(manifest.nodes.size());
  }

  RunResult run() {
    began_ = heard_ = Clock::now();
    if (!open() || !desks_.start(out_))
      return std::move(result_);
    while (!isOver())
      for (const DeskEvent &event : desks_.take(std::chrono::milliseconds(100)))
        take(event);
    desks_.stop();
    result_.seconds = seconds();
    judgeAll();
    if (!files_.collectOutputs(result_))
      result_.ok = false;
    return std::move(result_);
  }

private:
  /// Of a board.
  struct State {
    std::string port;
    bool asked = false; ///< this run's command line is what its program was told
    bool ended = false, lost = false;
    bool stale = false; ///< ended what it had begun before this run
    int code = 0;
    Clock::time_point endedAt{};
    std::string words; ///< its last error
  };

  double seconds() const { return std::chrono::duration<double>(Clock::now() - began_).count(); }
  void say(size_t rank, const std::string &what, bool isAsked = false) const {
    sayOfNode(seconds(), rank, files_.title(rank), what, isAsked);
  }
  bool fault(const std::string &what, const std::string &hint) {
    out_.push_back({request_.on, "", what, hint});
    failed_ = true;
    return false;
  }

  //===- beginning ---===//

  bool open() {
    const auto desk = readDeskFile(request_.on, manifest_, out_);
    if (!desk || !checkNodes(*desk) || !files_.open())
      return false;
    for (const auto &[rank, path] : *desk) {
      const int fd = openSerialPort(path, request_.on, out_);
      if (fd < 0)
        return false;
      const auto at = static_cast<size_t>(rank);
      boards_[at].port = path;
      desks_.add(at, fd, files_.directory(), files_.commandLine(at));
      say(at, "is awaited on " + path);
    }
    for (size_t rank = 0; rank < boards_.size(); ++rank)
      addBehind(rank);
    return true;
  }

  void addBehind(size_t rank) {
    const int64_t through = manifest_.nodes[rank].consoleNode();
    if (through < 0)
      return;
    boards_[rank].port = boards_[static_cast<size_t>(through)].port;
    desks_.addBehind(rank, files_.directory(), files_.commandLine(rank));
    say(rank, fmt::format("is awaited on {}, through rank {}", boards_[rank].port, through));
  }

  bool checkNodes(const DeskFile &desk) {
    for (const ManifestNode &node : manifest_.nodes) {
      const std::string name = "node " + std::to_string(node.rank);
      if (!node.isBare())
        return fault(name + " is no board, but " + node.board,
                     "only clusters of nothing but boards run over a desk file");
      const bool spoken = node.hasOwnConsole();
      const bool behind = node.consoleNode() >= 0;
      if (!spoken && !behind && isRootRank(manifest_.root.inputAt, node.rank))
        return fault(
            name + " is given the inputs and has no UART for them (console: " + node.console + ")",
            "leave a UART free, or let another node be input_at in the cluster file");
      if (behind && desk.count(node.rank))
        return fault(name + " has a port, but its console goes " + node.console,
                     "remove its [[board]]: it is heard on the port of that board");
      if (!spoken && desk.count(node.rank))
        return fault(name + " has a port, but its image speaks on none", "remove its [[board]]");
      if (spoken && !desk.count(node.rank))
        return fault(name + " has no port",
                     "add its [[board]]: the port that its " + node.console + " is wired to");
    }
    return true;
  }

  //===- hearing ---===//

  void take(const DeskEvent &event) {
    State &board = boards_[event.rank];
    heard_ = Clock::now();
    switch (event.kind) {
    case DeskEvent::Begun: return check(event.rank, event.program);
    case DeskEvent::Asked:
      if (!std::exchange(board.asked, true))
        say(event.rank, "has begun");
      return;
    case DeskEvent::Line: return hear(event.rank, event.text);
    case DeskEvent::Ended: return end(event.rank, event.code);
    case DeskEvent::Lost:
      if (board.ended)
        return;
      board.lost = board.ended = true;
      board.endedAt = Clock::now();
      board.words = "the port " + board.port + " vanished (" + event.text + ")";
      fault(board.words + ": rank " + std::to_string(event.rank),
            "was the board unplugged? run it again once the port is back");
      return;
    }
  }

  /// Whether it is the right board, with what was built here.
  void check(size_t rank, const DeskProgram &program) {
    const std::string &port = boards_[rank].port;
    if (program.buildHash != manifest_.buildHash)
      fault(port + " leads to a board with another program (build " +
                program.buildHash.substr(0, 8) + ", not " + manifest_.buildHash.substr(0, 8) + ")",
            fmt::format("discoc flash {} --node {}", request_.out, rank));
    else if (program.rank != static_cast<int64_t>(rank))
      fault(
          fmt::format("{} leads to the board of rank {}, not of rank {}", port, program.rank, rank),
          "exchange the ports in this file, or the plugs");
  }

  void hear(size_t rank, const std::string &line) {
    if (boards_[rank].ended)
      return;
    if (auto report = parseShardReport(line))
      result_.reports[rank] = std::move(report);
    else if (line.rfind("error: ", 0) == 0)
      boards_[rank].words = lastLine(line);
    if (request_.boardLog)
      say(rank, "says " + line, /*isAsked=*/true);
  }

  /// A program that began before this run, and failed or computed something else, was not ours: the
  /// board begins again.
  void end(size_t rank, int code) {
    State &board = boards_[rank];
    const auto &report = result_.reports[rank];
    const bool served = report && report->ok && !isGivenInputs(rank) &&
                        report->inferences == request_.count * request_.repeat;
    if (board.ended)
      return;
    if (!board.asked && !served && BoardFiles::codeText(code).empty()) {
      board.stale = true;
      return forget(rank, "ended what it had begun before, and begins again");
    }
    if (code == 1 && mayHaveMetOthers(rank)) { // an inference failed
      ++again_;
      for (State &other : boards_)
        other.stale = false;
      board.asked = false;
      return forget(rank,
                    "met a board that was still at what it had begun before, and begins again");
    }
    desks_.finish(rank);
    board.ended = true;
    board.code = code;
    board.endedAt = Clock::now();
    say(rank, report && code == 0 ? BoardFiles::doneText(*report) : endText(board));
  }

  /// Whether what failed may be the fault of a peer's program that began before this run.
  bool mayHaveMetOthers(size_t rank) const {
    constexpr int most = 3;
    if (again_ >= most)
      return false;
    for (const State &other : boards_)
      if (&other != &boards_[rank] && !other.port.empty() && !other.ended &&
          (!other.asked || other.stale))
        return true;
    return false;
  }

  void forget(size_t rank, const std::string &why) {
    result_.reports[rank].reset();
    boards_[rank].words.clear();
    say(rank, why);
  }

  bool isGivenInputs(size_t rank) const {
    return isRootRank(manifest_.root.inputAt, static_cast<int64_t>(rank));
  }

  static std::string endText(const State &board) {
    if (board.lost)
      return "its port vanished";
    const std::string words = BoardFiles::codeText(board.code);
    return fmt::format("exit code {}{}{}", board.code, words.empty() ? "" : ", ", words);
  }

  //===- ending ---===//

  bool isOver() {
    const bool all = std::all_of(boards_.begin(), boards_.end(),
                                 [](const State &b) { return b.ended || b.port.empty(); });
    if (all || failed_)
      return true;
    result_.interrupted = InterruptGuard::interrupted();
    if (result_.interrupted)
      return true;
    for (const State &board : boards_)
      if (board.ended && board.code != 0 && Clock::now() > board.endedAt + graceOfRanks)
        return true;
    return isSilent();
  }

  /// A board at its start asks every 150 ms; in an inference it may say nothing for long.
  bool isSilent() {
    const auto quiet = Clock::now() - heard_;
    const auto patience = std::chrono::milliseconds(2 * request_.deadlineMs),
               longest = 10 * patience;
    for (size_t rank = 0; rank < boards_.size(); ++rank) {
      const State &board = boards_[rank];
      if (board.port.empty() || board.ended)
        continue;
      const bool awaited = !board.asked && isGivenInputs(rank);
      if (quiet > (awaited ? patience : longest))
        return !fault(
            fmt::format("nothing comes from {}, where rank {} should be", board.port, rank),
            "is the board flashed and powered, and are its " + manifest_.nodes[rank].console +
                " and ground wired to this port, TX to RX? reset it");
    }
    return false;
  }

  void judgeAll() {
    std::vector<RankEnd> ends;
    for (size_t rank = 0; rank < boards_.size(); ++rank) {
      const State &board = boards_[rank];
      if (board.port.empty()) { // nobody hears it
        result_.reports[rank] = ShardReport();
        result_.reports[rank]->rank = static_cast<int64_t>(rank);
        result_.reports[rank]->ok = true;
      }
      ends.push_back({board.port.empty() || (board.ended && board.code == 0 && !board.lost),
                      !board.ended, board.endedAt.time_since_epoch().count(), endText(board),
                      board.words});
    }
    judge(ends, result_);
    if (!failed_)
      return;
    result_.ok = false;
    result_.failedRank.reset();
    result_.details.clear();
    result_.failure = "the boards did not run to their end";
  }

  const RunRequest &request_;
  const Manifest &manifest_;
  Diagnostics &out_;
  BoardFiles files_;
  std::vector<State> boards_; ///< by rank
  RunResult result_;
  Activity activity_{"run"};
  bool failed_ = false; ///< a diagnostic says why
  int again_ = 0;       ///< boards that had to begin again because of others
  Clock::time_point began_{}, heard_{};
  Desks desks_; ///< the last member: its thread ends first
};
} // namespace

RunResult runOnDesk(const RunRequest &request, const Manifest &manifest, Diagnostics &out) {
  return DeskRun(request, manifest, out).run();
}

} // namespace discoc
