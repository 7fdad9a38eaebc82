//===- ShardRun.cpp - runs all shards of a compiled model on this machine ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/ShardRun.h"
#include "compiler/formats/Printable.h"
#include "compiler/run/BoardRun.h"
#include "compiler/run/DeskRun.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/RankGroup.h"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace discoc {

namespace {
/// A socket that listens on a free port of loopback. The child inherits it, so
/// nobody can take the port between choosing and using it, and peers that connect
/// early wait in its queue.
class Listener {
public:
  Listener() = default;
  Listener(Listener &&o) noexcept
      : fd(std::exchange(o.fd, -1)), shareFd(std::exchange(o.shareFd, -1)), port(o.port) {}
  Listener &operator=(Listener &&) = delete;
  ~Listener() { close(); }

  /// `kind`: SOCK_STREAM, or SOCK_DGRAM, which waits for no calls.
  bool open(int kind, int queue) {
    fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 ||
        (kind == SOCK_STREAM && listen(fd, std::max(queue, 16)) != 0) ||
        getsockname(fd, generic, &size) != 0)
      return false;
    port = ntohs(address.sin_port);
    return true;
  }
  /// Where higher ranks offer to share memory: there before any of them is, whoever starts first.
  /// The name is that of runtime_stub/transport/shm.cpp.
  void openShare(const std::string &buildHash, int queue) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string name = fmt::format("disco-{}-{}", buildHash.substr(0, 8), port);
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    shareFd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (shareFd >= 0 && (bind(shareFd, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
                         listen(shareFd, std::max(queue, 16)) != 0)) {
      ::close(shareFd); // then they do not share
      shareFd = -1;
    }
  }
  void close() {
    for (int *each : {&fd, &shareFd}) {
      if (*each >= 0)
        ::close(*each);
      *each = -1;
    }
  }

  int fd = -1, shareFd = -1;
  int port = 0;
};

class ShardRunner {
public:
  ShardRunner(const RunRequest &request, const Manifest &manifest, Diagnostics &out)
      : request_(request), manifest_(manifest), out_(out), boards_(request, manifest, out),
        ranks_(manifest.nodes.size(), result_, watch()) {}

  RunResult run() {
    began_ = Clock::now();
    if (start())
      ranks_.wait();
    ranks_.end();
    result_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    if (opened_)
      boards_.stopWires(result_);
    ranks_.judge();
    if (!result_.ok)
      result_.written = writtenInferences(request_, manifest_, result_.reports);
    if (opened_ && !boards_.collectOutputs(result_))
      result_.ok = false;
    return std::move(result_);
  }

private:
  RankGroup::Watch watch() {
    RankGroup::Watch watch;
    watch.line = [this](size_t rank, const std::string &line) {
      showInferences(activity_, request_, line);
      if (request_.boardLog && boards_.isBare(rank))
        say(rank, "says " + line, /*isAsked=*/true);
    };
    if (request_.talks)
      watch.said = [](size_t rank, const std::string &line) { sayOfRank(rank, line); };
    watch.ended = [this](size_t rank) {
      if (boards_.needed())
        sayEnd(rank);
    };
    watch.how = [this](size_t rank) { return endText(rank); };
    if (boards_.needed())
      watch.step = [this] {
        boards_.hearDesks(ranks_);
        boards_.showFinished(activity_);
      };
    return watch;
  }

