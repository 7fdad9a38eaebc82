//===- RuntimeDirectory.cpp - where the runtime stub's sources lie --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/RuntimeDirectory.h"
#include "compiler/formats/DataDirectory.h"
#include "llvm/Support/FileSystem.h"
#include <cstdlib>

std::string disco::runtimeDirectory() {
  const char *stated = std::getenv("DISCOC_RUNTIME");
  const std::string directory =
      stated ? stated : discoc::dataDirectory("runtime_stub", "runtime_stub");
  return llvm::sys::fs::exists(directory + "/disco.h") ? directory : "";
}
