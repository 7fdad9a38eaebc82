//===- LoadText.h - how busy nodes and stages are, as scheduled -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_LOADTEXT_H
#define DISCOC_DRIVER_LOADTEXT_H

#include "compiler/formats/Events.h"
#include <string>

namespace disco {

/// "41.2": inferences a second, of a period that is more than 0.
std::string rateText(int64_t periodNs);
/// The part of a period in which a node's processor has nothing to do: "37.0 %".
std::string idleText(const discoc::Events &events, size_t rank);
/// A table of the stages of a pipeline, the one that holds the others up marked.
std::string stagesText(const discoc::Events &events);

} // namespace disco

#endif // DISCOC_DRIVER_LOADTEXT_H
