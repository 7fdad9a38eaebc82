//===- Profile.h - how fast a host is -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/profile.md is the specification.
#ifndef DISCOC_FORMATS_PROFILE_H
#define DISCOC_FORMATS_PROFILE_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// What one step of a program does, as far as its time hangs on it.
struct StepWork {
  std::string op;          ///< in the IR: "conv"
  std::string kernel;      ///< of the runtime stub: "conv_gemm"
  std::string element;     ///< what it computes with: "f32", "i8"
  int64_t macs = 0;        ///< multiply-accumulates, as the model has them
  int64_t elements = 0;    ///< of the result
  int64_t bytes = 0;       ///< of memory that it reads and writes, without weights
  int64_t weightBytes = 0; ///< as the model has them
  int32_t name = -1;       ///< of the op in the model, in a table of names; -1: it has none
};

/// A step that was measured.
struct KernelSample {
  StepWork work;
  double ns = 0;     ///< where its weights were read just before; 0: not measured so
  double coldNs = 0; ///< where other memory was read in between; 0: not measured so
};

/// How long a message is on its way between two processes of the host.
struct TransportSample {
  int64_t bytes = 0;
  double ns = 0;          ///< from one processor to the other
  double processorNs = 0; ///< of the processor at either end
};

/// A time as a line over bytes.
struct ByteLine {
  double ns = 0, byteNs = 0;
};

/// How fast a host computes, and what messages take of its processor.
struct Profile {
  static constexpr int64_t version = 1;
  std::string compiler; ///< version of discoc
  std::string host;     ///< for people: its processor
  std::string target;   ///< what its kernels were compiled for
  std::vector<KernelSample> kernels;
  /// Nanoseconds of one multiply-accumulate where no kernel is near, by element.
  std::map<std::string, double> macNs;
  double stepNs = 0;        ///< that a call takes whatever it does
  double bytesPerNs = 0;    ///< of memory that one step after the other reads and writes
  int64_t cacheBytes = 0;   ///< programs with more weights read them from memory; 0: no matter
  double messageNs = 0;     ///< of the processor at either end of a message
  double messageByteNs = 0; ///< and for each of its bytes
  double spinNs = 0;        ///< for so long a node that waits looks all the time
  double wakeNs = 0;        ///< what it takes to wake it afterwards
  std::map<std::string, std::vector<TransportSample>> transports; ///< by name; bytes rise

  /// Nanoseconds. `cold`: of a program whose weights come from memory in every inference.
  double timeOf(const StepWork &work, bool cold) const;

  /// Of a transport that was measured: how long messages are on their way, and what they take of
  /// the processor.
  ByteLine wayOver(const std::string &transport) const;
  ByteLine processorOver(const std::string &transport) const;
};

/// A core of no particular kind: 2 GHz, a vector of multiply-accumulates in each cycle.
Profile nominalProfile(int64_t vectorBytes);

std::string toJson(const Profile &profile);
std::optional<Profile> parseProfile(const std::string &text, const std::string &file,
                                    Diagnostics &diagnostics);
std::optional<Profile> readProfile(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_PROFILE_H
