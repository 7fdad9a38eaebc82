//===- Interpreter.cpp - executes programs of the dialect -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Interpreter.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

Ints shapeOfValue(Value value) { return Ints(shapeOf(value).begin(), shapeOf(value).end()); }

Array make(const Ints &shape, llvm::function_ref<double(const Ints &)> element) {
  Array array{shape, {}};
  int64_t count = product(shape);
  array.data.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    array.data.push_back(element(digits(i, shape)));
  return array;
}

double scalar(ActAttr act, double x) {
  switch (act.getKind()) {
  case UnaryKind::Identity: return x;
  case UnaryKind::Relu: return std::max(x, 0.0);
  case UnaryKind::Clip: return std::min(std::max(x, act.getAlphaValue()), act.getBetaValue());
  case UnaryKind::Abs: return std::fabs(x);
  case UnaryKind::Neg: return -x;
  case UnaryKind::Exp: return std::exp(x);
  case UnaryKind::Log: return std::log(x);
  case UnaryKind::Sqrt: return std::sqrt(x);
  case UnaryKind::Reciprocal: return 1 / x;
  default:
    ADD_FAILURE() << "the interpreter does not know " << stringifyUnaryKind(act.getKind()).str();
    return 0;
  }
}

double scalar(BinaryKind kind, double a, double b) {
  switch (kind) {
  case BinaryKind::Add: return a + b;
  case BinaryKind::Sub: return a - b;
  case BinaryKind::Mul: return a * b;
  case BinaryKind::Div: return a / b;
  case BinaryKind::Pow: return std::pow(a, b);
  case BinaryKind::Min: return std::min(a, b);
  case BinaryKind::Max: return std::max(a, b);
  default:
    ADD_FAILURE() << "the interpreter does not know " << stringifyBinaryKind(kind).str();
    return 0;
  }
}

/// The element of an operand that is broadcast to an index.
double broadcast(const Array &array, const Ints &index) {
  Ints own(array.shape.size());
  for (size_t i = 0; i < own.size(); ++i)
    own[i] = array.shape[i] == 1 ? 0 : index[i + index.size() - own.size()];
  return array.at(own);
}

/// What the ops' operands are.
using Get = llvm::function_ref<const Array &(Value)>;

/// act(init + bias + product + residual) at an index; `channel` is the result's divided index.
template <typename OpTy>
double finish(OpTy op, Get get, double sum, const Ints &index, int64_t channel) {
  if (op.getInit())
    sum += get(op.getInit()).at(index);
  if (op.getBias())
    sum += get(op.getBias()).data[static_cast<size_t>(channel)];
  if (op.getResidual())
    sum += get(op.getResidual()).at(index);
  return op.getAct() ? scalar(*op.getAct(), sum) : sum;
}

int64_t channelOf(std::optional<ArrayRef<int64_t>> channels, int64_t column) {
  return channels ? (*channels)[column] : column;
}

Array conv(ConvOp op, Get get) {
  const Array &x = get(op.getX()), &w = get(op.getW());
  int64_t perGroup = w.shape[1], rowsPerGroup = w.shape[0] / static_cast<int64_t>(op.getGroup());
  Ints taps(w.shape.begin() + 2, w.shape.end());
  return make(shapeOfValue(op.getResult()), [&](const Ints &index) {
    double sum = 0;
    for (int64_t column = 0; column < perGroup; ++column)
      for (int64_t t = 0; t < product(taps); ++t) {
        Ints tap = digits(t, taps),
             from{index[0],
                  channelOf(op.getChannels(), index[1] / rowsPerGroup * perGroup + column)};
        bool inside = true;
        for (size_t i = 0; i < taps.size(); ++i) {
          int64_t at =
              index[i + 2] * op.getStrides()[i] + tap[i] * op.getDilations()[i] - op.getPads()[i];
          inside = inside && at >= 0 && at < x.shape[i + 2];
          from.push_back(at);
        }
        Ints weight{index[1], column};
        weight.insert(weight.end(), tap.begin(), tap.end());
        if (inside)
          sum += x.at(from) * w.at(weight);
      }
    return finish(op, get, sum, index, index[1]);
  });
}

