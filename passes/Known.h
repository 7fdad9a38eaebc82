//===- Known.h - what depends on itself, kept and without recursion -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_KNOWN_H
#define DISCOC_PASSES_KNOWN_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace disco {

/// Gives known[key]; what is not there is computed, and what it depends on before it. Programs are
/// deep, and their tensors have many readers: nothing recurses, and nothing is computed twice.
/// `compute` gives a key's value, or names in `missing` what has to be known first, and is asked
/// again.
template <typename Map>
const typename Map::mapped_type &
computeKnown(Map &known, typename Map::key_type key,
             llvm::function_ref<typename Map::mapped_type(
                 typename Map::key_type, llvm::SmallVectorImpl<typename Map::key_type> &missing)>
                 compute) {
  llvm::SmallVector<typename Map::key_type> waiting{key}, missing;
  while (!waiting.empty()) {
    typename Map::key_type next = waiting.back();
    if (known.contains(next)) {
      waiting.pop_back();
      continue;
    }
    missing.clear();
    typename Map::mapped_type value = compute(next, missing);
    if (missing.empty())
      known[next] = std::move(value);
    waiting.append(missing);
  }
  return known.find(key)->second;
}

} // namespace disco

#endif // DISCOC_PASSES_KNOWN_H
