//===- ClusterLinks.cpp - which port a link uses, and which way a packet goes ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Cluster.h"

#include <algorithm>
#include <map>
#include <set>

namespace discoc {

bool Cluster::hasPackets() const {
  return std::any_of(links.begin(), links.end(),
                     [](const ClusterLink &link) { return link.kind->hasPackets(); });
}

const Board *Cluster::boardOf(int64_t rank) const {
  const auto found = boards.find(nodes[static_cast<size_t>(rank)].board);
  return found == boards.end() ? nullptr : found->second.get();
}

bool Cluster::isBare(int64_t rank) const {
  const Board *board = boardOf(rank);
  return board && !board->isLinux();
}

static bool isHostPort(const std::string &name) { return name.rfind("wire", 0) == 0; }

namespace {
/// Gives every end of every link a port of its board.
class PortGiver {
public:
  PortGiver(Cluster &cluster, const std::string &file, const BoardFinder &find, Diagnostics &out)
      : cluster_(cluster), file_(file), find_(find), out_(out), used_(cluster.nodes.size()) {}

  bool run() {
    if (!findBoards())
      return false;
    bool good = true;
    for (ClusterLink &link : cluster_.links) {
      link.ports.resize(link.kind->hasPackets() ? link.ends.size() : 0);
      for (size_t end = 0; end < link.ends.size(); ++end)
        good = checkStated(link, end) && good;
    }
    for (ClusterLink &link : cluster_.links)
      for (size_t end = 0; good && end < link.ports.size(); ++end)
        if (link.ports[end].empty())
          good = give(link, end);
    return good && checkAlone();
  }

private:
  bool fault(const std::string &where, const std::string &what, const std::string &hint) {
    out_.push_back({file_, where, what, hint});
    return false;
  }

  const ClusterNode &node(const ClusterLink &link, size_t end) const {
    return cluster_.nodes[static_cast<size_t>(link.ends[end])];
  }
  const Board &boardOf(const ClusterNode &node) const {
    return node.hasBoard() ? *cluster_.boards.at(node.board) : host_;
  }

  std::string nameOf(const ClusterLink &link) const {
    std::string text = std::string("the ") + link.kind->name + " link between";
    for (size_t end = 0; end < link.ends.size(); ++end)
      text += (end == 0                      ? " \""
               : end + 1 == link.ends.size() ? " and \""
                                             : ", \"") +
              node(link, end).name + "\"";
    return text;
  }

  bool findBoards() {
    host_.status = Board::linuxStatus;
    std::set<std::string> wrong;
    for (const ClusterNode &node : cluster_.nodes) {
      if (!node.hasBoard() || cluster_.boards.count(node.board) || wrong.count(node.board))
        continue;
      const size_t before = out_.size();
      std::optional<Board> board = find_(node.board, out_);
      // What is wrong in the board's own file has its place there.
      for (size_t i = before; i < out_.size(); ++i)
        if (out_[i].where.empty())
          out_[i] = {file_, node.line ? "line " + std::to_string(node.line) : "",
                     out_[i].file + " " + out_[i].what, out_[i].hint};
      if (board)
        cluster_.boards[node.board] = std::make_shared<const Board>(std::move(*board));
      else
        wrong.insert(node.board);
    }
    for (ClusterNode &node : cluster_.nodes)
      if (node.hasBoard() && wrong.empty())
        node.target = boardOf(node).target.value_or(Target());
    return wrong.empty();
  }

