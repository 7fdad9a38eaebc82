//===- ModelMutation.h - damage that the reader cannot see ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Mutated bytes seldom get past the reader. These changes to a read model keep what the reader
// promises (names are defined before they are used, constants have their bytes) and are wrong in
// what the ops mean.
//
//===----------------------------------------------------------------------===//

#ifndef DISCOC_TESTS_FUZZ_MODELMUTATION_H
#define DISCOC_TESTS_FUZZ_MODELMUTATION_H

#include "compiler/import/OnnxModel.h"

#include <random>

namespace discoc::importer {

/// One change, chosen by `random`.
void mutateModel(Model &model, std::mt19937_64 &random);

} // namespace discoc::importer

#endif // DISCOC_TESTS_FUZZ_MODELMUTATION_H