Array matmul(MatMulOp op, Get get) {
  const Array &a = get(op.getA()), &b = get(op.getB());
  size_t rb = b.shape.size();
  int64_t inner = b.shape[op.getTransB() ? rb - 1 : rb - 2];
  return make(shapeOfValue(op.getResult()), [&](const Ints &index) {
    int64_t row = index[index.size() - 2], column = index.back();
    auto element = [&](const Array &m, bool swapped, int64_t first, int64_t second) {
      Ints own(m.shape.size());
      for (size_t i = 0; i + 2 < own.size(); ++i)
        own[i] = m.shape[i] == 1 ? 0 : index[i + index.size() - own.size()];
      own[own.size() - 2] = swapped ? second : first;
      own[own.size() - 1] = swapped ? first : second;
      return m.at(own);
    };
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k)
      sum += element(a, op.getTransA(), row, channelOf(op.getChannels(), k)) *
             element(b, op.getTransB(), k, column);
    return finish(op, get, sum, index, column);
  });
}

Array rearrange(RearrangeOp op, Get get) {
  Ints view(op.getView().begin(), op.getView().end()), permuted;
  for (int64_t p : op.getPerm())
    permuted.push_back(view[static_cast<size_t>(p)]);
  Array x = get(op.getX());
  x.shape = view;
  Array moved = make(permuted, [&](const Ints &index) {
    Ints from(view.size());
    for (auto [i, p] : llvm::enumerate(op.getPerm()))
      from[static_cast<size_t>(p)] = index[i];
    return x.at(from);
  });
  moved.shape = shapeOfValue(op.getResult());
  return moved;
}

Array maxPool(PoolOp op, Get get) {
  const Array &x = get(op.getX());
  EXPECT_EQ(op.getKind(), PoolKind::Max);
  Ints taps(op.getKernel().begin(), op.getKernel().end());
  return make(shapeOfValue(op.getResult()), [&](const Ints &index) {
    double best = -INFINITY;
    for (int64_t t = 0; t < product(taps); ++t) {
      Ints tap = digits(t, taps), from{index[0], index[1]};
      bool inside = true;
      for (size_t i = 0; i < taps.size(); ++i) {
        from.push_back(index[i + 2] * op.getStrides()[i] + tap[i] * op.getDilations()[i] -
                       op.getPads()[i]);
        inside = inside && from.back() >= 0 && from.back() < x.shape[i + 2];
      }
      if (inside)
        best = std::max(best, x.at(from));
    }
    return best;
  });
}

/// One number for a list of them.
double reduced(ReduceKind kind, const std::vector<double> &list) {
  double result = kind == ReduceKind::Max    ? -INFINITY
                  : kind == ReduceKind::Min  ? INFINITY
                  : kind == ReduceKind::Prod ? 1
                                             : 0;
  for (double x : list)
    switch (kind) {
    case ReduceKind::Mean:
    case ReduceKind::Sum:
    case ReduceKind::LogSum: result += x; break;
    case ReduceKind::Max: result = std::max(result, x); break;
    case ReduceKind::Min: result = std::min(result, x); break;
    case ReduceKind::Prod: result *= x; break;
    case ReduceKind::SumSquare:
    case ReduceKind::L2: result += x * x; break;
    case ReduceKind::L1: result += std::fabs(x); break;
    case ReduceKind::LogSumExp: result += std::exp(x); break;
    }
  switch (kind) {
  case ReduceKind::Mean: return result / static_cast<double>(list.size());
  case ReduceKind::L2: return std::sqrt(result);
  case ReduceKind::LogSum:
  case ReduceKind::LogSumExp: return std::log(result);
  default: return result;
  }
}

