//===- matmul.h - matrix products, with constant weights or of two tensors ===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_MATMUL_H
#define DISCO_KERNELS_MATMUL_H

#include "batch.h"
#include "gemm.h"
#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The type in which a product is summed: integers wrap.
template <class T> using product_t = wrap_t<arith_t<T>>;

template <class To, class T> inline To product_load(T v) { return (To)load(v); }

/// Ways to take b: packed, read where it lies, packed before, or columns of it one by one.
enum class matmul_form { packed, direct, blocks, dots };

/// One matrix of the batch.
template <class P, matmul_form Form> struct matmul_product {
  using T = product_t<typename P::y_t>;
  using a_t = typename P::a_t;
  using b_t = typename P::b_t;
  using y_t = typename P::y_t;
  static constexpr dim m = (dim)P::m, n = (dim)P::n, k = (dim)P::k;
  static constexpr dim a_columns = (dim)P::a_k;
  static constexpr bool dots = Form == matmul_form::dots;
  static constexpr bool direct_a =
      same<a_t, T> && P::dense_channels && !P::trans_a && !P::has_alpha;
  static constexpr bool whole_b = Form == matmul_form::blocks,
                        direct_b = whole_b || Form == matmul_form::direct;
  static_assert(!direct_b || (same<b_t, T> && (whole_b || !P::trans_b)),
                "b cannot be read where it lies");
  static_assert(gemm_b_block % gemm_tile_of(here, (dim)sizeof(T)).nr == 0, "no whole tiles");
  static constexpr bool direct_c = same<y_t, T>;
  static constexpr bool started = P::has_init;
  static constexpr dim a_row = a_columns, b_row = whole_b ? gemm_b_block : n, c_row = n;

  y_t *y;
  const a_t *left;
  const b_t *right;
  const arith_t<y_t> *bias;
  const y_t *init;
  const y_t *residual;

  static dim channel(dim i) {
    if constexpr (P::dense_channels)
      return i;
    else
      return (dim)P::channel((int64_t)i);
  }
  const T *a(dim m0, dim k0) const { return left + m0 * a_columns + k0; }
  const T *b(dim k0, dim n0) const {
    if constexpr (whole_b)
      return right + (n0 / gemm_b_block * k + k0) * gemm_b_block + n0 % gemm_b_block;
    else
      return right + k0 * n + n0;
  }
  T *c(dim m0, dim n0) const { return y + m0 * n + n0; }

  void pack_a(T *to, dim to_row, dim m0, dim rows, dim k0, dim kc) const {
    T alpha = (T)1;
    if constexpr (P::has_alpha)
      alpha = (T)P::alpha;
    for (dim r = 0; r < rows; ++r)
      for (dim i = 0; i < kc; ++i) {
        const dim from = channel(k0 + i);
        to[r * to_row + i] =
            product_load<T>(left[P::trans_a ? from * m + m0 + r : (m0 + r) * a_columns + from]) *
            alpha;
      }
  }

  void pack_b(T *__restrict to, dim k0, dim kc, dim n0, dim columns, dim width) const {
    if constexpr (P::trans_b) {
      for (dim j = 0; j < width; ++j)
        for (dim i = 0; i < kc; ++i)
          to[i * width + j] = j < columns ? product_load<T>(right[(n0 + j) * k + k0 + i]) : (T)0;
    } else {
      for (dim i = 0; i < kc; ++i, to += width) {
        for (dim j = 0; j < columns; ++j)
          to[j] = product_load<T>(right[(k0 + i) * n + n0 + j]);
        for (dim j = columns; j < width; ++j)
          to[j] = (T)0;
      }
    }
  }

  void begin(T *to, dim to_row, dim m0, dim rows, dim n0, dim columns) const {
    product_begin<y_t>(to, to_row, init + m0 * n + n0, n, rows, columns);
  }

  void finish(T *from, dim from_row, dim m0, dim rows, dim n0, dim columns) const {
    using arith = arith_t<y_t>;
    if constexpr (!direct_c || P::has_bias || P::has_residual || !same<typename P::act, act_none>)
      for (dim r = 0; r < rows; ++r) {
        const dim at = (m0 + r) * n + n0;
        for (dim j = 0; j < columns; ++j) {
          T v = from[r * from_row + j];
          if constexpr (P::has_bias)
            v += (T)bias[(m0 + r) * (dim)P::bias_row + (n0 + j) * (dim)P::bias_column];
          if constexpr (P::has_residual)
            v += product_load<T>(residual[at + j]);
          y[at + j] = store<y_t>((arith)P::act::template apply<typename P::act>((arith)v));
        }
      }
  }

  /// sums[j] (+)= dot of a and kc elements of row n0 + j of b, from k0 on.
  void dot_rows(T *sums, const T *a, dim n0, dim columns, dim k0, dim kc, bool accumulate) const {
    if constexpr (same<b_t, T>) {
      gemm_dot_rows<T>(columns, kc, right + n0 * k + k0, k, a, sums, 1, accumulate);
    } else {
      T row[k < 512 ? (k > 0 ? k : 1) : 512];
      for (dim j = 0; j < columns; ++j) {
        for (dim i = 0; i < kc; ++i)
          row[i] = product_load<T>(right[(n0 + j) * k + k0 + i]);
        gemm_dot_rows<T>(1, kc, row, k, a, sums + j, 1, accumulate);
      }
    }
  }
};

