//===- OutputFile.h - a file that is written or an error --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_OUTPUTFILE_H
#define DISCOC_CODEGEN_OUTPUTFILE_H

#include "mlir/Support/LogicalResult.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <system_error>

namespace disco {

/// Collects I/O errors until close(), which says whether the whole file is on disk.
class OutputFile {
public:
  explicit OutputFile(llvm::StringRef path) : path(path), os(path, error) {}
  template <typename T> OutputFile &operator<<(const T &value) {
    os << value;
    return *this;
  }
  llvm::raw_fd_ostream &stream() { return os; }
  mlir::LogicalResult close() {
    os.close();
    if (!error && os.has_error())
      error = os.error();
    os.clear_error();
    if (error)
      llvm::errs() << "error: cannot write '" << path << "': " << error.message() << "\n";
    return mlir::failure(bool(error));
  }

private:
  std::string path;
  std::error_code error;
  llvm::raw_fd_ostream os;
};

} // namespace disco

#endif // DISCOC_CODEGEN_OUTPUTFILE_H