Array reduce(ReduceOp op, Get get) {
  const Array &x = get(op.getX());
  Ints shape = shapeOfValue(op.getResult());
  std::vector<std::vector<double>> lists(static_cast<size_t>(product(shape)));
  for (int64_t i = 0; i < product(x.shape); ++i) {
    Ints index = digits(i, x.shape), to;
    for (size_t axis = 0; axis < index.size(); ++axis)
      if (!llvm::is_contained(op.getAxes(), static_cast<int64_t>(axis)))
        to.push_back(index[axis]);
      else if (op.getKeepdims())
        to.push_back(0);
    lists[static_cast<size_t>(linear(to, shape))].push_back(x.data[static_cast<size_t>(i)]);
  }
  Array result{shape, {}};
  for (const std::vector<double> &list : lists)
    result.data.push_back(reduced(op.getKind(), list));
  return result;
}

/// e to the x over the sum of these along consecutive axes, as it is defined.
Array softmax(SoftmaxOp op, Get get) {
  const Array &x = get(op.getX());
  auto first = static_cast<size_t>(op.getAxis()), count = static_cast<size_t>(op.getCount());
  Ints run(x.shape.begin() + static_cast<std::ptrdiff_t>(first),
           x.shape.begin() + static_cast<std::ptrdiff_t>(first + count));
  return make(x.shape, [&](const Ints &index) {
    double sum = 0;
    for (int64_t i = 0; i < product(run); ++i) {
      Ints other = index, at = digits(i, run);
      std::copy(at.begin(), at.end(), other.begin() + static_cast<std::ptrdiff_t>(first));
      sum += std::exp(x.at(other));
    }
    double value = std::exp(x.at(index)) / sum;
    return op.getLog() ? std::log(value) : value;
  });
}

/// Only what wires do: real numbers to half precision and back.
Array cast(CastOp op, Get get) {
  Array result = get(op.getX());
  if (!tensorType(op.getResult()).getElementType().isF16())
    return result;
  for (double &value : result.data) {
    llvm::APFloat half(value);
    bool lost = false;
    half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &lost);
    half.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
    value = half.convertToDouble();
  }
  return result;
}

Array quantize(QuantizeOp op, Get get) {
  EXPECT_FALSE(op.getZero());
  return make(shapeOfValue(op.getResult()), [&](const Ints &i) {
    double steps = std::nearbyint(get(op.getX()).at(i) / broadcast(get(op.getScale()), i));
    return std::min(std::max(steps, -128.0), 127.0);
  });
}

Array dequantize(DequantizeOp op, Get get) {
  EXPECT_FALSE(op.getZero());
  return make(shapeOfValue(op.getResult()), [&](const Ints &i) {
    return get(op.getX()).at(i) * broadcast(get(op.getScale()), i);
  });
}

/// The stored part of a constant.
Array constant(ConstantOp op) {
  ShapedType stored = op.getValue().getShapedType();
  ConstantView view(op.getValue(), stored.getShape());
  Ints whole(stored.getShape().begin(), stored.getShape().end());
  std::map<int64_t, Ints> kept;
  if (auto entries = op.getView())
    for (auto local : entries->getAsRange<LocalAttr>())
      local.getSet().forEach([&](int64_t index) { kept[local.getAxis()].push_back(index); });
  return make(shapeOfValue(op.getResult()), [&](Ints index) {
    for (auto &[axis, list] : kept)
      index[static_cast<size_t>(axis)] =
          list[static_cast<size_t>(index[static_cast<size_t>(axis)])];
    for (size_t axis = 0; axis < whole.size(); ++axis)
      index[axis] = whole[axis] == 1 ? 0 : index[axis]; // broadcast
    return view.real(linear(index, whole));
  });
}

/// Some channels of an array, in the given order.
Array pick(const Array &array, int64_t axis, const Ints &channels) {
  if (axis < 0)
    return array;
  Ints shape = array.shape;
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(channels.size());
  return make(shape, [&](Ints index) {
    int64_t &at = index[static_cast<size_t>(axis)];
    at = channels[static_cast<size_t>(at)];
    return array.at(index);
  });
}

Array concat(ConcatOp op, Get get) {
  size_t axis = op.getAxis();
  return make(shapeOfValue(op.getResult()), [&](Ints index) {
    for (Value input : op.getInputs()) {
      const Array &x = get(input);
      if (index[axis] < x.shape[axis])
        return x.at(index);
      index[axis] -= x.shape[axis];
    }
    ADD_FAILURE() << "a concatenation is too short";
    return 0.0;
  });
}

