//===- wire.cpp - compressed messages, whole and damaged ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Packs messages of drawn contents, expands them, and expands damaged ones: what is lossless has
// the bits of before, what is damaged is refused or expands to something, and nothing is read or
// written outside of the buffers, which are exactly as large as emitted programs have them. Built
// with the sanitizers. Argument: how many messages of each kind.

#include "kernels/wire_lz4.h"
#include "kernels/wire_sparse.h"
#include "kernels/wire_zfp.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace {

using Bytes = std::vector<uint8_t>;

struct Form {
  const char *name;
  uint32_t width;
  bool lossless;
  std::function<uint32_t(uint8_t *, const uint8_t *, uint32_t, uint8_t *)> pack;
  std::function<bool(uint8_t *, uint32_t, const uint8_t *, uint32_t, uint8_t *)> unpack;
};

template <class T> Form sparse(const char *name, T fill) {
  return {name, sizeof(T), true,
          [=](uint8_t *w, const uint8_t *p, uint32_t n, uint8_t *) {
            return disco::sparse_pack<T>(w, p, n, fill);
          },
          [](uint8_t *p, uint32_t n, const uint8_t *w, uint32_t size, uint8_t *) {
            return disco::sparse_unpack<T>(p, n, w, size);
          }};
}

template <uint32_t Width> Form lz4(const char *name) {
  return {name, Width, true, disco::lz4_pack<Width>, disco::lz4_unpack<Width>};
}

disco::zfp_shape shapeOf(uint32_t count, uint32_t precision) {
  return count % 12 == 0  ? disco::zfp_shape{3, 4, count / 12, precision}
         : count % 2 == 0 ? disco::zfp_shape{count / 2, 2, 1, precision}
                          : disco::zfp_shape{count, 1, 1, precision};
}

template <class T> Form zfp(const char *name, uint32_t precision) {
  return {name, sizeof(T), precision == 0,
          [=](uint8_t *w, const uint8_t *p, uint32_t n, uint8_t *) {
            return disco::zfp_pack<T>(w, p, n, shapeOf(n / (uint32_t)sizeof(T), precision));
          },
          [=](uint8_t *p, uint32_t n, const uint8_t *w, uint32_t size, uint8_t *) {
            return disco::zfp_unpack<T>(p, n, w, size, shapeOf(n / (uint32_t)sizeof(T), precision));
          }};
}

class Fuzzer {
public:
  explicit Fuzzer(Form form) : form(std::move(form)) {}

  int run(int count) {
    for (int i = 0; i < count && failures < 5; ++i)
      one();
    std::printf("%s: %d failures, %ld damaged messages refused, %ld taken\n", form.name, failures,
                refused, taken);
    return failures;
  }

private:
  uint32_t draw(uint32_t below) { return below ? (uint32_t)(random() % below) : 0; }

  Bytes message() {
    Bytes plain(form.width * (1 + draw(draw(2) ? 700 : 20)));
    const uint32_t kind = draw(5);
    for (size_t i = 0; i < plain.size(); i += form.width) {
      float value = kind == 1 ? 1.0f + (float)i / 1000 : (float)draw(100) - 50;
      const bool zero = draw(100) < (kind == 2 ? 90u : kind == 3 ? 30u : 0u);
      for (uint32_t k = 0; k < form.width; ++k)
        plain[i + k] = zero ? 0 : kind == 0 ? (uint8_t)draw(256) : 0;
      if (!zero && kind != 0 && form.width >= 4) {
        if (form.width == 8) {
          const double wide = value;
          memcpy(&plain[i], &wide, 8);
        } else {
          memcpy(&plain[i], &value, 4);
        }
      } else if (!zero && kind != 0) {
        plain[i] = (uint8_t)(int)value;
      }
    }
    return plain;
  }

  // Memory of exactly that size, so that the sanitizer sees the byte behind it.
  static std::unique_ptr<uint8_t[]> exactly(size_t bytes) {
    return std::unique_ptr<uint8_t[]>(new uint8_t[bytes ? bytes : 1]);
  }

  void fail(const char *why) {
    ++failures;
    std::printf("FAIL %s: %s\n", form.name, why);
  }

  void one() {
    const Bytes plain = message();
    const uint32_t bytes = (uint32_t)plain.size();
    auto wire = exactly(bytes + 4), back = exactly(bytes), scratch = exactly(bytes);
    const uint32_t size = form.pack(wire.get(), plain.data(), bytes, scratch.get());
    if (size > bytes + 4)
      return fail("more bytes than it may have");
    if (!form.unpack(back.get(), bytes, wire.get(), size, scratch.get()))
      return fail("what was packed is refused");
    if (form.lossless && memcmp(back.get(), plain.data(), bytes) != 0)
      return fail("other bits");
    for (int i = 0; i < 4; ++i)
      damage(wire.get(), size, bytes, back.get(), scratch.get());
  }

  void damage(const uint8_t *wire, uint32_t size, uint32_t bytes, uint8_t *back, uint8_t *scratch) {
    const uint32_t other = draw(2) ? size : draw(bytes + 5); // the protocol lets no more through
    auto damaged = exactly(other);
    for (uint32_t i = 0; i < other; ++i)
      damaged[i] = i < size ? wire[i] : (uint8_t)draw(256);
    for (uint32_t i = draw(4) + (other == size); other && i > 0; --i)
      damaged[draw(draw(3) ? other : other < 4 ? other : 4)] ^= (uint8_t)(1 + draw(255));
    (form.unpack(back, bytes, damaged.get(), other, scratch) ? taken : refused) += 1;
  }

  Form form;
  std::mt19937 random{7};
  int failures = 0;
  long refused = 0, taken = 0;
};

} // namespace

int main(int argc, char **argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 2000;
  int failures = 0;
  for (const Form &form :
       {sparse<uint8_t>("sparse, bytes, fill 128", 128), sparse<uint16_t>("sparse, 2 bytes", 0),
        sparse<uint32_t>("sparse, 4 bytes", 0), sparse<uint64_t>("sparse, 8 bytes", 0),
        lz4<1>("lz4, bytes"), lz4<2>("lz4, 2 bytes"), lz4<4>("lz4, 4 bytes"),
        lz4<8>("lz4, 8 bytes"), zfp<float>("zfp, f32", 0), zfp<double>("zfp, f64", 0),
        zfp<float>("zfp:12, f32", 12)})
    failures += Fuzzer(form).run(count);
  return failures ? 1 : 0;
}
