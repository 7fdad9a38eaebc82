//===- NodeFiles.cpp - what is written into a node's directory ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/NodeFiles.h"
#include "codegen/Codegen.h"
#include "codegen/OutputFile.h"
#include "codegen/Template.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

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

LogicalResult disco::makeDirectories(StringRef path) {
  std::error_code error =
      llvm::sys::fs::create_directories(path, /*IgnoreExisting=*/true, llvm::sys::fs::all_all);
  if (error)
    llvm::errs() << "error: cannot make '" << path << "': " << error.message() << "\n";
  return failure(bool(error));
}

/// LLVM's own does not notice when the file cannot be closed.
LogicalResult disco::copyFile(StringRef from, StringRef to) {
  auto buffer = llvm::MemoryBuffer::getFile(from);
  if (!buffer) {
    llvm::errs() << "error: cannot read '" << from << "': " << buffer.getError().message() << "\n";
    return failure();
  }
  OutputFile file(to);
  file << (*buffer)->getBuffer();
  return file.close();
}

/// Of all sources, so that no list of what matters has to be kept.
FailureOr<RuntimeStub> disco::openRuntimeStub(StringRef folder) {
  RuntimeStub stub;
  stub.folder = folder.str();
  std::set<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::recursive_directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error))
    if (StringRef(it->path()).ends_with(".h") || StringRef(it->path()).ends_with(".cpp"))
      names.insert(StringRef(it->path()).substr(folder.size()).ltrim('/').str());
  llvm::SHA256 hash;
  for (const std::string &name : names) {
    FailureOr<StringRef> text = stub.read(name);
    if (failed(text))
      return failure();
    hash.update(llvm::sys::path::convert_to_slash(name));
    hash.update(*text);
  }
  stub.version = llvm::toHex(hash.final(), /*LowerCase=*/true).substr(0, kScopeDigits);
  stub.texts.erase("disco.h"); // it says the version
  return stub;
}

FailureOr<StringRef> RuntimeStub::read(StringRef name) const {
  if (auto known = texts.find(name); known != texts.end())
    return StringRef(known->second);
  auto buffer = llvm::MemoryBuffer::getFile(pathIn(folder, name));
  if (!buffer) {
    llvm::errs() << "error: the runtime stub lacks '" << name << "' in " << folder
                 << ": reinstall discoc\n";
    return failure();
  }
  std::string text = (*buffer)->getBuffer().str();
  auto replace = [&](StringRef from, const std::string &to) {
    size_t at = text.find(from);
    if (at != std::string::npos && !version.empty())
      text.replace(at, from.size(), to);
  };
  if (name == "disco.h") {
    replace("define DISCO_RUNTIME_VERSION 0u", "define DISCO_RUNTIME_VERSION 0x" + version + "u");
    replace("define DISCO_RUNTIME disco_runtime", "define DISCO_RUNTIME disco_" + version);
  }
  return StringRef(texts[name] = std::move(text));
}

LogicalResult RuntimeFiles::add(const std::string &name) {
  if (!names.insert(name).second)
    return success();
  FailureOr<StringRef> text = stub->read(name);
  if (failed(text))
    return failure();
  for (StringRef line : llvm::split(*text, '\n')) {
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
  return StringRef(header).ends_with(".h") && stub->has(source) ? add(source.str().str())
                                                                : success();
}

LogicalResult RuntimeFiles::copyTo(StringRef directory) const {
  std::set<std::string> folders;
  for (const std::string &name : names) {
    std::string folder = llvm::sys::path::parent_path(pathIn(directory, name)).str();
    if (folders.insert(folder).second && failed(makeDirectories(folder)))
      return failure();
    FailureOr<StringRef> text = stub->read(name);
    if (failed(text) || failed(writeText(directory, name, *text)))
      return failure();
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

std::string disco::werrorOption(const std::string &target) {
  return fillTemplate("parts/werror.cmake", {{"target", target}});
}

std::string disco::weightsRule(StringRef source, StringRef path) {
  return fillTemplate("parts/weights.cmake", {{"source", source.str()}, {"folder", path.str()}});
}

std::string disco::hopRows(const discoc::ClusterNode &node) {
  std::string rows;
  for (auto [to, hop] : llvm::enumerate(node.hops))
    rows += (hop.port < 0
                 ? "    {DISCO_NO_PORT, 0}"
                 : "    {" + std::to_string(hop.port) + ", " + std::to_string(hop.next) + "}") +
            ", // to node " + std::to_string(to) + "\n";
  return rows;
}
