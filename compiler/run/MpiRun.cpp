//===- MpiRun.cpp - every rank's program under mpirun or srun -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Launchers differ in how they pass output on, mix lines, and say who failed. So each rank's output
// goes to files in a folder that its host sees, too, and a few lines of shell note how it ended.
#include "compiler/formats/Printable.h"
#include "compiler/formats/ShellWord.h"
#include "compiler/formats/TemporaryDirectory.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Launch.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/RankGroup.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace fs = std::filesystem;

namespace discoc {

/// After the program's line. The program ends with its launcher, whatever ended that.
static constexpr const char *restOfScript = R"(child=$!
parent=$PPID
{ while kill -0 $parent; do sleep 1; done; kill -KILL $child; } </dev/null >/dev/null 2>&1 &
watcher=$!
trap 'kill -TERM $child' HUP INT TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill $watcher 2>/dev/null
echo $code >$rank.part
mv $rank.part $rank.code
exit $code
)";

static constexpr int killed = 128 + SIGKILL, terminated = 128 + SIGTERM; // as a shell says it

namespace {
class MpiRunner {
public:
  MpiRunner(const RunRequest &request, const LaunchHosts &hosts, const Manifest &manifest,
            Diagnostics &out)
      : request_(request), hosts_(hosts), manifest_(manifest), out_(out),
        launcher_(launcherName(hosts.with)), said_(manifest.nodes.size()),
        words_(manifest.nodes.size()) {
    result_.reports.resize(manifest.nodes.size());
  }

  RunResult run() {
    const auto began = Clock::now();
    if (open() && start())
      wait();
    group_.endAll();
    if (!group_.children().empty())
      judge();
    result_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    if (!result_.ok)
      result_.written = writtenInferences(request_, manifest_, result_.reports);
    fetchNotes();
    fetchOutputs();
    return std::move(result_);
  }

private:
  size_t nodes() const { return manifest_.nodes.size(); }
  std::string file(const std::string &name) const { return folder_.path() + "/" + name; }
  std::string file(size_t rank, const char *kind) const {
    return file(fmt::format("rank{}.{}", rank, kind));
  }

  bool fault(const std::string &what, const std::string &hint) {
    out_.push_back({launcher_, "", what, hint});
    return false;
  }

  /// In a build folder: it is discoc's own, and lies where all hosts see it.
  bool open() {
    if (findProgram(launcher_).empty())
      return fault("is not installed", "--with local or ssh start the programs without it");
    const fs::path out = fs::absolute(request_.out);
    const std::string build =
        nodePath(out.lexically_normal().string(), manifest_.nodes[0]) + "/build/run";
    removeAbandoned(build);
    if (!folder_.make(build, 0700)) {
      out_.push_back({build, "", std::string("cannot be made: ") + std::strerror(errno), ""});
      return false;
    }
    return handInputs() && writeScripts();
  }

  bool handInputs() {
    for (size_t i = 0; i < request_.inputs.size(); ++i) {
      std::error_code error;
      fs::copy_file(request_.inputs[i].second, file(fmt::format("{}.npy", i)), error);
      if (!error)
        continue;
      out_.push_back({request_.inputs[i].second, "", "cannot be copied: " + error.message(), ""});
      return false;
    }
    return true;
  }

  std::string script(size_t rank) const {
    const fs::path out = fs::absolute(request_.out).lexically_normal();
    std::string text = fmt::format("rank=rank{}\n", rank) +
                       (request_.notesDirectory.empty() ? "" : "DISCO_TRACE=. ") +
                       shellQuoted(mpiShardPath(out.string(), manifest_.nodes[rank])) + " --mpi";
    for (const std::string &word :
         shardArguments(staged(request_, "."), manifest_, static_cast<int64_t>(rank)))
      text += " " + shellQuoted(word);
    return text + " </dev/null >$rank.json 2>$rank.err &\n" + restOfScript;
  }

