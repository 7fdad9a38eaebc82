//===- Masker.cpp - masks of a trained model, without training ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Masker.h"
#include "compiler/mask/Parallel.h"
#include "compiler/mask/Refit.h"

#include <Eigen/Cholesky>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

namespace discoc::mask {

static bool isHeld(int64_t sample) { return sample % 4 == 3; }
static int64_t heldOf(int64_t samples) { return samples / 4; }

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static const importer::Tensor *findInitializer(const importer::Graph &graph,
                                               const std::string &name) {
  for (const importer::Tensor &tensor : graph.initializers)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

/// What a unit of squared error is worth by row: behind a BatchNormalization, what that makes of
/// it.
static std::vector<double> worthOfRows(const importer::Graph &graph, const Layer &layer) {
  std::vector<double> worth(static_cast<size_t>(layer.rows), 1);
  const importer::Op *reader = nullptr;
  for (const importer::Op &op : graph.ops)
    if (std::count(op.inputs.begin(), op.inputs.end(), layer.output) > 0)
      reader = reader ? nullptr : &op;
  if (!reader || reader->type != "BatchNormalization" || reader->inputs.size() < 5)
    return worth;
  const importer::Tensor *scale = findInitializer(graph, reader->inputs[1]);
  const importer::Tensor *variance = findInitializer(graph, reader->inputs[4]);
  const size_t bytes = worth.size() * sizeof(float);
  if (!scale || !variance || scale->bytes.size() != bytes || variance->bytes.size() != bytes)
    return worth;
  const importer::Attribute *epsilon = reader->findAttribute("epsilon");
  for (size_t row = 0; row < worth.size(); ++row) {
    float gain, spread;
    std::memcpy(&gain, scale->bytes.data() + row * sizeof(float), sizeof(float));
    std::memcpy(&spread, variance->bytes.data() + row * sizeof(float), sizeof(float));
    const double under = spread + (epsilon ? epsilon->f : 1e-5);
    worth[row] = under > 0 ? std::max(1e-12, double(gain) * gain / under) : 1;
  }
  return worth;
}

Masker::Masker(const importer::Graph &graph, std::vector<Division> divisions, int64_t nodes,
               size_t threads)
    : graph_(graph), divisions_(std::move(divisions)), nodes_(nodes), threads_(threads) {
  std::map<std::string, int64_t> byName;
  for (size_t i = 0; i < divisions_.size(); ++i)
    byName[divisions_[i].op] = static_cast<int64_t>(i);
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    Part part;
    std::string why;
    const bool is = makeLayer(graph, op, part.layer, why);
    auto found = byName.find(graph.ops[op].name);
    if (is && found != byName.end()) {
      const Division &division = divisions_[static_cast<size_t>(found->second)];
      if (static_cast<int64_t>(division.rowOwner.size()) == part.layer.rows &&
          static_cast<int64_t>(division.columnOwner.size()) == part.layer.columns)
        part.division = found->second;
    }
    if (part.division >= 0)
      byName.erase(found);
    if (!is)
      continue;
    part.rowWorth = worthOfRows(graph, part.layer);
    part.result.name = part.layer.name;
    part.result.type = part.layer.type;
    parts_.push_back(std::move(part));
  }
  for (const auto &[name, at] : byName) {
    if (!readsOthers(divisions_[static_cast<size_t>(at)]))
      continue;
    std::string why = "its weights are computed, or no contraction of the file has its name";
    Layer layer;
    for (size_t op = 0; op < graph.ops.size(); ++op)
      if (std::string reason;
          graph.ops[op].name == name && !makeLayer(graph, op, layer, reason) && !reason.empty())
        why = reason;
    whole_.emplace_back(name, why);
  }
}

bool Masker::readsOthers(const Division &division) {
  for (size_t node = 0; node < division.reads.size() && division.feature >= 0; ++node)
    for (size_t column = 0; column < division.columnOwner.size(); ++column)
      if (division.reads[node][column] != 0 &&
          division.columnOwner[column] != static_cast<int64_t>(node))
        return true;
  return false;
}

std::set<size_t> Masker::ops() const {
  std::set<size_t> ops;
  for (const Part &part : parts_)
    ops.insert(part.layer.op);
  return ops;
}

//===----------------------------------------------------------------------===//
// Observing
//===----------------------------------------------------------------------===//

/// Positions of one input that are looked at: four for each weight of a row, where there are so
/// many.
int64_t Masker::quotaOf(const Layer &layer) const {
  const int64_t wanted = std::clamp<int64_t>(4 * layer.width(), 2048, 8192);
  return std::min(layer.positions(), (wanted + samples_ - 1) / samples_);
}

/// One in every stretch of equal length, drawn with a seed that is fixed.
std::vector<int64_t> Masker::positionsOf(const Part &part, int64_t sample) const {
  const int64_t all = part.layer.positions(), count = quotaOf(part.layer);
  std::mt19937_64 engine(static_cast<uint64_t>(part.layer.op) * 1000003 +
                         static_cast<uint64_t>(sample));
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = i * all / count, to = (i + 1) * all / count;
    positions.push_back(from + static_cast<int64_t>(engine() % static_cast<uint64_t>(to - from)));
  }
  return positions;
}

