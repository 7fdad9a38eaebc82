//===- Simulate.cpp - discoc simulate -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/ScheduleText.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/LoadText.h"
#include "compiler/driver/ScheduleFile.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Table.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace disco;

static std::optional<TimedSchedule> readSchedule(const std::string &out) {
  SmallString<256> path(out);
  if (llvm::sys::fs::is_directory(path))
    llvm::sys::path::append(path, "schedule.txt");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    printError(Twine(path) + ": cannot be read: " + buffer.getError().message() +
               "; 'discoc compile -o OUT' writes OUT/schedule.txt");
    return std::nullopt;
  }
  discoc::Diagnostics errors;
  std::optional<TimedSchedule> timed =
      parseSchedule((*buffer)->getBuffer(), std::string(path), errors);
  llvm::errs() << discoc::toString(errors);
  return timed;
}

std::optional<std::vector<std::vector<discoc::StepWork>>>
disco::readStepWorks(const std::string &out) {
  const std::optional<TimedSchedule> timed = readSchedule(out);
  if (!timed)
    return std::nullopt;
  std::vector<std::vector<discoc::StepWork>> works;
  for (const NodeSchedule &node : timed->schedule.nodes) {
    std::vector<discoc::StepWork> &own = works.emplace_back();
    for (const Step &step : node.steps)
      if (step.kind == Step::Kind::Compute)
        own.push_back(timed->works[step.work]);
  }
  return works;
}

/// Links that state nothing carry messages as a transport between two processes does that was
/// measured, and are as slow as the options say besides.
static bool stateTransport(TimedSchedule &timed, discoc::Profile &profile,
                           const discoc::SimulateOptions &options) {
  const std::string &name = options.transport;
  if (profile.transports.find(name) == profile.transports.end()) {
    std::string known;
    for (const auto &[other, samples] : profile.transports)
      known += (known.empty() ? "it has " : ", ") + other;
    printError(options.profile + ": no transport '" + name + "' was measured; " +
               (known.empty() ? "measure anew, with 'discoc calibrate'" : known));
    return false;
  }
  constexpr double atOnce = 1e15; // bytes a second
  const discoc::ByteLine way = profile.wayOver(name), processor = profile.processorOver(name);
  profile.messageNs = processor.ns;
  profile.messageByteNs = processor.byteNs;
  const double measured = way.byteNs > 0 ? 1e9 / way.byteNs : atOnce;
  stateLinks(timed, options.bandwidth > 0 ? std::min(options.bandwidth, measured) : measured,
             options.latency + way.ns * 1e-9);
  return true;
}

/// Whether all times are known; else says which is not.
static bool checkTimes(TimedSchedule &timed, const Times &times, const std::string &out) {
  for (size_t rank = 0; rank < timed.schedule.nodes.size(); ++rank)
    if (!times.knowsComputing(static_cast<int64_t>(rank))) {
      printError(out + ": the board of node " + Twine(rank) +
                 " states no cycles of a multiply-accumulate, or no clock; board.toml says them");
      return false;
    }
  if (times.knowsPassages())
    return true;
  printError(out + ": not all links state how fast they are; give --bandwidth, and --latency, or "
                   "[[link]] of the cluster file before 'compile'");
  return false;
}

static const ScheduledMessage &awaited(TimedSchedule &timed, const Stuck &stuck) {
  return timed.schedule.messages[stuck.step->message];
}

static int64_t blamed(TimedSchedule &timed, const Stuck &stuck) {
  const ScheduledMessage &message = awaited(timed, stuck);
  return stuck.step->kind == Step::Kind::Flush ? message.to : message.from;
}

