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

static const discoc::BoardLink *freeUart(const discoc::Board &board,
                                         const discoc::ClusterNode &node) {
  for (const discoc::BoardLink &link : board.links)
    if (link.kind->carries == discoc::Carries::Bytes &&
        llvm::none_of(node.ports, [&](const auto &port) { return port.name == link.name; }))
      return &link;
  return nullptr;
}

const char *Desk::source() const {
  return kind == Semihosting ? "board/desk_semihosting.cpp"
         : kind == Serial    ? "board/desk_serial.cpp"
                             : "board/desk_none.cpp";
}

std::string Desk::text() const {
  return kind == Semihosting ? discoc::ManifestNode::semihosting
         : kind == Serial    ? link->name
                             : discoc::ManifestNode::noConsole;
}

Desk disco::deskOf(const EmitOptions &options, int64_t rank) {
  const discoc::Board *board = options.cluster.boardOf(rank);
  const std::string wanted = stated(options);
  const bool emulated = board->status == discoc::Board::emulatedStatus;
  if (wanted == "semihosting")
    return {Desk::Semihosting, nullptr};
  const discoc::BoardLink *link =
      wanted == "none" ? nullptr
                       : freeUart(*board, options.cluster.nodes[static_cast<size_t>(rank)]);
  if (link)
    return {Desk::Serial, link};
  return {wanted.empty() && emulated ? Desk::Semihosting : Desk::None, nullptr};
}

int64_t disco::nodeWithoutDesk(const EmitOptions &options) {
  for (size_t rank = 0; rank < options.cluster.nodes.size(); ++rank)
    if (const auto at = static_cast<int64_t>(rank); options.cluster.isBare(at))
      if (stated(options) == "uart" && deskOf(options, at).kind != Desk::Serial)
        return at;
  return -1;
}
