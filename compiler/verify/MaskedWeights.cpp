//===- MaskedWeights.cpp - which weights of a model masks forbid ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/verify/MaskedModel.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

using namespace discoc::importer;
using discoc::IndexSet;
using discoc::MaskEntry;
using discoc::Masks;
using discoc::OwnerMap;
using discoc::Owners;

namespace {

/// Element type and shape of a constant.
struct Constant {
  ElemType type = ElemType::Undefined;
  std::vector<int64_t> dims;
};

/// Where a contraction's weights have their channels.
struct Axes {
  bool rowsFirst = true; ///< [rows, columns, ...] instead of [columns, rows, ...]
  int64_t groups = 1;    ///< of the first axis
  size_t input = 1;      ///< of the op, where the weights are
  size_t zero = 0;       ///< the input that is their zero point; 0: none

  int64_t rows(const std::vector<int64_t> &dims) const {
    return rowsFirst ? dims[0] : dims[1] * groups;
  }
  int64_t columns(const std::vector<int64_t> &dims) const {
    return rowsFirst ? dims[1] * groups : dims[0];
  }
};

/// Finds what the ops of a graph have to do with each other.
class GraphIndex {
public:
  explicit GraphIndex(const Graph &graph) {
    for (const Tensor &tensor : graph.initializers)
      initializers[tensor.name] = &tensor;
    for (const Op &op : graph.ops) {
      byName.emplace(op.name, &op);
      for (const std::string &output : op.outputs)
        producers[output] = &op;
      for (const std::string &input : op.inputs)
        readers[input].push_back(&op);
    }
  }

  /// By name, else by first output.
  const Op *find(const std::string &name) const {
    if (auto it = byName.find(name); it != byName.end())
      return it->second;
    auto it = producers.find(name);
    return it == producers.end() || it->second->outputs.front() != name ? nullptr : it->second;
  }

  /// Who owns the channels of a tensor.
  ///
  /// A tensor inside a fused op (a convolution's result before its activation) is never stored and
  /// has no owner map. The op's final result has the same owners: look for the first tensor
  /// downstream that has a map.
  const OwnerMap *ownersOf(const std::string &tensor, const Owners &owners) const {
    std::vector<std::string> queue = {tensor};
    std::unordered_set<std::string> seen = {tensor};
    for (size_t i = 0; i < queue.size(); ++i) {
      if (auto it = owners.tensors.find(queue[i]); it != owners.tensors.end())
        return &it->second;
      auto it = readers.find(queue[i]);
      if (it == readers.end())
        continue;
      for (const Op *op : it->second)
        if (seen.insert(op->outputs.front()).second)
          queue.push_back(op->outputs.front());
    }
    return nullptr;
  }

  /// Nothing when the tensor is no constant, or one that is computed in a way
  /// that is not followed.
  std::optional<Constant> constant(const std::string &name, int depth = 0) const;

  /// An initialiser or a Constant; null when it is computed.
  const Tensor *tensor(const std::string &name) const;

private:
  std::optional<Constant> computed(const Op &op, int depth) const;
  std::optional<Constant> reshaped(const Op &op, Constant constant) const;
  std::optional<Constant> joined(const Op &op, Constant constant, int depth) const;

  std::unordered_map<std::string, const Tensor *> initializers;
  std::unordered_map<std::string, const Op *> byName, producers;
  /// What was computed, for those who read it again: w * w may stand on w * w.
  mutable std::unordered_map<std::string, Constant> known;
  std::unordered_map<std::string, std::vector<const Op *>> readers;
};

std::optional<Constant> GraphIndex::constant(const std::string &name, int depth) const {
  constexpr int maxDepth = 32;
  if (auto it = initializers.find(name); it != initializers.end())
    return Constant{it->second->type, it->second->dims};
  if (auto it = known.find(name); it != known.end())
    return it->second;
  auto it = producers.find(name);
  if (it == producers.end() || depth > maxDepth)
    return std::nullopt;
  std::optional<Constant> constant = computed(*it->second, depth + 1);
  if (constant)
    known.emplace(name, *constant);
  return constant;
}

bool broadcast(std::vector<int64_t> &to, const std::vector<int64_t> &from) {
  if (from.size() > to.size())
    to.insert(to.begin(), from.size() - to.size(), 1);
  size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (to[shift + i] == 1)
      to[shift + i] = from[i];
    else if (from[i] != 1 && from[i] != to[shift + i])
      return false;
  }
  return true;
}