/// Who waits for whom, up to where it closes, or to a node that does nothing any more.
static std::string stuckText(TimedSchedule &timed, ArrayRef<Stuck> all) {
  std::vector<const Stuck *> byRank(timed.schedule.nodes.size());
  for (const Stuck &stuck : all)
    byRank[stuck.rank] = &stuck;
  std::vector<size_t> seenAt(byRank.size(), SIZE_MAX);
  std::vector<const Stuck *> chain;
  const Stuck *at = &all.front();
  for (; at && seenAt[at->rank] == SIZE_MAX; at = byRank[blamed(timed, *at)]) {
    seenAt[at->rank] = chain.size();
    chain.push_back(at);
  }
  const size_t first = at ? seenAt[at->rank] : 0;
  std::string text = at ? "the schedule deadlocks:" : "the schedule starves:";
  for (const Stuck *one : ArrayRef(chain).drop_front(first)) {
    const bool sends = one->step->kind == Step::Kind::Flush;
    text += (one == chain[first] ? " node " : ", node ") + std::to_string(one->rank) +
            (sends ? " waits until message " : " waits for message ") +
            std::to_string(awaited(timed, *one).number) +
            (sends ? " has left for node " : " of node ") + std::to_string(blamed(timed, *one));
  }
  if (!at)
    text += ", which has ended without it";
  return text;
}

static void printRun(TimedSchedule &timed, const discoc::Events &events, const EngineResult &run) {
  int64_t steps = 0, bytes = 0;
  for (const NodeSchedule &node : timed.schedule.nodes)
    steps += static_cast<int64_t>(node.steps.size());
  for (ScheduledMessage &message : timed.schedule.messages)
    bytes += message.bytes();
  auto text = [](int64_t time) { return discoc::duration(std::max<int64_t>(time / 1000, 1)); };
  llvm::outs() << "schedule   " << timed.schedule.nodes.size() << " nodes, " << steps << " steps, "
               << timed.schedule.messages.size() << " messages, " << discoc::bytes(bytes) << "\n"
               << "latency    " << text(*events.latencyNs) << "\n";
  if (events.periodNs)
    llvm::outs() << "period     " << text(*events.periodNs)
                 << ", back to back: " << rateText(*events.periodNs) << " a second\n";
  if (events.sequentialNs)
    llvm::outs() << "apart      " << text(*events.sequentialNs)
                 << ", if messages moved only while both ends wait\n";
  constexpr size_t mostNodes = 32;
  const bool hasLoads = !events.nodes.empty();
  discoc::Table table(hasLoads ? std::vector<std::string>{"node", "computes", "of latency", "idle"}
                               : std::vector<std::string>{"node", "computes", "of latency"});
  for (size_t rank = 0; rank < std::min(run.computing.size(), mostNodes); ++rank) {
    const auto computes = static_cast<int64_t>(run.computing[rank]);
    std::vector<std::string> row{std::to_string(rank), computes ? text(computes) : "-",
                                 discoc::percent(computes, *events.latencyNs)};
    if (hasLoads)
      row.push_back(idleText(events, rank));
    table.row(row);
  }
  llvm::outs() << "\n" << table.text();
  if (!events.stages.empty())
    llvm::outs() << "\n" << stagesText(events);
}

int discoc::runSimulate(const SimulateOptions &options) {
  std::optional<Activity> activity(std::in_place, "simulate");
  activity->at("reading the schedule");
  std::optional<Profile> profile = findProfile(options.profile, /*vectorBytes=*/32);
  std::optional<TimedSchedule> timed = profile ? readSchedule(options.out) : std::nullopt;
  if (!timed)
    return ExitFault;
  if (!options.transport.empty()) {
    if (!stateTransport(*timed, *profile, options))
      return ExitFault;
  } else if (options.bandwidth > 0) {
    stateLinks(*timed, options.bandwidth, options.latency);
  }
  Times times(*timed, &*profile);
  if (!checkTimes(*timed, times, options.out))
    return ExitFault;
  constexpr size_t mostMessages = 100'000; // of more nobody looks at events
  const bool small = timed->schedule.messages.size() <= mostMessages;
  const int64_t recorded = small ? options.inferences : 0;
  activity->at("playing " + std::to_string(timed->schedule.messages.size()) + " messages");
  EngineResult run = runSchedule(timed->schedule, times.timing(), options.inferences, recorded);
  if (!run.stuck.empty()) {
    printError(options.out + ": " + stuckText(*timed, run.stuck));
    return ExitFault;
  }
  Events events;
  events.inFlight = timed->schedule.inFlight;
  events.latencyNs = static_cast<int64_t>(run.finished.front());
  if (small)
    addInferenceTimes(events, *timed, times);
  addEvents(events, std::move(run.events), *timed, /*hasTimes=*/true);
  activity.reset();
  if (options.json)
    llvm::outs() << eventsText(events);
  else
    printRun(*timed, events, run);
  return ExitSuccess;
}
