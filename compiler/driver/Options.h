//===- Options.h - what the command line says -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Plain structures between CLI11, which throws, and the compiler, which is built without
// exceptions.
#ifndef DISCOC_DRIVER_OPTIONS_H
#define DISCOC_DRIVER_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

constexpr const char *followLinksHelp =
    "External data may be symbolic or hard links, as in caches of downloads; without this they are "
    "refused, since a model from a stranger could name any file of yours by one";

/// How a model is read and divided; the same for every subcommand that reads one.
struct ModelOptions {
  std::string model;
  int64_t nodes = 0;                    // 0: as many as the cluster file has, else 1
  std::string masks, owners, cluster;   // files; may be empty
  std::string strategy;                 // who chooses axes and owners; empty: the default one
  int64_t ownerMap = 0;                 // the number of the default map; 0: not stated
  std::vector<int64_t> shares;          // how much each node owns, by rank; empty: all as much
  int64_t stages = 0;                   // of a pipeline; 0: all nodes divide every layer
  std::string plan;                     // a file with the choices themselves
  std::string board;                    // of every node, instead of a cluster file
  std::string target;                   // of every host that the cluster file gives none
  std::string name;                     // of the emitted programs; empty: the file's stem
  std::string profile;                  // how fast hosts are: a file; empty: not stated
  std::string layout;                   // how tensors lie in memory; empty: by rows
  bool weightCheck = false;             // boards check their weights, too
  bool checkImage = false;              // boards check all that is in flash
  std::vector<std::string> pins;        // name=size
  std::vector<std::string> inputShapes; // NAME=AxBxC
  std::vector<std::string> sets;        // NAME=VALUE: inputs that are constants
  std::vector<std::string> states;      // OUTPUT=INPUT, auto: what becomes the next one's input
  std::string wire = "f32";             // as what features travel: f32, f16, i8
  std::string compress = "none";        // how messages are compressed: sparse, lz4, zfp, zfp:P
  std::string optimize = "speed";       // what kernels are chosen for: speed, memory
  std::string console;                  // of boards: uart, one, semihosting, none; or empty
  bool followLinks = false;             // external data may be links
  bool featuresOnly = false;            // nodes send features, never sums
  bool pictureBytes = false;            // inputs that are pictures are taken as pixels
  bool trace = false;                   // programs note when their steps begin and end
  int64_t inFlight = 1;                 // inferences that overlap
  bool exactOrder = false;              // every sum in one order, whatever the number of nodes
};

struct CompileOptions {
  ModelOptions model;
  std::string out;
  bool replace = false;                  // files in OUT that are none of discoc's are kept
  std::string stopAfter;                 // a stage; its text goes to standard output
  std::vector<std::string> printIrAfter; // stages, or "all"; to standard error
  std::string dumpDirectory;             // numbered files, one a stage
  bool timing = false, statistics = false;
  bool quiet = false;   // says nothing of what was written
  bool anySize = false; // for boards: emit what does not fit, too
};

struct FitOptions {
  ModelOptions model; // its board and its nodes are those of the search
  int64_t maxNodes = 16;
  std::string shop;    // a file of prices: which boards is the question then
  double deadline = 0; // milliseconds, of shop; 0: none
  bool json = false;
};

struct EmitCommandOptions {
  std::string ir; // text of a planned module
  std::string out;
  bool replace = false;
};

struct SimulateOptions {
  std::string out; // what compile wrote, or a schedule file
  int64_t inferences = 1;
  std::string profile;               // of all hosts; empty: a nominal core
  double bandwidth = 0, latency = 0; // of links that state nothing
  std::string transport;             // of the profile, for such links; empty: not stated
  bool json = false;
};

struct PartitionOptions {
  ModelOptions model;
  std::string nodes;                 // "4" or "1..8"; empty: as many as there are, of hosts 1 to 8
  std::string objective = "latency"; // docs/partition.md
  double deadline = 0;               // milliseconds; 0: none
  double bandwidth = 0, latency = 0; // of links that state nothing; 0: 100 Mbit/s, 100 us
  std::string explain;               // an op or a tensor; may be empty
  std::string plan;                  // the file to write; may be empty
  bool compare = false;              // with what is no choice, too
  bool json = false;
};

struct InspectOptions {
  ModelOptions model;
  std::string writeOwners, writePlan, advise; // files; may be empty
  bool pairs = false;                         // bytes by pair of nodes, also of many nodes
  bool whatIf = false;                        // one table of all numbers of nodes instead
  bool json = false;                          // of that table
};

/// Each returns an exit code of HostCommands.h, its errors written to standard error.
int runCompile(const CompileOptions &options);
int runEmit(const EmitCommandOptions &options);
int runInspect(const InspectOptions &options);
int runFit(const FitOptions &options);
int runPartition(const PartitionOptions &options);
int runBoards();
int runSimulate(const SimulateOptions &options);

} // namespace discoc

#endif // DISCOC_DRIVER_OPTIONS_H
