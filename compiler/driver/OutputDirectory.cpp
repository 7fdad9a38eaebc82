//===- OutputDirectory.cpp - a directory that appears whole or not at all -===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/OutputDirectory.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Text.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace disco;
using discoc::printable;
namespace fs = std::filesystem;

static bool complain(llvm::StringRef what, const std::string &path, int error = errno) {
  llvm::errs() << "error: cannot " << what << " '" << printable(path)
               << "': " << std::generic_category().message(error) << "\n";
  return false;
}

static bool refuse(const std::string &path, llvm::StringRef why) {
  llvm::errs() << "error: '" << printable(path) << "' " << printable(why) << "\n";
  return false;
}

static bool exists(const std::string &path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

/// Where a path leads; the last part need not exist.
static std::string withoutLinks(fs::path path) {
  std::error_code error;
  if (!path.has_filename() && path.has_parent_path())
    path = path.parent_path(); // a slash at the end
  for (int links = 0; links < 40 && fs::is_symlink(path, error); ++links) {
    const fs::path target = fs::read_symlink(path, error);
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return fs::weakly_canonical(fs::absolute(path, error), error).string();
}

static std::string parentOf(const std::string &path) { return fs::path(path).parent_path(); }

OutputDirectory::OutputDirectory(const std::string &path, bool replace)
    : named(path), wanted(path.empty() ? "" : withoutLinks(path)), replace(replace) {}

OutputDirectory::~OutputDirectory() {
  (void)temporary.remove(); // nothing more can be done
  for (const std::string &folder : llvm::reverse(made))
    rmdir(folder.c_str());
}

std::string OutputDirectory::prefix() const {
  return parentOf(wanted) + "/." + fs::path(wanted).filename().string() + ".discoc";
}

namespace {
/// What is done in the folder around an output is done by one discoc at a time.
class FolderLock {
public:
  explicit FolderLock(const std::string &folder)
      : fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (fd >= 0 && !discoc::isHeldHere(fd) && flock(fd, LOCK_EX) != 0 && errno == EINTR &&
           !discoc::InterruptGuard::interrupted())
      ;
  }
  ~FolderLock() {
    if (fd >= 0)
      close(fd);
  }

private:
  int fd;
};
} // namespace

//===- before the work ---===//

static bool isMountPoint(const std::string &path) {
  struct statx info;
  return statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// Whether `path` is `folder` or lies below it.
static bool liesIn(const fs::path &path, const fs::path &folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

bool OutputDirectory::checkPlace() {
  if (wanted.empty())
    return refuse(named, "is no name of an output directory");
  std::error_code error;
  if (exists(wanted) && !fs::is_directory(wanted, error))
    return refuse(named,
                  "exists and is not an output of discoc; name another directory, or remove it");
  const fs::path here = fs::current_path(error);
  if (!error && liesIn(here, wanted))
    return refuse(named, "is the current directory or one around it, and cannot be replaced; name "
                         "a directory in it");
  if (isMountPoint(wanted))
    return refuse(named, "is a mount point, and cannot be replaced; name a directory in it");
  std::string around = parentOf(wanted);
  while (!exists(around))
    around = parentOf(around);
  return access(around.c_str(), W_OK | X_OK) == 0 || complain("write into", around);
}

/// The first few of many.
static std::string listed(const std::vector<std::string> &names) {
  constexpr size_t most = 8;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), most); ++i)
    text += (i ? ", " : "") + names[i];
  return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more"
                             : text;
}

bool OutputDirectory::checkOwn() {
  if (!exists(wanted))
    return true;
  const auto foreign = foreignFiles(wanted);
  if (!foreign || foreign->empty() || replace)
    return foreign.has_value();
  return refuse(named, "holds what discoc did not write: " + listed(*foreign) +
                           "; move it away, or keep it in the new output with --replace");
}

bool OutputDirectory::check() {
  if (!checkPlace())
    return false;
  FolderLock lock(parentOf(wanted)); // its list of files and its files are of one output
  return checkOwn();
}

//===- the new directory ---===//

constexpr const char *aside = ".old"; // behind a temporary directory's name