void Masker::observe(Part &part, int64_t sample, const float *input, const float *output) {
  const Layer &layer = part.layer;
  const std::vector<int64_t> positions = positionsOf(part, sample);
  const auto quota = static_cast<Eigen::Index>(positions.size());
  const bool held = isHeld(sample);
  const Eigen::Index inputs = held ? heldOf(samples_) : samples_ - heldOf(samples_);
  const Eigen::Index at = (held ? sample / 4 : sample - sample / 4) * quota;
  std::vector<Samples> &patches = held ? part.heldPatches : part.fitPatches;
  patches.resize(static_cast<size_t>(layer.groups));
  for (int64_t group = 0; group < layer.groups; ++group) {
    Samples &of = patches[static_cast<size_t>(group)];
    if (of.size() == 0)
      of.resize(layer.width() + 1, inputs * quota);
    gatherPatches(layer, group, input, positions, of.middleCols(at, quota));
  }
  if (!output)
    return;
  Samples &outputs = held ? part.heldOutputs : part.fitOutputs;
  if (outputs.size() == 0)
    outputs.resize(layer.rows, inputs * quota);
  gatherOutputs(layer, output, positions, outputs.middleCols(at, quota));
}

/// What was seen; the outputs stay.
static void forget(Masker::Part &part) {
  part.fitPatches.clear();
  part.heldPatches.clear();
}

bool Masker::isFinite(const Part &part) {
  auto good = [](const Samples &samples) { return samples.allFinite(); };
  return std::all_of(part.fitPatches.begin(), part.fitPatches.end(), good) &&
         std::all_of(part.heldPatches.begin(), part.heldPatches.end(), good) &&
         good(part.fitOutputs) && good(part.heldOutputs);
}

/// Squares around the mean of each row, by what they are worth.
static double variance(const Samples &outputs, const std::vector<double> &worth) {
  double sum = 0;
  for (Eigen::Index row = 0; row < outputs.rows(); ++row) {
    const Eigen::VectorXd values = outputs.row(row).cast<double>();
    sum += worth[static_cast<size_t>(row)] * (values.array() - values.mean()).square().sum();
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Arranging
//===----------------------------------------------------------------------===//

static std::vector<int64_t> classesOf(const std::vector<int64_t> &classes,
                                      const std::vector<int64_t> &owners) {
  std::vector<int64_t> all = classes;
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] < 0)
      all[i] = -1 - owners[i];
  return all;
}

/// By output and input channel: squares of the weights, times the variances of what they multiply,
/// over that of all outputs.
static Eigen::MatrixXf worthOfColumns(const Masker::Part &part, const Matrix &weights) {
  const Layer &layer = part.layer;
  Eigen::MatrixXf worth = Eigen::MatrixXf::Zero(layer.rows, layer.columnsInGroup());
  const double energy = std::max(variance(part.fitOutputs, part.rowWorth), 1e-30);
  for (int64_t group = 0; group < layer.groups; ++group) {
    const Samples &patches = part.fitPatches[static_cast<size_t>(group)];
    Eigen::VectorXd spread(layer.width());
    for (int64_t i = 0; i < layer.width(); ++i) {
      const Eigen::VectorXd values = patches.row(i).cast<double>();
      const double mean = canHaveBias(layer) ? values.mean() : 0;
      spread(i) = (values.array() - mean).square().sum();
    }
    for (int64_t i = 0; i < layer.rowsInGroup(); ++i) {
      const int64_t row = group * layer.rowsInGroup() + i;
      for (int64_t k = 0; k < layer.width(); ++k)
        worth(row, k / layer.taps) +=
            static_cast<float>(part.rowWorth[static_cast<size_t>(row)] / energy * weights(row, k) *
                               weights(row, k) * spread(k));
    }
  }
  return worth;
}

