//===- OutputFiles.cpp - which files of an output are discoc's own --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/RuntimeDirectory.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Text.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;
using llvm::StringRef;

/// What compile writes, for an output whose list is lost or that is older than lists; and what
/// building and running leave behind.
static constexpr const char *writtenWithoutList[] = {
    "{manifest,report,masks,owners,plan}.json",
    "schedule.txt",
    "launch/{openmpi.app,slurm.conf,hosts,peers}",
    "{node[0-9]*,cluster}/{CMakeLists.txt,main.cpp}",
    "node[0-9]*/{manifest.json,model.h,model.cpp,model_*.cpp,weights.bin,weights.S,weights.cpp}",
    "node[0-9]*/board/{board.toml,memory.ld,*.ld,*.S,*.cpp,*.h}",
    "node[0-9]*/library/library.{json,properties}",
    "node[0-9]*/library/zephyr/{Kconfig,CMakeLists.txt,module.yml}",
    "node[0-9]*/library/src/{model.h,model.cpp,model_*.cpp,weights.bin,weights.S,weights.cpp}",
    "node[0-9]*/library/src/*_shard.{h,cpp}"};
static constexpr const char *lockFile = ".build.lock";

/// The list that this compile would have written, of what is there; nothing where it is no output.
static std::optional<discoc::FileList> guessList(const fs::path &directory) {
  std::error_code error;
  if (!fs::exists(directory / "manifest.json", error) ||
      !fs::exists(directory / "node0" / "model.cpp", error))
    return std::nullopt;
  discoc::FileList list;
  const fs::path runtime = disco::runtimeDirectory();
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().lexically_relative(directory).string();
    bool known = llvm::any_of(writtenWithoutList, [&](const char *pattern) {
      return llvm::cantFail(llvm::GlobPattern::create(pattern, 64)).match(name);
    });
    const auto [before, inRuntime] = StringRef(name).split("/runtime/");
    std::error_code ignored;
    known =
        known || (!inRuntime.empty() && fs::is_regular_file(runtime / inRuntime.str(), ignored));
    if (known && !fs::is_directory(at->symlink_status(ignored)))
      list.files.insert(name);
  }
  return list;
}

static std::optional<discoc::FileList> readList(const fs::path &directory) {
  std::error_code error;
  const fs::path file = directory / discoc::FileList::fileName;
  if (!fs::exists(file, error)) {
    auto list = guessList(directory);
    if (!list)
      llvm::errs() << "error: '" << discoc::printable(directory.string())
                   << "' exists and is not an output of discoc; name another directory, or remove "
                      "it\n";
    return list;
  }
  discoc::Diagnostics diagnostics;
  auto list = discoc::readFileList(file.string(), diagnostics);
  llvm::errs() << discoc::toString(diagnostics);
  return list;
}

namespace {
class Search {
public:
  Search(const fs::path &root, const discoc::FileList &list) : root(root), list(list) {}

  /// `folder`: below the root, with a slash at the end, or empty.
  bool in(const std::string &folder) {
    std::error_code error;
    for (fs::directory_iterator at(root / folder, error), end; !error && at != end;
         at.increment(error)) {
      const std::string name = folder + at->path().filename().string();
      const bool isFolder = fs::is_directory(at->symlink_status(error));
      if (!isFolder && !list.holds(name) && name != lockFile)
        foreign.push_back(name);
      if (isFolder && !isBuildFolder(name) && !list.reaches(name))
        foreign.push_back(name + "/");
      else if (isFolder && !isBuildFolder(name) && !in(name + "/"))
        return false;
    }
    if (error)
      llvm::errs() << "error: cannot read '" << discoc::printable((root / folder).string())
                   << "': " << error.message() << "\n";
    return !error;
  }

  std::vector<std::string> foreign;

private:
  /// nodeK/build and cluster/build.
  bool isBuildFolder(StringRef name) const {
    const auto [around, own] = name.split('/');
    return own == "build" && list.reaches(around.str());
  }

  const fs::path root;
  const discoc::FileList &list;
};
} // namespace

std::optional<std::vector<std::string>> disco::foreignFiles(const std::string &directory) {
  std::error_code error;
  if (fs::is_empty(directory, error) && !error)
    return std::vector<std::string>();
  const std::optional<discoc::FileList> list = readList(directory);
  if (!list)
    return std::nullopt;
  Search search(directory, *list);
  if (!search.in(""))
    return std::nullopt;
  std::sort(search.foreign.begin(), search.foreign.end());
  return std::move(search.foreign);
}
