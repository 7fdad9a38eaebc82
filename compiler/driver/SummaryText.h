//===- SummaryText.h - a division in a few lines ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What `inspect` shows and what `compile` ends with, both from the numbers of the report.
#ifndef DISCOC_DRIVER_SUMMARYTEXT_H
#define DISCOC_DRIVER_SUMMARYTEXT_H

#include "compiler/formats/Report.h"
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace disco {

/// As a shell reads it: in quotes where it has to be.
std::string shellWord(const std::string &text);

/// "1 node", "2 nodes".
std::string nodesWord(const discoc::Report &report);

/// The largest node's arithmetic, weights and arena, with shares of the model on one node.
std::string sharesText(const discoc::Report &report);

/// Bytes and messages between nodes, and those of inputs and outputs.
std::string trafficText(const discoc::Report &report);
/// How many messages need each other, one after another.
std::string exchangePointsText(const discoc::Report &report);

/// What is not divided, by type: layers that one node computes alone, and what all compute.
/// "nothing" when there are none; empty on one node.
std::string undividedText(const discoc::Report &report);

/// What the time or the memory of an inference hangs on most, as far as the report knows it.
std::string limitText(const discoc::Report &report);

/// These of a report that is looked at, each with its key: what it is about.
std::vector<std::pair<std::string, std::string>> sentencesOf(const discoc::Report &report);

/// One line a layer that computes or reads from other nodes; `densities` of its masks, by op;
/// `pairs`: what each node reads of each other one.
std::string layersText(const discoc::Report &report, const std::map<std::string, double> &densities,
                       bool pairs);

} // namespace disco

#endif // DISCOC_DRIVER_SUMMARYTEXT_H