std::vector<Coupling> Masker::couplings() const {
  std::vector<Coupling> all;
  for (const Part &part : parts_) {
    if (part.division < 0 || divisions_[static_cast<size_t>(part.division)].feature < 0)
      continue;
    const Division &division = divisions_[static_cast<size_t>(part.division)];
    all.push_back({classesOf(division.rowClass, division.rowOwner),
                   classesOf(division.columnClass, division.columnOwner), part.layer.groups,
                   worthOfColumns(part, readWeights(graph_, part.layer))});
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

static bool isRemote(const Division &division, int64_t node, int64_t column) {
  return division.feature >= 0 && division.columnOwner[static_cast<size_t>(column)] != node &&
         division.reads[static_cast<size_t>(node)][static_cast<size_t>(column)] != 0;
}

static std::vector<int64_t> remoteColumns(const Division &division, int64_t node) {
  std::vector<int64_t> columns;
  for (size_t column = 0; column < division.columnOwner.size(); ++column)
    if (isRemote(division, node, static_cast<int64_t>(column)))
      columns.push_back(static_cast<int64_t>(column));
  return columns;
}

/// The columns of some channels in the inverse of a matrix of which the factors are known.
static Matrix restrictedInverse(const Eigen::LLT<Matrix> &factors,
                                const std::vector<int64_t> &columns, size_t threads) {
  constexpr size_t block = 128;
  const auto size = static_cast<Eigen::Index>(columns.size());
  Matrix half = Matrix::Zero(factors.rows(), size);
  for (Eigen::Index i = 0; i < size; ++i)
    half(columns[static_cast<size_t>(i)], i) = 1;
  const size_t blocks = (columns.size() + block - 1) / block;
  parallelFor(blocks, threads, [&](size_t i) {
    auto part =
        half.middleCols(static_cast<Eigen::Index>(i * block),
                        std::min<Eigen::Index>(block, size - static_cast<Eigen::Index>(i * block)));
    factors.matrixL().solveInPlace(part);
  });
  Matrix inverse(size, size);
  parallelFor(blocks, threads, [&](size_t i) {
    const auto from = static_cast<Eigen::Index>(i * block);
    const Eigen::Index rows = std::min<Eigen::Index>(block, size - from);
    inverse.middleRows(from, rows).noalias() = half.middleCols(from, rows).transpose() * half;
  });
  return inverse;
}

/// Rows of a group that a node computes.
static std::vector<int64_t> rowsOf(const Layer &layer, const Division *division, int64_t group,
                                   int64_t node) {
  std::vector<int64_t> rows;
  for (int64_t row = group * layer.rowsInGroup(); row < (group + 1) * layer.rowsInGroup(); ++row)
    if (division ? division->rowOwner[static_cast<size_t>(row)] == node : node == 0)
      rows.push_back(row);
  return rows;
}

/// The readers of one group of a layer, by node; a node without rows or remote columns has none.
static void addReaders(const Masker::Part &part, const Division &division, const Matrix &weights,
                       int64_t group, size_t threads, std::vector<std::vector<Reader>> &byNode) {
  const Layer &layer = part.layer;
  const Samples &patches = part.fitPatches[static_cast<size_t>(group)];
  Matrix gram = gramOf(patches, threads);
  if (!canHaveBias(layer))
    gram.conservativeResize(layer.width(), layer.width());
  gram.diagonal().array() += std::max(1e-3 * gram.diagonal().mean(), 1e-30);
  const Eigen::LLT<Matrix> factors(gram);
  const double energy = variance(part.fitOutputs, part.rowWorth);
  for (size_t node = 0; node < byNode.size(); ++node) {
    const std::vector<int64_t> rows = rowsOf(layer, &division, group, static_cast<int64_t>(node));
    Reader reader;
    reader.taps = layer.taps;
    std::vector<int64_t> columns;
    for (int64_t i = 0; i < layer.columnsInGroup(); ++i) {
      const int64_t channel = group * layer.columnsInGroup() + i;
      if (!isRemote(division, static_cast<int64_t>(node), channel))
        continue;
      reader.channels.push_back(channel);
      for (int64_t tap = 0; tap < layer.taps; ++tap)
        columns.push_back(i * layer.taps + tap);
    }
    if (rows.empty() || columns.empty() || energy <= 0)
      continue;
    reader.weights = weights(rows, columns);
    for (size_t i = 0; i < rows.size(); ++i)
      reader.weights.row(static_cast<Eigen::Index>(i)) *=
          std::sqrt(part.rowWorth[static_cast<size_t>(rows[i])] / energy);
    reader.inverse = restrictedInverse(factors, columns, threads);
    byNode[node].push_back(std::move(reader));
  }
}

void Masker::rankFeature(int64_t feature) {
  std::vector<std::vector<Reader>> readers(static_cast<size_t>(nodes_));
  std::vector<std::set<int64_t>> candidates(static_cast<size_t>(nodes_));
  int64_t bytes = 0;
  for (const Part &part : parts_) {
    if (part.division < 0 || divisions_[static_cast<size_t>(part.division)].feature != feature)
      continue;
    const Division &division = divisions_[static_cast<size_t>(part.division)];
    bytes = division.bytes;
    const Matrix weights = readWeights(graph_, part.layer);
    for (int64_t group = 0; group < part.layer.groups; ++group)
      addReaders(part, division, weights, group, threads_, readers);
    for (int64_t node = 0; node < nodes_; ++node)
      for (int64_t column : remoteColumns(division, node))
        candidates[static_cast<size_t>(node)].insert(column);
  }
  const size_t first = orders_.size();
  for (int64_t node = 0; node < nodes_; ++node)
    orders_.push_back({feature, node, {{}, bytes}});
  parallelFor(readers.size(), threads_, [&](size_t node) {
    const std::set<int64_t> &wanted = candidates[node];
    orders_[first + node].offer.order = eliminate(readers[node], {wanted.begin(), wanted.end()});
  });
}

int64_t Masker::bytes() const {
  std::set<std::pair<std::pair<int64_t, int64_t>, int64_t>> seen; // feature and node, channel
  int64_t bytes = 0;
  for (const Part &part : parts_)
    for (int64_t node = 0; part.division >= 0 && node < nodes_; ++node) {
      const Division &division = divisions_[static_cast<size_t>(part.division)];
      for (int64_t column : remoteColumns(division, node))
        bytes += seen.insert({{division.feature, node}, column}).second ? division.bytes : 0;
    }
  return bytes;
}

void Masker::rank() {
  std::set<int64_t> features;
  for (const Division &division : divisions_)
    if (division.feature >= 0)
      features.insert(division.feature);
  for (int64_t feature : features)
    rankFeature(feature);
  for (Part &part : parts_)
    forget(part);
}

std::vector<Division> Masker::divisionsWithin(int64_t budget) const {
  std::vector<Offer> offers;
  for (const Order &order : orders_)
    offers.push_back(order.offer);
  const std::vector<size_t> gone = spend(offers, budget);
  std::vector<Division> divisions = divisions_;
  for (const Part &part : parts_) {
    if (part.division < 0)
      continue;
    Division &division = divisions[static_cast<size_t>(part.division)];
    for (size_t i = 0; i < orders_.size(); ++i)
      for (size_t k = 0; orders_[i].feature == division.feature && k < gone[i]; ++k)
        division.reads[static_cast<size_t>(orders_[i].node)]
                      [static_cast<size_t>(orders_[i].offer.order[k].channel)] = 0;
  }
  return divisions;
}

void Masker::choose(int64_t budget) {
  auto count = [&](const Part &part) {
    int64_t channels = 0;
    for (int64_t node = 0; part.division >= 0 && node < nodes_; ++node)
      channels += static_cast<int64_t>(
          remoteColumns(divisions_[static_cast<size_t>(part.division)], node).size());
    return channels;
  };
  for (Part &part : parts_)
    part.result.channels = count(part);
  divisions_ = divisionsWithin(budget);
  for (Part &part : parts_)
    part.result.kept = count(part);
}

//===----------------------------------------------------------------------===//
// Adjusting
//===----------------------------------------------------------------------===//

/// What is read and was no zero before, and the bias.
std::vector<int64_t> Masker::keptColumns(const Part &part, int64_t group, int64_t node,
                                         const Matrix &old) const {
  const Layer &layer = part.layer;
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < layer.columnsInGroup(); ++i) {
    const auto channel = static_cast<size_t>(group * layer.columnsInGroup() + i);
    if (part.division >= 0 &&
        !divisions_[static_cast<size_t>(part.division)].reads[static_cast<size_t>(node)][channel])
      continue;
    if (old.middleCols(i * layer.taps, layer.taps).isZero(0))
      continue;
    for (int64_t tap = 0; tap < layer.taps; ++tap)
      kept.push_back(i * layer.taps + tap);
  }
  if (canHaveBias(layer))
    kept.push_back(layer.width());
  return kept;
}

Matrix Masker::adjust(Part &part, const Matrix &old, bool first) {
  Matrix weights = old;
  const Layer &layer = part.layer;
  if (first && part.result.kept == part.result.channels) {
    forget(part);
    return weights;
  }
  const Division *division =
      part.division < 0 ? nullptr : &divisions_[static_cast<size_t>(part.division)];
  const int64_t nodes = division ? nodes_ : 1;
  Eigen::VectorXd worth(layer.rows);
  for (int64_t row = 0; row < layer.rows; ++row)
    worth(row) = std::sqrt(part.rowWorth[static_cast<size_t>(row)]);
  const Samples fit = worth.cast<float>().asDiagonal() * part.fitOutputs;
  const Samples held = worth.cast<float>().asDiagonal() * part.heldOutputs;
  std::vector<Refit> refits(static_cast<size_t>(layer.groups * nodes));
  for (int64_t group = 0; group < layer.groups; ++group) {
    const auto at = static_cast<size_t>(group);
    const int64_t rows = layer.rowsInGroup();
    const Matrix gram = gramOf(part.fitPatches[at], threads_);
    const Matrix moments =
        momentsOf(fit.middleRows(group * rows, rows), part.fitPatches[at], threads_);
    parallelFor(static_cast<size_t>(nodes), threads_, [&](size_t node) {
      const std::vector<int64_t> own = rowsOf(layer, division, group, static_cast<int64_t>(node));
      std::vector<int64_t> within;
      for (int64_t row : own)
        within.push_back(row - group * rows);
      const Matrix start = worth(own).asDiagonal() * old(own, Eigen::all);
      Refit &made = refits[static_cast<size_t>(group * nodes) + node];
      made = refit(gram, moments(within, Eigen::all), start,
                   keptColumns(part, group, static_cast<int64_t>(node), start),
                   part.heldPatches[at], held(own, Eigen::all));
      weights(own, Eigen::all) = worth(own).cwiseInverse().asDiagonal() * made.weights;
    });
  }
  const double energy = std::max(variance(part.heldOutputs, part.rowWorth), 1e-30);
  for (const Refit &made : refits) {
    part.result.before += made.before / energy;
    part.result.after += made.after / energy;
    part.result.adjusted |= made.adjusted;
  }
  forget(part);
  return weights;
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

Masks Masker::masksOf(const std::vector<Division> &divisions, int64_t ownerMap) const {
  Masks masks;
  masks.nodes = nodes_;
  masks.ownerMap = ownerMap;
  for (const Part &part : parts_) {
    if (part.division < 0 || divisions[static_cast<size_t>(part.division)].feature < 0)
      continue;
    const Division &division = divisions[static_cast<size_t>(part.division)];
    for (int64_t from = 0; from < nodes_; ++from)
      for (int64_t to = 0; to < nodes_; ++to) {
        std::vector<int64_t> channels;
        for (int64_t column : remoteColumns(division, to))
          if (division.columnOwner[static_cast<size_t>(column)] == from)
            channels.push_back(column);
        if (from != to)
          masks.entries.push_back({part.layer.name, from, to, IndexSet::of(channels)});
      }
  }
  return masks;
}

Masks Masker::masks(int64_t ownerMap) const { return masksOf(divisions_, ownerMap); }

Masks Masker::masksWithin(int64_t budget, int64_t ownerMap) const {
  return masksOf(divisionsWithin(budget), ownerMap);
}

} // namespace discoc::mask
