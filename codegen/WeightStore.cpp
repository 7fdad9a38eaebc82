//===- WeightStore.cpp - the weights of one shard -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "WeightStore.h"
#include "Codegen.h"
#include "Evaluate.h"
#include "OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <map>

using namespace mlir;
using namespace disco;

WeightStore::WeightStore(func::FuncOp function) {
  std::map<std::pair<const void *, const void *>, int64_t> known;
  function.walk([&](ConstantOp op) {
    if (op.use_empty())
      return;
    Attribute view = op.getViewAttr();
    auto [entry, inserted] = known.try_emplace(
        {op.getValueAttr().getAsOpaquePointer(), view.getAsOpaquePointer()}, total);
    offsets[op.getResult()] = entry->second;
    if (!inserted)
      return;
    constants.push_back(op);
    total += static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(storedBytes(op)), alignment));
  });
}

int64_t WeightStore::storedBytes(ConstantOp op) { return byteSize(op.getType()); }

bool WeightStore::isBinary() const { return total > kInlineWeightBytes; }

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
      callback({view.bytes(first), static_cast<size_t>(count * view.elementSize())});
      continue;
    }
    for (int64_t i = range.first; i < range.second; ++i)
      forEachRun(view, shape, sets, axis + 1, start + i * inner, callback);
  }
}

LogicalResult WeightStore::forEachPiece(function_ref<void(ArrayRef<char>)> callback) const {
  static const char zeros[alignment] = {};
  for (ConstantOp op : constants) {
    ConstantView view(op.getValue());
    if (!view.isValid())
      return ConstantOp(op).emitError("the bytes of its value are missing");
    ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
    SmallVector<IndexSet> sets;
    for (int64_t extent : shape)
      sets.push_back(IndexSet::all(extent));
    if (auto entries = ConstantOp(op).getView())
      for (auto entry : entries->getAsRange<LocalAttr>())
        sets[entry.getAxis()] = entry.getSet();
    if (shape.empty())
      callback({view.bytes(0), static_cast<size_t>(view.elementSize())});
    else
      forEachRun(view, shape, sets, 0, 0, callback);
    int64_t used = storedBytes(op);
    int64_t padding =
        static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(used), alignment)) - used;
    callback({zeros, static_cast<size_t>(padding)});
  }
  return success();
}

static void writeAssembly(OutputFile &file, StringRef prefix, int64_t bytes) {
  file << "# SPDX-License-Identifier: Apache-2.0\n# The weights of " << prefix << ", " << bytes
       << " bytes.\n"
       << "    .section .rodata\n    .balign 64\n    .globl " << prefix << "_weights\n"
       << prefix << "_weights:\n    .incbin \"weights.bin\"\n"
       << "#if defined(__linux__) && defined(__ELF__)\n    .section "
          ".note.GNU-stack,\"\",%progbits\n#endif\n";
}

LogicalResult WeightStore::write(StringRef directory, StringRef prefix, std::string &hash) const {
  llvm::SmallString<128> binary(directory), source(directory);
  llvm::sys::path::append(binary, "weights.bin");
  llvm::sys::path::append(source, isBinary() ? "weights.S" : "weights.cpp");
  std::string pieceHashes;
  auto note = [&](ArrayRef<char> piece) {
    uint64_t value = llvm::xxh3_64bits(StringRef(piece.data(), piece.size()));
    pieceHashes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  };
  OutputFile text(source);
  if (isBinary()) {
    OutputFile data(binary);
    if (failed(forEachPiece([&](ArrayRef<char> piece) {
          note(piece);
          data.stream().write(piece.data(), piece.size());
        })))
      return failure();
    writeAssembly(text, prefix, total);
    hash += pieceHashes;
    return failure(failed(data.close()) || failed(text.close()));
  }
  std::string bytes;
  if (failed(forEachPiece([&](ArrayRef<char> piece) {
        note(piece);
        bytes.append(piece.data(), piece.size());
      })))
    return failure();
  hash += pieceHashes;
  text << "// SPDX-License-Identifier: Apache-2.0\n// The weights of " << prefix << ", " << total
       << " bytes, as little-endian words.\n"
       << "#include <stdint.h>\n\nextern \"C\" {\nextern const uint32_t " << prefix
       << "_weights[];\nalignas(64) const uint32_t " << prefix << "_weights[] = {";
  size_t words = std::max<size_t>(bytes.size() / 4, 1);
  bytes.resize(words * 4);
  for (size_t i = 0; i < words; ++i) {
    uint32_t word = 0;
    for (size_t b = 0; b < 4; ++b)
      word |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i * 4 + b])) << (8 * b);
    text << (i % 8 == 0 ? "\n    " : " ") << llvm::format_hex(word, 10) << "u,";
  }
  text << "\n};\n}\n";
  return text.close();
}
