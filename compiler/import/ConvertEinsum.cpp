//===- ConvertEinsum.cpp - sums of products by an equation ----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Two operands at a time: dimensions that both have and that are asked for later are a batch,
// others that both have are summed by a matrix product.
#include "compiler/import/Converters.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <map>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// The dimensions that `...` stands for are numbered from the last one.
static constexpr int64_t kEllipsis = 1000;

namespace {
/// A tensor and what the equation calls its dimensions.
struct Term {
  Value value;
  Ints labels;

  bool has(int64_t label) const { return llvm::is_contained(labels, label); }
};

class Einsum {
public:
  explicit Einsum(OpImport &op) : op(op) {}
  Value convert();

private:
  bool parse(StringRef equation);
  std::optional<Ints> parseLabels(StringRef text, int64_t rank);
  void implicitResult();
  void takeDiagonals(Term &term);
  void sumAway(Term &term, llvm::function_ref<bool(int64_t)> needed);
  Term joined(Term a, Term b, llvm::function_ref<bool(int64_t)> needed);
  Term product(const Term &a, const Term &b);
  Value ordered(const Term &term, ArrayRef<int64_t> labels);
  int64_t extent(const Term &term, int64_t label) {
    return op.shape(term.value)[llvm::find(term.labels, label) - term.labels.begin()];
  }
  int64_t count(const Term &term, ArrayRef<int64_t> labels) {
    int64_t elements = 1;
    for (int64_t label : labels)
      elements *= extent(term, label);
    return elements;
  }

  OpImport &op;
  std::vector<Term> terms;
  Ints result;
};
} // namespace

/// `rank` is -1 for the result, whose `...` has as many dimensions as the longest of the operands.
std::optional<Ints> Einsum::parseLabels(StringRef text, int64_t rank) {
  Ints labels;
  int64_t hidden = rank - static_cast<int64_t>(llvm::count_if(text, llvm::isAlpha));
  if (rank < 0)
    for (const Term &term : terms)
      hidden = std::max<int64_t>(
          hidden, llvm::count_if(term.labels, [](int64_t label) { return label >= kEllipsis; }));
  bool dots = false;
  while (!text.empty()) {
    if (!dots && text.consume_front("...")) {
      dots = true;
      for (int64_t i = hidden; i-- > 0;)
        labels.push_back(kEllipsis + i);
    } else if (llvm::isAlpha(text.front())) {
      labels.push_back(text.front());
      text = text.drop_front();
    } else {
      return std::nullopt;
    }
  }
  if (rank >= 0 && static_cast<int64_t>(labels.size()) != rank)
    return std::nullopt;
  return labels;
}

/// Without `->`: what `...` stands for, then the letters that occur once.
void Einsum::implicitResult() {
  std::map<int64_t, int> letters, hidden;
  for (const Term &term : terms)
    for (int64_t label : term.labels)
      ++(label < kEllipsis ? letters : hidden)[label];
  for (auto it = hidden.rbegin(); it != hidden.rend(); ++it)
    result.push_back(it->first);
  for (auto [label, times] : letters)
    if (times == 1)
      result.push_back(label);
}

bool Einsum::parse(StringRef equation) {
  std::string packed = equation.str();
  llvm::erase_if(packed, [](char c) { return c == ' '; });
  auto [left, right] = StringRef(packed).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  Values operands = op.inputs();
  if (op.hasFailed() || parts.size() != operands.size())
    return false;
  for (auto [part, operand] : llvm::zip(parts, operands)) {
    std::optional<Ints> labels = parseLabels(part, op.rank(operand));
    if (!labels)
      return false;
    terms.push_back({operand, *labels});
  }
  if (!StringRef(packed).contains("->")) {
    implicitResult();
    return true;
  }
  std::optional<Ints> labels = parseLabels(right, -1);
  if (!labels)
    return false;
  result = *labels;
  Ints sorted = result;
  llvm::sort(sorted);
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() &&
         llvm::all_of(result, [&](int64_t label) {
           return llvm::any_of(terms, [&](const Term &term) { return term.has(label); });
         });
}

/// A label that occurs twice in a term stands for the diagonal.
void Einsum::takeDiagonals(Term &term) {
  for (size_t i = 0; i < term.labels.size(); ++i)
    for (size_t j = i + 1; j < term.labels.size(); ++j) {
      if (term.labels[i] != term.labels[j] || !term.value)
        continue;
      int64_t label = term.labels[i], size = op.shape(term.value)[i];
      if (op.shape(term.value)[j] != size) {
        (void)op.error("two dimensions with one letter have the extents " + Twine(size) + " and " +
                       Twine(op.shape(term.value)[j]));
        return;
      }
      Value moved = op.movedLast(op.movedLast(term.value, static_cast<int64_t>(i)),
                                 static_cast<int64_t>(j) - 1);
      Ints flat(op.shape(moved).drop_back(2)), list;
      flat.push_back(size * size);
      for (int64_t k = 0; k < size; ++k)
        list.push_back(k * (size + 1));
      auto last = static_cast<int64_t>(flat.size()) - 1;
      term.value = op.select(op.reshape(moved, flat), last, list);
      term.labels.erase(term.labels.begin() + j);
      term.labels.erase(term.labels.begin() + i);
      term.labels.push_back(label);
      return takeDiagonals(term);
    }
}

