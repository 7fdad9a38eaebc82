//===- MappedFile.h - a file mapped for reading ---------------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCOC_IMPORT_MAPPEDFILE_H
#define DISCOC_IMPORT_MAPPEDFILE_H

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace discoc::importer {

/// Whoever truncates the file while it is mapped makes reading it fault; a
/// compiler cannot guard against that without copying.
class MappedFile {
public:
  /// Null on failure, with the reason in \p error. Only regular files.
  static std::shared_ptr<MappedFile> open(const std::string &path, std::string &error);

  /// The file at \p location below \p directory, which the caller chose and which may be a link.
  /// The location did not come from the caller: unless \p followLinks, no step of it may be a
  /// symbolic link, and the file must have no other name. What is checked is what is mapped,
  /// whoever exchanges files meanwhile.
  static std::shared_ptr<MappedFile> openBelow(const std::string &directory,
                                               const std::string &location, bool followLinks,
                                               std::string &error);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  std::span<const std::byte> bytes() const { return {data, size}; }

private:
  static std::shared_ptr<MappedFile> map(int fd, bool followLinks, std::string &error);
  MappedFile(const std::byte *data, size_t size) : data(data), size(size) {}

  const std::byte *data;
  size_t size;
};

} // namespace discoc::importer

#endif // DISCOC_IMPORT_MAPPEDFILE_H