const Tensor *GraphIndex::tensor(const std::string &name) const {
  const Tensor *tensor = nullptr;
  if (auto it = initializers.find(name); it != initializers.end())
    tensor = it->second;
  else if (auto made = producers.find(name); made != producers.end())
    if (const Attribute *value = made->second->findAttribute("value");
        value && made->second->type == "Constant" && value->tensors.size() == 1)
      tensor = &value->tensors[0];
  return tensor;
}

std::optional<Constant> GraphIndex::reshaped(const Op &op, Constant constant) const {
  const Tensor *shape = op.inputs.size() > 1 ? tensor(op.inputs[1]) : nullptr;
  if (!shape || shape->type != ElemType::I64)
    return std::nullopt;
  const Attribute *allowZero = op.findAttribute("allowzero");
  std::vector<int64_t> dims(shape->bytes.size() / sizeof(int64_t));
  std::memcpy(dims.data(), shape->bytes.data(), dims.size() * sizeof(int64_t));
  int64_t total = 1, known = 1;
  for (int64_t dim : constant.dims)
    total *= dim;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !(allowZero && allowZero->i) && i < constant.dims.size())
      dims[i] = constant.dims[i];
    known *= dims[i] == -1 ? 1 : dims[i];
  }
  for (int64_t &dim : dims)
    if (dim == -1)
      dim = known > 0 ? total / known : 0;
  constant.dims = std::move(dims);
  return constant;
}

std::optional<Constant> GraphIndex::joined(const Op &op, Constant constant, int depth) const {
  const Attribute *given = op.findAttribute("axis");
  const auto rank = static_cast<int64_t>(constant.dims.size());
  const int64_t axis = !given ? rank : given->i < 0 ? given->i + rank : given->i;
  if (axis < 0 || axis >= rank)
    return std::nullopt;
  for (size_t i = 1; i < op.inputs.size(); ++i) {
    std::optional<Constant> other = this->constant(op.inputs[i], depth);
    if (!other || other->dims.size() != constant.dims.size())
      return std::nullopt;
    constant.dims[static_cast<size_t>(axis)] += other->dims[static_cast<size_t>(axis)];
  }
  return constant;
}

std::optional<Constant> GraphIndex::computed(const Op &op, int depth) const {
  static const std::unordered_set<std::string> passOn = {
      "Identity", "Neg", "Abs", "Cast", "Dropout", "DequantizeLinear", "Sqrt", "Exp"};
  static const std::unordered_set<std::string> binary = {"Mul", "Add", "Sub", "Div",
                                                         "Min", "Max", "Pow"};
  if (op.type == "Constant") {
    const Attribute *value = op.findAttribute("value");
    if (!value || value->tensors.size() != 1)
      return std::nullopt;
    return Constant{value->tensors[0].type, value->tensors[0].dims};
  }
  std::optional<Constant> first = op.inputs.empty() ? std::nullopt : constant(op.inputs[0], depth);
  if (!first)
    return std::nullopt;
  if (op.type == "Transpose") {
    const Attribute *perm = op.findAttribute("perm");
    std::vector<int64_t> dims = first->dims;
    std::reverse(dims.begin(), dims.end());
    if (perm && perm->ints.size() != dims.size())
      return std::nullopt;
    for (size_t i = 0; perm && i < dims.size(); ++i) {
      if (perm->ints[i] < 0 || perm->ints[i] >= int64_t(dims.size()))
        return std::nullopt;
      dims[i] = first->dims[size_t(perm->ints[i])];
    }
    first->dims = dims;
    return first;
  }
  if (op.type == "Concat")
    return joined(op, std::move(*first), depth);
  if (op.type == "Reshape")
    return reshaped(op, std::move(*first));
  if (passOn.count(op.type)) {
    if (const Attribute *to = op.findAttribute("to"); to && op.type == "Cast")
      first->type = ElemType(to->i);
    if (op.type != "DequantizeLinear")
      return first;
    std::optional<Constant> scale =
        op.inputs.size() > 1 ? constant(op.inputs[1], depth) : std::nullopt;
    return scale ? std::optional(Constant{scale->type, first->dims}) : std::nullopt;
  }
  if (!binary.count(op.type))
    return std::nullopt;
  for (size_t i = 1; i < op.inputs.size(); ++i) {
    std::optional<Constant> other = constant(op.inputs[i], depth);
    if (!other || !broadcast(first->dims, other->dims))
      return std::nullopt;
  }
  return first;
}