  std::vector<std::string> arguments(int64_t rank, const std::vector<Listener> &listeners) const {
    const auto at = static_cast<size_t>(rank);
    std::vector<std::string> argv = boards_.emulatorOf(at);
    argv.push_back(shardPath(request_.out, manifest_.nodes[at]));
    const std::vector<std::string> shared = shardArguments(request_, manifest_, rank);
    argv.insert(argv.end(), shared.begin(), shared.end());
    // A node that spins where another waits for the processor only holds it up.
    if (manifest_.nodes.size() > std::thread::hardware_concurrency())
      argv.insert(argv.end(), {"--spin-us", "0"});
    if (request_.transport == RunRequest::Transport::Tcp)
      argv.push_back("--no-shared-memory");
    if (request_.transport == RunRequest::Transport::Udp)
      argv.insert(argv.end(), {"--transport", "udp"});
    if (listeners[at].fd >= 0)
      argv.insert(argv.end(), {"--listen-fd", std::to_string(listeners[at].fd)});
    if (listeners[at].shareFd >= 0)
      argv.insert(argv.end(), {"--share-fd", std::to_string(listeners[at].shareFd)});
    for (size_t lower = 0; lower < at; ++lower)
      if (boards_.overTcp(lower, at))
        argv.insert(argv.end(),
                    {"--peer", fmt::format("{}=127.0.0.1:{}", lower, listeners[lower].port)});
    return argv;
  }

  /// Whether a higher rank connects to this one.
  bool isAwaited(size_t rank) const {
    for (size_t higher = rank + 1; higher < manifest_.nodes.size(); ++higher)
      if (boards_.overTcp(rank, higher))
        return true;
    return false;
  }

  bool start() {
    const int64_t nodes = static_cast<int64_t>(manifest_.nodes.size());
    const bool udp = request_.transport == RunRequest::Transport::Udp;
    if (boards_.needed() && udp) {
      out_.push_back({request_.out, "", "UDP reaches neither boards nor wires, which this has",
                      "run it without --transport udp"});
      return false;
    }
    opened_ = boards_.needed() && boards_.open();
    if (boards_.needed() && !opened_)
      return false;
    std::vector<Listener> listeners;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      listeners.emplace_back();
      if (isAwaited(static_cast<size_t>(rank)) &&
          !listeners.back().open(udp ? SOCK_DGRAM : SOCK_STREAM, static_cast<int>(nodes))) {
        out_.push_back({"127.0.0.1", "", std::string("no port: ") + std::strerror(errno), ""});
        return false;
      }
      if (listeners.back().fd >= 0 && request_.transport == RunRequest::Transport::Local)
        listeners.back().openShare(manifest_.buildHash, static_cast<int>(nodes));
    }
    for (int64_t rank = 0; rank < nodes; ++rank) {
      const auto at = static_cast<size_t>(rank);
      Listener &own = listeners[at];
      NodeStart node;
      if (boards_.isBare(at)) {
        node = boards_.bare(at);
      } else {
        node.argv = arguments(rank, listeners);
        node.how.inherited = {own.fd, own.shareFd};
        node.how.environment = shardEnvironment(request_);
        const std::vector<std::string> wires = boards_.wiresOf(at);
        node.argv.insert(node.argv.end(), wires.begin(), wires.end());
      }
      if (!ranks_.start(node.argv, out_, node.how))
        return false;
      own.close();
      boards_.started(at);
      if (boards_.needed())
        say(at, "started");
    }
    return !boards_.needed() || boards_.startWires();
  }

  /// A live line of one node.
  void say(size_t rank, const std::string &what, bool isAsked = false) const {
    sayOfNode(std::chrono::duration<double>(Clock::now() - began_).count(), rank,
              boards_.title(rank), what, isAsked);
  }

  void sayEnd(size_t rank) const {
    const auto &report = result_.reports[rank];
    if (ranks_.child(rank).failed() || !report)
      return say(rank, endText(rank) + (report ? ": " + report->error : ""));
    say(rank, BoardFiles::doneText(*report));
  }

  /// How a program ended; a board's code in words.
  std::string endText(size_t rank) const {
    const Child &child = ranks_.child(rank);
    const std::string words = child.signal ? "" : BoardFiles::codeText(child.exitCode);
    return boards_.isBare(rank) && !words.empty()
               ? fmt::format("code {}, {}", child.exitCode, words)
               : child.endText();
  }

  const RunRequest &request_;
  const Manifest &manifest_;
  Diagnostics &out_;
  Clock::time_point began_{};
  BoardRun boards_;
  bool opened_ = false; // the boards
  Activity activity_{"run"};
  RunResult result_;
  RankGroup ranks_;
};
} // namespace