void Einsum::sumAway(Term &term, llvm::function_ref<bool(int64_t)> needed) {
  Ints axes, kept;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    if (needed(label))
      kept.push_back(label);
    else
      axes.push_back(static_cast<int64_t>(i));
  }
  if (axes.empty())
    return;
  term.value = op.reduce(term.value, ReduceKind::Sum, axes, false);
  term.labels = kept;
}

/// The term's value with its dimensions in another order.
Value Einsum::ordered(const Term &term, ArrayRef<int64_t> labels) {
  Ints perm;
  for (int64_t label : labels)
    perm.push_back(llvm::find(term.labels, label) - term.labels.begin());
  if (!term.value || perm == iota(static_cast<int64_t>(perm.size())))
    return term.value;
  return op.transpose(term.value, perm);
}

/// Nothing is summed: both broadcast against each other.
Term Einsum::product(const Term &a, const Term &b) {
  Term all{{}, a.labels};
  for (int64_t label : b.labels)
    if (!a.has(label))
      all.labels.push_back(label);
  auto apart = [&](const Term &term) {
    Ints labels, shape;
    for (int64_t label : all.labels) {
      shape.push_back(term.has(label) ? extent(term, label) : 1);
      if (term.has(label))
        labels.push_back(label);
    }
    return op.reshape(ordered(term, labels), shape);
  };
  Value left = apart(a), right = apart(b);
  if (left && right && !broadcastShapes(op.shape(left), op.shape(right)))
    (void)op.error("extents of the same dimension differ");
  all.value = op.binary(BinaryKind::Mul, left, right);
  return all;
}

Term Einsum::joined(Term a, Term b, llvm::function_ref<bool(int64_t)> needed) {
  sumAway(a, [&](int64_t label) { return needed(label) || b.has(label); });
  sumAway(b, [&](int64_t label) { return needed(label) || a.has(label); });
  if (!a.value || !b.value)
    return {};
  // Constant weights are the second factor of a contraction.
  if (OpImport::constant(a.value) && !OpImport::constant(b.value))
    std::swap(a, b);
  Ints batch, summed, left, right;
  for (int64_t label : a.labels)
    (!b.has(label) ? left : needed(label) ? batch : summed).push_back(label);
  for (int64_t label : b.labels)
    if (!a.has(label))
      right.push_back(label);
  if (summed.empty())
    return product(a, b);
  for (int64_t label : summed)
    if (extent(a, label) != extent(b, label)) {
      (void)op.error("a summed dimension has the extents " + Twine(extent(a, label)) + " and " +
                     Twine(extent(b, label)));
      return {};
    }
  auto matrices = [&](const Term &term, ArrayRef<int64_t> rows, ArrayRef<int64_t> columns) {
    Ints labels(batch), shape;
    for (int64_t label : batch)
      shape.push_back(extent(term, label));
    shape.push_back(count(term, rows));
    shape.push_back(count(term, columns));
    llvm::append_range(labels, rows);
    llvm::append_range(labels, columns);
    return op.reshape(ordered(term, labels), shape);
  };
  SmallVector<NamedAttribute> attrs;
  Value x = matrices(a, left, summed), w = matrices(b, summed, right);
  if (!x || !w)
    return {};
  Values operands = contractionOperands(op.builder, x, w, {}, {}, {}, attrs);
  Term y{op.make<MatMulOp>(operands, attrs), batch};
  if (!y.value)
    return {};
  Ints shape(op.shape(y.value).drop_back(2));
  for (int64_t label : left)
    shape.push_back(extent(a, label));
  for (int64_t label : right)
    shape.push_back(extent(b, label));
  llvm::append_range(y.labels, left);
  llvm::append_range(y.labels, right);
  y.value = op.reshape(y.value, shape);
  return y;
}

Value Einsum::convert() {
  std::string equation = op.text("equation", "");
  if (!parse(equation)) {
    (void)op.error("the equation '" + equation + "' does not fit the operands",
                   "it needs a term of as many letters as there are dimensions for every operand");
    return {};
  }
  for (Term &term : terms)
    takeDiagonals(term);
  Term all = terms.front();
  for (size_t i = 1; i < terms.size() && !op.hasFailed(); ++i)
    all = joined(all, terms[i], [&](int64_t label) {
      return llvm::is_contained(result, label) ||
             llvm::any_of(ArrayRef(terms).drop_front(i + 1),
                          [&](const Term &term) { return term.has(label); });
    });
  if (op.hasFailed() || !all.value)
    return {};
  sumAway(all, [&](int64_t label) { return llvm::is_contained(result, label); });
  return ordered(all, result);
}

static LogicalResult convertEinsum(OpImport &op) { return op.result(Einsum(op).convert()); }

void disco::importing::addEinsum(ConverterTable &table) {
  table["Einsum"] = {convertEinsum, 1, kVariadic, 1, kNumbers, kVariadic};
}
