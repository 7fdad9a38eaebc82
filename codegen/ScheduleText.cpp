//===- ScheduleText.cpp - a timed schedule as a file ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Lines of words, not JSON: a schedule of ten million messages has to be read in seconds, without
// a tree of it in memory.
#include "codegen/ScheduleText.h"
#include "compiler/formats/Limits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <charconv>

using namespace mlir;
using namespace disco;
using discoc::LinkRates;

static constexpr StringLiteral kHeader = "discoc-schedule";
static constexpr int64_t kVersion = 1;
static constexpr const char *kDuplexWords[] = {"full", "half", "bus"};
/// By Step::Kind.
static constexpr StringLiteral kStepLetters = "csfpr";

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static void writeRates(raw_ostream &os, const discoc::ScheduleRates &rates) {
  auto real = [&](double value) { os << llvm::format(" %.17g", value); };
  for (const discoc::NodeRates &node : rates.nodes) {
    os << "node " << (node.bare ? "board" : "host");
    real(node.clock);
    for (const auto &[name, cycles] : node.cycles) {
      os << " " << name;
      real(cycles);
    }
    os << "\n";
  }
  for (auto [rank, node] : llvm::enumerate(rates.nodes))
    if (node.speed != 1) {
      os << "speed " << rank;
      real(node.speed);
      os << "\n";
    }
  for (const LinkRates &link : rates.links) {
    os << "link " << (link.packets ? "packets" : "stream") << " "
       << kDuplexWords[static_cast<int>(link.duplex)];
    real(link.bandwidth);
    real(link.latency);
    for (int64_t end : link.ends)
      os << " " << end;
    os << "\n";
  }
  for (auto [index, link] : llvm::enumerate(rates.links))
    if (link.segment)
      os << "packets " << index << " " << link.segment << " " << link.around << " " << link.least
         << " " << link.header << "\n";
  for (const auto &[ends, way] : rates.ways) {
    if (way.empty())
      continue;
    os << "way " << ends.first << " " << ends.second;
    for (const discoc::WayHop &hop : way)
      os << " " << hop.link << " " << hop.from << " " << hop.to;
    os << "\n";
  }
}

static void writeWork(raw_ostream &os, const discoc::StepWork &work) {
  os << "work " << work.op << " " << work.kernel << " " << work.element << " " << work.macs << " "
     << work.elements << " " << work.bytes << " " << work.weightBytes << " " << work.name << "\n";
}