Array assemble(AssembleOp op, Get get) {
  if (static_cast<int64_t>(op.getAxis()) < 0)
    return get(op.getInputs()[0]);
  size_t axis = op.getAxis();
  return make(shapeOfValue(op.getResult()), [&](Ints index) {
    auto channel = static_cast<size_t>(index[axis]);
    index[axis] = op.getChannels()[channel];
    return get(op.getInputs()[static_cast<size_t>(op.getSources()[channel])]).at(index);
  });
}

Array cumSum(CumSumOp op, Get get) {
  const Array &x = get(op.getX());
  size_t axis = op.getAxis();
  return make(x.shape, [&](const Ints &index) {
    double sum = 0;
    for (Ints from = index;;) {
      if (!op.getExclusive() || from != index)
        sum += x.at(from);
      from[axis] += op.getReverse() ? 1 : -1;
      if (from[axis] < 0 || from[axis] == x.shape[axis])
        return sum;
    }
  });
}

/// The index along an axis before which `rank` others come.
Array ordered(Value result, const Array &x, size_t axis,
              llvm::function_ref<bool(double, int64_t, double, int64_t)> before) {
  return make(shapeOfValue(result), [&](const Ints &index) {
    Ints at = index, other = index;
    for (int64_t i = 0; i < x.shape[axis]; ++i) {
      at[axis] = i;
      int64_t rank = 0;
      for (int64_t k = 0; k < x.shape[axis]; ++k) {
        other[axis] = k;
        rank += k != i && before(x.at(other), k, x.at(at), i);
      }
      if (rank == index[axis])
        return static_cast<double>(i);
    }
    ADD_FAILURE() << "no order";
    return 0.0;
  });
}

Array argExtreme(ArgExtremeOp op, Get get) {
  return ordered(op.getResult(), get(op.getX()), op.getAxis(),
                 [&](double a, int64_t i, double b, int64_t k) {
                   if (a == b)
                     return op.getLast() ? i > k : i < k;
                   return op.getMinimum() ? a < b : a > b;
                 });
}

Array topK(TopKOp op, Get get) {
  return ordered(op.getResult(), get(op.getX()), op.getAxis(),
                 [&](double a, int64_t i, double b, int64_t k) {
                   return a == b ? i < k : op.getSmallest() ? a < b : a > b;
                 });
}

/// An index counted from the front.
int64_t fromFront(double value, int64_t extent) {
  auto index = static_cast<int64_t>(value);
  return index < 0 ? index + extent : index;
}

Array gather(GatherOp op, Get get) {
  const Array &x = get(op.getX()), &indices = get(op.getIndices());
  size_t axis = op.getAxis(), batch = op.getBatch(), count = indices.shape.size() - batch;
  return make(shapeOfValue(op.getResult()), [&](const Ints &index) {
    auto at = index.begin() + static_cast<std::ptrdiff_t>(axis);
    Ints which(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(batch));
    which.insert(which.end(), at, at + static_cast<std::ptrdiff_t>(count));
    Ints from(index.begin(), at);
    from.push_back(fromFront(indices.at(which), x.shape[axis]));
    from.insert(from.end(), at + static_cast<std::ptrdiff_t>(count), index.end());
    return x.at(from);
  });
}

Array scatter(ScatterOp op, Get get) {
  const Array &indices = get(op.getIndices()), &updates = get(op.getUpdates());
  Array result = get(op.getX());
  auto batch = static_cast<std::ptrdiff_t>(op.getBatch()),
       count = static_cast<std::ptrdiff_t>(indices.shape.size());
  for (int64_t i = 0; i < product(updates.shape); ++i) {
    Ints index = digits(i, updates.shape);
    Ints which(index.begin(), index.begin() + count), to(index.begin(), index.begin() + batch);
    to.push_back(fromFront(indices.at(which), result.shape[static_cast<size_t>(batch)]));
    to.insert(to.end(), index.begin() + count, index.end());
    double &old = result.data[static_cast<size_t>(linear(to, result.shape))];
    double value = updates.data[static_cast<size_t>(i)];
    old = op.getKind() == ScatterKind::Add ? old + value : value;
  }
  return result;
}