  bool checkStated(const ClusterLink &link, size_t end) {
    const ClusterNode &at = node(link, end);
    const Board &board = boardOf(at);
    if (!link.kind->hasPackets())
      return board.isLinux() ||
             fault(nameOf(link), "\"" + at.name + "\" is no Linux board and has no TCP",
                   "say kind = " +
                       linkKindNames([](const LinkKind &kind) { return kind.onBoards; }, " or "));
    if (board.isLinux() && !link.kind->onHosts)
      return fault(
          nameOf(link), "a Linux node has no port for raw Ethernet frames",
          "say kind = " +
              linkKindNames([](const LinkKind &kind) { return kind.hasPackets() && kind.onHosts; },
                            " or ") +
              " for a wire to it");
    const std::string &port = link.ports[end];
    if (port.empty())
      return true;
    if (board.isLinux()) {
      if (!isHostPort(port))
        return fault(nameOf(link), "port \"" + port + "\" of the Linux node \"" + at.name + "\"",
                     "its ports are called wire0, wire1, ...");
    } else {
      const bool known =
          std::any_of(board.links.begin(), board.links.end(), [&](const BoardLink &own) {
            return own.name == port && own.kind == link.kind;
          });
      if (!known)
        return fault(nameOf(link),
                     "the board " + at.board + " has no " + link.kind->name + " port \"" + port +
                         "\"",
                     portsText(at, link.kind));
    }
    return used_[static_cast<size_t>(link.ends[end])].insert(port).second ||
           fault(nameOf(link), "port \"" + port + "\" of \"" + at.name + "\" is used twice",
                 "a port joins one link");
  }

  std::string portsText(const ClusterNode &at, const LinkKind *kind) const {
    std::string list;
    for (const BoardLink &link : boardOf(at).links)
      if (link.kind == kind)
        list += (list.empty() ? "" : ", ") + link.name;
    return list.empty() ? "it has none of that kind" : "it has " + list;
  }

  bool give(ClusterLink &link, size_t end) {
    const ClusterNode &at = node(link, end);
    std::set<std::string> &used = used_[static_cast<size_t>(link.ends[end])];
    if (boardOf(at).isLinux()) { // as many as it needs
      size_t number = 0;
      while (!used.insert("wire" + std::to_string(number)).second)
        ++number;
      link.ports[end] = "wire" + std::to_string(number);
      return true;
    }
    for (const BoardLink &port : boardOf(at).links)
      if (port.kind == link.kind && used.insert(port.name).second) {
        link.ports[end] = port.name;
        return true;
      }
    return complain(at, link.kind, link.ends[end]);
  }

  bool complain(const ClusterNode &at, const LinkKind *kind, int64_t rank) {
    size_t wanted = 0, there = 0;
    for (const ClusterLink &link : cluster_.links)
      wanted += link.kind == kind &&
                std::find(link.ends.begin(), link.ends.end(), rank) != link.ends.end();
    for (const BoardLink &port : boardOf(at).links)
      there += port.kind == kind;
    return fault("node \"" + at.name + "\"",
                 "has " + std::to_string(wanted) + " " + kind->name + " links, and the board " +
                     at.board + " has " + std::to_string(there) + " " + kind->name +
                     (there == 1 ? " port" : " ports"),
                 there == 0   ? "use another kind of link"
                 : there == 1 ? "it can only be an end: let a board with more ports stand between"
                              : "let a neighbour forward: topology \"chain\" or \"star\"");
  }

  /// A board without a link, which is no host, meets nobody.
  bool checkAlone() {
    for (size_t rank = 0; cluster_.nodes.size() > 1 && rank < cluster_.nodes.size(); ++rank)
      if (used_[rank].empty() && !boardOf(cluster_.nodes[rank]).isLinux())
        return fault("node \"" + cluster_.nodes[rank].name + "\"", "has no link",
                     "add a [[link]] or a [network]");
    return true;
  }