/// One row of a times b given as [n][k]: y is a column of dot products.
template <class P> inline void matmul_row(const matmul_product<P, matmul_form::packed> &g) {
  using G = matmul_product<P, matmul_form::packed>;
  using T = typename G::T;
  constexpr dim step = G::k < 512 ? (G::k > 0 ? G::k : 1) : 512;
  constexpr dim group = 64;
  T packed[step], sums[group];
  for (dim n0 = 0; n0 < G::n; n0 += group) {
    const dim columns = G::n - n0 < group ? G::n - n0 : group;
    if constexpr (P::has_init)
      g.begin(sums, group, 0, 1, n0, columns);
    dim k0 = 0;
    do {
      const dim kc = G::k - k0 < step ? G::k - k0 : step;
      const T *a = packed;
      if constexpr (G::direct_a)
        a = g.a(0, k0);
      else
        g.pack_a(packed, step, 0, 1, k0, kc);
      g.dot_rows(sums, a, n0, columns, k0, kc, P::has_init || k0 > 0);
      k0 += step;
    } while (k0 < G::k);
    using arith = arith_t<typename P::y_t>;
    for (dim j = 0; j < columns; ++j) {
      T v = sums[j];
      if constexpr (P::has_bias)
        v += (T)g.bias[(n0 + j) * (dim)P::bias_column];
      if constexpr (P::has_residual)
        v += product_load<T>(g.residual[n0 + j]);
      g.y[n0 + j] =
          store<typename P::y_t>((arith)P::act::template apply<typename P::act>((arith)v));
    }
  }
}

/// Calls one(g) for every matrix of a batch.
template <class P, class G, class One>
inline void matmul_batch(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                         const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                         const typename P::y_t *residual, const One &one) {
  dim count = 1;
  for (int r = 0; r < P::batch_rank; ++r)
    count *= (dim)P::batch[r];
  for (dim i = 0; i < count; ++i) {
    const batch_place at = batch_at<P>(i);
    G g{};
    g.y = y + i * G::m * G::n;
    g.left = a + at.a;
    g.right = b + at.b;
    g.bias = bias;
    g.init = P::has_init ? init + i * G::m * G::n : nullptr;
    g.residual = P::has_residual ? residual + i * G::m * G::n : nullptr;
    one(g);
  }
}

// Five kernels for one op. All take what is said at matmul_gemm.

/// y = act(alpha * a x b + init + bias + residual), for every matrix of a batch.
///
/// P: a_t, b_t, y_t    storage types; integers (exact, wrapping) in y_t's width
///    m, k, n          of one product; k is the number of packed weight rows
///    a_k              columns (trans_a: rows) of the buffer a
///    dense_channels   row i of the weights reads column i of a; else channel(i), a static
///                     constexpr function, says which
///    trans_a, trans_b a is [a_k][m], b is [n][k] instead of [m][a_k], [k][n]
///    has_alpha, alpha factor of the product (alpha may be absent when !has_alpha)
///    has_bias, bias_row, bias_column   strides of bias along m and n, in elements:
///                     0, 1 for a bias by column
///    has_init, has_residual
///    batch_rank       number of batch dimensions, at least 1
///    batch[r], a_batch[r], b_batch[r]  static constexpr int64_t arrays: extents, and strides
///                     of a and b in elements (0 where they broadcast)
///    act              applied last
///    scratch          bytes of scratch memory; not of matmul_rows
/// y [batch...][m][n] dense; init as y, may be y itself; residual as y, not y;
/// bias has y_t's arithmetic type, the same for every matrix of the batch.

template <class P, matmul_form Form>
inline void matmul_by_gemm(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                           const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                           const typename P::y_t *residual, void *scratch) {
  using G = matmul_product<P, Form>;
  static_assert((dim)P::scratch >= gemm_bytes<G>, "too little scratch memory");
  matmul_batch<P, G>(y, a, b, bias, init, residual, [&](const G &g) { gemm(g, scratch); });
}

/// This one: a blocked product, with packed columns of b.
template <class P>
inline void matmul_gemm(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                        const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, void *scratch) {
  matmul_by_gemm<P, matmul_form::packed>(y, a, b, bias, init, residual, scratch);
}

/// b is read where it lies: few rows would share a packed copy.
template <class P>
inline void matmul_direct(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                          const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                          const typename P::y_t *residual, void *scratch) {
  matmul_by_gemm<P, matmul_form::direct>(y, a, b, bias, init, residual, scratch);
}

/// b was packed before: [n / 48][k][48], whatever `trans_b` says; lanes beyond n are 0.
template <class P>
inline void matmul_blocks(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                          const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                          const typename P::y_t *residual, void *scratch) {
  matmul_by_gemm<P, matmul_form::blocks>(y, a, b, bias, init, residual, scratch);
}

/// Dot products of rows of a and columns of b, for few columns.
template <class P>
inline void matmul_dots(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                        const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, void *scratch) {
  matmul_by_gemm<P, matmul_form::dots>(y, a, b, bias, init, residual, scratch);
}

/// Dot products of the one row of a and rows of b, which is [n][k].
template <class P>
inline void matmul_rows(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                        const arith_t<typename P::y_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual) {
  using G = matmul_product<P, matmul_form::packed>;
  static_assert(G::m == 1 && P::trans_b, "one row, and b as rows");
  matmul_batch<P, G>(y, a, b, bias, init, residual, [](const G &g) { matmul_row<P>(g); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
