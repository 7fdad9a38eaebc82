//===- Report.h - report.json: what each node computes, stores, sends ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/report.md says what each key means. The compiler fills these from
// the planned IR; sums over layers, nodes and peers are made by addTotals().
#ifndef DISCOC_FORMATS_REPORT_H
#define DISCOC_FORMATS_REPORT_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Events.h"
#include "compiler/formats/IndexSet.h"
#include "compiler/formats/MemoryUse.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace discoc {

struct Traffic {
  int64_t messages = 0;
  int64_t bytes = 0; ///< payload
  Traffic &operator+=(const Traffic &o) {
    messages += o.messages;
    bytes += o.bytes;
    return *this;
  }
  bool operator==(const Traffic &o) const { return messages == o.messages && bytes == o.bytes; }
};

/// Payload bytes by what they are.
struct BytesByKind {
  int64_t features = 0;
  int64_t partialSums = 0;
  int64_t statistics = 0;
  BytesByKind &operator+=(const BytesByKind &o) {
    features += o.features;
    partialSums += o.partialSums;
    statistics += o.statistics;
    return *this;
  }
  int64_t sum() const { return features + partialSums + statistics; }
};

/// One node's part of one layer.
struct LayerShare {
  int64_t rank = 0;
  int64_t channels = 0;     ///< of the layer's result that this node computes
  int64_t macs = 0;         ///< multiply-accumulates that this node does
  int64_t weightBytes = 0;  ///< that this node stores for this layer
  int64_t sendBytes = 0;    ///< features of this layer's inputs that this node sends for it
  int64_t receiveBytes = 0; ///< and that it receives
  IndexSet owned = {};      ///< which channels those are
  std::map<int64_t, int64_t> receivedFrom = {}; ///< receiveBytes by source; empty where there are
                                                ///< too many pairs to list
};

/// How much of a contraction's weights is left, as a picture.
struct WeightDensity {
  int64_t rows = 0, columns = 0;  ///< outputs, and inputs of a group
  std::vector<std::string> tiles; ///< a text a row of tiles, two hexadecimal digits each
};

/// One op of the model (fused ones under the op that they were fused into).
struct LayerReport {
  std::string op;   ///< ONNX name
  std::string type; ///< ONNX type, "Conv"
  /// The op on one node, after the masks' zeros: what a share is a share of.
  int64_t macs = 0;
  int64_t weightBytes = 0;
  int64_t denseMacs = 0; ///< and before the zeros
  int64_t denseWeightBytes = 0;
  int64_t denseBytes = 0;     ///< what dense gather would send for it, all pairs together
  int64_t replicatedMacs = 0; ///< done more than once: sum over nodes minus the op's own
  int64_t replicatedWeightBytes = 0;
  BytesByKind received;                 ///< sum of the nodes' receiveBytes
  std::string replicatedReason;         ///< why, when it is an allowed exception; may be empty
  std::vector<LayerShare> nodes;        ///< nodes without a part may be left out
  std::vector<int64_t> shape = {};      ///< of its result; empty in reports of before
  std::vector<std::string> inputs = {}; ///< the layers whose results it reads
  std::set<std::string> kernels = {};   ///< that nodes chose for it, where there are several
  WeightDensity density = {};           ///< no tiles where nothing is missing, or not counted
};

struct PeerReport {
  int64_t peer = 0;
  Traffic sent, received;         ///< without the root's
  Traffic rootSent, rootReceived; ///< inputs handed out, outputs handed in
};

/// One stretch of a node's arena, for as long as it is needed.
struct BufferReport {
  std::string name; ///< what it holds first: an op's result by the op, what arrives by its tensor
  std::string use;  ///< "tensor", "input", "state", "received", "sent", "scratch"
  int64_t offset = 0, bytes = 0;
  int64_t first = 0, last = 0; ///< steps of the node's program, both inside; -1: before them
};

/// One step of a node's program that is noted when it runs.
struct StepReport {
  enum class Kind { Compute, Send, Flush, Wait } kind = Kind::Compute;
  int64_t step = 0;     ///< its number in the notes, and in the schedule's events
  std::string op;       ///< of Compute: as the events call it
  int64_t message = -1; ///< of the others: its id
};

