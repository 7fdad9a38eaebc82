//===- Desks.h - serves the desks of several boards -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_DESKS_H
#define DISCOC_RUN_DESKS_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/run/DeskSession.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace discoc {

/// What a board did.
struct DeskEvent {
  enum Kind {
    Begun, ///< said hello; `program`
    Asked, ///< for its command line
    Line,  ///< printed `text`
    Ended, ///< with `code`
    Lost   ///< its port ended; `text` says how
  };
  size_t rank = 0;
  Kind kind = Line;
  std::string text = {};
  int code = 0;
  DeskProgram program = {};
};

/// Answers boards in a thread of its own: they ask again after 150 ms.
class Desks {
public:
  Desks();
  ~Desks(); ///< stops
  Desks(const Desks &) = delete;
  Desks &operator=(const Desks &) = delete;

  /// `fd` leads to the board and is closed here; the rest as of DeskSession.
  void add(size_t rank, int fd, const std::string &directory, const std::string &arguments);
  /// As add(), of a board that is heard through the way to another one.
  void addBehind(size_t rank, const std::string &directory, const std::string &arguments);
  /// The other end of a new pair of sockets, for an emulator: to be inherited and then closed here
  /// with given(); -1: there is none to be had.
  int handOut(size_t rank, const std::string &directory, const std::string &arguments);
  void given(size_t rank);

  /// The board has done what it is to do: what it begins next gets no answer.
  void finish(size_t rank);

  bool start(Diagnostics &out);
  void stop();

  /// What happened since the last call; waits for something.
  std::vector<DeskEvent> take(std::chrono::milliseconds wait);

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Opens a serial port as boards talk over it; -1 with a diagnostic.
int openSerialPort(const std::string &path, const std::string &deskFile, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_DESKS_H
