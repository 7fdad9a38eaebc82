//===- BuildOverSsh.cpp - builds the node directories on their hosts ------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildJobs.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/formats/Printable.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/Ssh.h"

#include <fmt/core.h>

#include <fstream>

namespace discoc {

/// $1: the folder, which appears only when the program is built; standard input: an archive of the
/// sources; $2: the compilers' prefix, where the sources say another one.
static constexpr const char *buildScript = R"([ -x "$1/build/shard" ] && exit 0
part=$1.part-$$
trap 'rm -rf -- "$part"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p -- "$part" && tar -xf - -C "$part" || exit 1
command -v cmake >/dev/null || { echo "cmake is not installed there" >&2; exit 1; }
jobs=$(nproc 2>/dev/null || echo 1)
cmake -S "$part" -B "$part/build" -DCMAKE_BUILD_TYPE=Release ${2+"-DDISCO_TOOLCHAIN=$2"} &&
  cmake --build "$part/build" --parallel "$jobs" || exit 1
[ -x "$1/build/shard" ] || rm -rf -- "$1"
mv -T -- "$part" "$1" || [ -x "$1/build/shard" ])";

/// The sources of a node: the same bytes whenever and by whom they were written.
static bool pack(const std::string &directory, const std::string &archive, Diagnostics &out) {
  return runToEnd({"tar", "-cf", archive, "--sort=name", "--mtime=@0", "--owner=0", "--group=0",
                   "--numeric-owner", "--mode=u+rwX,go=", "--exclude=./build", "-C", directory,
                   "."},
                  {}, std::chrono::hours(1), /*whatever=*/false, out);
}

/// FNV-1a of a file: what has another one lies in another folder.
static uint64_t checksum(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(1 << 20);
  uint64_t sum = 0xcbf29ce484222325u;
  while (file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())), file.gcount() > 0)
    for (std::streamsize i = 0; i < file.gcount(); ++i)
      sum = (sum ^ static_cast<unsigned char>(bytes[static_cast<size_t>(i)])) * 0x100000001b3u;
  return sum;
}

bool buildOverSsh(const std::string &outDirectory, const Manifest &manifest, LaunchHosts &hosts,
                  Diagnostics &out) {
  if (!areSourcesOfOneCompile(outDirectory, manifest, out))
    return false;
  Scratch scratch;
  std::vector<BuildJob> jobs;
  for (size_t rank = 0; rank < manifest.nodes.size(); ++rank) {
    const ManifestNode &node = manifest.nodes[rank];
    const std::string archive = fmt::format("{}/{}.tar", scratch.path(), rank);
    if (!pack(nodePath(outDirectory, node), archive, out))
      return false;
    hosts.folders.push_back(
        fmt::format("{}/{}-{:016x}", hosts.directory, node.directory, checksum(archive)));
    std::vector<std::string> words = {hosts.folders.back()};
    if (node.target.empty())
      words.push_back(""); // a board with Linux is its own host
    BuildJob::Step step{"build on its host", sshCommand(hosts, rank, buildScript, words), {}};
    step.how.inputFile = archive;
    jobs.push_back({fmt::format("node {} on {}", rank, hosts.hosts[rank]),
                    hosts.hosts[rank],
                    {std::move(step)}});
  }
  const size_t count = jobs.size();
  return runBuildJobs(std::move(jobs), count, out);
}

} // namespace discoc
