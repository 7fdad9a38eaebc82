//===- Calibrate.cpp - discoc calibrate: how fast this host is ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/CalibrateCluster.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/Measure.h"
#include "compiler/driver/SampleModels.h"
#include "compiler/driver/Version.h"
#include "compiler/formats/Interrupt.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/ThisHost.h"
#include "compiler/run/Process.h"
#include "compiler/run/Scratch.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>

namespace discoc {

static constexpr const char *description =
    "Measures this host: kernels by kind and size, memory, and what messages between processes "
    "take.\n"
    "Writes a profile, by which 'inspect --what-if', 'simulate' and 'compile' predict times "
    "(--profile).";

static constexpr const char *footer =
    "Small networks are emitted, built and run as any model is, and note when their steps begin "
    "and "
    "end. It takes\n"
    "one to two minutes and up to 600 MB of the temporary directory. With --cluster, the file is "
    "compared with\n"
    "what was measured, and never written; nodes that are not this machine are named.\n\n"
    "  discoc calibrate -o profile.json\n"
    "  discoc simulate out --profile profile.json --transport tcp\n\n"
    "Exit codes: 0 written, 1 the machine is busy or the cluster file is wrong, 2 usage, 3 a "
    "program "
    "does not build,\n"
    "4 one fails, 6 interrupted.";

namespace {

struct CalibrateOptions {
  std::string out = "profile.json", cluster;
  bool force = false, brief = false, firstInLine = false;
};

//===----------------------------------------------------------------------===//
// From what was noted to a profile
//===----------------------------------------------------------------------===//

/// Samples of equal work are one.
class Samples {
public:
  void add(const std::vector<StepTime> &steps) {
    for (const StepTime &step : steps) {
      (step.cold ? cold_ : warm_)[keyOf(step.work)].push_back(step.medianNs);
      works_[keyOf(step.work)] = step.work;
      spreads_.push_back(step.medianNs / std::max(step.leastNs, 1.0));
    }
  }

  void fill(Profile &profile) {
    double shortest = profile.stepNs;
    std::map<std::string, std::vector<double>> each;
    for (const auto &[key, work] : works_) {
      const KernelSample sample{work, medianOf(warm_[key]), medianOf(cold_[key])};
      const double ns = sample.ns > 0 ? sample.ns : sample.coldNs;
      shortest = std::min(shortest, ns);
      if (work.macs > 0)
        each[work.element].push_back(ns / static_cast<double>(work.macs));
      profile.kernels.push_back(sample);
    }
    profile.stepNs = shortest;
    for (auto &[element, times] : each)
      profile.macNs[element] = medianOf(std::move(times));
  }

  /// How much longer than the quickest half of the rounds took, of half of the steps.
  double spread() const { return medianOf(spreads_); }

private:
  using Key = std::tuple<std::string, std::string, int64_t, int64_t, int64_t, int64_t>;
  static Key keyOf(const StepWork &work) {
    return {work.kernel, work.element, work.macs, work.elements, work.bytes, work.weightBytes};
  }

  std::map<Key, StepWork> works_;
  std::map<Key, std::vector<double>> warm_, cold_;
  std::vector<double> spreads_;
};

/// Messages whose sizes are within a factor of two are one sample.
std::vector<TransportSample> transportSamples(const std::vector<MessageTime> &messages) {
  struct Group {
    std::vector<double> bytes, sends, ways, reads;
  };
  std::map<int, Group> groups;
  for (const MessageTime &message : messages) {
    Group &group = groups[std::ilogb(std::max<double>(static_cast<double>(message.bytes), 1))];
    group.bytes.push_back(static_cast<double>(message.bytes));
    group.sends.push_back(message.sendNs);
    if (message.wayNs > 0)
      group.ways.push_back(message.wayNs);
    if (message.readNs > 0)
      group.reads.push_back(message.readNs);
  }
  std::vector<TransportSample> samples;
  for (auto &[size, group] : groups) {
    const double send = medianOf(group.sends);
    const double read = group.reads.empty() ? send : medianOf(group.reads);
    if (!group.ways.empty())
      samples.push_back({static_cast<int64_t>(medianOf(group.bytes)),
                         std::max(medianOf(group.ways) - read, 0.0), (send + read) / 2});
  }
  return samples;
}

/// Bytes a nanosecond that a copy reads and writes, the best of a few.
double memorySpeed() {
  constexpr size_t size = 64U << 20;
  const std::vector<char> from(size, 1);
  std::vector<char> to(size);
  double best = 1e18;
  for (int i = 0; i < 5; ++i) {
    const auto began = Clock::now();
    std::memcpy(to.data(), from.data() + i, size - 8);
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - began).count());
    if (to[static_cast<size_t>(i)] == 0)
      break; // never: the copy is kept
  }
  return 2 * static_cast<double>(size) / best;
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

class Calibration {
public:
  explicit Calibration(const CalibrateOptions &options) : options_(options) {}

