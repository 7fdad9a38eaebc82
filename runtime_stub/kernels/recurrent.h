//===- recurrent.h - RNN, GRU and LSTM over a whole sequence --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// One unit at a time: the dot products of its gates, then its new state. The states of earlier
// steps are read from the result, so that nothing else is stored.
#ifndef DISCO_KERNELS_RECURRENT_H
#define DISCO_KERNELS_RECURRENT_H

#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The functions of one direction.
template <class P, int D> struct recurrent_functions {
  using f = typename P::f0;
  using g = typename P::g0;
  using h = typename P::h0;
};
template <class P> struct recurrent_functions<P, 1> {
  using f = typename P::f1;
  using g = typename P::g1;
  using h = typename P::h1;
};

template <class T> inline T recurrent_dot(const T *__restrict a, const T *__restrict b, dim count) {
  constexpr dim lanes = 16;
  T part[lanes] = {}, sum = 0;
  const dim whole = count - count % lanes;
  for (dim i = 0; i < whole; i += lanes)
    for (dim j = 0; j < lanes; ++j)
      part[j] += a[i + j] * b[i + j];
  for (dim i = whole; i < count; ++i)
    sum += a[i] * b[i];
  for (dim j = 0; j < lanes; ++j)
    sum += part[j];
  return sum;
}

/// One direction of one sequence of the batch.
template <class P, int D, int Gates> struct recurrent_lane {
  using T = typename P::x_t;
  using functions = recurrent_functions<P, D>;
  static constexpr dim hidden = (dim)P::hidden;
  static constexpr dim state = (dim)(P::directions * P::batch) * hidden; // one step of the result

  const T *r, *bias; // of this direction

  template <class F> static T apply(T v) {
    if constexpr (P::has_clip)
      v = clip_of(v, -(T)P::clip, (T)P::clip);
    return F::template apply<F>(v);
  }
  /// x, before: what the inputs of a step, and the hidden state, add to a gate.
  static T input(dim gate, dim j, const T *x) { return x[gate * hidden + j]; }
  T before(dim gate, dim j, const T *h) const {
    const dim row = gate * hidden + j;
    return recurrent_dot(r + row * hidden, h, hidden) + bias[row];
  }
};

template <class P, int D> struct rnn_cell : recurrent_lane<P, D, 1> {
  using base = recurrent_lane<P, D, 1>;
  using T = typename P::x_t;
  static constexpr int gates = 1, states = 1;
  void step(T *y, T *, const T *x, const T *h) const {
    for (dim j = 0; j < base::hidden; ++j)
      y[j] = base::template apply<typename base::functions::f>(this->input(0, j, x) +
                                                               this->before(0, j, h));
  }
};

template <class P, int D> struct gru_cell : recurrent_lane<P, D, 3> {
  using base = recurrent_lane<P, D, 3>;
  using T = typename P::x_t;
  static constexpr int gates = 3, states = 1;
  /// `last` is where the last state goes in the end: until then it holds the reset state.
  void step(T *y, T *last, const T *x, const T *h) const {
    using fn = typename base::functions;
    constexpr dim units = base::hidden;
    if constexpr (!P::linear_before_reset)
      for (dim j = 0; j < units; ++j)
        last[j] = h[j] * base::template apply<typename fn::f>(this->input(1, j, x) +
                                                              this->before(1, j, h));
    for (dim j = 0; j < units; ++j) {
      const T z =
          base::template apply<typename fn::f>(this->input(0, j, x) + this->before(0, j, h));
      T candidate = this->input(2, j, x);
      if constexpr (P::linear_before_reset)
        candidate += this->before(2, j, h) * base::template apply<typename fn::f>(
                                                 this->input(1, j, x) + this->before(1, j, h));
      else
        candidate += this->before(2, j, last);
      y[j] = (1 - z) * base::template apply<typename fn::g>(candidate) + z * h[j];
    }
  }
};

template <class P, int D> struct lstm_cell : recurrent_lane<P, D, 4> {
  using base = recurrent_lane<P, D, 4>;
  using T = typename P::x_t;
  static constexpr int gates = 4, states = 2;
  const T *peepholes; // of the input, the output and the forget gate
  void step(T *y, T *last, const T *x, const T *h) const {
    using fn = typename base::functions;
    constexpr dim units = base::hidden;
    T *cell = last + base::state;
    for (dim j = 0; j < units; ++j) {
      const auto sum = [&](dim gate) { return this->input(gate, j, x) + this->before(gate, j, h); };
      const T i = base::template apply<typename fn::f>(sum(0) + peepholes[j] * cell[j]);
      T f = 1 - i;
      if constexpr (!P::input_forget)
        f = base::template apply<typename fn::f>(sum(2) + peepholes[2 * units + j] * cell[j]);
      const T c = base::template apply<typename fn::g>(sum(3));
      cell[j] = f * cell[j] + i * c;
      const T o = base::template apply<typename fn::f>(sum(1) + peepholes[units + j] * cell[j]);
      // The activation of the cell state is not clipped.
      y[j] = o * fn::h::template apply<typename fn::h>(cell[j]);
    }
  }
};

