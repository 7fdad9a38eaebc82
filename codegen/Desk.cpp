//===- Desk.cpp - where a board's files and console are -------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Desk.h"
#include "llvm/ADT/STLExtras.h"

using namespace disco;

/// As `settings` has what --console said; empty: nothing.
static std::string stated(const EmitOptions &options) {
  auto found = options.settings.find("console");
  return found == options.settings.end() ? "" : found->second;
}

/// The first UART of a bare node that no link uses; null: none.
static const discoc::BoardLink *freeUart(const EmitOptions &options, int64_t rank) {
  if (!options.cluster.isBare(rank))
    return nullptr;
  const discoc::Board &board = *options.cluster.boardOf(rank);
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  for (const discoc::BoardLink &link : board.links)
    if (link.kind->carries == discoc::Carries::Bytes &&
        llvm::none_of(node.ports, [&](const auto &port) { return port.name == link.name; }))
      return &link;
  return nullptr;
}

std::vector<const char *> Desk::sources() const {
  switch (kind) {
  case Semihosting: return {"board/desk_semihosting.cpp"};
  case Letters: return {"board/desk_ask.cpp", "board/desk_letters.cpp"};
  case None: return {"board/desk_none.cpp"};
  case Serial: break;
  }
  std::vector<const char *> list = {"board/desk_ask.cpp", "board/desk_serial.cpp"};
  if (!asking.empty())
    list.push_back("board/desk_relay.cpp");
  return list;
}

std::string Desk::text() const {
  switch (kind) {
  case Semihosting: return discoc::ManifestNode::semihosting;
  case Serial: return link->name;
  case Letters: return discoc::ManifestNode::throughNode + std::to_string(way.back());
  case None: break;
  }
  return discoc::ManifestNode::noConsole;
}

/// The ranks that packets pass from one node to another, that one last; empty: they do not reach
/// it.
static std::vector<int64_t> wayTo(const discoc::Cluster &cluster, int64_t from, int64_t to) {
  const auto &hops = cluster.nodes[static_cast<size_t>(from)].hops;
  if (hops.empty() || hops[static_cast<size_t>(to)].port < 0)
    return {};
  std::vector<int64_t> way = discoc::routeOf(cluster, from, to);
  way.erase(way.begin());
  return way;
}

/// Of --console one: the board whose UART is everybody's, the one that is given the inputs if that
/// has one; -1: there is none.
static int64_t onlySpeaker(const EmitOptions &options) {
  const int64_t root = std::max<int64_t>(0, options.cluster.root.inputAt);
  if (freeUart(options, root))
    return root;
  for (size_t rank = 0; rank < options.cluster.nodes.size(); ++rank)
    if (freeUart(options, static_cast<int64_t>(rank)))
      return static_cast<int64_t>(rank);
  return -1;
}

static Desk ownDesk(const EmitOptions &options, int64_t rank, const std::string &wanted) {
  Desk desk;
  if (wanted == "semihosting") {
    desk.kind = Desk::Semihosting;
    return desk;
  }
  if (wanted == "none")
    return desk;
  desk.link = freeUart(options, rank);
  if (desk.link)
    desk.kind = Desk::Serial;
  return desk;
}

/// Without a look at who asks through it.
static Desk chooseDesk(const EmitOptions &options, int64_t rank) {
  const std::string wanted = stated(options);
  const int64_t speaker = wanted == "one" ? onlySpeaker(options) : -1;
  Desk desk = ownDesk(options, rank, wanted);
  if (wanted == "semihosting" || wanted == "none" || wanted == "uart" || rank == speaker ||
      (desk.kind == Desk::Serial && speaker < 0))
    return desk;
  std::vector<int64_t> nearest;
  for (size_t other = 0; other < options.cluster.nodes.size(); ++other) {
    const auto to = static_cast<int64_t>(other);
    if (to == rank || !freeUart(options, to) || (speaker >= 0 && to != speaker))
      continue;
    const std::vector<int64_t> way = wayTo(options.cluster, rank, to);
    if (!way.empty() && (nearest.empty() || way.size() < nearest.size()))
      nearest = way;
  }
  return nearest.empty() ? desk : Desk{Desk::Letters, nullptr, nearest};
}

Desk disco::deskOf(const EmitOptions &options, int64_t rank) {
  Desk desk = chooseDesk(options, rank);
  for (size_t other = 0; other < options.cluster.nodes.size(); ++other) {
    const auto from = static_cast<int64_t>(other);
    if (from == rank || !options.cluster.isBare(from))
      continue;
    const Desk theirs = chooseDesk(options, from);
    if (!llvm::is_contained(theirs.way, rank))
      continue;
    desk.stays = true;
    if (theirs.way.back() == rank)
      desk.asking.push_back(from);
  }
  return desk;
}

int64_t disco::nodeWithoutDesk(const EmitOptions &options) {
  for (size_t rank = 0; rank < options.cluster.nodes.size(); ++rank)
    if (const auto at = static_cast<int64_t>(rank); options.cluster.isBare(at))
      if (stated(options) == "uart" && deskOf(options, at).kind != Desk::Serial)
        return at;
  return -1;
}