  Cluster &cluster_;
  const std::string &file_;
  const BoardFinder &find_;
  Diagnostics &out_;
  Board host_;                              ///< what any Linux host is
  std::vector<std::set<std::string>> used_; ///< names of ports, by rank
};

/// The UARTs of boards at the ends of a link. A host's terminal makes what it is told.
static std::vector<const BoardLink *> boardEnds(const Cluster &cluster, const ClusterLink &link) {
  std::vector<const BoardLink *> ends;
  for (size_t end = 0; end < link.ends.size(); ++end)
    if (const Board *board = cluster.boardOf(link.ends[end]); board && !board->isLinux())
      ends.push_back(board->findLink(link.ports[end]));
  return ends;
}

/// The first end that does not make the link's baud; as many as there are: all do.
static size_t endThatFails(const std::vector<const BoardLink *> &ends, int64_t baud) {
  size_t at = 0;
  while (at < ends.size() && ends[at]->rates.makes(baud))
    ++at;
  return at;
}

/// Says what a UART runs at where the file does not, and how many bytes a second that is: ten bits
/// a byte.
static bool chooseBaud(Cluster &cluster, ClusterLink &link, const std::string &file,
                       Diagnostics &out) {
  const std::vector<const BoardLink *> ends = boardEnds(cluster, link);
  std::vector<BaudRates> rates;
  double slowest = 0; // of the bandwidths that ports state
  for (const BoardLink *end : ends) {
    rates.push_back(end->rates);
    if (end->bandwidth > 0 && (slowest == 0 || end->bandwidth < slowest))
      slowest = end->bandwidth;
  }
  if (const size_t bad = link.baud > 0 ? endThatFails(ends, link.baud) : ends.size();
      bad < ends.size()) {
    const int64_t next = nearestBaud(rates, link.baud);
    out.push_back({file, "",
                   "the UART \"" + ends[bad]->name + "\" of the link between \"" +
                       cluster.nodes[static_cast<size_t>(link.ends[0])].name + "\" and \"" +
                       cluster.nodes[static_cast<size_t>(link.ends[1])].name + "\" cannot run at " +
                       std::to_string(link.baud) + " baud",
                   next > 0 ? "the nearest that both ends make is " + std::to_string(next)
                            : "no usual baud is made by both ends"});
    return false;
  }
  // A host's terminal may lead anywhere: it is not asked for more than usual unless the file says
  // so.
  if (link.baud == 0)
    link.baud = ends.size() == link.ends.size() ? fastestBaud(rates) : 0;
  if (link.baud == 0)
    link.baud = usualBaud;
  const double most = static_cast<double>(link.baud) / 10;
  if (link.bandwidth == 0 && !ends.empty())
    link.bandwidth = slowest > 0 ? std::min(slowest, most) : most;
  return true;
}

static bool chooseBauds(Cluster &cluster, const std::string &file, Diagnostics &out) {
  return std::all_of(cluster.links.begin(), cluster.links.end(), [&](ClusterLink &link) {
    return link.kind->carries != Carries::Bytes || chooseBaud(cluster, link, file, out);
  });
}

/// Shortest ways: fewest links first, then the kind of the lowest cost, then the lowest rank.
class HopPlanner {
public:
  explicit HopPlanner(Cluster &cluster) : cluster_(cluster), count_(cluster.nodes.size()) {}

  /// Fills every node's hops to `to`; a node that reaches it neither so nor over TCP is returned.
  std::optional<size_t> plan(size_t to) {
    std::vector<int64_t> cost(count_, -1); // a link is 1000, and a UART 1 more
    // The end of each link that is nearest to `to`, of several the lowest: all others go there.
    std::vector<int64_t> nearest(cluster_.links.size(), -1);
    std::set<std::pair<int64_t, size_t>> open = {{0, to}};
    cost[to] = 0;
    while (!open.empty()) {
      const auto [spent, at] = *open.begin();
      open.erase(open.begin());
      for (const ClusterPort &port : cluster_.nodes[at].ports) {
        if (nearest[port.link] >= 0)
          continue;
        nearest[port.link] = static_cast<int64_t>(at);
        for (int64_t end : cluster_.links[port.link].ends) {
          const auto from = static_cast<size_t>(end);
          const int64_t sum = spent + costOf(port);
          if (from == at || (cost[from] >= 0 && cost[from] <= sum))
            continue;
          open.erase({cost[from], from});
          cost[from] = sum;
          open.insert({sum, from});
        }
      }
    }
    for (size_t from = 0; from < count_; ++from)
      if (from != to && !choose(from, to, cost, nearest))
        return from;
    return std::nullopt;
  }

private:
  static int64_t costOf(const ClusterPort &port) { return port.kind->hopCost; }