/// What an op without side effects makes.
Array compute(Operation *op, Get get) {
  return llvm::TypeSwitch<Operation *, Array>(op)
      .Case([&](ConstantOp c) { return constant(c); })
      .Case([&](ConvOp c) { return conv(c, get); })
      .Case([&](MatMulOp m) { return matmul(m, get); })
      .Case([&](RearrangeOp r) { return rearrange(r, get); })
      .Case([&](PoolOp p) { return maxPool(p, get); })
      .Case([&](ReduceOp r) { return reduce(r, get); })
      .Case([&](ConcatOp c) { return concat(c, get); })
      .Case([&](AssembleOp a) { return assemble(a, get); })
      .Case([&](RelayoutOp r) { return get(r.getX()); })
      .Case([&](SoftmaxOp s) { return softmax(s, get); })
      .Case([&](CastOp c) { return cast(c, get); })
      .Case([&](QuantizeOp q) { return quantize(q, get); })
      .Case([&](DequantizeOp d) { return dequantize(d, get); })
      .Case([&](CumSumOp c) { return cumSum(c, get); })
      .Case([&](ArgExtremeOp a) { return argExtreme(a, get); })
      .Case([&](TopKOp t) { return topK(t, get); })
      .Case([&](GatherOp g) { return gather(g, get); })
      .Case([&](ScatterOp s) { return scatter(s, get); })
      .Case([&](UnaryOp u) {
        return make(shapeOfValue(u.getResult()),
                    [&](const Ints &i) { return scalar(u.getAct(), get(u.getX()).at(i)); });
      })
      .Case([&](BinaryOp b) {
        return make(shapeOfValue(b.getResult()), [&](const Ints &i) {
          auto value =
              scalar(b.getKind(), broadcast(get(b.getLhs()), i), broadcast(get(b.getRhs()), i));
          return b.getActAttr() ? scalar(b.getActAttr(), value) : value;
        });
      })
      .Case([&](ExpandOp e) {
        return make(shapeOfValue(e.getResult()),
                    [&](const Ints &i) { return broadcast(get(e.getX()), i); });
      })
      .Case([&](SliceOp s) {
        return make(shapeOfValue(s.getResult()), [&](Ints i) {
          for (size_t k = 0; k < i.size(); ++k)
            i[k] = s.getStarts()[k] + i[k] * s.getSteps()[k];
          return get(s.getX()).at(i);
        });
      })
      .Case([&](SelectOp s) {
        return pick(get(s.getX()), static_cast<int64_t>(s.getAxis()),
                    Ints(s.getIndices().begin(), s.getIndices().end()));
      })
      .Default([](Operation *other) {
        ADD_FAILURE() << "the interpreter does not know " << other->getName().getStringRef().str();
        return Array();
      });
}

/// The places of a part's channels in the local tensor that sends them.
Ints placesOf(Value input, PartAttr part) {
  Ints places;
  IndexSet present = localOf(input).getSet();
  part.getSet().forEach([&](int64_t channel) { places.push_back(present.positionOf(channel)); });
  return places;
}

/// The tensor as it is read again from where it lies, between elements that are NaN. Interpreted
/// elements are doubles.
Array laid(PhysicalAttr physical, const Array &array) {
  MLIRContext *context = physical.getContext();
  PhysicalLayout layout(array.shape, Float64Type::get(context), physical);
  std::vector<double> buffer(static_cast<size_t>(layout.getBytes()) / sizeof(double), NAN);
  Array read = array;
  layout.pack(reinterpret_cast<const char *>(array.data.data()),
              reinterpret_cast<char *>(buffer.data()));
  layout.unpack(reinterpret_cast<const char *>(buffer.data()),
                reinterpret_cast<char *>(read.data.data()));
  return read;
}

