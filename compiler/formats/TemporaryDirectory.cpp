//===- TemporaryDirectory.cpp - a directory that goes away, whatever ends the process ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/TemporaryDirectory.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace discoc {

static constexpr size_t drawn = 6; // letters of mkdtemp

static int openFolder(const char *path) {
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool isSame(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Whether the path still leads to the open folder: nobody removed it before it was locked.
static bool leadsTo(const char *path, int fd) {
  struct stat named, opened;
  return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && isSame(named, opened);
}

static std::mutex heldMutex;
static std::set<int> held; // descriptors of the folders that this process holds

bool isHeldHere(int folder) {
  const std::lock_guard<std::mutex> lock(heldMutex);
  struct stat own, other;
  return fstat(folder, &other) == 0 && std::any_of(held.begin(), held.end(), [&](int fd) {
           return fstat(fd, &own) == 0 && isSame(own, other);
         });
}

/// Makes PREFIX-XXXXXX and notes it; no signal comes between.
static std::string makeNoted(const std::string &prefix, Unfinished &unfinished) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  std::string name = prefix + "-" + std::string(drawn, 'X');
  const bool made = mkdtemp(&name[0]) != nullptr;
  const int error = errno;
  if (made)
    unfinished.note(name);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return made ? name : "";
}

bool TemporaryDirectory::make(const std::string &prefix, mode_t mode) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string name = makeNoted(prefix, unfinished_);
    if (name.empty())
      return false;
    path_ = name;
    const mode_t mask = umask(0);
    umask(mask);
    fd_ = openFolder(name.c_str());
    const bool gone = fd_ < 0 && errno == ENOENT;
    if (!gone && (fd_ < 0 || fchmod(fd_, mode & ~mask) != 0)) {
      const int error = errno;
      (void)remove();
      errno = error;
      return false;
    }
    // Where folders cannot be locked, nobody takes them for abandoned either.
    if (!gone && (flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
        leadsTo(name.c_str(), fd_)) {
      const std::lock_guard<std::mutex> lock(heldMutex);
      held.insert(fd_);
      return true;
    }
    release();
  }
  errno = EEXIST;
  return false;
}

bool TemporaryDirectory::remove() {
  const bool good = path_.empty() || removeAll(path_.c_str());
  const int error = errno;
  release();
  errno = error;
  return good;
}

void TemporaryDirectory::release() {
  unfinished_.forget();
  path_.clear();
  const std::lock_guard<std::mutex> lock(heldMutex);
  held.erase(fd_);
  if (fd_ >= 0)
    close(fd_);
  fd_ = -1;
}

TemporaryDirectory::~TemporaryDirectory() {
  (void)remove(); // nothing more can be done
}

void removeAbandoned(const std::string &prefix) {
  const size_t slash = prefix.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : prefix.substr(0, slash + 1);
  const std::string start = prefix.substr(slash == std::string::npos ? 0 : slash + 1) + "-";
  DIR *all = opendir(folder.c_str());
  if (!all)
    return;
  std::vector<std::string> found;
  while (const dirent *entry = readdir(all)) {
    const std::string name = entry->d_name;
    if (name.size() == start.size() + drawn && name.rfind(start, 0) == 0)
      found.push_back(folder + "/" + name);
  }
  closedir(all);
  for (const std::string &path : found) {
    struct stat info;
    const int fd = openFolder(path.c_str());
    if (fd < 0)
      continue;
    if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
      removeAll(path.c_str());
    close(fd);
  }
}

} // namespace discoc