  int run() {
    const int code = steps();
    fmt::print(stderr, "{}", toString(faults_));
    return code;
  }

private:
  /// A model, over how many nodes, and how often it is run.
  struct Part {
    const char *what;
    SampleSet which;
    int64_t nodes;
    bool evicts;
    int64_t inferences;
  };

  int steps() {
    if (!isQuiet() || !readClusterFile())
      return ExitFault;
    if (scratch_.path().empty())
      return fault("the temporary directory", "cannot be made", "set TMPDIR");
    profile_ = nominalProfile(/*vectorBytes=*/32);
    profile_.compiler = DISCOC_VERSION;
    profile_.host = processorName();
    profile_.cacheBytes = lastCacheBytes();
    profile_.bytesPerNs = memorySpeed();
    InterruptGuard guard;
    const std::vector<Part> all = parts();
    {
      Activity measuring("calibrate");
      for (size_t i = 0; i < all.size(); ++i) {
        measuring.at(fmt::format("part {} of {}, {}", i + 1, all.size(), all[i].what));
        if (const int code = measure(all[i]))
          return InterruptGuard::interrupted() ? ExitInterrupted : code;
      }
    }
    return finish();
  }

  std::vector<Part> parts() const {
    using Which = SampleSet;
    if (options_.brief)
      return {{"a small network", Which::Short, 1, false, 10},
              {"the same over two nodes", Which::Short, 2, false, 10}};
    return {{"networks that a cache holds", Which::Small, 1, false, 60},
            {"the same, their weights in memory", Which::Small, 1, true, 25},
            {"a residual network", Which::Large, 1, true, 25},
            {"the first over two nodes", Which::Small, 2, false, 40},
            {"the residual network over two nodes", Which::Large, 2, false, 25}};
  }

  int fault(const std::string &file, const std::string &what, const std::string &hint) {
    faults_.push_back({file, "", what, hint});
    return ExitFault;
  }

  bool isQuiet() {
    constexpr double mostLoad = 0.5;
    const double load = loadOfProcessors();
    return load <= mostLoad || options_.force ||
           fault("this machine",
                 fmt::format("is busy: in the last minute {:.1f} processes wanted each processor",
                             load),
                 "wait until it is quiet, or measure it as it is with --force") == ExitSuccess;
  }

  bool readClusterFile() {
    if (options_.cluster.empty())
      return true;
    cluster_ = readCluster(options_.cluster, std::nullopt, faults_);
    return cluster_ && resolveCluster(*cluster_, options_.cluster, faults_);
  }

  /// So much that nothing stays in a cache, as far as that is no waste of a disk.
  int64_t evictBytes() const {
    constexpr int64_t most = 256 << 20;
    return std::min(2 * profile_.cacheBytes, most);
  }

