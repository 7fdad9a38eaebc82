//===- SshRun.cpp - every rank's program on its host, over ssh ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Printable.h"
#include "compiler/run/RankGroup.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/Ssh.h"

#include <fmt/core.h>

#include <filesystem>
#include <random>

namespace fs = std::filesystem;

namespace discoc {

/// $1: a folder, which is removed afterwards unless $2 says something; then a program and its
/// arguments. Its life hangs on standard input: when that ends, because discoc, ssh or the
/// connection did, the program is ended.
static constexpr const char *runScript = R"(folder=$1
keep=$2
shift 2
mkdir -p -- "$folder" || exit 3
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ while read -r line <&3; do :; done; kill -TERM $child; sleep 1; kill -KILL $child; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
trap 'kill -TERM $child' HUP INT TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill $watcher 2>/dev/null
[ "$keep" ] || rm -rf -- "$folder"
exit $code)";

static constexpr const char *unpackScript = R"(mkdir -p -- "$1" && cd -- "$1" && tar -xf -)";
static constexpr const char *readScript = R"(cat -- "$1")";
static constexpr const char *removeScript = R"(rm -rf -- "$1")";

static constexpr int connectionLost = 255; // ssh's own exit code

/// A name that no other launch has.
static std::string drawName() {
  std::random_device random;
  return fmt::format("run-{:08x}{:08x}", random(), random());
}

namespace {
class SshRunner {
public:
  SshRunner(const RunRequest &request, const LaunchHosts &hosts, const Manifest &manifest,
            Diagnostics &out)
      : request_(request), hosts_(hosts), manifest_(manifest), out_(out),
        name_(hosts.directory + "/" + drawName()), ranks_(manifest.nodes.size(), result_, watch()) {
  }

  RunResult run() {
    const auto began = Clock::now();
    if (handInputs() && start())
      ranks_.wait();
    ranks_.end();
    result_.interrupted = result_.interrupted || InterruptGuard::interrupted();
    result_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    if (started_)
      ranks_.judge();
    if (!result_.ok)
      result_.written = writtenInferences(request_, manifest_, result_.reports);
    fetchNotes();
    if (!fetchOutputs() && result_.ok) {
      result_.ok = false;
      result_.failure = "the outputs could not be fetched";
    }
    return std::move(result_);
  }

private:
  RankGroup::Watch watch() {
    RankGroup::Watch watch;
    watch.said = [this](size_t rank, const std::string &line) {
      sayOfRank(rank, line, staged(request_, folder(rank)).outputDirectory);
    };
    watch.how = [this](size_t rank) {
      const Child &child = ranks_.child(rank);
      if (child.signal)
        return "ssh ended with " + child.endText();
      return child.exitCode == connectionLost
                 ? "the connection to " + printable(hosts_.hosts[rank]) + " was lost"
                 : shellEndText(child.exitCode);
    };
    return watch;
  }

  bool isRoot(int64_t at, size_t rank) const { return isRootRank(at, static_cast<int64_t>(rank)); }
  bool writes(size_t rank) const {
    return writesOutputs(request_, manifest_, static_cast<int64_t>(rank));
  }

  bool isTraced() const { return !request_.notesDirectory.empty(); }
  /// Whether something is fetched from its folder.
  bool leaves(size_t rank) const { return writes(rank) || isTraced(); }

  /// On the host of a rank: inputs, outputs and notes of this run.
  std::string folder(size_t rank) const { return fmt::format("{}-{}", name_, rank); }

  bool onHost(size_t rank, const char *script, const std::string &argument, const ChildStart &how) {
    return runToEnd(sshCommand(hosts_, rank, script, {argument}), how, std::chrono::hours(1),
                    /*whatever=*/false, out_);
  }
  /// After the run, where it is of use if the host is still there.
  bool afterwards(size_t rank, const char *script, const std::string &argument,
                  const ChildStart &how) const {
    Diagnostics ignored;
    return runToEnd(sshCommand(hosts_, rank, script, {argument}), how, std::chrono::seconds(10),
                    /*whatever=*/true, ignored);
  }

