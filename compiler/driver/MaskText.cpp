//===- MaskText.cpp - what discoc mask did, for people and as JSON ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/MaskText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace discoc {

/// A share of the output's standard deviation.
static std::string errorText(double squared) {
  return squared == 0 ? "0" : fmt::format("{:.3g} %", 100 * std::sqrt(squared));
}

std::string maskText(const MaskSummary &s) {
  std::string text =
      fmt::format("masks for {} nodes from {} {}, {} of them held out\n\n", s.nodes, s.samples,
                  s.random ? "random inputs" : "calibration inputs", s.held);
  Table table({"<layer", "<op", "remote channels", "kept", "error, old weights", "adjusted"});
  for (const mask::LayerResult &layer : s.layers)
    table.row({layer.name, layer.type, count(layer.channels),
               layer.channels == 0 ? "-" : percent(layer.kept, layer.channels),
               errorText(layer.before), layer.adjusted ? errorText(layer.after) : "-"});
  text += table.text();
  for (const auto &[name, why] : s.whole)
    text += fmt::format("\n  {} stays whole: {}", printable(name, maxShownName), why);
  if (s.moved)
    text +=
        fmt::format("\nrearranged {} of {} channels; without masks, channels of other nodes make "
                    "{:.1f} % of the variance\n           of what reads them, {:.1f} % before",
                    count(s.moved->moved), count(s.moved->channels), 100 * s.moved->after,
                    100 * s.moved->before);
  text += fmt::format("\nexchanged  {} an inference, {} before ({})\n", bytes(s.bytesAfter),
                      bytes(s.bytesBefore), percent(s.bytesAfter, s.bytesBefore));
  if (s.latencyBefore && s.latencyAfter)
    text += fmt::format("predicted  {:.3f} ms an inference, {:.3f} ms before\n",
                        static_cast<double>(*s.latencyAfter) / 1e6,
                        static_cast<double>(*s.latencyBefore) / 1e6);
  return text + fmt::format("written    {}\n", printable(s.output));
}

std::string maskJson(const MaskSummary &s) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const mask::LayerResult &layer : s.layers)
    layers.push_back({{"op", layer.name},
                      {"type", layer.type},
                      {"channels", layer.channels},
                      {"kept", layer.kept},
                      {"error_old_weights", std::sqrt(layer.before)},
                      {"error", std::sqrt(layer.after)},
                      {"adjusted", layer.adjusted}});
  nlohmann::ordered_json whole = nlohmann::ordered_json::array();
  for (const auto &[name, why] : s.whole)
    whole.push_back({{"op", name}, {"why", why}});
  nlohmann::ordered_json all = {{"model", s.model},      {"output", s.output},
                                {"nodes", s.nodes},      {"samples", s.samples},
                                {"held_out", s.held},    {"random_inputs", s.random},
                                {"layers", layers},      {"whole", whole},
                                {"bytes", s.bytesAfter}, {"bytes_before", s.bytesBefore},
                                {"seconds", s.seconds}};
  if (s.latencyBefore && s.latencyAfter) {
    all["latency_before_ns"] = *s.latencyBefore;
    all["latency_ns"] = *s.latencyAfter;
  }
  if (s.moved)
    all["rearranged"] = {{"channels", s.moved->channels},
                         {"moved", s.moved->moved},
                         {"remote_before", s.moved->before},
                         {"remote", s.moved->after}};
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace discoc
