//===- ModelHash.h - which model a program was compiled from ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_MODELHASH_H
#define DISCOC_IMPORT_MODELHASH_H

#include <string>

namespace discoc::importer {

struct Model;

/// SHA-256 of a model's file and its external data, as manifests have it: 64 hexadecimal digits.
std::string hashModel(const Model &model);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_MODELHASH_H