  /// One archive of links to all inputs, which is unpacked where they are read.
  bool handInputs() {
    if (request_.inputs.empty())
      return true;
    const std::string links = scratch_.path() + "/inputs", archive = links + ".tar";
    std::error_code error;
    fs::create_directory(links, error);
    for (size_t i = 0; i < request_.inputs.size(); ++i)
      fs::create_symlink(fs::absolute(request_.inputs[i].second),
                         fmt::format("{}/{}.npy", links, i), error);
    if (!runToEnd({"tar", "-chf", archive, "-C", links, "."}, {}, std::chrono::hours(1), false,
                  out_))
      return false;
    for (size_t rank = 0; rank < hosts_.hosts.size(); ++rank) {
      ChildStart how;
      how.inputFile = archive;
      if (isRoot(manifest_.root.inputAt, rank) && !onHost(rank, unpackScript, folder(rank), how))
        return false;
    }
    return true;
  }

  std::vector<std::string> arguments(size_t rank) const {
    std::vector<std::string> argv;
    if (isTraced())
      argv = {"env", "DISCO_TRACE=" + folder(rank)};
    argv.push_back(hosts_.folders[rank] + "/build/shard");
    const auto shared =
        shardArguments(staged(request_, folder(rank)), manifest_, static_cast<int64_t>(rank));
    argv.insert(argv.end(), shared.begin(), shared.end());
    if (hosts_.addresses.empty())
      return argv;
    if (rank + 1 < hosts_.addresses.size())
      argv.insert(argv.end(), {"--listen", listenAddress(hosts_.addresses[rank])});
    for (size_t lower = 0; lower < rank; ++lower)
      argv.insert(argv.end(), {"--peer", fmt::format("{}={}", lower, hosts_.addresses[lower])});
    return argv;
  }

  bool start() {
    for (; started_ < hosts_.hosts.size(); ++started_) {
      std::vector<std::string> words = {folder(started_), leaves(started_) ? "keep" : ""};
      const std::vector<std::string> argv = arguments(started_);
      words.insert(words.end(), argv.begin(), argv.end());
      ChildStart how;
      how.holdsInput = true;
      if (!ranks_.start(sshCommand(hosts_, started_, runScript, words), out_, how))
        return false;
    }
    return true;
  }

  bool isLost(size_t rank) const { return ranks_.child(rank).exitCode == connectionLost; }

  /// Also of a failed run, of all hosts that are still there.
  void fetchNotes() {
    for (size_t rank = 0; isTraced() && rank < started_; ++rank)
      if (const std::string name = fmt::format("node{}.notes", rank); !isLost(rank))
        (void)fetch(rank, folder(rank) + "/" + name, request_.notesDirectory + "/" + name, false);
  }

  /// Of a failed run, what was finished. A host that is lost keeps its folder.
  bool fetchOutputs() {
    std::error_code error;
    fs::create_directories(request_.outputDirectory, error);
    bool good = true;
    for (size_t rank = 0; rank < started_; ++rank) {
      if (!leaves(rank) || isLost(rank))
        continue;
      const std::string from = staged(request_, folder(rank)).outputDirectory + "/";
      for (size_t i = 0; writes(rank) && i < manifest_.outputs.size(); ++i)
        good = fetch(rank, from + outputFile(manifest_, i),
                     request_.outputDirectory + "/" + outputFile(manifest_, i), result_.ok) &&
               good;
      (void)afterwards(rank, removeScript, folder(rank), {});
    }
    return good;
  }

  /// `hasTo`: it is a fault if it does not come.
  bool fetch(size_t rank, const std::string &from, const std::string &path, bool hasTo) {
    ChildStart how;
    how.outputFile = path + ".part";
    std::error_code error;
    const bool good =
        hasTo ? onHost(rank, readScript, from, how) : afterwards(rank, readScript, from, how);
    if (good)
      fs::rename(how.outputFile, path, error);
    else
      fs::remove(how.outputFile, error);
    return good && !error;
  }

  const RunRequest &request_;
  const LaunchHosts &hosts_;
  const Manifest &manifest_;
  Diagnostics &out_;
  const std::string name_;
  Scratch scratch_;
  size_t started_ = 0; ///< ranks
  RunResult result_;
  Activity activity_{"run"};
  RankGroup ranks_;
};
} // namespace

RunResult launchOverSsh(const RunRequest &request, const LaunchHosts &hosts,
                        const Manifest &manifest, Diagnostics &out) {
  return SshRunner(request, hosts, manifest, out).run();
}

} // namespace discoc
