//===- ShardRun.h - runs all shards of a compiled model on this machine ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_SHARDRUN_H
#define DISCOC_RUN_SHARDRUN_H

#include "compiler/formats/Manifest.h"
#include "compiler/formats/Progress.h"
#include "compiler/run/Wires.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace discoc {

/// What one program said of itself when it ended (its line of JSON).
struct ShardReport {
  struct Peer {
    int64_t rank = 0;
    int64_t sentBytes = 0, sentMessages = 0;         ///< payload, of all inferences
    int64_t receivedBytes = 0, receivedMessages = 0; ///< likewise
    int64_t sentOnWire = 0;                          ///< everything, headers too
  };
  int64_t rank = 0;
  bool ok = false;
  int64_t code = 0;
  std::string error;
  std::optional<int64_t> failedRank, reporter;
  int64_t inferences = 0;
  int64_t leastUs = 0, medianUs = 0, mostUs = 0; ///< of one inference
  int64_t p99Us = 0;    ///< 99 % of the inferences took no longer; 0: not stated (boards)
  int64_t spanUs = 0;   ///< from the first submit to the end of the last inference; 0: not stated
  int64_t inFlight = 1; ///< inferences that overlap at most
  std::vector<Peer> peers;
  std::optional<int64_t> stackBytes; ///< that a bare board used
  struct Packets {
    int64_t sent = 0, damaged = 0, forwarded = 0, dropped = 0; ///< over all ports
    int64_t segments = 0, repeated = 0; ///< first transmissions, and retransmissions
  };
  std::optional<Packets> packets; ///< of a node whose links carry packets
  std::string json;               ///< the line itself
};
std::optional<ShardReport> parseShardReport(const std::string &line);

struct RunRequest {
  enum class Transport {
    Local,  ///< a process each; data by shared memory where two of them can, else as Tcp
    Tcp,    ///< a process each, over loopback
    Udp,    ///< likewise, by datagrams
    Inproc, ///< one process, a thread each
    Exact,  ///< likewise, over links that buffer nothing, as the proof of the schedule assumes
  } transport = Transport::Local;
  /// Whether every node is a process of its own.
  bool isByProcess() const {
    return transport != Transport::Inproc && transport != Transport::Exact;
  }
  std::string out;                                         ///< what compile wrote
  std::vector<std::pair<std::string, std::string>> inputs; ///< name, .npy file
  std::string outputDirectory;                             ///< empty: outputs are dropped
  bool outputsOfAll = false; ///< each node that returns outputs into its own outputDirectory/nodeK
  int64_t count = 1;         ///< inferences that the inputs hold
  int64_t repeat = 1;
  int64_t deadlineMs = 30000;
  /// Of programs that were compiled with --trace: where each leaves its notes; empty: nowhere.
  std::string notesDirectory;
  bool talks = false;    ///< the programs' words about what they do go to stderr, with their ranks
  WireErrors wireErrors; ///< of the links between boards
  std::string on;        ///< a desk file: the boards are real, and on these serial ports
  bool boardLog = false; ///< everything that boards say goes to stderr
};

/// "1 of 200 inferences": shows how far a run is, by a line of a program that says it, if this is
/// one. Whether it is.
bool showInferences(Activity &activity, const RunRequest &request, const std::string &line);

/// What programs on this machine have in their environment, beside discoc's own.
std::vector<std::string> shardEnvironment(const RunRequest &request);

/// What one end of a link between boards sent.
struct WireTraffic {
  int64_t rank = 0;
  std::string port; ///< "uart1"
  Wires::Count count;
};

struct RunResult {
  bool ok = false;
  bool interrupted = false;
  int64_t written = 0; ///< inferences whose outputs are in the output directory, of a failed run
  std::optional<int64_t> failedRank; ///< the rank that failed first, as far as is known
  std::string failure;               ///< why, one line
  std::vector<std::string> details;  ///< one line a rank that ended badly
  std::vector<std::optional<ShardReport>> reports; ///< by rank
  double seconds = 0;                              ///< from the first start to the last end
  std::vector<WireTraffic> wires;                  ///< empty where everything is TCP
};

/// Starts every node's program, which has to be built, or the one of all nodes, and
/// waits until all have ended. After the first failure the others have a few
/// seconds to notice and to tell; then they are ended. No child survives.
RunResult runShards(const RunRequest &request, const Manifest &manifest, Diagnostics &out);

/// The same for one program of all nodes (OUT/cluster).
RunResult runInProcess(const RunRequest &request, const Manifest &manifest, Diagnostics &out);

/// What the program of a rank on a host is told, whatever starts it: inputs, counts, deadlines,
/// where outputs go.
std::vector<std::string> shardArguments(const RunRequest &request, const Manifest &manifest,
                                        int64_t rank);
bool writesOutputs(const RunRequest &request, const Manifest &manifest, int64_t rank);

/// A line that the program of a rank said, on stderr. Where its outputs are fetched from
/// `outputDirectory`, nobody looks for them there.
void sayOfRank(size_t rank, std::string line, const std::string &outputDirectory = "");

/// How many inferences' outputs a run that failed left behind, as far as the reports tell.
int64_t writtenInferences(const RunRequest &request, const Manifest &manifest,
                          const std::vector<std::optional<ShardReport>> &reports);

/// Whether a file has to be given to, or comes from, the node of this rank.
inline bool isRootRank(int64_t at, int64_t rank) { return at == RootPlacement::all || at == rank; }

/// The last line of a program's stderr, without "error: ".
std::string lastLine(std::string text);

/// The file that a program writes for an output: its name with other characters
/// than A-Za-z0-9._- replaced, and a number where that is not unique.
std::string outputFile(const Manifest &manifest, size_t output);

} // namespace discoc

#endif // DISCOC_RUN_SHARDRUN_H
