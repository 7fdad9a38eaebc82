//===- WeightStore.cpp - the weights of one shard -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/WeightStore.h"
#include "codegen/Codegen.h"
#include "codegen/NodeFiles.h"
#include "codegen/OutputFile.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/PackedConstant.h"
#include "runtime_stub/disco.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <map>
#include <tuple>

using namespace mlir;
using namespace disco;

WeightStore::WeightStore(func::FuncOp function) {
  std::map<std::tuple<const void *, const void *, const void *>, int64_t> known;
  function.walk([&](ConstantOp op) {
    if (op.use_empty())
      return;
    auto [entry, inserted] = known.try_emplace({op.getValueAttr().getAsOpaquePointer(),
                                                op.getViewAttr().getAsOpaquePointer(),
                                                op.getPackingAttr().getAsOpaquePointer()},
                                               total);
    offsets[op.getResult()] = entry->second;
    if (!inserted)
      return;
    constants.push_back(op);
    total += static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(storedBytes(op)), alignment));
  });
}

int64_t WeightStore::storedBytes(ConstantOp op) {
  return op.getPacking() ? packedBytes(op) : byteSize(op.getType());
}

bool WeightStore::isBinary() const { return total > kInlineWeightBytes; }

/// Calls back with the bytes of `count` elements, also of a splat.
static void writeRun(const ConstantView &view, int64_t first, int64_t count,
                     function_ref<void(ArrayRef<char>)> callback) {
  auto each = static_cast<size_t>(view.elementSize());
  if (view.storedCount() == view.size())
    return callback({view.bytes(first), static_cast<size_t>(count) * each});
  std::vector<char> bytes;
  for (int64_t i = first; i < first + count; ++i)
    bytes.insert(bytes.end(), view.bytes(i), view.bytes(i) + each);
  callback(bytes);
}

/// Calls back with the runs of contiguous bytes of the indices `sets[axis]` of every axis.
static void forEachRun(const ConstantView &view, ArrayRef<int64_t> shape, ArrayRef<IndexSet> sets,
                       size_t axis, int64_t start, function_ref<void(ArrayRef<char>)> callback) {
  int64_t inner = 1;
  for (int64_t extent : shape.drop_front(axis + 1))
    inner *= extent;
  bool innerWhole = true;
  for (size_t i = axis + 1; i < shape.size(); ++i)
    innerWhole &= sets[i].isAll(shape[i]);
  for (IndexSet::Range range : sets[axis].getRanges()) {
    if (innerWhole) {
      int64_t first = start + range.first * inner, count = (range.second - range.first) * inner;
      writeRun(view, first, count, callback);
      continue;
    }
    for (int64_t i = range.first; i < range.second; ++i)
      forEachRun(view, shape, sets, axis + 1, start + i * inner, callback);
  }
}

LogicalResult WeightStore::forEachPiece(function_ref<void(ArrayRef<char>)> callback) const {
  static const char zeros[alignment] = {};
  for (ConstantOp op : constants) {
    ConstantView view(op.getValue(), op.getValue().getShapedType().getShape());
    if (!view.isValid())
      return ConstantOp(op).emitError("the bytes of its value are missing");
    ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
    int64_t used = storedBytes(op), written = 0;
    auto count = [&](ArrayRef<char> piece) {
      written += static_cast<int64_t>(piece.size());
      callback(piece);
    };
    if (shape.empty())
      writeRun(view, 0, 1, count);
    else if (op.getPacking())
      forEachPackedPiece(op, count);
    else
      forEachRun(view, shape, storedIndices(op), 0, 0, count);
    if (written != used)
      return ConstantOp(op).emitError("is broadcast; disco-split-into-shards stores what it is "
                                      "made of");
    int64_t padding =
        static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(used), alignment)) - used;
    callback({zeros, static_cast<size_t>(padding)});
  }
  return success();
}

FailureOr<uint32_t> WeightStore::write(StringRef directory, std::string &hash) const {
  uint32_t crc = 0;
  auto note = [&](ArrayRef<char> piece) {
    uint64_t value = llvm::xxh3_64bits(StringRef(piece.data(), piece.size()));
    hash.append(reinterpret_cast<const char *>(&value), sizeof(value));
    crc = disco_crc32c(crc, piece.data(), piece.size());
  };
  if (!isBinary()) {
    if (failed(forEachPiece(note)))
      return failure();
    return crc;
  }
  OutputFile data(pathIn(directory, "weights.bin"));
  if (failed(forEachPiece([&](ArrayRef<char> piece) {
        note(piece);
        data.stream().write(piece.data(), piece.size());
      })) ||
      failed(data.close()))
    return failure();
  return crc;
}

/// A file of another size is found by the assembler: the check of its bytes would read past it.
static std::string assemblyText(StringRef symbol, int64_t bytes) {
  std::string size = std::to_string(bytes);
  return ("# SPDX-License-Identifier: Apache-2.0\n# The weights, " + size +
          " bytes.\n    .section .rodata\n    .balign 64\n    .globl " + symbol +
          "\n#ifdef __ELF__\n    .hidden " + symbol + "\n#endif\n" + symbol +
          ":\n    .incbin \"weights.bin\"\n    .if (. - " + symbol + ") != " + size +
          "\n    .error \"weights.bin is of another size than this program's weights\"\n    "
          ".endif\n"
          "#if defined(__linux__) && defined(__ELF__)\n    .section "
          ".note.GNU-stack,\"\",%progbits\n#endif\n")
      .str();
}

static std::string arrayText(StringRef symbol, int64_t total, std::string bytes) {
  size_t words = std::max<size_t>(bytes.size() / 4, 1);
  bytes.resize(words * 4);
  std::string text =
      ("// SPDX-License-Identifier: Apache-2.0\n// The weights, " + std::to_string(total) +
       " bytes, as little-endian words.\n" +
       "#include <stdint.h>\n\nextern \"C\" {\n"
       "extern __attribute__((visibility(\"hidden\"))) const uint32_t " +
       symbol + "[];\nalignas(64) const uint32_t " + symbol + "[" + std::to_string(words) + "] = {")
          .str();
  llvm::raw_string_ostream os(text);
  for (size_t i = 0; i < words; ++i)
    os << (i % 8 == 0 ? "\n    " : " ")
       << llvm::format_hex(llvm::support::endian::read32le(bytes.data() + 4 * i), 10) << "u,";
  os << "\n};\n}\n";
  return text;
}

LogicalResult WeightStore::writeSource(StringRef directory, StringRef symbol) const {
  if (isBinary())
    return writeText(directory, "weights.S", assemblyText(symbol, total));
  std::string bytes;
  if (failed(forEachPiece([&](ArrayRef<char> piece) { bytes.append(piece.data(), piece.size()); })))
    return failure();
  return writeText(directory, "weights.cpp", arrayText(symbol, total, std::move(bytes)));
}