  bool writeScripts() {
    std::string programs, hosts;
    for (size_t rank = 0; rank < nodes(); ++rank) {
      if (!writeText(file(rank, "sh"), script(rank), out_))
        return false;
      programs += fmt::format("{0} /bin/sh rank{0}.sh\n", rank);
      hosts += hosts_.hosts.empty() ? "" : hosts_.hosts[rank] + "\n";
    }
    return writeText(file("programs"), programs, out_) && writeText(file("hosts"), hosts, out_);
  }

  std::vector<std::string> mpirun() const {
    std::vector<std::string> argv = {launcher_};
    argv.insert(argv.end(), hosts_.options.begin(), hosts_.options.end());
    for (size_t rank = 0; rank < nodes(); ++rank) {
      argv.insert(argv.end(), {"-np", "1"});
      if (!hosts_.hosts.empty()) {
        const std::string &host = hosts_.hosts[rank];
        const auto places = std::count(hosts_.hosts.begin(), hosts_.hosts.end(), host);
        argv.insert(argv.end(), {"-host", places > 1 ? fmt::format("{}:{}", host, places) : host});
      }
      argv.insert(argv.end(), {"/bin/sh", fmt::format("rank{}.sh", rank)});
      if (rank + 1 < nodes())
        argv.push_back(":");
    }
    return argv;
  }

  std::vector<std::string> srun() const {
    std::vector<std::string> argv;
    if (!hosts_.hosts.empty())
      argv = {"env", "SLURM_HOSTFILE=hosts"};
    argv.insert(argv.end(), {launcher_, "-n", std::to_string(nodes()), "--kill-on-bad-exit=1"});
    if (!hosts_.hosts.empty())
      argv.push_back("--distribution=arbitrary");
    argv.insert(argv.end(), hosts_.options.begin(), hosts_.options.end());
    argv.insert(argv.end(), {"--multi-prog", "programs"});
    return argv;
  }

  bool start() {
    ChildStart how;
    how.directory = folder_.path();
    how.whenKilled = SIGTERM; // what they have started, they end
    return group_.start(hosts_.with == LaunchHosts::With::Mpirun ? mpirun() : srun(), out_, how);
  }

  //===- while they run ---===//

  void wait() {
    Clock::time_point until = Clock::time_point::max();
    auto say = [&](size_t, const std::string &line) {
      fmt::print(stderr, "{}: {}\n", launcher_, printable(line, maxShownText));
    };
    while (!group_.allEnded() && Clock::now() < until) {
      group_.step(std::chrono::milliseconds(200), say, say);
      hear();
      if (InterruptGuard::interrupted()) {
        result_.interrupted = true;
        return;
      }
      if (until == Clock::time_point::max() && hasFailure())
        until = Clock::now() + graceOfRanks;
    }
    waitForNotes();
  }

  std::optional<int> codeOf(size_t rank) const {
    std::ifstream note(file(rank, "code"));
    int code = 0;
    return note >> code ? std::optional(code) : std::nullopt;
  }

  bool hasFailure() const {
    for (size_t rank = 0; rank < nodes(); ++rank)
      if (codeOf(rank).value_or(0) != 0)
        return true;
    return false;
  }

