//===- Wires.h - the links between emulated boards ---===//
// SPDX-License-Identifier: Apache-2.0
//
// discoc is the wire: it moves the bytes of every UART, and the frames of every Ethernet switch,
// between the emulators and programs at the ends, counts them, and damages them when it is told to.
#ifndef DISCOC_RUN_WIRES_H
#define DISCOC_RUN_WIRES_H

#include "compiler/formats/Cluster.h"

#include <cstdint>
#include <memory>
#include <string>

namespace discoc {

/// How bad the wires are.
struct WireErrors {
  double rate = 0;   ///< of a byte of a UART, half of them damaged and half dropped; of a frame of
                     ///< Ethernet, all of them dropped
  uint64_t seed = 1; ///< the same seed and the same bytes give the same errors
};

class Wires {
public:
  /// What came from one end.
  struct Count {
    int64_t bytes = 0;  ///< of Ethernet: of frames, without their lengths
    int64_t frames = 0; ///< of Ethernet
    int64_t damaged = 0, dropped = 0;
  };

  Wires();
  ~Wires(); ///< stops
  Wires(const Wires &) = delete;
  Wires &operator=(const Wires &) = delete;

  /// Makes every end that `cluster` has a port for. Sockets with names lie in `directory`.
  void open(const Cluster &cluster, const std::string &directory, const WireErrors &errors);

  /// A connected socket for a program that takes one by its number: to be inherited and then
  /// closed here with given().
  int handOut(int64_t rank, size_t port);
  void given(int64_t rank, size_t port);
  /// The name of a socket that a program connects to instead.
  std::string path(int64_t rank, size_t port);

  /// Moves bytes, in a thread of its own, from here until stop().
  bool start(Diagnostics &out);
  void stop();

  /// Valid once stopped.
  Count count(int64_t rank, size_t port) const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace discoc

#endif // DISCOC_RUN_WIRES_H