  bool choose(size_t from, size_t to, const std::vector<int64_t> &cost,
              const std::vector<int64_t> &nearest) {
    ClusterNode &node = cluster_.nodes[from];
    ClusterHop &hop = node.hops[to];
    // Two hosts have TCP, unless a wire between them is stated.
    if (isHost(from) && isHost(to) && !isNeighbour(node, static_cast<int64_t>(to))) {
      hop.tcp = true;
      return true;
    }
    if (cost[from] < 0)
      return false;
    for (size_t i = 0; i < node.ports.size(); ++i) {
      const int64_t next = nearest[node.ports[i].link];
      if (next < 0 || cost[static_cast<size_t>(next)] + costOf(node.ports[i]) != cost[from])
        continue;
      if (hop.port < 0 || next < hop.next)
        hop = {static_cast<int64_t>(i), next, false};
    }
    return true;
  }

  /// Whether the node has TCP: a board without it has at least one port, and calls none "wireK".
  bool isHost(size_t rank) const {
    const ClusterNode &node = cluster_.nodes[rank];
    return node.ports.empty() || isHostPort(node.ports.front().name);
  }

  bool isNeighbour(const ClusterNode &node, int64_t other) const {
    for (const ClusterPort &port : node.ports) {
      const auto &ends = cluster_.links[port.link].ends;
      if (std::find(ends.begin(), ends.end(), other) != ends.end())
        return true;
    }
    return false;
  }

