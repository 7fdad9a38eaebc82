//===- NodeFiles.cpp - what is written into a node's directory ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "NodeFiles.h"
#include "OutputFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace disco;

std::string disco::pathIn(StringRef directory, StringRef name) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

LogicalResult disco::writeText(StringRef directory, StringRef name, StringRef text) {
  OutputFile file(pathIn(directory, name));
  file << text;
  return file.close();
}

LogicalResult RuntimeFiles::add(const std::string &name) {
  if (!names.insert(name).second)
    return success();
  auto buffer = llvm::MemoryBuffer::getFile(pathIn(root, name));
  if (!buffer) {
    llvm::errs() << "error: the runtime stub lacks '" << name << "' in " << root
                 << ": reinstall discoc\n";
    return failure();
  }
  for (StringRef line : llvm::split((*buffer)->getBuffer(), '\n')) {
    if (!line.consume_front("#include \""))
      continue;
    llvm::SmallString<128> included(llvm::sys::path::parent_path(name));
    llvm::sys::path::append(included, line.take_until([](char c) { return c == '"'; }));
    llvm::sys::path::remove_dots(included, /*remove_dot_dot=*/true);
    if (failed(addWithSource(included.str().str())))
      return failure();
  }
  return success();
}

LogicalResult RuntimeFiles::addWithSource(const std::string &header) {
  if (failed(add(header)))
    return failure();
  llvm::SmallString<128> source(header);
  llvm::sys::path::replace_extension(source, "cpp");
  bool exists = StringRef(header).ends_with(".h") && llvm::sys::fs::exists(pathIn(root, source));
  return exists ? add(source.str().str()) : success();
}

LogicalResult RuntimeFiles::copyTo(StringRef directory) const {
  for (const std::string &name : names) {
    std::string target = pathIn(directory, name);
    std::error_code error = llvm::sys::fs::create_directories(llvm::sys::path::parent_path(target));
    if (!error)
      error = llvm::sys::fs::copy_file(pathIn(root, name), target);
    if (error) {
      llvm::errs() << "error: cannot write '" << target << "': " << error.message() << "\n";
      return failure();
    }
  }
  return success();
}

void RuntimeFiles::leaveOut(const RuntimeFiles &other) {
  for (const std::string &name : other.names)
    names.erase(name);
}

std::vector<std::string> RuntimeFiles::sources() const {
  std::vector<std::string> list;
  for (const std::string &name : names)
    if (StringRef(name).ends_with(".cpp"))
      list.push_back(name);
  return list;
}

std::string disco::weightsRule(StringRef source, StringRef path) {
  return ("set_source_files_properties(" + source + " PROPERTIES\n  INCLUDE_DIRECTORIES " + path +
          " COMPILE_OPTIONS \"-I" + path + "\"\n  OBJECT_DEPENDS " + path + "/weights.bin)\n")
      .str();
}
