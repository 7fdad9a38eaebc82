//===- LinkKind.h - the kinds of links, and what each carries ---===//
// SPDX-License-Identifier: Apache-2.0
//
// One row a kind. Nothing else in the compiler knows a kind by its name; a new kind is a row here,
// a driver in the runtime stub and, on boards, the sources of their devices.
#ifndef DISCOC_FORMATS_LINKKIND_H
#define DISCOC_FORMATS_LINKKIND_H

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

/// What frames travel in.
enum class Carries {
  Stream, ///< a reliable byte stream between two hosts: no packets, no ports
  Bytes,  ///< bytes that may be lost or damaged, between two ports
  Frames, ///< frames that may be lost, between all ports of a switch
};

struct LinkKind {
  const char *name; ///< as in the files of clusters and boards
  Carries carries;
  /// Bytes of a segment of a packet (MTU without overhead), segments under way to a peer, and
  /// microseconds to the first retransmission. 0: it carries no packets.
  int64_t payload, window, retryUs;
  int64_t header, leastFrame; ///< bytes of the link's own header, and of its shortest frame
  double bandwidth;           ///< payload bytes a second where nobody states any; 0: unknown
  int64_t hopCost;            ///< of a way of packets: ways of the least cost are taken
  bool onHosts;               ///< whether a Linux host has ports of this kind
  bool onBoards;              ///< whether boards do
  /// Sources and headers of the runtime stub: the transport, and what joins it to a board's driver.
  const char *transport, *boardPort;
  const char *define; ///< defined in programs of boards that use it

  bool hasPackets() const { return payload > 0; }
  bool hasManyEnds() const { return carries == Carries::Frames; }
};

/// All kinds; the first one is what joins two hosts when nothing is said.
const std::vector<LinkKind> &linkKinds();
/// By name; null when there is none.
const LinkKind *findLinkKind(const std::string &name);
/// The one of the kinds with packets that carries `carries`.
const LinkKind *linkKindThat(Carries carries);
/// What joins two hosts.
inline const LinkKind *streamLink() { return linkKindThat(Carries::Stream); }

/// `"tcp", "uart" and "ethernet"`: those for which `wanted` holds, for messages.
template <class F> std::string linkKindNames(F wanted, const char *last = " and ") {
  std::vector<std::string> names;
  for (const LinkKind &kind : linkKinds())
    if (wanted(kind))
      names.push_back("\"" + std::string(kind.name) + "\"");
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? last : ", ") + names[i];
  return text;
}

} // namespace discoc

#endif // DISCOC_FORMATS_LINKKIND_H
