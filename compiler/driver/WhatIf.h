//===- WhatIf.h - discoc inspect --what-if ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_WHATIF_H
#define DISCOC_DRIVER_WHATIF_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Profile.h"
#include <optional>
#include <string>
#include <vector>

namespace disco {

/// A kind of link between all nodes.
struct WhatIfLink {
  std::string name;     ///< "100 Mbit/s"
  double bandwidth = 0; ///< payload bytes a second; 0: the boards' own
  double latency = 0;   ///< seconds
};

/// One inference over one kind of link.
struct WhatIfTime {
  std::optional<int64_t> latencyNs; ///< nothing where a speed is not stated
  double speedUp = 0;               ///< against one node; 0: not known
  std::string limit;                ///< "arithmetic", "bytes" or "messages"; empty: not known
};

/// A model over so many nodes.
struct WhatIfRow {
  int64_t nodes = 0;
  int64_t weightBytes = 0, arenaBytes = 0; ///< of the largest node of each
  int64_t exchangedBytes = 0, exchangePoints = 0;
  std::optional<bool> fits;      ///< into the stated board
  std::vector<WhatIfTime> times; ///< by link
};

struct WhatIfTable {
  bool masked = false; ///< as masks and zeros have it; else every node reads everything
  std::vector<WhatIfRow> rows;
};

struct WhatIf {
  std::string board; ///< of all nodes; empty: hosts
  discoc::Profile profile;
  std::vector<WhatIfLink> links;
  std::vector<WhatIfTable> tables;
};

/// Tables for people, and whether dividing pays.
std::string whatIfText(const WhatIf &found);
/// The same as one line of JSON: docs/running.md.
std::string whatIfJson(const WhatIf &found);

/// An exit code of HostCommands.h.
int runWhatIf(const discoc::InspectOptions &options);

} // namespace disco

#endif // DISCOC_DRIVER_WHATIF_H
