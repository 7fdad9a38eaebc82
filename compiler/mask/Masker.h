//===- Masker.h - masks of a trained model, without training ---===//
// SPDX-License-Identifier: Apache-2.0
//
// First the masks: every layer's inputs and outputs are observed as they are, columns are put in
// the order in which they are missed least, and a budget of bytes is spent. Then the weights, level
// by level: each layer is adjusted to what it sees now, so that its output is what it was.
#ifndef DISCOC_MASK_MASKER_H
#define DISCOC_MASK_MASKER_H

#include "compiler/formats/Masks.h"
#include "compiler/mask/Arrangement.h"
#include "compiler/mask/Budget.h"
#include "compiler/mask/Division.h"
#include "compiler/mask/Layer.h"

#include <set>

namespace discoc::mask {

/// What a node is offered of a tensor.
struct Order {
  int64_t feature = 0, node = 0;
  Offer offer;
};

/// What became of a layer.
struct LayerResult {
  std::string name, type;
  int64_t channels = 0, kept = 0; ///< of other nodes, that nodes read: before and after
  double before = 0, after = 0;   ///< squared error over variance, held out; old and new weights
  bool adjusted = false;
};

class Masker {
public:
  Masker(const importer::Graph &graph, std::vector<Division> divisions, int64_t nodes,
         size_t threads);

  struct Part {
    Layer layer;
    int64_t division = -1; ///< its place among the divisions
    std::vector<double> rowWorth;
    std::vector<Samples> fitPatches, heldPatches; ///< by group
    Samples fitOutputs, heldOutputs;
    LayerResult result;
  };
  /// How many calibration inputs will be observed; every fourth is held out.
  void begin(int64_t samples) { samples_ = samples; }
  std::vector<Part> &parts() { return parts_; }
  /// Ops whose name the compiler has and that stay whole, and why.
  const std::vector<std::pair<std::string, std::string>> &whole() const { return whole_; }
  std::set<size_t> ops() const;

  /// One calibration input as the part sees it; with `output`, what it makes of it.
  void observe(Part &part, int64_t sample, const float *input, const float *output);
  /// Whether all that was observed is finite.
  static bool isFinite(const Part &part);

  /// Whether some node reads channels of another for the op.
  static bool readsOthers(const Division &division);

  /// What the channels that nodes exchange are to each other. A channel that stays on node p has
  /// the class -1 - p.
  std::vector<Coupling> couplings() const;
  /// The same contractions, with other owners.
  void redivide(std::vector<Division> divisions) { divisions_ = std::move(divisions); }

  /// Bytes of the features that masks can leave out.
  int64_t bytes() const;
  /// Puts what nodes read into the order in which it is given up. What was observed goes.
  void rank();
  /// Chooses what nodes read, at most `budget` bytes of it.
  void choose(int64_t budget);
  /// The masks that choose() would make; they are chosen once, at the end.
  Masks masksWithin(int64_t budget, int64_t ownerMap) const;
  /// New weights of the part, for the inputs that were observed last. `first`: these are what they
  /// were.
  Matrix adjust(Part &part, const Matrix &old, bool first);

  /// Between nodes, of all layers that have divisions.
  Masks masks(int64_t ownerMap) const;

private:
  std::vector<int64_t> positionsOf(const Part &part, int64_t sample) const;
  int64_t quotaOf(const Layer &layer) const;
  void rankFeature(int64_t feature);
  Masks masksOf(const std::vector<Division> &divisions, int64_t ownerMap) const;
  std::vector<Division> divisionsWithin(int64_t budget) const;
  std::vector<int64_t> keptColumns(const Part &part, int64_t group, int64_t node,
                                   const Matrix &old) const;

  const importer::Graph &graph_;
  std::vector<Division> divisions_;
  int64_t nodes_, samples_ = 0;
  size_t threads_;
  std::vector<Part> parts_;
  std::vector<Order> orders_;
  std::vector<std::pair<std::string, std::string>> whole_;
};

} // namespace discoc::mask

#endif // DISCOC_MASK_MASKER_H
