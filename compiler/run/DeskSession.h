//===- DeskSession.h - answers the requests of one board --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// The desk's side of docs/formats/desk.md, byte by byte; it knows nothing of ports.
#ifndef DISCOC_RUN_DESKSESSION_H
#define DISCOC_RUN_DESKSESSION_H

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace discoc {

/// What a board says of the program that is on it.
struct DeskProgram {
  int64_t rank = 0, nodes = 0;
  std::string buildHash; ///< 32 hexadecimal digits, as in the manifest
};

class DeskSession {
public:
  /// What is done with what the board says.
  struct Watch {
    std::function<void(const DeskProgram &)> begun;
    std::function<void()> asked; ///< for its command line
    std::function<void(const std::string &)> line;
    std::function<void(int)> ended;
    /// The answer to a packet of another board, which came through this one; empty: none.
    std::function<std::string(int64_t rank, const std::string &packet)> passed = {};
  };

  /// `directory`: of the files that the board may read and write. `arguments`: its command line.
  DeskSession(std::string directory, std::string arguments, Watch watch)
      : directory_(std::move(directory)), arguments_(std::move(arguments)),
        watch_(std::move(watch)) {}

  /// Bytes came; the result is what goes back.
  std::string take(const char *bytes, size_t size);
  /// The answer to a packet, both without CRC and framing.
  std::string answer(const std::string &packet);
  /// The program has ended, and what the board begins next gets no answer: it would write its files
  /// anew. May be called from another thread.
  void close() { closed_ = true; }

private:
  struct Answer {
    int32_t result = 0;
    std::string data = {};
  };
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  std::string passOn(const std::string &packet);
  Answer serve(char what, size_t handle, uint32_t number, std::string_view data);
  Answer open(std::string_view name, bool writes);
  Answer ofFile(char what, std::FILE *file, uint32_t number, std::string_view data);
  void greeted(std::string_view who);
  void print(std::string_view text);

  std::atomic<bool> closed_ = false;
  bool greeted_ = false; ///< a hello came, which says what program it is
  std::string directory_, arguments_;
  Watch watch_;
  std::string frame_;                                    ///< the beginning of a packet
  std::string text_;                                     ///< the beginning of a line
  std::string lastRequest_, lastAnswer_;                 ///< its first two bytes, and the packet
  std::vector<std::unique_ptr<std::FILE, Close>> files_; ///< by handle
};

} // namespace discoc

#endif // DISCOC_RUN_DESKSESSION_H
