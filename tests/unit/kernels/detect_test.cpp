//===- detect_test.cpp - suppression of boxes, regions of interest --------===//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "detect.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <bool Centred, bool HasScore, int Rows> struct BoxCase {
  using x_t = float;
  static constexpr int64_t batch = 2, classes = 3, count = 40, rows = Rows, most = 6;
  static constexpr double iou = 0.3, score = 0.25;
  static constexpr bool centred = Centred, has_score = HasScore;
};

struct Box {
  double y0, x0, y1, x1;
};

Box boxAt(const float *b, bool centred) {
  if (centred)
    return {b[1] - b[3] / 2.0, b[0] - b[2] / 2.0, b[1] + b[3] / 2.0, b[0] + b[2] / 2.0};
  return {std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]), std::max(b[1], b[3])};
}

double overlap(const Box &a, const Box &b) {
  const double h = std::min(a.y1, b.y1) - std::max(a.y0, b.y0),
               w = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (h <= 0 || w <= 0)
    return 0;
  return h * w / ((a.y1 - a.y0) * (a.x1 - a.x0) + (b.y1 - b.y0) * (b.x1 - b.x0) - h * w);
}

template <class P> void checkBoxes() {
  indexed<float> boxes, scores = randomBuffer<float>(2 * 3 * 40, 11);
  uint32_t state = 77;
  const auto number = [&](uint32_t range) {
    return (float)((nextRandom(state) >> 16) % range) / 8;
  };
  for (int i = 0; i < 80; ++i)
    for (int k = 0; k < 4; ++k)
      boxes.push_back(P::centred && k >= 2 ? number(20) + 0.5f : number(40));
  buffer<int64_t> y((size_t)P::rows * 3, 5), want;
  non_max_suppression<P>(y.data(), boxes.data(), scores.data());
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 3; ++c) {
      const float *score = &scores[(n * 3 + c) * 40];
      std::vector<int64_t> order, kept;
      for (int64_t i = 0; i < 40; ++i)
        if (!P::has_score || score[i] > P::score)
          order.push_back(i);
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return score[a] > score[b] || (score[a] == score[b] && a < b);
      });
      for (int64_t i : order) {
        bool covered = false;
        for (int64_t k : kept)
          covered |= overlap(boxAt(&boxes[(n * 40 + i) * 4], P::centred),
                             boxAt(&boxes[(n * 40 + k) * 4], P::centred)) > P::iou;
        if (!covered && (int64_t)kept.size() < P::most)
          kept.push_back(i);
      }
      for (int64_t i : kept)
        want.insert(want.end(), {n, c, i});
    }
  want.resize((size_t)P::rows * 3, -1);
  EXPECT_EQ(y, want);
}

TEST(NonMaxSuppression, GreedyByClass) {
  checkBoxes<BoxCase<false, true, 60>>();
  checkBoxes<BoxCase<true, false, 60>>();
}
TEST(NonMaxSuppression, NoMoreRowsThanThereAre) { checkBoxes<BoxCase<false, false, 10>>(); }

template <bool Half, bool Max, int Samples> struct RoiCase {
  using x_t = float;
  using index_t = int64_t;
  static constexpr int64_t n = 2, c = 3, ih = 9, iw = 11, rois = 3, oh = 4, ow = 3,
                           samples = Samples;
  static constexpr double scale = 0.5;
  static constexpr bool half_pixel = Half, maximum = Max;
};

/// The four weighted pixels around a place.
std::vector<double> around(const float *x, double y, double z, int64_t h, int64_t w) {
  if (y < -1 || y > (double)h || z < -1 || z > (double)w)
    return {0, 0, 0, 0};
  y = std::min(std::max(y, 0.0), (double)h - 1), z = std::min(std::max(z, 0.0), (double)w - 1);
  const auto y0 = (int64_t)y, x0 = (int64_t)z, y1 = std::min(y0 + 1, h - 1),
             x1 = std::min(x0 + 1, w - 1);
  const double a = y - (double)y0, b = z - (double)x0;
  return {(1 - a) * (1 - b) * x[y0 * w + x0], (1 - a) * b * x[y0 * w + x1],
          a * (1 - b) * x[y1 * w + x0], a * b * x[y1 * w + x1]};
}

template <class P> void checkRoi() {
  const indexed<float> x = randomBuffer<float>(2 * 3 * 9 * 11, 12);
  const indexed<float> rois = {1, 2, 15, 13, -4, -3, 6, 30, 4, 4, 4.5f, 4.25f};
  const int64_t batch[] = {1, 0, 1};
  buffer<float> y(3 * 3 * 4 * 3);
  roi_align<P>(y.data(), x.data(), rois.data(), batch);
  std::vector<double> want;
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t oy = 0; oy < 4; ++oy)
        for (int64_t ox = 0; ox < 3; ++ox) {
          const double shift = P::half_pixel ? 0.5 : 0, x0 = rois[r * 4] * P::scale - shift,
                       y0 = rois[r * 4 + 1] * P::scale - shift;
          double w = rois[r * 4 + 2] * P::scale - shift - x0,
                 h = rois[r * 4 + 3] * P::scale - shift - y0;
          if (!P::half_pixel)
            w = std::max(w, 1.0), h = std::max(h, 1.0);
          const int64_t ny = P::samples ? P::samples : (int64_t)std::ceil(h / 4),
                        nx = P::samples ? P::samples : (int64_t)std::ceil(w / 3);
          double sum = 0, top = -INFINITY;
          for (int64_t i = 0; i < ny; ++i)
            for (int64_t j = 0; j < nx; ++j)
              for (double v :
                   around(&x[(batch[r] * 3 + c) * 99],
                          y0 + h / 4 * ((double)oy + ((double)i + 0.5) / (double)ny),
                          x0 + w / 3 * ((double)ox + ((double)j + 0.5) / (double)nx), 9, 11)) {
                sum += v;
                top = std::max(top, v);
              }
          want.push_back(P::maximum ? top : sum / (double)(ny * nx));
        }
  expectNear(y, want, 4);
}

TEST(RoiAlign, Forms) {
  checkRoi<RoiCase<true, false, 2>>();
  checkRoi<RoiCase<false, false, 0>>();
  checkRoi<RoiCase<true, true, 0>>();
}

TEST(RoiAlign, HostileRegions) {
  using P = RoiCase<false, false, 0>;
  const auto x = randomBuffer<float>(2 * 3 * 9 * 11, 12);
  const buffer<float> rois = {NAN,   INFINITY, -INFINITY, NAN,  -1e30f, -1e30f,
                              1e30f, 1e30f,    INFINITY,  0.0f, 0.0f,   -INFINITY};
  const int64_t batch[] = {-5, 1000, INT64_MIN};
  buffer<float> y(3 * 3 * 4 * 3);
  roi_align<P>(y.data(), x.data(), rois.data(), batch);
}

} // namespace