/// A discoc that was killed between the two steps of exchangeInSteps() left no output.
void OutputDirectory::restoreAbandoned() {
  std::error_code error;
  const std::string start = fs::path(prefix()).filename().string() + "-";
  std::vector<std::string> found;
  for (fs::directory_iterator at(parentOf(wanted), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (llvm::StringRef(name).starts_with(start) && llvm::StringRef(name).ends_with(aside))
      found.push_back(at->path().string());
  }
  for (const std::string &path : found)
    if (exists(wanted) || rename(path.c_str(), wanted.c_str()) != 0)
      discoc::removeAll(path.c_str());
}

bool OutputDirectory::prepare() {
  if (!checkPlace())
    return false;
  const std::string parent = parentOf(wanted);
  for (std::string path = parent; !exists(path); path = parentOf(path))
    made.push_back(path);
  std::reverse(made.begin(), made.end());
  for (const std::string &folder : made)
    if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
      return complain("make", folder);
  {
    FolderLock lock(parent);
    restoreAbandoned();
    discoc::removeAbandoned(prefix());
  }
  return temporary.make(prefix(), 0777) || complain("make", prefix() + "-XXXXXX");
}

//===- what is kept ---===//

/// Links a file, or a folder's files, to the same place below another root: until the exchange
/// they are in both.
static bool linkTree(const fs::path &from, const fs::path &to, const std::string &name) {
  const std::string source = (from / name).string(), target = (to / name).string();
  std::error_code error;
  struct stat info;
  if (lstat(source.c_str(), &info) != 0)
    return errno == ENOENT || complain("read", source);
  fs::create_directories(fs::path(target).parent_path(), error);
  if (!S_ISDIR(info.st_mode)) {
    if (link(source.c_str(), target.c_str()) == 0)
      return true;
    return errno == EEXIST ? refuse(source, "would be kept, but the new output has a file of this "
                                            "name; move it away")
                           : complain("keep (move it away)", source);
  }
  if (mkdir(target.c_str(), 0777) != 0 && errno != EEXIST)
    return complain("make", target);
  for (fs::directory_iterator at(source, error), end; !error && at != end; at.increment(error))
    if (!linkTree(from, to, (fs::path(name) / at->path().filename()).string()))
      return false;
  if (error)
    return complain("read", source, error.value());
  return chmod(target.c_str(), info.st_mode & 07777) == 0 || complain("make", target);
}

bool OutputDirectory::keepForeign() {
  const auto foreign = foreignFiles(wanted);
  if (!foreign)
    return false;
  return llvm::all_of(*foreign, [&](llvm::StringRef name) {
    return linkTree(wanted, temporary.path(), name.rtrim('/').str());
  });
}

//===- the exchange ---===//

static bool writeList(const std::string &directory) {
  discoc::FileList list;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error))
    if (!at->is_directory(error))
      list.files.insert(at->path().lexically_relative(directory).string());
  if (error)
    return complain("read", directory, error.value());
  list.files.insert(discoc::FileList::fileName);
  discoc::Diagnostics diagnostics;
  const bool good = discoc::writeText(directory + "/" + discoc::FileList::fileName,
                                      discoc::toJson(list), diagnostics);
  llvm::errs() << discoc::toString(diagnostics);
  return good;
}

/// For file systems that cannot exchange: for a moment there is no output.
bool OutputDirectory::exchangeInSteps() {
  const std::string old = temporary.path() + aside;
  if (rename(wanted.c_str(), old.c_str()) != 0)
    return complain("replace", wanted);
  if (rename(temporary.path().c_str(), wanted.c_str()) != 0) {
    const int error = errno;
    rename(old.c_str(), wanted.c_str());
    return complain("make", wanted, error);
  }
  rename(old.c_str(), temporary.path().c_str());
  return true;
}

/// Afterwards the temporary directory holds what was there before, if anything was.
bool OutputDirectory::exchange() {
  const char *from = temporary.path().c_str(), *to = wanted.c_str();
  if (!exists(wanted)) {
    if (rename(from, to) != 0)
      return complain("make", wanted);
    temporary.release();
    return true;
  }
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
    return true;
  return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP ? exchangeInSteps()
                                                                : complain("replace", wanted);
}

/// Whoever writes into an output while it is replaced loses nothing either.
void OutputDirectory::removeOld() {
  if (temporary.path().empty())
    return;
  std::vector<std::string> late;
  for (const std::string &name : foreignFiles(temporary.path()).value_or(late))
    if (!exists(wanted + "/" + name))
      late.push_back(name);
  const std::string kept = wanted + ".before";
  if (!late.empty() && !exists(kept) && rename(temporary.path().c_str(), kept.c_str()) == 0) {
    llvm::errs() << "warning: " << printable(listed(late)) << " came into '" << printable(named)
                 << "' while it was replaced, and is in '" << printable(kept) << "' now\n";
    temporary.release();
    return;
  }
  const std::string old = temporary.path();
  if (!temporary.remove())
    llvm::errs() << "warning: cannot remove what '" << printable(named) << "' held before, now '"
                 << printable(old) << "': " << std::generic_category().message(errno) << "\n";
}

bool OutputDirectory::commit() {
  if (!writeList(temporary.path()))
    return false;
  discoc::InterruptGuard guard;
  FolderLock lock(parentOf(wanted));
  if (!checkPlace() || !checkOwn() || (replace && exists(wanted) && !keepForeign()))
    return false;
  if (discoc::InterruptGuard::interrupted()) {
    llvm::errs() << "error: interrupted\n";
    return false;
  }
  if (!exchange())
    return false;
  made.clear();
  removeOld();
  return true;
}