std::string disco::scheduleText(TimedSchedule &timed) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << kHeader << " " << kVersion << "\nin_flight " << timed.schedule.inFlight << "\n";
  writeRates(os, timed.rates);
  for (const std::string &name : timed.names) {
    os << "name ";
    llvm::printEscapedString(name, os);
    os << "\n";
  }
  for (const StageNodes &stage : timed.stages) {
    os << "stage " << stage.name;
    for (int64_t rank : stage.ranks)
      os << " " << rank;
    os << "\n";
  }
  for (const discoc::StepWork &work : timed.works)
    writeWork(os, work);
  for (ScheduledMessage &message : timed.schedule.messages)
    os << "m " << message.number << " " << message.from << " " << message.to << " "
       << message.bytes() << " " << message.name << "\n";
  for (auto [rank, node] : llvm::enumerate(timed.schedule.nodes)) {
    os << "s " << rank;
    for (const Step &step : node.steps)
      os << " " << kStepLetters[static_cast<size_t>(step.kind)]
         << (step.kind == Step::Kind::Compute ? step.work : step.message);
    os << "\n";
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Digits alone, perhaps behind a minus.
static bool decimal(StringRef word, int64_t &out) {
  const auto [end, error] = std::from_chars(word.begin(), word.end(), out);
  return error == std::errc() && end == word.end();
}

namespace {

/// The words of one line, one after the other.
class Words {
public:
  explicit Words(StringRef line) : left(line) {}

  StringRef next() {
    left = left.drop_front(std::min(left.find_first_not_of(' '), left.size()));
    const StringRef word = left.take_front(left.find(' '));
    left = left.drop_front(word.size());
    return word;
  }
  StringRef rest() { return left.drop_front(left.starts_with(" ")); }
  bool atEnd() const { return left.find_first_not_of(' ') == StringRef::npos; }

  bool number(int64_t &out, int64_t least, int64_t most) {
    return decimal(next(), out) && out >= least && out <= most;
  }
  template <class T> bool number(T &out, int64_t least, int64_t most) {
    int64_t value = 0;
    if (!number(value, least, most))
      return false;
    out = static_cast<T>(value);
    return true;
  }
  bool real(double &out) { return !next().getAsDouble(out) && out >= 0 && out < 1e300; }

private:
  StringRef left;
};

class ScheduleParser {
public:
  ScheduleParser(StringRef text, const std::string &file, discoc::Diagnostics &diagnostics)
      : text(text), file(file), diagnostics(diagnostics) {}

  std::optional<TimedSchedule> parse() {
    if (!readHeader())
      return std::nullopt;
    schedule.messages.reserve(
        text.count('\n')); // no more than lines; what is not used takes nothing
    while (!text.empty())
      if (!readLine(nextLine()))
        return fault("is not understood", "write it anew with 'discoc compile'");
    for (const ScheduledMessage &message : schedule.messages)
      if (std::max(message.from, message.to) >= nodes())
        return fault("ends, and message " + std::to_string(message.number) +
                         " is of a node that it does not have",
                     "write it anew with 'discoc compile'");
    return std::move(timed);
  }

private:
  static constexpr int64_t mostBytes = int64_t(1) << 50, mostIndex = INT32_MAX,
                           mostPacket = 1 << 16;

  std::nullopt_t fault(const std::string &what, const std::string &hint) {
    diagnostics.push_back({file, "line " + std::to_string(line), what, hint});
    return std::nullopt;
  }

  StringRef nextLine() {
    ++line;
    auto [first, rest] = text.split('\n');
    text = rest;
    return first;
  }

  bool readHeader() {
    Words words(nextLine());
    int64_t version = 0;
    if (words.next() != kHeader || !words.number(version, 1, mostIndex)) {
      fault("is no schedule of discoc", "'discoc compile' writes OUT/schedule.txt");
      return false;
    }
    if (version > kVersion) {
      fault("has version " + std::to_string(version) + ", this discoc reads 1",
            "use the discoc that wrote it, or a newer one");
      return false;
    }
    return true;
  }

  int64_t nodes() const { return static_cast<int64_t>(schedule.nodes.size()); }

  bool readLine(StringRef content) {
    Words words(content);
    const StringRef kind = words.next();
    if (kind == "s")
      return readSteps(words);
    if (kind == "m")
      return readMessage(words) && words.atEnd();
    if (kind == "name") {
      timed.names.push_back(unescaped(words.rest()));
      return true;
    }
    if (kind == "work")
      return readWork(words) && words.atEnd();
    if (kind == "way")
      return readWay(words);
    if (kind == "link")
      return readLink(words);
    if (kind == "node")
      return readNode(words);
    if (kind == "stage")
      return readStage(words);
    if (kind == "packets")
      return readPackets(words) && words.atEnd();
    if (kind == "speed")
      return readSpeed(words) && words.atEnd();
    if (kind == "in_flight")
      return words.number(schedule.inFlight, 1, UINT8_MAX) && words.atEnd();
    return kind.empty();
  }

  /// What printEscapedString made of a name.
  static std::string unescaped(StringRef escaped) {
    std::string name;
    for (size_t i = 0; i < escaped.size(); ++i) {
      uint8_t code = 0;
      if (escaped[i] == '\\' && !escaped.substr(i + 1, 2).getAsInteger(16, code)) {
        name += static_cast<char>(code);
        i += 2;
      } else {
        name += escaped[i];
        i += escaped.substr(i).starts_with("\\\\");
      }
    }
    return name;
  }

  bool readNode(Words &words) {
    discoc::NodeRates node;
    const StringRef kind = words.next();
    node.bare = kind == "board";
    if ((!node.bare && kind != "host") || nodes() == discoc::maxNodes || !words.real(node.clock))
      return false;
    while (!words.atEnd())
      if (const std::string name = words.next().str(); !words.real(node.cycles[name]))
        return false;
    timed.rates.nodes.push_back(std::move(node));
    schedule.nodes.emplace_back();
    return true;
  }

  bool readStage(Words &words) {
    StageNodes &stage = timed.stages.emplace_back();
    if (!words.number(stage.name, -1, static_cast<int64_t>(timed.names.size()) - 1))
      return false;
    while (!words.atEnd())
      if (!words.number(stage.ranks.emplace_back(), 0, nodes() - 1))
        return false;
    return !stage.ranks.empty();
  }

  bool readSpeed(Words &words) {
    int64_t rank = 0;
    double speed = 0;
    if (!words.number(rank, 0, nodes() - 1) || !words.real(speed) || speed <= 0)
      return false;
    timed.rates.nodes[rank].speed = speed;
    return true;
  }

  bool readLink(Words &words) {
    LinkRates link;
    const StringRef carries = words.next(), duplex = words.next();
    const auto *word = llvm::find(kDuplexWords, duplex);
    link.packets = carries == "packets";
    if ((!link.packets && carries != "stream") || word == std::end(kDuplexWords) ||
        !words.real(link.bandwidth) || !words.real(link.latency))
      return false;
    link.duplex = static_cast<LinkRates::Duplex>(word - std::begin(kDuplexWords));
    while (!words.atEnd())
      if (!words.number(link.ends.emplace_back(), 0, nodes() - 1))
        return false;
    timed.rates.links.push_back(std::move(link));
    return true;
  }

  bool readPackets(Words &words) {
    int64_t index = 0;
    if (!words.number(index, 0, static_cast<int64_t>(timed.rates.links.size()) - 1))
      return false;
    LinkRates &link = timed.rates.links[index];
    return words.number(link.segment, 1, mostPacket) && words.number(link.around, 0, mostPacket) &&
           words.number(link.least, 0, mostPacket) && words.number(link.header, 0, mostPacket);
  }

  bool readWay(Words &words) {
    int32_t from = 0, to = 0;
    if (!words.number(from, 0, nodes() - 1) || !words.number(to, 0, nodes() - 1))
      return false;
    std::vector<discoc::WayHop> &way = timed.rates.ways[{from, to}];
    while (!words.atEnd()) {
      discoc::WayHop &hop = way.emplace_back();
      if (!words.number(hop.link, 0, static_cast<int64_t>(timed.rates.links.size()) - 1) ||
          !words.number(hop.from, 0, nodes() - 1) || !words.number(hop.to, 0, nodes() - 1) ||
          !isOnLink(hop))
        return false;
    }
    return true;
  }

  bool isOnLink(const discoc::WayHop &hop) const {
    const LinkRates &link = timed.rates.links[hop.link];
    return !link.packets ||
           (llvm::is_contained(link.ends, hop.from) && llvm::is_contained(link.ends, hop.to));
  }

  bool readWork(Words &words) {
    discoc::StepWork &work = timed.works.emplace_back();
    work.op = words.next().str();
    work.kernel = words.next().str();
    work.element = words.next().str();
    for (int64_t *number : {&work.macs, &work.elements, &work.bytes, &work.weightBytes})
      if (!words.number(*number, 0, mostBytes))
        return false;
    return words.number(work.name, -1, static_cast<int64_t>(timed.names.size()) - 1);
  }

  bool readMessage(Words &words) {
    ScheduledMessage &message = schedule.messages.emplace_back();
    return words.number(message.number, 0, mostBytes) &&
           words.number(message.from, 0, discoc::maxNodes - 1) &&
           words.number(message.to, 0, discoc::maxNodes - 1) &&
           words.number(message.payload, 0, mostBytes) &&
           words.number(message.name, -1, static_cast<int64_t>(timed.names.size()) - 1);
  }

  bool readSteps(Words &words) {
    int64_t rank = 0;
    if (!words.number(rank, 0, nodes() - 1))
      return false;
    std::vector<Step> &steps = schedule.nodes[rank].steps;
    while (!words.atEnd())
      if (!readStep(words.next(), rank, steps.emplace_back()))
        return false;
    return true;
  }

  bool readStep(StringRef word, int64_t rank, Step &step) {
    const size_t kind = kStepLetters.find(word.front());
    int64_t index = 0;
    if (kind == StringRef::npos || !decimal(word.drop_front(), index) || index < 0)
      return false;
    step.kind = static_cast<Step::Kind>(kind);
    if (step.kind == Step::Kind::Compute) {
      step.work = static_cast<int32_t>(index);
      return index < static_cast<int64_t>(timed.works.size());
    }
    if (index >= static_cast<int64_t>(schedule.messages.size()))
      return false;
    step.message = static_cast<int32_t>(index);
    const ScheduledMessage &message = schedule.messages[index];
    const bool sends = step.kind == Step::Kind::Send || step.kind == Step::Kind::Flush;
    return rank == (sends ? message.from : message.to);
  }

  StringRef text;
  const std::string &file;
  discoc::Diagnostics &diagnostics;
  TimedSchedule timed;
  ClusterSchedule &schedule = timed.schedule;
  int64_t line = 0;
};

} // namespace

std::optional<TimedSchedule> disco::parseSchedule(StringRef text, const std::string &file,
                                                  discoc::Diagnostics &diagnostics) {
  return ScheduleParser(text, file, diagnostics).parse();
}
