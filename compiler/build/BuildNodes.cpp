//===- BuildNodes.cpp - builds the node directories of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/build/BuildBoards.h"
#include "compiler/build/BuildJobs.h"
#include "compiler/build/FlashImage.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
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
void forgetMovedBuild(const fs::path &directory, const fs::path &build) {
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
      if (!told && showsProgress())
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

/// A program that is missing, and how it is configured.
struct Missing {
  std::string name; ///< "node 3"
  fs::path directory;
  fs::path build; ///< where cmake builds it
  std::vector<std::string> settings = {};
};

/// Through cmake's two steps.
BuildJob jobOf(const Missing &missing, size_t parallel, const BuildLock &lock) {
  BuildJob job{missing.name, missing.directory.string(), {}};
  const std::string build = missing.build.string();
  std::vector<std::string> configure = {"cmake", "-S",  missing.directory.string(),
                                        "-B",    build, "-DCMAKE_BUILD_TYPE=Release"};
  configure.insert(configure.end(), missing.settings.begin(), missing.settings.end());
  job.steps = {{"configure", configure},
               {"compile", {"cmake", "--build", build, "--parallel", std::to_string(parallel)}}};
  for (BuildJob::Step &step : job.steps)
    step.how.inherited = {lock.descriptor()};
  return job;
}

/// Builds what `missing` finds, once no other discoc builds in OUT.
bool buildMissing(const std::string &outDirectory, const std::string &what,
                  const std::function<std::vector<Missing>()> &missing, Diagnostics &out) {
  if (missing().empty())
    return true;
  BuildLock lock(outDirectory);
  const std::vector<Missing> found = missing(); // another discoc may have built them meanwhile
  if (found.empty())
    return true;
  if (findProgram("cmake").empty()) {
    out.push_back({"cmake", "", "is not installed", "it is needed to build the node directories"});
    return false;
  }
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t slots = std::min(cores, found.size());
  std::vector<BuildJob> jobs;
  for (const Missing &each : found) {
    forgetMovedBuild(each.directory, each.build);
    jobs.push_back(jobOf(each, (cores + slots - 1) / slots, lock));
  }
  hideProgress();
  if (showsProgress())
    fmt::print(stderr, "building {} of {}\n", jobs.size(), printable(what));
  return runBuildJobs(std::move(jobs), slots, out);
}
} // namespace

using ProgramPath = std::function<std::string(const std::string &, const ManifestNode &)>;

/// Whether the files of every node are those of the compile that wrote the manifest: the sources,
/// by their own manifest, or `programs`, which hold the hash as it is.
static bool areOfOneCompile(const std::string &outDirectory, const Manifest &manifest,
                            const ProgramPath &programs, Diagnostics &out) {
  std::string hash;
  for (size_t i = 0; programs && i + 1 < manifest.buildHash.size(); i += 2)
    hash += static_cast<char>(std::strtol(manifest.buildHash.substr(i, 2).c_str(), nullptr, 16));
  bool good = true;
  for (const ManifestNode &node : manifest.nodes) {
    const std::string path =
        programs ? programs(outDirectory, node) : nodePath(outDirectory, node) + "/manifest.json";
    const auto holds = fileHolds(path, programs ? hash : "\"" + manifest.buildHash + "\"", out);
    if (holds.value_or(false))
      continue;
    good = false;
    if (holds)
      out.push_back({path, "",
                     "is of another compile: " + outDirectory +
                         "/manifest.json has the build hash " + manifest.buildHash,
                     programs ? "remove it and build again"
                              : "compile the model again; all nodes belong together"});
  }
  return good;
}

bool areSourcesOfOneCompile(const std::string &outDirectory, const Manifest &manifest,
                            Diagnostics &out) {
  return areOfOneCompile(outDirectory, manifest, nullptr, out);
}

bool buildNodes(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  auto missing = [&] {
    std::vector<Missing> found;
    for (const ManifestNode &node : manifest.nodes) {
      const fs::path directory = nodePath(outDirectory, node);
      if (!isBuilt(shardPath(outDirectory, node), directory))
        found.push_back({fmt::format("node {}", node.rank), directory, directory / "build"});
    }
    return found;
  };
  return areSourcesOfOneCompile(outDirectory, manifest, out) &&
         (missing().empty() || findToolchains(outDirectory, manifest, out)) &&
         buildMissing(outDirectory, fmt::format("{} node programs", manifest.nodes.size()), missing,
                      out) &&
         areOfOneCompile(outDirectory, manifest, shardPath, out) &&
         checkBoards(outDirectory, manifest, out).has_value() &&
         writeImages(outDirectory, manifest, out);
}

bool buildNodesForMpi(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  auto missing = [&] {
    std::vector<Missing> found;
    for (const ManifestNode &node : manifest.nodes) {
      const fs::path directory = nodePath(outDirectory, node);
      if (!isBuilt(mpiShardPath(outDirectory, node), directory))
        found.push_back({fmt::format("node {}", node.rank),
                         directory,
                         directory / "build" / "mpi",
                         {"-DDISCO_MPI=ON"}});
    }
    return found;
  };
  return areSourcesOfOneCompile(outDirectory, manifest, out) &&
         (missing().empty() || findToolchains(outDirectory, manifest, out)) &&
         buildMissing(outDirectory, fmt::format("{} node programs for MPI", manifest.nodes.size()),
                      missing, out) &&
         areOfOneCompile(outDirectory, manifest, mpiShardPath, out);
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
    return good
               ? std::vector<Missing>()
               : std::vector<Missing>{{"all nodes in one program", directory, directory / "build"}};
  };
  return buildMissing(outDirectory, "1 program of all nodes", missing, out);
}

} // namespace discoc