/// Where the ops that masks belong to have their weights, and how these lie there.
struct Contraction {
  const char *op;
  bool isConvolution; ///< [rows, columns, taps]; else [columns, rows], or transposed by transB
  size_t input, zero;
};
constexpr Contraction contractions[] = {
    {"Conv", true, 1, 0},           {"FusedConv", true, 1, 0},
    {"ConvInteger", true, 1, 3},    {"QLinearConv", true, 3, 5},
    {"Gemm", false, 1, 0},          {"FusedGemm", false, 1, 0},
    {"MatMul", false, 1, 0},        {"FusedMatMul", false, 1, 0},
    {"MatMulInteger", false, 1, 3}, {"DynamicQuantizeMatMul", false, 1, 3},
    {"QLinearMatMul", false, 3, 5}, {"QGemm", false, 3, 5},
};

std::optional<Axes> axesOf(const Op &op) {
  auto integer = [&](const char *name, int64_t otherwise) {
    const Attribute *attribute = op.findAttribute(name);
    return attribute ? attribute->i : otherwise;
  };
  const int64_t groups = std::max<int64_t>(1, integer("group", 1));
  if (op.type == "ConvTranspose")
    return Axes{false, groups};
  for (const Contraction &known : contractions)
    if (op.type == known.op)
      return Axes{known.isConvolution || integer("transB", 0) != 0,
                  known.isConvolution ? groups : 1, known.input, known.zero};
  return std::nullopt;
}

/// What every node reads of one op's input.
using Reads = std::map<int64_t, std::vector<const IndexSet *>>;

class Planner {
public:
  /// `unlistedEmpty`: nodes without an entry read nothing.
  Planner(const Model &model, const Owners &owners, bool unlistedEmpty, Diagnostics &errors)
      : model(model), owners(owners), unlistedEmpty(unlistedEmpty), errors(errors),
        index(model.graph) {}

  bool plan(const std::string &name, const Reads &reads);
  std::vector<ForbiddenWeights> result;

private:
  bool error(const Op &op, const std::string &message, const std::string &advice = "") {
    errors.push_back({message, advice, model.path, op.name, op.type, op.opset});
    return false;
  }
  /// Which node makes each row; -1: any.
  bool findReaders(const Op &op, int64_t rows, std::vector<int64_t> &readers);
  bool findZeros(const Op &op, const Axes &axes, int64_t rows, std::string &zeros);

  const Model &model;
  const Owners &owners;
  const bool unlistedEmpty;
  Diagnostics &errors;
  GraphIndex index;
};

bool Planner::findReaders(const Op &op, int64_t rows, std::vector<int64_t> &readers) {
  const OwnerMap *map = index.ownersOf(op.outputs.front(), owners);
  if (!map)
    return error(op,
                 "the masks speak of this op, but no owner map of its "
                 "result is there",
                 "compile the model again");
  readers.assign(size_t(rows), -1);
  // One row is not divided: what follows may be, along another axis.
  for (size_t rank = 0; rank < map->owners.size() && rows > 1; ++rank) {
    if (map->owners[rank].last() >= rows)
      return error(op,
                   "its owner map has channel " + std::to_string(map->owners[rank].last()) +
                       ", but its weights make " + std::to_string(rows) + " channels",
                   "compile the model again");
    for (int64_t channel : map->owners[rank].toVector())
      readers[size_t(channel)] = int64_t(rank);
  }
  return true;
}

/// Whether a branch or a loop has an op of this name; of a loop's, "@" and numbers of iterations
/// follow.
bool hasWithin(const Graph &graph, const std::string &name) {
  for (const Op &op : graph.ops)
    for (const Attribute &attribute : op.attributes)
      for (const Graph &inner : attribute.graphs) {
        for (const Op &within : inner.ops)
          if (name.rfind(within.name, 0) == 0 &&
              (name.size() == within.name.size() || name[within.name.size()] == '@'))
            return true;
        if (hasWithin(inner, name))
          return true;
      }
  return false;
}

