//===- MappedFile.cpp - a file mapped for reading -------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace discoc::importer;

namespace {

// O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
constexpr int readFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

class Descriptor {
public:
  explicit Descriptor(int fd) : fd(fd) {}
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  void become(int other) {
    if (fd >= 0)
      ::close(fd);
    fd = other;
  }
  int get() const { return fd; }

private:
  int fd;
};

/// Why a step could not be taken, in words; the step itself failed already.
std::string reasonOf(int code, int directory, const std::string &name) {
  struct stat status{};
  if (code != ENOENT && ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(status.st_mode))
    return "is a symbolic link, or behind one";
  return code == ENOENT ? "is not there" : std::string("cannot be opened: ") + std::strerror(code);
}

} // namespace

std::shared_ptr<MappedFile> MappedFile::open(const std::string &path, std::string &error) {
  Descriptor file(::open(path.c_str(), readFlags));
  if (file.get() >= 0)
    return map(file.get(), /*followLinks=*/true, error);
  error = std::string("cannot open: ") + std::strerror(errno);
  return nullptr;
}

std::shared_ptr<MappedFile> MappedFile::openBelow(const std::string &directory,
                                                  const std::string &location, bool followLinks,
                                                  std::string &error) {
  Descriptor at(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  size_t begin = 0;
  while (!followLinks && at.get() >= 0) {
    const size_t end = location.find('/', begin);
    if (end == std::string::npos)
      break;
    if (const std::string step = location.substr(begin, end - begin); !step.empty()) {
      const int next =
          ::openat(at.get(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (next < 0) {
        error = reasonOf(errno, at.get(), step);
        return nullptr;
      }
      at.become(next);
    }
    begin = end + 1;
  }
  const std::string name = location.substr(begin);
  Descriptor file(
      at.get() < 0 ? -1
                   : ::openat(at.get(), name.c_str(), readFlags | (followLinks ? 0 : O_NOFOLLOW)));
  if (file.get() >= 0)
    return map(file.get(), followLinks, error);
  error = reasonOf(errno, at.get(), name);
  return nullptr;
}

std::shared_ptr<MappedFile> MappedFile::map(int fd, bool followLinks, std::string &error) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = "is not a regular file";
    return nullptr;
  }
  if (!followLinks && status.st_nlink > 1) {
    error = "has a second name elsewhere (a hard link)";
    return nullptr;
  }
  auto size = static_cast<size_t>(status.st_size);
  void *data = nullptr;
  if (size != 0) { // mmap refuses empty ranges
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      error = std::string("cannot map: ") + std::strerror(errno);
      return nullptr;
    }
  }
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const std::byte *>(data), size));
}

MappedFile::~MappedFile() {
  if (size != 0)
    ::munmap(const_cast<std::byte *>(data), size);
}
