//===- RuntimeDirectory.cpp - where the runtime stub's sources lie --------===//
// SPDX-License-Identifier: Apache-2.0
#include "RuntimeDirectory.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

std::string disco::runtimeDirectory() {
  auto holds = [](llvm::StringRef directory) {
    llvm::SmallString<128> header(directory);
    llvm::sys::path::append(header, "disco.h");
    return llvm::sys::fs::exists(header);
  };
  if (const char *stated = std::getenv("DISCOC_RUNTIME"))
    return holds(stated) ? stated : "";
  llvm::SmallString<128> installed(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, nullptr)));
  llvm::sys::path::append(installed, "..", "share", "discoc", "runtime_stub");
  if (holds(installed))
    return installed.str().str();
  return holds(DISCOC_SOURCE_RUNTIME) ? DISCOC_SOURCE_RUNTIME : "";
}
