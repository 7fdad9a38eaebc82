//===- MappedFile.cpp - a file mapped for reading -------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace discoc::importer;

std::shared_ptr<MappedFile> MappedFile::open(const std::string &path, std::string &error) {
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    error = std::string("cannot open: ") + std::strerror(errno);
    return nullptr;
  }
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = "is not a regular file";
    ::close(fd);
    return nullptr;
  }
  auto size = static_cast<size_t>(status.st_size);
  void *data = nullptr;
  if (size != 0) { // mmap refuses empty ranges
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      error = std::string("cannot map: ") + std::strerror(errno);
      ::close(fd);
      return nullptr;
    }
  }
  ::close(fd);
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const std::byte *>(data), size));
}

MappedFile::~MappedFile() {
  if (size != 0)
    ::munmap(const_cast<std::byte *>(data), size);
}
