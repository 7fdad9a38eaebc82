//===- TinyCluster.h - a compiled model of two nodes, written by hand ---===//
// SPDX-License-Identifier: Apache-2.0
//
// What `discoc compile` would write for y = 3 x on two nodes, with the real
// runtime, so that running can be tested without the compiler. Node 1 misbehaves
// when DISCO_TEST_FAULT says so: "crash", "crash in the third", "exit", "hang".
#ifndef DISCOC_TESTS_DRIVER_TINYCLUSTER_H
#define DISCOC_TESTS_DRIVER_TINYCLUSTER_H

#include "compiler/formats/Manifest.h"

#include <string>

/// Manifest of the cluster; `labels` makes its four values classes.
discoc::Manifest tinyManifest(bool labels);

/// Writes the whole directory, manifest.json included.
void writeTinyCluster(const std::string &out, bool labels);

#endif // DISCOC_TESTS_DRIVER_TINYCLUSTER_H
