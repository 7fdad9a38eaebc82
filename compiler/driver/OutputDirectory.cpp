//===- OutputDirectory.cpp - a directory that appears whole or not at all -===//
// SPDX-License-Identifier: Apache-2.0
#include "OutputDirectory.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace disco;
namespace fs = llvm::sys::fs;

static bool complain(llvm::StringRef what, llvm::StringRef path, std::error_code error) {
  llvm::errs() << "error: cannot " << what << " '" << path << "': " << error.message() << "\n";
  return false;
}

OutputDirectory::OutputDirectory(llvm::StringRef path) : wanted(path.rtrim('/').str()) {}

OutputDirectory::~OutputDirectory() {
  if (!temporary.empty())
    (void)fs::remove_directories(temporary); // nothing more can be done
}

/// Whether a directory is empty, or holds what discoc wrote.
static bool isOurs(llvm::StringRef path) {
  std::error_code error;
  fs::directory_iterator first(path, error), end;
  if (!error && first == end)
    return true;
  llvm::SmallString<128> manifest(path), node(path);
  llvm::sys::path::append(manifest, "manifest.json");
  llvm::sys::path::append(node, "node0", "model.cpp");
  return fs::exists(manifest) && fs::exists(node);
}

bool OutputDirectory::prepare() {
  if (wanted.empty()) {
    llvm::errs() << "error: the output directory has no name\n";
    return false;
  }
  if (fs::exists(wanted) && (!fs::is_directory(wanted) || !isOurs(wanted))) {
    llvm::errs()
        << "error: '" << wanted
        << "' exists and is not an output of discoc; name another directory, or remove it\n";
    return false;
  }
  llvm::SmallString<128> made;
  llvm::StringRef parent = llvm::sys::path::parent_path(wanted);
  if (!parent.empty())
    if (std::error_code error = fs::create_directories(parent))
      return complain("make", parent, error);
  for (int attempt = 0; attempt < 100; ++attempt) {
    fs::createUniquePath(wanted + ".part-%%%%%%", made, /*MakeAbsolute=*/false);
    std::error_code error = fs::create_directory(made, /*IgnoreExisting=*/false);
    if (!error) {
      temporary = made.str().str();
      return true;
    }
    if (error != std::errc::file_exists)
      return complain("make", made, error);
  }
  return complain("make", wanted, std::make_error_code(std::errc::file_exists));
}

bool OutputDirectory::commit() {
  std::string old;
  if (fs::exists(wanted)) {
    old = temporary + ".old";
    if (std::error_code error = fs::rename(wanted, old))
      return complain("replace", wanted, error);
  }
  if (std::error_code error = fs::rename(temporary, wanted))
    return complain("make", wanted, error);
  temporary.clear();
  if (!old.empty())
    (void)fs::remove_directories(old); // the new one is in place
  return true;
}
