//===- importer.cpp - fuzz target of the importer -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Models that can be read are converted into the dialect as well, where that is built, and small
// ones go through all stages and the emitter, for one to three nodes.
// With libFuzzer: the usual target. Without: `importer_fuzz FILE...` reads
// files, `importer_fuzz --mutations N [--seed S] FILE...` also feeds N seeded
// mutations of each, of its bytes and of the read model. It fails by crashing, when a failure
// has no message, and when one input takes more than its share of time or memory.
//
//===----------------------------------------------------------------------===//

#include "../limits.h"
#include "ModelMutation.h"
#include "compiler/import/OnnxReader.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

using namespace discoc::importer;

#ifdef DISCOC_FUZZ_CONVERSION
/// Whether there is either a module or a message, and for a number of nodes other than 0 also a
/// program or a message; in a file of its own that sees MLIR.
bool convertsOrExplains(const Model &model, unsigned nodes);
#endif

namespace {

size_t readable = 0;

/// Of one input: a small file may take neither long nor much.
constexpr long maxSeconds = 20; // of the processor; sanitizers are slow
constexpr rlim_t maxMemory = rlim_t(4) << 30;

/// Inputs are compiled for one to three nodes in turn.
unsigned nextNodes() {
  static unsigned count = 0;
  return 1 + count++ % 3;
}

/// Small budgets: what goes beyond them is refused, quickly.
ReadOptions smallBudgets() {
  ReadOptions options;
  options.maxOps = 5000;
  options.maxCalls = 5000;
  options.maxInlined = 16 << 20;
  return options;
}

unsigned touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (std::byte byte : bytes)
    sum = sum * 31 + std::to_integer<unsigned>(byte);
  return sum;
}

void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "importer_fuzz: %s\n", what);
  std::abort();
}

/// What the reader promises about every model that it returns.
void checkModel(Model &model) {
  static volatile unsigned sink;
  for (const Tensor &tensor : model.graph.initializers)
    sink = sink + touch(tensor.bytes);
  for (const Op &op : model.graph.ops) {
    require(!op.name.empty(), "an op without a name");
    for (const Attribute &attribute : op.attributes) {
      require(attribute.refName.empty(), "a reference is left");
      for (const Tensor &tensor : attribute.tensors)
        sink = sink + touch(tensor.bytes);
    }
  }
  Diagnostics errors;
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const ValueInfo &input : model.graph.inputs)
    for (const Dim &dim : input.dims)
      shapes[input.name].push_back(dim.isFixed() ? dim.size : 2);
  require(pinDimensions(model, {}, shapes, errors) == errors.empty(),
          "pinning and its messages disagree");
  ++readable;
#ifdef DISCOC_FUZZ_CONVERSION
  if (errors.empty())
    require(convertsOrExplains(model, nextNodes()),
            "the conversion has neither module nor message, or both");
#endif
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Diagnostics errors;
  fuzz::limit_input(maxSeconds);
  auto model = readOnnxBytes(std::as_bytes(std::span(data, size)), nullptr, "fuzz.onnx", "", errors,
                             smallBudgets());
  require(model.has_value() == errors.empty(), "result and messages disagree");
  for (const Diagnostic &error : errors)
    require(!error.message.empty(), "an empty message");
  if (model)
    checkModel(*model);
  return 0;
}

#ifndef DISCOC_LIBFUZZER

namespace {

using Bytes = std::vector<uint8_t>;

/// The rest of a 64-bit generator is the same on every platform; the standard
/// distributions are not.
size_t below(std::mt19937_64 &random, size_t limit) { return limit == 0 ? 0 : random() % limit; }

void mutateOnce(std::mt19937_64 &random, Bytes &bytes) {
  static constexpr uint8_t nasty[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x08, 0x12};
  // Structure is thick at both ends and thin between the weights.
  size_t window = below(random, 3) == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 4096);
  size_t at = below(random, window);
  if (below(random, 2) == 0)
    at = bytes.size() - 1 - std::min(at, bytes.size() - 1);
  size_t length = std::min(1 + below(random, 16), bytes.size() - at);
  auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
  auto end = begin + static_cast<ptrdiff_t>(length);
  switch (below(random, 7)) {
  case 0: bytes[at] ^= static_cast<uint8_t>(1U << below(random, 8)); break;
  case 1: bytes[at] = nasty[below(random, sizeof(nasty))]; break;
  case 2: bytes.erase(begin, end); break;
  case 3: {
    Bytes copy(begin, end);
    bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(below(random, bytes.size())), copy.begin(),
                 copy.end());
    break;
  }
  case 4:
    for (auto it = begin; it != end; ++it)
      *it = static_cast<uint8_t>(random());
    break;
  case 5: std::fill(begin, end, uint8_t{0xff}); break;
  default:
    if (below(random, 8) == 0)
      bytes.resize(at);
    else
      bytes[at] = static_cast<uint8_t>(bytes[at] + 1);
  }
}

/// Changes the model itself, for the conversion.
void mutateRead(const char *path, unsigned long mutations, unsigned long seed) {
#ifdef DISCOC_FUZZ_CONVERSION
  Diagnostics errors;
  ReadOptions options;
  options.minOpset = 6;
  auto model = readOnnx(path, errors, options);
  for (unsigned long m = 0; model && m < mutations; ++m) {
    std::mt19937_64 random(seed * 1000003 + m);
    Model changed = *model;
    for (ValueInfo &input : changed.graph.inputs)
      for (Dim &dim : input.dims)
        dim.size = dim.isFixed() ? dim.size : 2;
    for (size_t e = 0, edits = below(random, 4); e <= edits; ++e)
      mutateModel(changed, random);
    fuzz::limit_input(maxSeconds);
    require(convertsOrExplains(changed, nextNodes()),
            "the conversion has neither module nor message, or both");
  }
#endif
}

void readFile(const char *path, bool verbose) {
  Diagnostics errors;
  fuzz::limit_input(maxSeconds);
  auto model = readOnnx(path, errors);
  require(model.has_value() == errors.empty(), "result and messages disagree");
  if (verbose && model)
    std::printf("%s: %zu ops, %zu initialisers\n", path, model->graph.ops.size(),
                model->graph.initializers.size());
  if (verbose)
    for (const Diagnostic &error : errors)
      std::printf("%s\n", error.str().c_str());
  if (model)
    checkModel(*model);
}

} // namespace

int main(int argc, char **argv) {
  unsigned long mutations = 0, seed = 1;
  bool verbose = false;
  size_t files = 0, survived = 0;
  fuzz::limit_process(maxMemory);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--mutations") == 0 && i + 1 < argc) {
      mutations = std::strtoul(argv[++i], nullptr, 10);
      continue;
    }
    if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = std::strtoul(argv[++i], nullptr, 10);
      continue;
    }
    if (std::strcmp(argv[i], "-v") == 0) {
      verbose = true;
      continue;
    }
    readFile(argv[i], verbose);
    ++files;
    std::ifstream stream(argv[i], std::ios::binary);
    Bytes original((std::istreambuf_iterator<char>(stream)), {});
    for (unsigned long m = 0; m < mutations; ++m) {
      std::mt19937_64 random(seed * 1000003 + m);
      Bytes bytes = original;
      size_t edits = 1 + below(random, 4);
      for (size_t e = 0; e < edits && !bytes.empty(); ++e)
        mutateOnce(random, bytes);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++survived;
    }
    mutateRead(argv[i], mutations, seed);
  }
  std::printf("%zu files read, %zu mutations survived; %zu of them were readable\n", files,
              survived, readable);
  return 0;
}

#endif // DISCOC_LIBFUZZER
