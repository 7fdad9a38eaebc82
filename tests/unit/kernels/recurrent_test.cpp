//===- recurrent_test.cpp - RNN, GRU and LSTM against ONNX's formulas -----===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"
#include "recurrent.h"

using namespace disco;
using namespace kernel_test;

namespace {

struct Layer {
  using x_t = float;
  using length_t = int32_t;
  using f0 = act_sigmoid;
  using g0 = act_tanh;
  using h0 = act_tanh;
  using f1 = act_sigmoid;
  using g1 = act_relu;
  using h1 = act_softsign;
  static constexpr int64_t steps = 5, batch = 3, hidden = 19, directions = 2;
  static constexpr bool reverse = false, linear_before_reset = false, input_forget = false,
                        has_clip = false;
  static constexpr double clip = 0;
};
struct Backward : Layer {
  static constexpr int64_t directions = 1;
  static constexpr bool reverse = true;
};
struct LinearBefore : Layer {
  static constexpr bool linear_before_reset = true;
};
struct Coupled : Layer {
  static constexpr bool input_forget = true, has_clip = true;
  static constexpr double clip = 0.25;
};

const int32_t lengths[] = {5, 2, 0};

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
double second(int direction, double v) { return direction == 0 ? std::tanh(v) : v > 0 ? v : 0; }
double third(int direction, double v) {
  return direction == 0 ? std::tanh(v) : v / (1 + std::fabs(v));
}

/// The formulas of ONNX's pages, in double; `Gates` is 1, 3 or 4.
template <class P, int Gates> struct Reference {
  static constexpr int64_t D = P::directions, B = P::batch, H = P::hidden;
  indexed<float> x = randomBuffer<float>(P::steps * B * D * Gates * H, 1, 6),
                 r = randomBuffer<float>(D * Gates * H * H, 3, 3),
                 bias = randomBuffer<float>(D * Gates * H, 4, 3),
                 initial = randomBuffer<float>(D * B * H, 5, 6),
                 cells = randomBuffer<float>(D * B * H, 6, 6),
                 peepholes = randomBuffer<float>(D * 3 * H, 7, 6);
  indexed<double> y;

  double in(int d, int gate, int64_t j, int64_t t, int64_t b) const {
    return x[(((t * B + b) * D + d) * Gates + gate) * H + j];
  }
  double back(int d, int gate, int64_t j, const indexed<double> &h) const {
    double sum = bias[(d * Gates + gate) * H + j];
    for (int64_t i = 0; i < H; ++i)
      sum += (double)r[((d * Gates + gate) * H + j) * H + i] * h[i];
    return sum;
  }
  double clipped(double v) const {
    return P::has_clip ? std::min(std::max(v, -P::clip), P::clip) : v;
  }

  indexed<double> next(int d, int64_t t, int64_t b, const indexed<double> &h,
                       indexed<double> &c) const {
    indexed<double> out((size_t)H), z((size_t)H), reset((size_t)H);
    if (Gates == 1)
      for (int64_t j = 0; j < H; ++j)
        out[j] = sigmoid(clipped(in(d, 0, j, t, b) + back(d, 0, j, h)));
    if (Gates == 3) {
      indexed<double> gated((size_t)H);
      for (int64_t j = 0; j < H; ++j) {
        z[j] = sigmoid(clipped(in(d, 0, j, t, b) + back(d, 0, j, h)));
        reset[j] = sigmoid(clipped(in(d, 1, j, t, b) + back(d, 1, j, h)));
        gated[j] = reset[j] * h[j];
      }
      for (int64_t j = 0; j < H; ++j) {
        const double state =
            P::linear_before_reset ? reset[j] * back(d, 2, j, h) : back(d, 2, j, gated);
        out[j] = (1 - z[j]) * second(d, clipped(in(d, 2, j, t, b) + state)) + z[j] * h[j];
      }
    }
    if (Gates == 4)
      for (int64_t j = 0; j < H; ++j) {
        const auto sum = [&](int gate) { return in(d, gate, j, t, b) + back(d, gate, j, h); };
        const float *p = &peepholes[d * 3 * H];
        const double i = sigmoid(clipped(sum(0) + p[j] * c[j]));
        const double f = P::input_forget ? 1 - i : sigmoid(clipped(sum(2) + p[2 * H + j] * c[j]));
        c[j] = f * c[j] + i * second(d, clipped(sum(3)));
        out[j] = sigmoid(clipped(sum(1) + p[H + j] * c[j])) * third(d, c[j]);
      }
    return out;
  }

  void run() {
    const int64_t state = D * B * H;
    y.assign((size_t)((P::steps + (Gates == 4 ? 2 : 1)) * state), 0);
    for (int d = 0; d < D; ++d)
      for (int64_t b = 0; b < B; ++b) {
        const int64_t lane = (d * B + b) * H;
        indexed<double> h(initial.begin() + lane, initial.begin() + lane + H),
            c(cells.begin() + lane, cells.begin() + lane + H);
        for (int64_t k = 0; k < lengths[b]; ++k) {
          const int64_t t = d == 1 || P::reverse ? lengths[b] - 1 - k : k;
          h = next(d, t, b, h, c);
          std::copy(h.begin(), h.end(), y.begin() + t * state + lane);
        }
        std::copy(h.begin(), h.end(), y.begin() + P::steps * state + lane);
        if (Gates == 4)
          std::copy(c.begin(), c.end(), y.begin() + (P::steps + 1) * state + lane);
      }
  }
};

template <class P, int Gates, class Call> void check(Call call) {
  Reference<P, Gates> want;
  want.run();
  buffer<float> y(want.y.size(), 99.0f);
  call(want, y.data());
  expectNear(y, want.y, 20);
}

template <class P> void checkGru() {
  check<P, 3>([](const auto &a, float *y) {
    gru<P>(y, a.x.data(), a.r.data(), a.bias.data(), lengths, a.initial.data());
  });
}
template <class P> void checkLstm() {
  check<P, 4>([](const auto &a, float *y) {
    lstm<P>(y, a.x.data(), a.r.data(), a.bias.data(), lengths, a.initial.data(), a.cells.data(),
            a.peepholes.data());
  });
}
template <class P> void checkRnn() {
  check<P, 1>([](const auto &a, float *y) {
    rnn<P>(y, a.x.data(), a.r.data(), a.bias.data(), lengths, a.initial.data());
  });
}

struct Simple : Layer {
  using f1 = act_sigmoid;
};

TEST(Recurrent, Rnn) {
  checkRnn<Simple>();
  checkRnn<Backward>();
}
TEST(Recurrent, Gru) {
  checkGru<Layer>();
  checkGru<Backward>();
  checkGru<LinearBefore>();
}
TEST(Recurrent, Lstm) {
  checkLstm<Layer>();
  checkLstm<Backward>();
  checkLstm<Coupled>();
}

} // namespace
