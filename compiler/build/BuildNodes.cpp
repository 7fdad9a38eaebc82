//===- BuildNodes.cpp - builds the node directories of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/build/BuildBoards.h"
#include "compiler/build/FlashImage.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace discoc {

namespace {
/// Whether no source in the directory is younger.
bool isOlder(const fs::path &directory, fs::file_time_type built) {
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(directory, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it.depth() == 0 && it->path().filename() == "build") {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (it->is_regular_file(ignored) && it->last_write_time(ignored) > built)
      return false;
  }
  return !error;
}

/// Whether the program is there and no source is younger.
bool isBuilt(const std::string &program, const fs::path &directory) {
  std::error_code error;
  const auto built = fs::last_write_time(program, error);
  return !error && isOlder(directory, built);
}

/// CMake refuses a build directory that was copied here with its sources.
void forgetMovedBuild(const fs::path &directory) {
  const fs::path build = directory / "build";
  Diagnostics ignored;
  const auto cache = readText((build / "CMakeCache.txt").string(), ignored);
  if (!cache)
    return;
  std::error_code error;
  const std::string line =
      "CMAKE_HOME_DIRECTORY:INTERNAL=" + fs::canonical(directory, error).string() + "\n";
  if (cache->find(line) == std::string::npos) {
    fs::remove(build / "CMakeCache.txt", error);
    fs::remove_all(build / "CMakeFiles", error);
  }
}

/// Two discoc at once in one OUT build one after the other. The builders inherit the lock: what is
/// left of them when discoc is killed keeps the next one waiting until it has ended.
class BuildLock {
public:
  explicit BuildLock(const std::string &outDirectory)
      : fd_(open((outDirectory + "/.build.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    bool told = false;
    while (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
           !InterruptGuard::interrupted()) {
      if (!told)
        fmt::print(stderr, "waiting for another build in {}\n", outDirectory);
      told = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  ~BuildLock() {
    if (fd_ >= 0)
      close(fd_);
  }
  int descriptor() const { return fd_; }

private:
  int fd_;
};

/// One program on its way through cmake's two steps.
struct Job {
  std::string name; ///< "node 3"
  fs::path directory;
  int step = 0; ///< 0: configures, 1: compiles
  Clock::time_point began{};
};

class Builder {
public:
  Builder(size_t count, size_t parallel, const BuildLock &lock, Diagnostics &out)
      : count_(count), parallel_(parallel), lock_(lock), out_(out) {}

  bool start(Job job) {
    const std::string build = (job.directory / "build").string();
    std::vector<std::string> argv;
    if (job.step == 0) {
      job.began = Clock::now();
      argv = {"cmake", "-S", job.directory.string(), "-B", build, "-DCMAKE_BUILD_TYPE=Release"};
    } else {
      argv = {"cmake", "--build", build, "--parallel", std::to_string(parallel_)};
    }
    if (!group_.start(argv, out_, {lock_.descriptor()}))
      return false;
    jobs_.push_back(std::move(job));
    output_.emplace_back();
    return true;
  }

  /// Runs until no job is left, or one failed.
  bool run(std::vector<Job> waiting, size_t slots) {
    std::reverse(waiting.begin(), waiting.end());
    while (true) {
      while (running_ < slots && !waiting.empty()) {
        if (!start(std::move(waiting.back())))
          return false;
        waiting.pop_back();
        ++running_;
      }
      if (running_ == 0)
        return true;
      group_.step(std::chrono::milliseconds(200),
                  [&](size_t i, const std::string &line) { output_[i] += line + "\n"; });
      if (InterruptGuard::interrupted()) {
        out_.push_back({"", "", "interrupted while building", ""});
        return false;
      }
      if (!advance())
        return false;
    }
  }

private:
  /// What follows for each child that ended since the last call.
  bool advance() {
    for (size_t i = 0; i < group_.children().size(); ++i) {
      const Child &child = group_.children()[i];
      if (!child.ended || (i < seen_.size() && seen_[i]))
        continue;
      seen_.resize(std::max(seen_.size(), i + 1));
      seen_[i] = true;
      --running_;
      if (child.failed())
        return explain(i);
      Job next = jobs_[i];
      if (next.step++ == 1) {
        report(next);
        continue;
      }
      if (!start(std::move(next)))
        return false;
      ++running_;
    }
    return true;
  }

  void report(const Job &job) {
    const double seconds = std::chrono::duration<double>(Clock::now() - job.began).count();
    fmt::print(stderr, "built {} ({} of {}, {:.1f} s)\n", printable(job.name, maxShownName),
               ++done_, count_, seconds);
  }

  bool explain(size_t i) {
    constexpr size_t keep = 4000;
    std::string text = output_[i] + group_.children()[i].errText;
    if (text.size() > keep)
      text = "...\n" + text.substr(text.size() - keep);
    out_.push_back(
        {jobs_[i].directory.string(), "",
         fmt::format("{} does not {}: cmake ended with {}; it said:", jobs_[i].name,
                     jobs_[i].step ? "compile" : "configure", group_.children()[i].endText()),
         "", text});
    return false;
  }

  size_t count_, parallel_, running_ = 0, done_ = 0;
  const BuildLock &lock_;
  Diagnostics &out_;
  ProcessGroup group_;
  std::vector<Job> jobs_; ///< one a child
  std::vector<std::string> output_;
  std::vector<bool> seen_;
};

/// Builds the jobs that `missing` finds, once no other discoc builds in OUT.
bool buildJobs(const std::string &outDirectory, const std::string &what,
               const std::function<std::vector<Job>()> &missing, Diagnostics &out) {
  if (missing().empty())
    return true;
  BuildLock lock(outDirectory);
  std::vector<Job> jobs = missing(); // another discoc may have built them meanwhile
  if (jobs.empty())
    return true;
  if (findProgram("cmake").empty()) {
    out.push_back({"cmake", "", "is not installed", "it is needed to build the node directories"});
    return false;
  }
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t slots = std::min(cores, jobs.size());
  for (const Job &job : jobs)
    forgetMovedBuild(job.directory);
  fmt::print(stderr, "building {} of {}\n", jobs.size(), printable(what));
  const size_t count = jobs.size();
  return Builder(count, (cores + slots - 1) / slots, lock, out).run(std::move(jobs), slots);
}
} // namespace

/// Whether the files of every node are those of the compile that wrote the manifest: the sources,
/// by their own manifest, or the programs, which hold the hash as it is.
static bool areOfOneCompile(const std::string &outDirectory, const Manifest &manifest,
                            bool programs, Diagnostics &out) {
  std::string hash;
  for (size_t i = 0; programs && i + 1 < manifest.buildHash.size(); i += 2)
    hash += static_cast<char>(std::strtol(manifest.buildHash.substr(i, 2).c_str(), nullptr, 16));
  bool good = true;
  for (const ManifestNode &node : manifest.nodes) {
    const std::string path =
        programs ? shardPath(outDirectory, node) : nodePath(outDirectory, node) + "/manifest.json";
    const auto text = readText(path, out);
    if (text && text->find(programs ? hash : "\"" + manifest.buildHash + "\"") != std::string::npos)
      continue;
    good = false;
    if (text)
      out.push_back({path, "",
                     "is of another compile: " + outDirectory +
                         "/manifest.json has the build hash " + manifest.buildHash,
                     programs ? "remove it and build again"
                              : "compile the model again; all nodes belong together"});
  }
  return good;
}

bool buildNodes(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  auto missing = [&] {
    std::vector<Job> jobs;
    for (const ManifestNode &node : manifest.nodes)
      if (!isBuilt(shardPath(outDirectory, node), nodePath(outDirectory, node)))
        jobs.push_back({fmt::format("node {}", node.rank), nodePath(outDirectory, node)});
    return jobs;
  };
  return areOfOneCompile(outDirectory, manifest, /*programs=*/false, out) &&
         (missing().empty() || findToolchains(outDirectory, manifest, out)) &&
         buildJobs(outDirectory, fmt::format("{} node programs", manifest.nodes.size()), missing,
                   out) &&
         areOfOneCompile(outDirectory, manifest, /*programs=*/true, out) &&
         checkBoards(outDirectory, manifest, out).has_value() &&
         writeImages(outDirectory, manifest, out);
}

bool buildCluster(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  const fs::path directory = fs::path(outDirectory) / "cluster";
  std::error_code error;
  if (!fs::exists(directory / "CMakeLists.txt", error)) {
    out.push_back({directory.string(), "", "is not there", "compile the model again"});
    return false;
  }
  auto missing = [&] {
    std::error_code absent;
    const auto built = fs::last_write_time(clusterPath(outDirectory), absent);
    bool good = !absent && isOlder(directory, built);
    for (const ManifestNode &node : manifest.nodes)
      good = good && isOlder(nodePath(outDirectory, node), built);
    return good ? std::vector<Job>() : std::vector<Job>{{"all nodes in one program", directory}};
  };
  return buildJobs(outDirectory, "1 program of all nodes", missing, out);
}

} // namespace discoc