  int measure(const Part &part) {
    const std::string folder = scratch_.path() + "/part";
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    std::filesystem::create_directories(folder, error);
    MeasuredModel model(folder, part.nodes);
    if (const int code =
            model.make(sampleModel(part.which, part.evicts ? evictBytes() : 0), faults_))
      return code;
    profile_.target = model.target();
    MeasureRun how{RunRequest::Transport::Tcp, part.inferences, profile_.cacheBytes,
                   options_.firstInLine};
    if (part.nodes == 1)
      return add(model.run(how, faults_), "");
    for (const auto &[name, transport] : {std::pair{"tcp", RunRequest::Transport::Tcp},
                                          {"memory", RunRequest::Transport::Local},
                                          {"udp", RunRequest::Transport::Udp}}) {
      how.transport = transport;
      if (const int code = add(model.run(how, faults_), name))
        return code;
    }
    return ExitSuccess;
  }

  /// `transport`: of its messages; empty: there are none. Steps count once, whatever carries the
  /// messages between them.
  int add(const std::optional<Measured> &measured, const std::string &transport) {
    if (!measured)
      return ExitRun;
    if (transport.empty() || transport == "tcp")
      samples_.add(measured->steps);
    std::vector<MessageTime> &all = messages_[transport];
    all.insert(all.end(), measured->messages.begin(), measured->messages.end());
    drift_ = std::max(drift_, measured->drift);
    return ExitSuccess;
  }

  void fillTransports() {
    for (const auto &[name, messages] : messages_)
      if (!name.empty())
        profile_.transports[name] = transportSamples(messages);
    const ByteLine processor = profile_.processorOver("tcp");
    profile_.messageNs = processor.ns;
    profile_.messageByteNs = processor.byteNs;
  }

  /// Whether what was measured can be believed.
  bool isSteady() {
    constexpr double mostSpread = 1.3, mostDrift = 1.15;
    const char *hint = "wait until it is quiet and cool, or take it as it is with --force";
    if (!options_.force && samples_.spread() > mostSpread)
      return fault("this machine",
                   fmt::format("is busy: half of the rounds took {:.2f} times the quickest",
                               samples_.spread()),
                   hint) == ExitSuccess;
    if (!options_.force && drift_ > mostDrift)
      return fault(
                 "this machine",
                 fmt::format("slows down as it works: the last rounds took {:.2f} times the first",
                             drift_),
                 hint) == ExitSuccess;
    return true;
  }

  int finish() {
    samples_.fill(profile_);
    fillTransports();
    if (!isSteady() || !writeText(options_.out, toJson(profile_), faults_))
      return ExitFault;
    fmt::print("written    {}: {} kernels of {} on {}\n", printable(options_.out),
               profile_.kernels.size(), profile_.target, printable(profile_.host));
    if (cluster_)
      sayOfCluster();
    return ExitSuccess;
  }

  void sayOfCluster() const {
    const ClusterFindings found = compareCluster(*cluster_, profile_);
    for (const std::string &line : found.notes)
      fmt::print("cluster    {}\n", printable(line));
    for (const std::string &line : found.warnings)
      fmt::print(stderr, "warning: {}: {}\n", printable(options_.cluster), printable(line));
  }

  const CalibrateOptions &options_;
  Diagnostics faults_;
  Scratch scratch_;
  std::optional<Cluster> cluster_;
  Profile profile_;
  Samples samples_;
  std::map<std::string, std::vector<MessageTime>> messages_; // by transport
  double drift_ = 1;
};

} // namespace

void addCalibrateCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App *command = app.add_subcommand("calibrate", description);
  command->footer(footer);
  command->add_option("-o,--output", options->out, "the profile to write (default profile.json)")
      ->type_name("FILE");
  command
      ->add_option("--cluster", options->cluster,
                   "say what the profile holds for of this cluster, and what it states twice as "
                   "fast or half as fast as it is")
      ->type_name("FILE");
  command->add_flag("--force", options->force, "measure a busy machine, too");
  command->add_flag("--first-in-line", options->firstInLine,
                    "what is measured runs at real-time priority, where that is allowed");
  command->add_flag("--brief", options->brief, "a trial: a few kernels alone, in seconds");
  command->callback([options, &exitCode] { exitCode = Calibration(*options).run(); });
}

} // namespace discoc