/// What a message carries of a tensor: by the run, or the loops, that its layout names, where it
/// names some.
Array sent(Value input, PartAttr part, const Array &array) {
  Ints places = placesOf(input, part);
  Array piece = pick(array, part.getAxis(), places);
  PhysicalLayout layout(array.shape, Float64Type::get(input.getContext()), physicalOf(input));
  std::vector<double> buffer(static_cast<size_t>(layout.getBytes()) / sizeof(double), NAN);
  layout.pack(reinterpret_cast<const char *>(array.data.data()),
              reinterpret_cast<char *>(buffer.data()));
  if (std::optional<ByteRun> run = layout.findRun(part.getAxis(), places)) {
    auto first = buffer.begin() + static_cast<std::ptrdiff_t>(run->offset / 8);
    piece.data.assign(first, first + static_cast<std::ptrdiff_t>(run->bytes / 8));
  } else if (std::optional<StridedLoops> loops = layout.findLoops(part.getAxis(), places)) {
    Ints shape(loops->shape.begin(), loops->shape.end());
    for (auto [i, element] : llvm::enumerate(piece.data)) {
      int64_t at = loops->offset;
      for (auto [digit, stride] : llvm::zip(digits(static_cast<int64_t>(i), shape), loops->strides))
        at += digit * stride;
      element = buffer[static_cast<size_t>(at)];
    }
  }
  return piece;
}

} // namespace

void Interpreter::set(Value value, Array array) {
  ASSERT_EQ(array.shape, shapeOfValue(value));
  if (PhysicalAttr physical = physicalOf(value))
    array = laid(physical, array);
  values[value.getAsOpaquePointer()] = std::move(array);
}

bool Interpreter::execute(Operation &op) {
  if (auto input = dyn_cast<InputOp>(op)) {
    set(input.getResult(), inputs.at(input.getName().str()));
    EXPECT_FALSE(physicalOf(input.getResult())) << "the caller's tensors lie by rows";
  } else if (auto output = dyn_cast<OutputOp>(op)) {
    EXPECT_FALSE(physicalOf(output.getX())) << "the caller's tensors lie by rows";
    outputs[output.getName().str()] = get(output.getX());
  } else if (auto send = dyn_cast<SendOp>(op)) {
    std::vector<Array> parts;
    for (auto [value, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>()))
      parts.push_back(sent(value, part, get(value)));
    mail[send.getMessage()] = std::move(parts);
  } else if (auto recv = dyn_cast<RecvOp>(op)) {
    auto arrived = mail.find(recv.getBuffer().getDefiningOp<PostOp>().getMessage());
    if (arrived == mail.end())
      return false;
    for (auto [result, part] : llvm::zip(recv.getResults(), arrived->second)) {
      EXPECT_FALSE(physicalOf(result)) << "a message lies by rows";
      set(result, part);
    }
  } else if (!isa<PostOp, FlushOp, func::ReturnOp>(op)) {
    if (auto kernel = dyn_cast<KernelOpInterface>(op))
      EXPECT_TRUE(takesItsLayouts(kernel)) << op.getName().getStringRef().str();
    set(op.getResult(0), compute(&op, [&](Value value) -> const Array & { return get(value); }));
  }
  return true;
}

bool Interpreter::advance() {
  bool moved = false;
  while (next != end && !::testing::Test::HasFailure() && execute(*next)) {
    ++next;
    moved = true;
  }
  return moved;
}

Named disco::test::interpret(func::FuncOp function, const Named &inputs) {
  Named outputs;
  Mail mail;
  Interpreter interpreter(function, inputs, outputs, mail);
  interpreter.advance();
  EXPECT_TRUE(interpreter.isFinished());
  return outputs;
}

Named disco::test::interpretShards(ModuleOp module, const Named &inputs) {
  Named outputs;
  Mail mail;
  std::vector<Interpreter> nodes;
  for (ModuleOp shard : shardsOf(module))
    nodes.emplace_back(inferOf(shard), inputs, outputs, mail);
  for (bool moved = true; moved;) {
    moved = false;
    for (Interpreter &node : nodes)
      moved |= node.advance();
  }
  for (Interpreter &node : nodes)
    EXPECT_TRUE(node.isFinished()) << "a shard waits for ever";
  return outputs;
}