std::vector<std::string> shardEnvironment(const RunRequest &request) {
  std::vector<std::string> environment;
  if (!request.notesDirectory.empty())
    environment.push_back("DISCO_TRACE=" + request.notesDirectory);
  if (showsProgress())
    environment.push_back("DISCO_PROGRESS=1");
  return environment;
}

bool showInferences(Activity &activity, const RunRequest &request, const std::string &line) {
  constexpr const char *prefix = "progress ";
  if (line.rfind(prefix, 0) != 0)
    return false;
  const int64_t done = std::strtoll(line.c_str() + std::string(prefix).size(), nullptr, 10),
                all = request.count * request.repeat;
  activity.count("inference", std::min(done + 1, all), all);
  return true;
}

std::vector<std::string> shardArguments(const RunRequest &request, const Manifest &manifest,
                                        int64_t rank) {
  std::vector<std::string> argv = {"--json", "--deadline-ms", std::to_string(request.deadlineMs),
                                   "--repeat", std::to_string(request.repeat)};
  if (!request.talks)
    argv.push_back("--quiet");
  if (isRootRank(manifest.root.inputAt, rank) && !manifest.inputs.empty()) {
    for (const auto &[name, file] : request.inputs)
      argv.insert(argv.end(), {"--input", name + "=" + file});
  } else {
    argv.insert(argv.end(), {"--count", std::to_string(request.count)});
  }
  if (writesOutputs(request, manifest, rank))
    argv.insert(argv.end(), {"--output-dir",
                             request.outputDirectory +
                                 (request.outputsOfAll
                                      ? "/" + manifest.nodes[static_cast<size_t>(rank)].directory
                                      : "")});
  return argv;
}

/// Where all nodes return the outputs, they are the same: one copy is enough.
bool writesOutputs(const RunRequest &request, const Manifest &manifest, int64_t rank) {
  return !request.outputDirectory.empty() && isRootRank(manifest.root.outputAt, rank) &&
         (request.outputsOfAll || manifest.root.outputAt != RootPlacement::all || rank == 0);
}

void sayOfRank(size_t rank, std::string line, const std::string &outputDirectory) {
  const std::string prefix = fmt::format("rank {}: ", rank), place = "; outputs in ";
  const size_t at = line.rfind(place + outputDirectory);
  if (!outputDirectory.empty() && at != std::string::npos)
    line.erase(at);
  if (line.rfind(prefix, 0) == 0) // the programs' own
    line.erase(0, prefix.size());
  hideProgress();
  fmt::print(stderr, "{}{}\n", prefix, printable(line, maxShownText));
}

RunResult runShards(const RunRequest &request, const Manifest &manifest, Diagnostics &out) {
  if (!request.on.empty())
    return runOnDesk(request, manifest, out);
  return request.isByProcess() ? ShardRunner(request, manifest, out).run()
                               : runInProcess(request, manifest, out);
}

int64_t writtenInferences(const RunRequest &request, const Manifest &manifest,
                          const std::vector<std::optional<ShardReport>> &reports) {
  const auto root = static_cast<size_t>(std::max<int64_t>(0, manifest.root.outputAt));
  return root < reports.size() && reports[root] ? std::min(request.count, reports[root]->inferences)
                                                : 0;
}

std::string lastLine(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  text.erase(0, text.rfind('\n') + 1);
  return text.rfind("error: ", 0) == 0 ? text.substr(7) : text;
}

std::string outputFile(const Manifest &manifest, size_t output) {
  auto plain = [&](size_t i) {
    std::string name = manifest.outputs[i].name;
    for (char &c : name)
      if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '.' || c == '_' || c == '-'))
        c = '_';
    return name;
  };
  size_t same = 0;
  for (size_t i = 0; i < output; ++i)
    same += plain(i) == plain(output);
  return plain(output) + (same ? "_" + std::to_string(same + 1) : "") + ".npy";
}

} // namespace discoc
