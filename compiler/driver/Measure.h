//===- Measure.h - what the steps of a model take on this host ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MEASURE_H
#define DISCOC_DRIVER_MEASURE_H

#include "compiler/formats/Manifest.h"
#include "compiler/formats/Profile.h"
#include "compiler/import/OnnxModel.h"
#include "compiler/run/ShardRun.h"

namespace discoc {

/// A step of a node's program, over all inferences.
struct StepTime {
  StepWork work;
  double medianNs = 0, leastNs = 0;
  bool cold = false; ///< its program has more weights than caches hold
};

/// One message of one inference.
struct MessageTime {
  int64_t bytes = 0;
  double sendNs = 0; ///< packing, and handing it to the system
  double wayNs = 0;  ///< from there until a receiver that waits has it, unpacked; 0: none waited
  double readNs = 0; ///< unpacking of one that was there before; 0: it was not
};

/// What a run's programs noted.
struct Measured {
  std::vector<StepTime> steps;
  std::vector<MessageTime> messages;
  double drift = 1; ///< the last inferences took so many times the first
};

struct MeasureRun {
  RunRequest::Transport transport = RunRequest::Transport::Tcp;
  int64_t inferences = 1;
  int64_t cacheBytes = 0;     ///< programs with more weights are cold
  bool isFirstInLine = false; ///< at real-time priority, where this process may have it
};

/// Emits, builds and runs programs of a model, as compile, build and run do, which note when their
/// steps begin and end.
class MeasuredModel {
public:
  /// `folder`: an empty one for everything.
  MeasuredModel(std::string folder, int64_t nodes) : folder_(std::move(folder)), nodes_(nodes) {}

  /// An exit code; diagnostics of the compiler go to standard error.
  int make(const importer::Model &model, Diagnostics &out);
  /// Nothing with a diagnostic, or when discoc is interrupted.
  std::optional<Measured> run(const MeasureRun &how, Diagnostics &out) const;
  std::string target() const; ///< what its kernels were compiled for

private:
  bool writeInputs(const importer::Model &model, Diagnostics &out);
  std::string program() const { return folder_ + "/program"; }

  std::string folder_;
  int64_t nodes_;
  std::optional<Manifest> manifest_;
  std::vector<std::pair<std::string, std::string>> inputs_; // name, file
  std::vector<std::vector<StepWork>> works_;                // by rank
};

double medianOf(std::vector<double> values);

} // namespace discoc

#endif // DISCOC_DRIVER_MEASURE_H
