//===- Manifest.h - manifest.json: what `discoc compile` wrote ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/manifest.md says what each key means.
#ifndef DISCOC_FORMATS_MANIFEST_H
#define DISCOC_FORMATS_MANIFEST_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/IndexSet.h"
#include "compiler/formats/MemoryUse.h"
#include "compiler/formats/Preprocess.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// Who has what of a tensor of the model.
struct ManifestLayout {
  enum class Kind {
    Owned,      ///< axis and one index set a node
    Replicated, ///< every node has all of it
    Root,       ///< only the root has it: an input that is read by no node but
                ///< the root, an output that the root computes
  };
  Kind kind = Kind::Root;
  int64_t axis = 0;             ///< Owned only
  std::vector<IndexSet> owners; ///< Owned only: one set a node, in rank order
};

/// An input or an output of the model.
struct ManifestTensor {
  std::string name;
  std::string type; ///< numpy's word: float32, float16, float64, uint8, int8,
                    ///< uint16, int16, uint32, int32, uint64, int64, bool
  std::vector<int64_t> shape;
  ManifestLayout layout;      ///< after the root's share has been handed out, or before
                              ///< the outputs have been handed in
  std::string modelType = {}; ///< of an input that is taken as pixels: the type that the model
                              ///< states, which the program makes of them; else empty

  int64_t elements() const;
};

/// One route's part of a message.
struct ManifestRoute {
  std::string tensor; ///< name of the ONNX tensor
  enum class Kind { Feature, PartialSum, Statistic } kind = Kind::Feature;
  std::optional<int64_t> axis; ///< of the channels; absent when the whole tensor travels
  IndexSet channels;           ///< global; empty when the whole tensor travels
  int64_t bytes = 0;           ///< payload of this route
};

/// One message of every inference. Listed once, though two nodes know it.
struct ManifestMessage {
  int64_t id = 0; ///< the same at both ends, unique in the cluster
  int64_t from = 0;
  int64_t to = 0;
  int64_t bytes = 0; ///< payload, the sum over the routes
  bool root = false; ///< hands inputs out or outputs in; counted apart
  std::vector<ManifestRoute> routes;
};

struct ManifestNode {
  int64_t rank = 0;
  std::string name;      ///< from the cluster file, else "node0" ...
  std::string board;     ///< "linux" when nothing else is said
  std::string directory; ///< inside OUT, "node0"
  int64_t arenaBytes = 0;
  int64_t weightBytes = 0;
  std::vector<MemoryUse> memory; ///< of a bare board; empty on a host
  std::string target = {};       ///< of a host: what its program is compiled for; empty on a board
  /// Of a bare board: the link that leads to the desk ("uart3"), "through node 0", whose link it is
  /// then, `semihosting`, or "none"; empty: an older manifest.
  std::string console = {};
  static constexpr const char *semihosting = "semihosting", *noConsole = "none",
                              *throughNode = "through node ";
  /// Whether the console is a link of this board.
  bool hasOwnConsole() const;
  /// The rank whose link the console is; -1: of no other one.
  int64_t consoleNode() const;

  bool isBare() const { return !memory.empty(); }
};

/// Several nodes may be given the inputs or return the outputs.
struct RootPlacement {
  static constexpr int64_t all = -1;
  int64_t inputAt = 0;  ///< a rank, or all
  int64_t outputAt = 0; ///< a rank, or all
  bool compute = true;  ///< else these own nothing: they hand inputs out and take outputs in
};

struct Manifest {
  static constexpr int64_t version = 1;
  std::string compiler; ///< discoc's version, "0.1.0"
  struct Model {
    std::string name;   ///< as used in symbols
    std::string file;   ///< file name without directories
    std::string sha256; ///< of the file, lower-case hexadecimal
    std::string
        path; ///< of the file when it was compiled; may be empty; not in the manifests of nodes
  } model;
  std::map<std::string, std::string> settings; ///< what compile was told that shapes its output
  std::string buildHash;                       ///< 32 hexadecimal digits: disco_program::build_hash
  RootPlacement root;
  std::vector<ManifestTensor> inputs;
  std::vector<ManifestTensor> outputs;
  std::vector<ManifestNode> nodes;       ///< in rank order; N = nodes.size()
  std::vector<ManifestMessage> messages; ///< by id
  std::string cluster;                   ///< TOML: nodes, links and ports; empty: all over TCP
  std::vector<std::string> labels;       ///< from the model's metadata; may be empty
  std::optional<Preprocess> preprocess;  ///< from the model's metadata
};

/// OUT/manifest.json as text.
std::string toJson(const Manifest &manifest);

/// The texts of all manifests of a cluster; those of its messages are made once.
class ManifestTexts {
public:
  explicit ManifestTexts(const Manifest &manifest);
  ManifestTexts(const ManifestTexts &) = delete;

  /// OUT/manifest.json
  std::string ofCluster() const;
  /// OUT/nodeK/manifest.json: the same keys, but only what concerns that node (its entry of nodes,
  /// the messages that it sends or receives; inputs and outputs as a whole).
  std::string ofNode(int64_t rank) const;

private:
  const Manifest &manifest_;
  std::vector<std::string> messages_;
  std::vector<std::vector<const std::string *>> ofNodes_; // by rank
};

/// `file` is only used in diagnostics.
std::optional<Manifest> parseManifest(const std::string &text, const std::string &file,
                                      Diagnostics &diagnostics);
std::optional<Manifest> readManifest(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_MANIFEST_H
