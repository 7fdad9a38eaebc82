//===- ModelHash.cpp - which model a program was compiled from ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/ModelHash.h"
#include "compiler/import/OnnxModel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace llvm;

std::string discoc::importer::hashModel(const Model &model) {
  llvm::SHA256 hash;
  for (auto &bytes : model.files)
    hash.update(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}