/// The zero point of each row; empty where all are 0. False: they are not known.
bool Planner::findZeros(const Op &op, const Axes &axes, int64_t rows, std::string &zeros) {
  if (axes.zero == 0 || op.inputs.size() <= axes.zero || op.inputs[axes.zero].empty())
    return true;
  const Tensor *given = index.tensor(op.inputs[axes.zero]);
  const bool fits = given && (given->type == ElemType::I8 || given->type == ElemType::U8) &&
                    (given->bytes.size() == 1 || given->bytes.size() == size_t(rows));
  if (!fits)
    return error(op, "the zero points of its weights are not known, or not one a row",
                 "store them as an initialiser");
  zeros.resize(size_t(rows));
  for (size_t row = 0; row < zeros.size(); ++row)
    zeros[row] = char(given->bytes[given->bytes.size() == 1 ? 0 : row]);
  return true;
}

bool Planner::plan(const std::string &name, const Reads &reads) {
  const Op *op = index.find(name);
  // What masks forbid there is zero in the file, unless somebody stated it: then outputs differ.
  if (!op && hasWithin(model.graph, name))
    return true;
  if (!op) {
    errors.push_back({"the masks speak of op '" + name + "', which is not in the model",
                      "compile the model again", model.path, "", "", 0});
    return false;
  }
  std::optional<Axes> axes = axesOf(*op);
  if (!axes || op->inputs.size() <= axes->input)
    return error(*op, "the masks speak of this op, which is no contraction");
  std::optional<Constant> weights = index.constant(op->inputs[axes->input]);
  if (!weights || weights->dims.empty())
    return error(*op, "the shape of its weights cannot be found out",
                 "fold them, as onnxsim does, and compile the model again");
  std::vector<int64_t> dims = weights->dims;
  if (dims.size() == 1) // a matrix of one column
    dims.push_back(1);
  int64_t rows = axes->rows(dims), columns = axes->columns(dims);
  if (dims[0] % axes->groups != 0)
    return error(*op, "its weights cannot be divided into its groups");

  std::vector<int64_t> readers;
  std::string zeros;
  if (!findReaders(*op, rows, readers) || !findZeros(*op, *axes, rows, zeros))
    return false;
  std::map<int64_t, std::vector<char>> allowed;
  for (const auto &[rank, sets] : reads) {
    std::vector<char> &flags = allowed[rank];
    flags.assign(size_t(columns), 0);
    for (const IndexSet *set : sets) {
      if (set->last() >= columns)
        return error(*op, "the masks list channel " + std::to_string(set->last()) + " of " +
                              std::to_string(columns));
      for (int64_t channel : set->toVector())
        flags[size_t(channel)] = 1;
    }
  }

  ForbiddenWeights forbidden{op, axes->input, op->inputs[axes->input], weights->type, weights->dims,
                             {}, {}};
  forbidden.forbidden.resize(size_t(dims[0] * dims[1]));
  forbidden.fill.resize(zeros.empty() ? 0 : forbidden.forbidden.size());
  bool any = false;
  for (int64_t first = 0; first < dims[0]; ++first)
    for (int64_t second = 0; second < dims[1]; ++second) {
      int64_t inner = first / (dims[0] / axes->groups) * dims[1] + second;
      int64_t row = axes->rowsFirst ? first : inner;
      int64_t column = axes->rowsFirst ? inner : first;
      const int64_t reader = readers[size_t(row)];
      auto flags = allowed.find(reader);
      auto reads = [&](const auto &entry) { return entry.second[size_t(column)] != 0; };
      bool is = reader < 0               ? std::none_of(allowed.begin(), allowed.end(), reads)
                : flags == allowed.end() ? unlistedEmpty
                                         : !flags->second[size_t(column)];
      forbidden.forbidden[size_t(first * dims[1] + second)] = is;
      if (!zeros.empty())
        forbidden.fill[size_t(first * dims[1] + second)] = zeros[size_t(row)];
      any |= is;
    }
  if (any)
    result.push_back(std::move(forbidden));
  return true;
}

} // namespace

std::optional<std::vector<ForbiddenWeights>>
discoc::importer::forbiddenWeights(const Model &model, const Masks &masks, const Owners &owners,
                                   Diagnostics &errors) {
  std::map<std::string, Reads> byOp;
  for (const MaskEntry &entry : masks.entries)
    byOp[entry.op][entry.to].push_back(&entry.channels);
  Planner planner(model, owners, masks.unlisted == Masks::Unlisted::Empty, errors);
  bool good = true;
  for (const auto &[name, reads] : byOp)
    good = planner.plan(name, reads) && good;
  return good ? std::optional(std::move(planner.result)) : std::nullopt;
}