/// One sequence, in the order of its direction; what lies beyond its length is zero.
template <class P, int D, class Cell>
inline void recurrent_sequence(const Cell &cell, typename P::x_t *y, const typename P::x_t *x,
                               const typename P::x_t *initial, dim length) {
  using T = typename P::x_t;
  constexpr dim hidden = (dim)P::hidden, steps = (dim)P::steps, state = Cell::state;
  T *last = y + steps * state;
  const T *h = initial;
  for (dim k = 0; k < length; ++k) {
    const dim t = D == 1 || P::reverse ? length - 1 - k : k;
    cell.step(y + t * state, last, x + t * Cell::gates * state, h);
    h = y + t * state;
  }
  for (dim t = length; t < steps; ++t)
    for (dim j = 0; j < hidden; ++j)
      y[t * state + j] = 0;
  for (dim j = 0; j < hidden; ++j)
    last[j] = h[j];
}

template <class P, int D, class Cell>
inline void recurrent_direction(Cell cell, typename P::x_t *y, const typename P::x_t *x,
                                const typename P::x_t *r, const typename P::x_t *bias,
                                const typename P::length_t *lengths, const typename P::x_t *initial,
                                const typename P::x_t *cells) {
  constexpr dim hidden = (dim)P::hidden, batch = (dim)P::batch, rows = Cell::gates * hidden;
  cell.r = r + D * rows * hidden;
  cell.bias = bias + D * rows;
  for (dim b = 0; b < batch; ++b) {
    const dim lane = (D * batch + b) * hidden;
    if constexpr (Cell::states == 2)
      for (dim j = 0; j < hidden; ++j)
        y[((dim)P::steps + 1) * Cell::state + lane + j] = cells[lane + j];
    int64_t length = (int64_t)lengths[b];
    length = length < 0 ? 0 : length > P::steps ? P::steps : length;
    const typename P::x_t *own = x + (b * (dim)P::directions + D) * rows;
    recurrent_sequence<P, D>(cell, y + lane, own, initial + lane, (dim)length);
  }
}

/// P: x_t (float or double), length_t (any integer), steps, batch, hidden, directions (1 or 2),
///    reverse (bool: the one direction reads from the end), has_clip, clip, linear_before_reset,
///    input_forget, and the functions f0, g0, h0 of the first and f1, g1, h1 of the second
///    direction (act_none where there is none)
/// y [steps + states][directions][batch][hidden]: states is 2 for an LSTM, else 1;
/// x [steps][batch][directions][gates][hidden], what the inputs add to the gates; r [directions]
/// [gates * hidden][hidden], bias [directions][gates * hidden], lengths [batch], initial
/// [directions][batch][hidden]; gates in ONNX's order.
template <class P>
inline void rnn(typename P::x_t *y, const typename P::x_t *x, const typename P::x_t *r,
                const typename P::x_t *bias, const typename P::length_t *lengths,
                const typename P::x_t *initial) {
  recurrent_direction<P, 0>(rnn_cell<P, 0>{}, y, x, r, bias, lengths, initial, nullptr);
  if constexpr (P::directions == 2)
    recurrent_direction<P, 1>(rnn_cell<P, 1>{}, y, x, r, bias, lengths, initial, nullptr);
}

template <class P>
inline void gru(typename P::x_t *y, const typename P::x_t *x, const typename P::x_t *r,
                const typename P::x_t *bias, const typename P::length_t *lengths,
                const typename P::x_t *initial) {
  recurrent_direction<P, 0>(gru_cell<P, 0>{}, y, x, r, bias, lengths, initial, nullptr);
  if constexpr (P::directions == 2)
    recurrent_direction<P, 1>(gru_cell<P, 1>{}, y, x, r, bias, lengths, initial, nullptr);
}

/// cells as initial, peepholes [directions][3 * hidden].
template <class P>
inline void lstm(typename P::x_t *y, const typename P::x_t *x, const typename P::x_t *r,
                 const typename P::x_t *bias, const typename P::length_t *lengths,
                 const typename P::x_t *initial, const typename P::x_t *cells,
                 const typename P::x_t *peepholes) {
  lstm_cell<P, 0> forward{};
  forward.peepholes = peepholes;
  recurrent_direction<P, 0>(forward, y, x, r, bias, lengths, initial, cells);
  if constexpr (P::directions == 2) {
    lstm_cell<P, 1> backward{};
    backward.peepholes = peepholes + 3 * (dim)P::hidden;
    recurrent_direction<P, 1>(backward, y, x, r, bias, lengths, initial, cells);
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