  Cluster &cluster_;
  size_t count_;
};
} // namespace

void placePorts(Cluster &cluster) {
  for (ClusterNode &node : cluster.nodes) {
    node.ports.clear();
    node.hops.clear();
  }
  for (size_t index = 0; index < cluster.links.size(); ++index) {
    const ClusterLink &link = cluster.links[index];
    for (size_t end = 0; link.kind->hasPackets() && end < link.ends.size(); ++end)
      cluster.nodes[static_cast<size_t>(link.ends[end])].ports.push_back(
          {link.ports[end], link.kind, link.ends.size() == 2 ? link.ends[1 - end] : -1, index});
  }
}

bool planLinks(Cluster &cluster, const std::string &file, Diagnostics &diagnostics) {
  placePorts(cluster);
  if (!cluster.hasPackets())
    return true;
  for (ClusterNode &node : cluster.nodes)
    node.hops.resize(cluster.nodes.size());
  HopPlanner planner(cluster);
  for (size_t to = 0; to < cluster.nodes.size(); ++to)
    if (auto from = planner.plan(to)) {
      const size_t a = std::min(*from, to), b = std::max(*from, to);
      diagnostics.push_back({file, "",
                             "no path of wires joins \"" + cluster.nodes[a].name + "\" and \"" +
                                 cluster.nodes[b].name + "\"",
                             "add a [[link]]; TCP forwards nothing"});
      return false;
    }
  return true;
}

bool resolveCluster(Cluster &cluster, const std::string &file, Diagnostics &diagnostics,
                    const BoardFinder &find) {
  return PortGiver(cluster, file, find, diagnostics).run() &&
         chooseBauds(cluster, file, diagnostics) && planLinks(cluster, file, diagnostics);
}

/// A link between those of its ends that have a new rank; fewer than two: there is none.
static ClusterLink partOf(const ClusterLink &link, const std::map<int64_t, int64_t> &newRanks) {
  ClusterLink part = link;
  part.ends.clear();
  part.ports.clear();
  for (size_t end = 0; end < link.ends.size(); ++end)
    if (const auto at = newRanks.find(link.ends[end]); at != newRanks.end()) {
      part.ends.push_back(at->second);
      if (end < link.ports.size())
        part.ports.push_back(link.ports[end]);
    }
  return part;
}

std::optional<Cluster> partOf(const Cluster &cluster, const std::vector<int64_t> &ranks,
                              const std::string &file, Diagnostics &diagnostics) {
  Cluster part = cluster;
  part.nodes.clear();
  part.links.clear();
  std::map<int64_t, int64_t> newRanks;
  for (const int64_t rank : ranks) {
    newRanks[rank] = static_cast<int64_t>(part.nodes.size());
    part.nodes.push_back(cluster.nodes[static_cast<size_t>(rank)]);
  }
  for (const ClusterLink &link : cluster.links)
    if (ClusterLink left = partOf(link, newRanks); left.ends.size() > 1)
      part.links.push_back(std::move(left));
  part.root = {newRanks.at(cluster.root.inputAt), newRanks.at(cluster.root.outputAt),
               cluster.root.compute};
  if (!planLinks(part, file, diagnostics))
    return std::nullopt;
  return part;
}

std::optional<int64_t> mostOf(const Board &board) {
  int64_t wires = 0;
  for (const BoardLink &link : board.links) {
    if (link.kind->hasManyEnds())
      return std::nullopt;
    ++wires;
  }
  return board.isLinux() || wires >= 2 ? std::nullopt : std::optional(wires + 1);
}

std::optional<Cluster> clusterOf(const Board &board, int64_t nodes, Diagnostics &diagnostics) {
  if (const auto most = mostOf(board); most && nodes > *most) {
    diagnostics.push_back({"board " + board.name, "",
                           *most == 1 ? "has no port, so one is the most for this board"
                                      : "has 1 uart port, so " + std::to_string(*most) +
                                            " is the most for this board alone",
                           *most == 1 ? ""
                                      : "a board with more ports can join them: a cluster "
                                        "file says how"});
    return std::nullopt;
  }
  Cluster cluster = defaultCluster(nodes);
  for (ClusterNode &node : cluster.nodes)
    node.board = board.reference;
  int64_t wires = 0;
  const LinkKind *ofAll = nullptr;
  for (const BoardLink &link : board.links)
    if (link.kind->hasManyEnds())
      ofAll = link.kind;
    else
      ++wires;
  if (!board.isLinux() && nodes > 1) {
    if (ofAll) {
      ClusterLink all;
      all.kind = ofAll;
      for (int64_t rank = 0; rank < nodes; ++rank)
        all.ends.push_back(rank);
      cluster.links.push_back(std::move(all));
    } else {
      for (int64_t a = 0; a < nodes; ++a)
        for (int64_t b = a + 1; b < (wires >= nodes - 1 ? nodes : std::min(a + 2, nodes)); ++b) {
          ClusterLink wire;
          wire.ends = {a, b};
          wire.kind = linkKindThat(Carries::Bytes);
          cluster.links.push_back(std::move(wire));
        }
    }
  }
  const BoardFinder find = [&](const std::string &, Diagnostics &) { return board; };
  return resolveCluster(cluster, board.name, diagnostics, find) ? std::optional(std::move(cluster))
                                                                : std::nullopt;
}

std::vector<int64_t> routeOf(const Cluster &cluster, int64_t from, int64_t to) {
  std::vector<int64_t> route = {from};
  while (from != to) {
    const std::vector<ClusterHop> &hops = cluster.nodes[static_cast<size_t>(from)].hops;
    const ClusterHop *hop = hops.empty() ? nullptr : &hops[static_cast<size_t>(to)];
    from = hop && hop->port >= 0 ? hop->next : to;
    route.push_back(from);
  }
  return route;
}

std::vector<ClusterStep> stepsOf(const Cluster &cluster, int64_t from, int64_t to) {
  std::vector<ClusterStep> steps;
  const std::vector<int64_t> route = routeOf(cluster, from, to);
  for (size_t i = 0; i + 1 < route.size(); ++i) {
    const ClusterNode &node = cluster.nodes[static_cast<size_t>(route[i])];
    const int64_t port = node.hops.empty() ? -1 : node.hops[static_cast<size_t>(to)].port;
    if (port >= 0)
      steps.push_back({node.ports[static_cast<size_t>(port)].link, route[i], route[i + 1]});
  }
  return steps;
}

} // namespace discoc
