//===- ShardRun.cpp - runs all shards of a compiled model on this machine ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/ShardRun.h"
#include "compiler/formats/Printable.h"
#include "compiler/run/BoardRun.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <set>
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

  bool open(int queue) {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, std::max(queue, 16)) != 0 ||
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
        said_(manifest.nodes.size()) {
    result_.reports.resize(manifest.nodes.size());
  }

  RunResult run() {
    began_ = Clock::now();
    if (start())
      wait();
    group_.endAll();
    result_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    if (boards_.needed())
      boards_.stopWires(result_);
    judge();
    if (!result_.ok)
      result_.written = writtenInferences(request_, manifest_, result_.reports);
    if (!boards_.collectOutputs(result_))
      result_.ok = false;
    return std::move(result_);
  }

private:
  std::vector<std::string> arguments(int64_t rank, const std::vector<Listener> &listeners) const {
    const ManifestNode &node = manifest_.nodes[static_cast<size_t>(rank)];
    std::vector<std::string> argv = boards_.emulatorOf(static_cast<size_t>(rank));
    argv.insert(argv.end(),
                {shardPath(request_.out, node), "--json", "--quiet", "--deadline-ms",
                 std::to_string(request_.deadlineMs), "--repeat", std::to_string(request_.repeat)});
    // A node that spins where another waits for the processor only holds it up.
    if (manifest_.nodes.size() > std::thread::hardware_concurrency())
      argv.insert(argv.end(), {"--spin-us", "0"});
    if (request_.transport == RunRequest::Transport::Tcp)
      argv.push_back("--no-shared-memory");
    if (isRootRank(manifest_.root.inputAt, rank) && !manifest_.inputs.empty()) {
      for (const auto &[name, file] : request_.inputs) {
        argv.push_back("--input");
        argv.push_back(name + "=" + file);
      }
    } else {
      argv.push_back("--count");
      argv.push_back(std::to_string(request_.count));
    }
    if (listeners[static_cast<size_t>(rank)].fd >= 0) {
      argv.push_back("--listen-fd");
      argv.push_back(std::to_string(listeners[static_cast<size_t>(rank)].fd));
    }
    if (listeners[static_cast<size_t>(rank)].shareFd >= 0) {
      argv.push_back("--share-fd");
      argv.push_back(std::to_string(listeners[static_cast<size_t>(rank)].shareFd));
    }
    for (int64_t lower = 0; lower < rank; ++lower) {
      if (!boards_.overTcp(static_cast<size_t>(lower), static_cast<size_t>(rank)))
        continue;
      argv.push_back("--peer");
      argv.push_back(
          fmt::format("{}=127.0.0.1:{}", lower, listeners[static_cast<size_t>(lower)].port));
    }
    // Where all nodes return the outputs, they are the same: one copy is enough.
    const bool writes =
        isRootRank(manifest_.root.outputAt, rank) &&
        (request_.outputsOfAll || manifest_.root.outputAt != RootPlacement::all || rank == 0);
    if (writes && !request_.outputDirectory.empty()) {
      argv.push_back("--output-dir");
      argv.push_back(request_.outputDirectory +
                     (request_.outputsOfAll ? "/" + node.directory : ""));
    }
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
    if (boards_.needed() && !boards_.open())
      return false;
    std::vector<Listener> listeners;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      listeners.emplace_back();
      if (isAwaited(static_cast<size_t>(rank)) && !listeners.back().open(static_cast<int>(nodes))) {
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
        node.inherited = {own.fd, own.shareFd};
        const std::vector<std::string> wires = boards_.wiresOf(at);
        node.argv.insert(node.argv.end(), wires.begin(), wires.end());
      }
      if (!group_.start(node.argv, out_, node.inherited, node.directory))
        return false;
      own.close();
      boards_.started(at);
      if (boards_.needed())
        say(at, "started");
    }
    return !boards_.needed() || boards_.startWires();
  }

  /// A live line of one node.
  void say(size_t rank, const std::string &what) const {
    fmt::print(stderr, "{:6.2f} s  rank {} ({}): {}\n",
               std::chrono::duration<double>(Clock::now() - began_).count(), rank,
               printable(boards_.title(rank), maxShownName), printable(what, maxShownText));
  }

  void sayEnd(size_t rank) const {
    const auto &report = result_.reports[rank];
    const Child &child = group_.children()[rank];
    if (child.failed() || !report)
      return say(rank, endText(rank) + (report ? ": " + report->error : ""));
    std::string text = fmt::format("done, {} {}", report->inferences,
                                   report->inferences == 1 ? "inference" : "inferences");
    if (report->medianUs)
      text += fmt::format(" of {:.1f} ms", static_cast<double>(report->medianUs) / 1000);
    if (report->stackBytes)
      text += fmt::format(", {} bytes of stack", *report->stackBytes);
    if (report->packets)
      text += fmt::format(", {} packets sent, {} again, {} damaged", report->packets->sent,
                          report->packets->repeated, report->packets->damaged);
    say(rank, text);
  }

  /// How a program ended; a board's code in words.
  std::string endText(size_t rank) const {
    const Child &child = group_.children()[rank];
    const std::string words = child.signal ? "" : BoardRun::codeText(child.exitCode);
    return boards_.isBare(rank) && !words.empty()
               ? fmt::format("code {}, {}", child.exitCode, words)
               : child.endText();
  }

  void hear(size_t rank, const std::string &line) {
    if (auto report = parseShardReport(line))
      result_.reports[rank] = std::move(report);
    else if (line.rfind("error: ", 0) == 0)
      said_[rank] = line;
    if (request_.boardLog && boards_.isBare(rank))
      say(rank, "says " + line);
  }

  void wait() {
    // After a failure the peers hear of it in an abort frame, or find the stream
    // broken; their own grace is 2 s. Who says nothing then is ended.
    constexpr auto grace = std::chrono::seconds(4);
    Clock::time_point until = Clock::time_point::max();
    while (!group_.allEnded() && Clock::now() < until) {
      group_.step(std::chrono::milliseconds(200),
                  [&](size_t rank, const std::string &line) { hear(rank, line); });
      for (size_t rank = 0; boards_.needed() && rank < group_.children().size(); ++rank)
        if (group_.children()[rank].ended && told_.insert(rank).second)
          sayEnd(rank);
      if (InterruptGuard::interrupted()) {
        result_.interrupted = true;
        return;
      }
      for (const Child &child : group_.children())
        if (child.failed() && until == Clock::time_point::max())
          until = Clock::now() + grace;
    }
    for (size_t rank = 0; rank < group_.children().size(); ++rank)
      if (group_.children()[rank].ended)
        natural_.insert(rank);
  }

  /// Emulators warn of much that explains nothing.
  static std::string withoutWarnings(const std::string &text) {
    std::string left;
    for (size_t at = 0, end; at < text.size(); at = end + 1) {
      end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      if (line.rfind("qemu-", 0) != 0 || line.find(": warning: ") == std::string::npos)
        left += line + "\n";
    }
    return left;
  }

  /// What a program that ended badly said last.
  std::string lastWords(size_t rank) const {
    if (result_.reports[rank] && !result_.reports[rank]->error.empty())
      return result_.reports[rank]->error;
    return lastLine(said_[rank].empty() ? withoutWarnings(group_.children()[rank].errText)
                                        : said_[rank]);
  }

  /// Fills ok, failedRank, failure and details.
  void judge() {
    const auto &children = group_.children();
    std::vector<size_t> bad;
    for (size_t rank = 0; rank < children.size(); ++rank)
      if (children[rank].failed() || !result_.reports[rank] || !result_.reports[rank]->ok)
        bad.push_back(rank);
    result_.ok = bad.empty() && children.size() == manifest_.nodes.size() && !result_.interrupted;
    if (result_.ok || bad.empty() || result_.interrupted)
      return;
    std::sort(bad.begin(), bad.end(), [&](size_t a, size_t b) {
      return std::pair(children[a].endedAt, a) < std::pair(children[b].endedAt, b);
    });
    for (size_t rank : bad) {
      const std::string words = lastWords(rank);
      const bool ended = natural_.count(rank) == 0;
      result_.details.push_back(fmt::format("rank {}: {}{}{}", rank,
                                            ended ? "still ran and was ended" : endText(rank),
                                            words.empty() ? "" : ": ", words));
    }
    blame(bad);
  }

  /// Who was first: a program that died or could not begin knows best; otherwise
  /// the first report of a failure names the rank.
  void blame(const std::vector<size_t> &bad) {
    for (size_t rank : bad) {
      const auto &report = result_.reports[rank];
      if (natural_.count(rank) && (!report || !report->failedRank)) {
        const std::string words = lastWords(rank);
        result_.failedRank = static_cast<int64_t>(rank);
        result_.failure = endText(rank) + (words.empty() ? "" : ": " + words);
        return;
      }
    }
    for (size_t rank : bad) {
      const auto &report = result_.reports[rank];
      if (!report || !report->failedRank)
        continue;
      result_.failedRank = report->failedRank;
      result_.failure = report->error;
      return;
    }
    result_.failedRank = static_cast<int64_t>(bad.front());
    result_.failure = "it ended without a report";
  }

  const RunRequest &request_;
  const Manifest &manifest_;
  Diagnostics &out_;
  Clock::time_point began_{};
  BoardRun boards_;
  std::vector<std::string> said_; ///< the last error that a rank printed to stdout
  ProcessGroup group_;            ///< children()[rank]
  std::set<size_t> natural_;      ///< ranks that ended before we ended them
  std::set<size_t> told_;         ///< ranks whose end was shown
  RunResult result_;
};
} // namespace

RunResult runShards(const RunRequest &request, const Manifest &manifest, Diagnostics &out) {
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