  /// Other hosts' files are seen late, and programs outlive a launcher that was killed a little.
  void waitForNotes() {
    const auto until = Clock::now() + std::chrono::seconds(5);
    auto isOut = [&](size_t rank) {
      std::error_code error;
      return fs::exists(file(rank, "json"), error) && !codeOf(rank);
    };
    for (size_t rank = 0; rank < nodes(); ++rank)
      while (isOut(rank) && Clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    hear();
  }

  /// What the programs have said since the last call.
  void hear() {
    for (size_t rank = 0; rank < nodes(); ++rank) {
      std::ifstream text(file(rank, "err"));
      text.seekg(said_[rank]);
      std::string line;
      while (std::getline(text, line) && !text.eof()) { // a line without its end is not whole
        said_[rank] += static_cast<std::streamoff>(line.size()) + 1;
        words_[rank] = line;
        sayOfRank(rank, line, staged(request_, ".").outputDirectory);
      }
    }
  }

  //===- afterwards ---===//

  RankEnd endOf(size_t rank) const {
    RankEnd end;
    const auto code = codeOf(rank);
    struct stat note = {};
    end.wasEnded = !code;
    if (!code || stat(file(rank, "code").c_str(), &note) != 0)
      return end;
    end.good = *code == 0;
    end.at = int64_t(note.st_mtim.tv_sec) * 1000000000 + note.st_mtim.tv_nsec;
    end.how = shellEndText(*code);
    return end;
  }

  void judge() {
    std::vector<RankEnd> ends;
    bool any = false;
    for (size_t rank = 0; rank < nodes(); ++rank) {
      ends.push_back(endOf(rank));
      readReport(rank, ends.back());
      any = any || codeOf(rank) || result_.reports[rank];
    }
    const Child &launcher = group_.children().front();
    if (!result_.interrupted && (!any || launcher.signal)) {
      result_.failure = std::string(launcher_) + " ended with " + launcher.endText();
      return; // its words have been shown
    }
    markEnded(ends);
    discoc::judge(ends, result_);
  }

  void readReport(size_t rank, RankEnd &end) {
    Diagnostics ignored;
    std::istringstream text(readText(file(rank, "json"), ignored).value_or(""));
    for (std::string line; std::getline(text, line);)
      if (auto report = parseShardReport(line))
        result_.reports[rank] = std::move(report);
    const auto &report = result_.reports[rank];
    end.words = report && !report->error.empty() ? report->error : lastLine(words_[rank]);
  }

  /// The launcher ends all others once one has failed: by a signal, later.
  void markEnded(std::vector<RankEnd> &ends) const {
    int64_t first = INT64_MAX;
    for (const RankEnd &end : ends)
      if (!end.wasEnded && !end.good)
        first = std::min(first, end.at);
    for (size_t rank = 0; rank < nodes(); ++rank) {
      const int code = codeOf(rank).value_or(0);
      if ((code == killed || code == terminated) && ends[rank].at > first)
        ends[rank].wasEnded = true;
    }
  }

  void fetchNotes() {
    for (size_t rank = 0; !request_.notesDirectory.empty() && rank < nodes(); ++rank) {
      std::error_code absent; // of a program that did not begin
      const std::string name = fmt::format("node{}.notes", rank);
      fs::copy_file(file(name), request_.notesDirectory + "/" + name, absent);
    }
  }

  /// Of a failed run, what was finished.
  void fetchOutputs() {
    std::error_code error;
    fs::create_directories(request_.outputDirectory, error);
    for (size_t i = 0; i < manifest_.outputs.size(); ++i) {
      const std::string name = outputFile(manifest_, i);
      fs::copy_file(file("outputs/" + name), request_.outputDirectory + "/" + name,
                    fs::copy_options::overwrite_existing, error);
      if (error && result_.ok) {
        result_.failure = "the output " + name + " could not be copied: " + error.message();
        result_.ok = false;
      }
    }
  }

  const RunRequest &request_;
  const LaunchHosts &hosts_;
  const Manifest &manifest_;
  Diagnostics &out_;
  const char *const launcher_;
  TemporaryDirectory folder_;
  Activity activity_{"run"};
  ProcessGroup group_{std::chrono::seconds(10)}; ///< the launcher
  std::vector<std::streamoff> said_;             ///< by rank: read of its standard error
  std::vector<std::string> words_;               ///< its last line
  RunResult result_;
};
} // namespace

RunResult launchOverMpi(const RunRequest &request, const LaunchHosts &hosts,
                        const Manifest &manifest, Diagnostics &out) {
  return MpiRunner(request, hosts, manifest, out).run();
}

} // namespace discoc
