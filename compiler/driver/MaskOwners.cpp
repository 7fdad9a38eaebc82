//===- MaskOwners.cpp - who owns what, so that masks cost least ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/MaskOwners.h"

#include <algorithm>

namespace discoc {

namespace {
/// The classes of a division, numbered from 0.
struct Numbered {
  std::map<int64_t, int64_t> numbers; ///< by class
  mask::Arrangement arrangement;
};
} // namespace

static std::vector<int64_t> ownersOfChannels(const OwnerMap &map) {
  std::map<int64_t, int64_t> owners;
  for (size_t rank = 0; rank < map.owners.size(); ++rank)
    map.owners[rank].forEach(
        [&](int64_t channel) { owners[channel] = static_cast<int64_t>(rank); });
  std::vector<int64_t> all;
  for (const auto &[channel, rank] : owners)
    all.push_back(rank);
  return all;
}

/// Two classes may change places where each has as many channels of every tensor as the other.
/// A class of which a stated or dealt map gives parts to several nodes stays.
static Numbered numberClasses(const ModelDivision &division, int64_t nodes) {
  Numbered made;
  std::vector<std::map<std::string, int64_t>> channels; // of each class, by tensor
  mask::Arrangement &arrangement = made.arrangement;
  std::set<int64_t> torn;
  for (const auto &[name, classes] : division.classes) {
    const std::vector<int64_t> owners = ownersOfChannels(division.owners.tensors.at(name));
    for (size_t i = 0; i < classes.size(); ++i) {
      const auto next = static_cast<int64_t>(made.numbers.size());
      const int64_t number = made.numbers.try_emplace(classes[i], next).first->second;
      if (number == next) {
        channels.emplace_back();
        arrangement.owner.push_back(owners[i]);
      }
      ++channels[static_cast<size_t>(number)][name];
      if (arrangement.owner[static_cast<size_t>(number)] != owners[i])
        torn.insert(number);
    }
  }
  std::map<std::map<std::string, int64_t>, int64_t> kinds;
  for (size_t number = 0; number < channels.size(); ++number)
    arrangement.kind.push_back(
        torn.count(static_cast<int64_t>(number)) > 0
            ? -1
            : kinds.try_emplace(channels[number], static_cast<int64_t>(kinds.size()))
                  .first->second);
  for (int64_t node = 0; node < nodes; ++node) {
    arrangement.owner.push_back(node);
    arrangement.kind.push_back(-1);
  }
  return made;
}

static OwnerMap mapOf(const OwnerMap &before, const std::vector<int64_t> &classes,
                      const Numbered &numbered, const std::vector<int64_t> &owner) {
  std::vector<std::vector<int64_t>> sets(before.owners.size());
  for (size_t i = 0; i < classes.size(); ++i)
    sets[static_cast<size_t>(owner[static_cast<size_t>(numbered.numbers.at(classes[i]))])]
        .push_back(static_cast<int64_t>(i));
  OwnerMap map{before.axis, {}};
  for (const std::vector<int64_t> &set : sets)
    map.owners.push_back(IndexSet::of(set));
  return map;
}

std::optional<MovedOwners> moveOwners(const ModelDivision &division, const mask::Masker &masker) {
  const int64_t nodes = division.owners.nodes;
  const Numbered numbered = numberClasses(division, nodes);
  const auto classes = static_cast<int64_t>(numbered.numbers.size());
  std::vector<mask::Coupling> couplings = masker.couplings();
  for (mask::Coupling &one : couplings)
    for (std::vector<int64_t> *channels : {&one.rows, &one.columns})
      for (int64_t &channel : *channels)
        channel = channel < 0 ? classes - 1 - channel : numbered.numbers.at(channel);
  MovedOwners moved{division.owners, classes, 0, 0, 0};
  const std::vector<int64_t> &start = numbered.arrangement.owner;
  const std::vector<int64_t> owner = mask::arrange(couplings, numbered.arrangement, nodes);
  for (size_t i = 0; i < owner.size(); ++i)
    moved.moved += owner[i] != start[i];
  const auto layers = static_cast<double>(std::max<size_t>(couplings.size(), 1));
  moved.before = mask::crossing(couplings, start) / layers;
  moved.after = mask::crossing(couplings, owner) / layers;
  if (moved.moved == 0)
    return std::nullopt;
  for (const auto &[name, of] : division.classes) {
    OwnerMap &map = moved.owners.tensors.at(name);
    map = mapOf(map, of, numbered, owner);
  }
  return moved;
}

} // namespace discoc