struct NodeReport {
  int64_t rank = 0;
  std::string name;
  std::string board;
  std::string boardStatus; ///< of a board: how far it was tried; empty: a host
  int64_t arenaBytes = 0;
  int64_t liveBytes = 0;             ///< the largest sum of bytes that live at one time
  std::string peakOp;                ///< the ONNX op at which they do; empty: not known
  int64_t peakReceivedBytes = 0;     ///< of these, what came from other nodes
  int64_t peakStep = -1;             ///< the step at which they do; -1: not known, or before all
  std::vector<BufferReport> buffers; ///< as they begin; empty where there are too many to list
  int64_t macs = 0;
  int64_t weightBytes = 0;
  std::vector<PeerReport> peers;                  ///< those it has messages with, by rank
  Traffic sent, received, rootSent, rootReceived; ///< sums over peers, by addTotals
  Traffic forwarded, rootForwarded; ///< of other nodes, whose packets go through this one
  std::vector<MemoryUse> memory;    ///< of a bare board; empty on a host
  std::map<std::string, int64_t> memorySizes = {}; ///< of a bare board: bytes of each memory
  int64_t noteBytes = 0;         ///< of the ring of a traced program; 0: it is not traced
  int64_t noteCount = 0;         ///< how many notes it holds
  std::vector<StepReport> steps; ///< of a traced program, in the order in which they run
  int64_t computeUs = 0; ///< of a bare board: its multiply-accumulates at the stated cycles of
                         ///< one; 0: not known, or none
};

/// What crosses one link that carries packets, both directions together.
struct WireReport {
  std::vector<int64_t> ends;      ///< ranks; more than two are on one switch
  std::string kind;               ///< "uart", "ethernet"
  std::vector<std::string> ports; ///< of the ends
  int64_t baud = 0;               ///< of a UART; 0: not noted, or none
  Traffic carried, rootCarried;   ///< every message counts on each link of its way
  int64_t leastUs = 0; ///< of the payload that the busiest end sends or receives, at the link's
                       ///< bandwidth; 0: not known, or none
};

/// A whole model in one number of each kind.
struct Totals {
  int64_t macs = 0;
  int64_t weightBytes = 0;
  int64_t arenaBytes = 0;
  Traffic exchanged; ///< without the root's
  Traffic root;
};

struct Report {
  static constexpr int64_t version = 1;
  std::string model;
  std::string compiler;
  std::string buildHash;
  int64_t frameOverheadBytes = 0;  ///< bytes on a link beside a message's payload
  std::vector<NodeReport> nodes;   ///< in rank order
  std::vector<LayerReport> layers; ///< in the order of the graph
  std::vector<WireReport> wires;   ///< by ends; empty where everything is TCP
  std::optional<Events> schedule;  ///< absent in reports of before there were schedules

  BytesByKind exchanged; ///< of cluster.exchanged
  Totals cluster;        ///< sums over the nodes, by addTotals
  Totals largestNode;    ///< the largest of each, by addTotals
  Totals oneNode;        ///< the same model and masks on one node; macs and weightBytes by
                         ///< addTotals (sums over layers), arenaBytes by the compiler (0: unknown)
  Totals denseGather;    ///< N nodes, no mask; macs, weightBytes and exchanged.bytes by
                         ///< addTotals, exchanged.messages by the compiler
  int64_t replicatedMacs = 0;        ///< by addTotals, entries without a reason
  int64_t replicatedWeightBytes = 0; ///< likewise
  int64_t exceptedMacs = 0;          ///< by addTotals, entries with a reason
  int64_t exceptedWeightBytes = 0;
};

/// Fills every field that says "by addTotals"; NodeReport::macs and weightBytes
/// are sums over the layers' shares.
void addTotals(Report &report);

std::string toJson(const Report &report);
std::optional<Report> parseReport(const std::string &text, const std::string &file,
                                  Diagnostics &diagnostics);
std::optional<Report> readReport(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_REPORT_H
