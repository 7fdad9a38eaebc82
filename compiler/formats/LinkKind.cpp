//===- LinkKind.cpp - the kinds of links, and what each carries ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/LinkKind.h"

namespace discoc {

const std::vector<LinkKind> &linkKinds() {
  static const std::vector<LinkKind> kinds = {
      // name, carries, payload, window, retryUs, header, leastFrame, bandwidth, hopCost,
      // onHosts, onBoards, transport, boardPort, define
      {"tcp", Carries::Stream, 0, 0, 0, 0, 0, 0, 0, true, false, "transport/tcp", "", ""},
      // Short segments: one damaged byte costs little. 115,200 baud.
      {"uart", Carries::Bytes, 56, 8, 50000, 0, 0, 11520, 1001, true, true, "transport/uart",
       "board/link_uart", "BOARD_USES_UART"},
      {"ethernet", Carries::Frames, 1024, 4, 5000, 16, 60, 0, 1000, false, true,
       "transport/ethernet", "board/link_ethernet", "BOARD_USES_ETHERNET"},
  };
  return kinds;
}

const LinkKind *findLinkKind(const std::string &name) {
  for (const LinkKind &kind : linkKinds())
    if (name == kind.name)
      return &kind;
  return nullptr;
}

const LinkKind *linkKindThat(Carries carries) {
  for (const LinkKind &kind : linkKinds())
    if (kind.carries == carries)
      return &kind;
  return nullptr;
}

} // namespace discoc
