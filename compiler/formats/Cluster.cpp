//===- Cluster.cpp - the cluster's description, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
//
// toml++ throws when a text is no TOML; that is caught here.
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

namespace discoc {

Cluster defaultCluster(int64_t nodes) {
  Cluster cluster;
  for (int64_t rank = 0; rank < nodes; ++rank) {
    cluster.nodes.emplace_back();
    cluster.nodes.back().name = "node" + std::to_string(rank);
  }
  return cluster;
}

std::optional<int64_t> parseRootRank(const std::string &text, int64_t nodes) {
  if (text == "all")
    return RootPlacement::all;
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  int64_t rank = 0;
  for (char c : text)
    rank = rank * 10 + (c - '0');
  return rank < nodes ? std::optional(rank) : std::nullopt;
}

const std::vector<const char *> &clusterKeys(const std::string &table) {
  static const std::map<std::string, std::vector<const char *>> keys = {
      {"", {"node", "link", "network", "root"}},
      {"node", {"name", "rank", "count", "board", "target", "speed", "address", "listen"}},
      {"link", {"between", "kind", "ports", "bandwidth", "latency", "baud"}},
      {"network", {"topology", "kind", "hub", "bandwidth", "latency", "baud"}},
      {"root", {"input_at", "output_at", "compute"}}};
  return keys.at(table);
}

namespace {
/// Reads one table; every complaint has the line in the file.
class TableReader {
public:
  TableReader(const toml::table &table, std::string name, const std::string &file, Diagnostics &out)
      : table_(table), name_(std::move(name)), file_(file), out_(out) {}

  bool fault(const toml::node *at, const std::string &what, const std::string &hint) const {
    const toml::node &node = at ? *at : static_cast<const toml::node &>(table_);
    auto line = node.source().begin.line;
    out_.push_back({file_, line ? "line " + std::to_string(line) : "", name_ + ": " + what, hint});
    return false;
  }

  bool known(const std::vector<const char *> &keys) const {
    bool good = true;
    for (auto &&[key, value] : table_) {
      bool found = false;
      std::string all;
      for (const char *k : keys) {
        found = found || key.str() == k;
        all += (all.empty() ? "" : ", ") + std::string(k);
      }
      if (!found)
        good = fault(&value, "unknown key \"" + std::string(key.str()) + "\"", "known: " + all);
    }
    return good;
  }

  const toml::node *find(const char *key) const { return table_.get(key); }
  int64_t lineOf(const char *key) const {
    const toml::node *node = find(key);
    return node ? static_cast<int64_t>(node->source().begin.line) : 0;
  }

  bool read(const char *key, std::string &out) const {
    const toml::node *node = find(key);
    if (!node)
      return true;
    if (auto text = node->value_exact<std::string>()) {
      out = *text;
      return true;
    }
    return fault(node, std::string(key) + " is not a string", "write it in quotes");
  }

  bool read(const char *key, bool &out) const {
    const toml::node *node = find(key);
    if (node && !node->is_boolean())
      return fault(node, std::string(key) + " is neither true nor false", "");
    out = node ? **node->as_boolean() : out;
    return true;
  }

  bool read(const char *key, double &out) const {
    const toml::node *node = find(key);
    if (!node)
      return true;
    auto number = node->value<double>();
    if (number && !node->is_boolean() && std::isfinite(*number) && *number >= 0) {
      out = *number;
      return true;
    }
    return fault(node, std::string(key) + " is not a number from 0 up", "");
  }

  bool read(const char *key, std::optional<int64_t> &out, int64_t most, int64_t least = 0) const {
    const toml::node *node = find(key);
    if (!node)
      return true;
    out = node->value_exact<int64_t>();
    if (out && *out >= least && *out <= most)
      return true;
    return fault(node,
                 std::string(key) + " is not an integer from " + std::to_string(least) + " to " +
                     std::to_string(most),
                 "");
  }

private:
  const toml::table &table_;
  std::string name_;
  const std::string &file_;
  Diagnostics &out_;
};

bool isHostPort(const std::string &text) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || text.size() - colon > 6)
    return false;
  // It becomes an argument of launchers: no option.
  if (!std::isalnum(static_cast<unsigned char>(text.front())) && text.front() != '[')
    return false;
  // It becomes a part of source text: no quotes, no commas.
  for (char c : text.substr(0, colon))
    if (!std::isalnum(static_cast<unsigned char>(c)) && !std::strchr(".:-_[]%", c))
      return false;
  std::string port = text.substr(colon + 1);
  return !port.empty() && port.find_first_not_of("0123456789") == std::string::npos &&
         std::stol(port) <= 65535;
}

class ClusterReader {
public:
  ClusterReader(const toml::table &root, const std::string &file, std::optional<int64_t> expected,
                Diagnostics &out)
      : root_(root), file_(file), expected_(expected), out_(out) {}

  std::optional<Cluster> read() {
    bool good = TableReader(root_, "the file", file_, out_).known(clusterKeys(""));
    good = readNodes() && good;
    if (!good || !readLinks() || !readNetwork() || !readRoot())
      return std::nullopt;
    std::sort(cluster_.links.begin(), cluster_.links.end(),
              [](const ClusterLink &x, const ClusterLink &y) { return x.ends < y.ends; });
    // The text of a resolved cluster names every port, and needs no board to be understood.
    if (hasAllPorts() && !planLinks(cluster_, file_, out_))
      return std::nullopt;
    return std::move(cluster_);
  }

private:
  /// Calls back for each table of [[key]].
  template <class F> bool each(const char *key, F f) {
    const toml::node *node = root_.get(key);
    if (!node)
      return true;
    const toml::array *list = node->as_array();
    bool good = list != nullptr;
    for (size_t i = 0; good && i < list->size(); ++i)
      good = list->get(i)->is_table();
    if (!good)
      return TableReader(root_, "the file", file_, out_)
          .fault(node, std::string(key) + " is not a list of tables",
                 std::string("begin each with [[") + key + "]]");
    for (size_t i = 0; i < list->size(); ++i)
      good = f(TableReader(*list->get(i)->as_table(),
                           "[[" + std::string(key) + "]] " + std::to_string(i + 1), file_, out_),
               i) &&
             good;
    return good;
  }

  /// One table, which stands for `count` nodes from place `index` on.
  bool readNode(const TableReader &table, size_t index, size_t count) {
    ClusterNode node;
    std::optional<int64_t> rank;
    const auto most = static_cast<int64_t>(cluster_.nodes.size()) - 1;
    bool good = table.known(clusterKeys("node"));
    good = table.read("name", node.name) && good;
    good = table.read("rank", rank, most) && good;
    good = table.read("board", node.board) && good;
    node.line = table.lineOf("board");
    good = readTarget(table, node) && good;
    good = readSpeed(table, node) && good;
    good = table.read("address", node.address) && good;
    good = table.read("listen", node.listen) && good;
    if (!good)
      return false;
    if (table.find("count"))
      for (const char *key : {"rank", "address", "listen"})
        if (table.find(key))
          return table.fault(table.find(key), std::string(key) + " and count do not go together",
                             "give these nodes a [[node]] each");
    if (node.board.empty())
      return table.fault(table.find("board"), "board is empty", "\"linux\" is any Linux host");
    for (auto [key, text] : {std::pair{"address", &node.address}, {"listen", &node.listen}})
      if (!text->empty() && !isHostPort(*text))
        return table.fault(table.find(key), std::string(key) + " is not \"host:port\"",
                           "for example \"192.168.1.10:7000\"");
    const std::string stem = node.name;
    for (size_t i = 0; i < count; ++i) {
      if (table.find("count") && !stem.empty())
        node.name = stem + std::to_string(i);
      // A node without a rank has its place in the file as rank.
      if (!place(table, node, rank ? static_cast<size_t>(*rank) : index + i))
        return false;
    }
    return true;
  }

  bool readTarget(const TableReader &table, ClusterNode &node) const {
    std::string text;
    if (!table.find("target") || !table.read("target", text))
      return !table.find("target");
    if (node.hasBoard())
      return table.fault(table.find("target"), "target and board do not go together",
                         "a board's own description says what it is compiled for");
    Diagnostics why;
    const auto target = parseTarget(text, "", "", why);
    if (!target)
      return table.fault(table.find("target"), why.front().what, why.front().hint);
    node.target = *target;
    node.statesTarget = true;
    return true;
  }

  bool readSpeed(const TableReader &table, ClusterNode &node) const {
    if (!table.find("speed"))
      return true;
    if (node.hasBoard())
      return table.fault(table.find("speed"), "speed and board do not go together",
                         "a board's own description says how fast it is");
    if (!table.read("speed", node.speed))
      return false;
    constexpr double least = 1e-6, most = 1e6;
    if (node.speed < least || node.speed > most)
      return table.fault(table.find("speed"), "speed is not between 1e-6 and 1e6",
                         "0.5 is a host that takes twice as long as the profile says");
    return true;
  }

  bool place(const TableReader &table, ClusterNode node, size_t at) {
    if (taken_.count(at))
      return table.fault(table.find("rank"), "rank " + std::to_string(at) + " is taken already",
                         "give all nodes a rank or none");
    if (node.name.empty())
      node.name = "node" + std::to_string(at);
    if (!byName_.try_emplace(node.name, at).second)
      return table.fault(table.find("name"), "the name \"" + node.name + "\" is used twice",
                         "name every node differently");
    taken_.insert(at);
    cluster_.nodes[at] = std::move(node);
    return true;
  }

  bool readNodes() {
    const toml::node *node = root_.get("node");
    std::vector<size_t> counts;
    int64_t total = 0;
    const bool good = each("node", [&](const TableReader &table, size_t) {
      std::optional<int64_t> count;
      if (!table.read("count", count, maxClusterNodes, 1))
        return false;
      counts.push_back(static_cast<size_t>(count.value_or(1)));
      total += count.value_or(1);
      return true;
    });
    if (!good || total == 0 || total > maxClusterNodes)
      return good &&
             TableReader(root_, "the file", file_, out_)
                 .fault(node, total ? "has " + std::to_string(total) + " nodes" : "has no node",
                        total ? std::to_string(maxClusterNodes) + " are the most"
                              : "add a [[node]] a device");
    cluster_.nodes.resize(static_cast<size_t>(total));
    size_t next = 0;
    const bool fine = each("node", [&](const TableReader &table, size_t index) {
      const size_t first = next;
      next += counts[index];
      return readNode(table, first, counts[index]);
    });
    if (fine && expected_ && *expected_ != total)
      return TableReader(root_, "the file", file_, out_)
          .fault(node,
                 "has " + std::to_string(total) + " nodes, -n says " + std::to_string(*expected_),
                 "make them agree");
    return fine;
  }

  /// A name or a rank.
  std::optional<int64_t> nodeOf(const toml::node &node) const {
    if (auto rank = node.value_exact<int64_t>())
      return *rank >= 0 && *rank < static_cast<int64_t>(cluster_.nodes.size())
                 ? std::optional(*rank)
                 : std::nullopt;
    auto name = node.value_exact<std::string>();
    auto found = name ? byName_.find(*name) : byName_.end();
    return found == byName_.end() ? std::nullopt
                                  : std::optional(static_cast<int64_t>(found->second));
  }

  bool readLinks() {
    return each("link", [&](const TableReader &table, size_t) {
      ClusterLink link;
      bool fine = table.known(clusterKeys("link"));
      fine = table.read("bandwidth", link.bandwidth) && fine;
      fine = table.read("latency", link.latency) && fine;
      fine = readKind(table, link) && readBaud(table, link) && fine;
      if (!fine || !readEnds(table, link) || !readPorts(table, link))
        return false;
      sortEnds(link);
      if (!join(link.ends))
        return table.fault(table.find("between"), "this pair has a link already",
                           "keep one of them");
      cluster_.links.push_back(std::move(link));
      return true;
    });
  }

  static bool readKind(const TableReader &table, ClusterLink &link) {
    std::string name = link.kind->name;
    if (!table.read("kind", name))
      return false;
    if (const LinkKind *kind = findLinkKind(name)) {
      link.kind = kind;
      return true;
    }
    return table.fault(table.find("kind"), "unknown kind of link \"" + name + "\"",
                       "this version knows " +
                           linkKindNames([](const LinkKind &) { return true; }));
  }

  static bool readBaud(const TableReader &table, ClusterLink &link) {
    std::optional<int64_t> baud;
    if (!table.read("baud", baud, 100000000, 300))
      return false;
    if (baud && link.kind->carries != Carries::Bytes)
      return table.fault(table.find("baud"), "only a link of kind \"uart\" has a baud",
                         "leave it out");
    link.baud = baud.value_or(0);
    return true;
  }

  bool readEnds(const TableReader &table, ClusterLink &link) const {
    const toml::node *between = table.find("between");
    const toml::array *ends = between ? between->as_array() : nullptr;
    if (!ends || ends->size() < 2 || (ends->size() > 2 && !link.kind->hasManyEnds()))
      return table.fault(between,
                         link.kind->hasManyEnds() ? "between is not a list of two or more nodes"
                                                  : "between is not a list of two nodes",
                         "for example between = [\"left\", \"right\"]");
    std::set<int64_t> seen;
    for (const toml::node &end : *ends) {
      const auto rank = nodeOf(end);
      if (!rank || !seen.insert(*rank).second)
        return table.fault(between,
                           rank ? "between names one node twice"
                                : "between names a node that is not in the file",
                           "use different nodes' names or ranks");
      link.ends.push_back(*rank);
    }
    return true;
  }

  bool readPorts(const TableReader &table, ClusterLink &link) const {
    const toml::node *node = table.find("ports");
    if (!node)
      return true;
    const toml::array *ports = node->as_array();
    bool good = ports && ports->size() == link.ends.size() && link.kind->hasPackets();
    for (size_t i = 0; good && i < ports->size(); ++i) {
      const auto name = ports->get(i)->value_exact<std::string>();
      good = name && !name->empty();
      link.ports.push_back(name.value_or(""));
    }
    return good || table.fault(node,
                               link.kind->hasPackets() ? "ports is not a list of one name an end"
                                                       : "a TCP link has no ports",
                               "for example ports = [\"uart1\", \"uart1\"]");
  }

  /// Ends and their ports, by rank.
  static void sortEnds(ClusterLink &link) {
    link.ports.resize(link.ends.size());
    std::vector<std::pair<int64_t, std::string>> order;
    for (size_t i = 0; i < link.ends.size(); ++i)
      order.emplace_back(link.ends[i], std::move(link.ports[i]));
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i)
      std::tie(link.ends[i], link.ports[i]) = std::move(order[i]);
  }

  /// Notes every pair; whether all were new.
  bool join(const std::vector<int64_t> &ends) {
    bool fresh = true;
    for (size_t i = 0; i < ends.size(); ++i)
      for (size_t j = i + 1; j < ends.size(); ++j)
        fresh = joined_.insert({ends[i], ends[j]}).second && fresh;
    return fresh;
  }

  /// Links for all that are not joined by a [[link]] already.
  bool readNetwork() {
    const toml::node *node = root_.get("network");
    if (!node)
      return true;
    if (!node->is_table())
      return TableReader(root_, "the file", file_, out_)
          .fault(node, "network is not a table", "begin it with [network]");
    TableReader table(*node->as_table(), "[network]", file_, out_);
    std::string topology;
    ClusterLink pattern;
    std::string kind;
    bool good = table.known(clusterKeys("network"));
    good = table.read("topology", topology) && good;
    good = table.read("kind", kind) && good;
    good = table.read("bandwidth", pattern.bandwidth) && good;
    good = table.read("latency", pattern.latency) && good;
    if (!good)
      return false;
    if (topology != "all" && topology != "star" && topology != "chain" && topology != "switch")
      return table.fault(table.find("topology"), "unknown topology \"" + topology + "\"",
                         "use \"all\", \"star\", \"chain\" or \"switch\"");
    const bool ofAll = topology == "switch";
    pattern.kind =
        kind.empty() ? linkKindThat(ofAll ? Carries::Frames : Carries::Bytes) : findLinkKind(kind);
    if (!pattern.kind || !pattern.kind->hasPackets() || (ofAll && !pattern.kind->hasManyEnds()))
      return table.fault(table.find("kind"), "no kind of link for this topology",
                         (ofAll ? "a switch is " : "use ") +
                             linkKindNames(
                                 [&](const LinkKind &one) {
                                   return one.hasPackets() && (!ofAll || one.hasManyEnds());
                                 },
                                 " or "));
    if (!readBaud(table, pattern))
      return false;
    int64_t hub = 0;
    if (const toml::node *value = table.find("hub")) {
      const auto rank = nodeOf(*value);
      if (!rank || topology != "star")
        return table.fault(value, rank ? "only a star has a hub" : "hub is no node",
                           "a name or a rank");
      hub = *rank;
    }
    addNetwork(topology, pattern, hub);
    return true;
  }

  void addNetwork(const std::string &topology, const ClusterLink &pattern, int64_t hub) {
    const auto count = static_cast<int64_t>(cluster_.nodes.size());
    auto add = [&](std::vector<int64_t> ends) {
      std::sort(ends.begin(), ends.end());
      if (ends.size() < 2 || (ends.size() == 2 && joined_.count({ends[0], ends[1]})))
        return;
      join(ends);
      cluster_.links.push_back(pattern);
      cluster_.links.back().ports.resize(ends.size());
      cluster_.links.back().ends = std::move(ends);
    };
    if (topology == "switch") {
      std::vector<int64_t> ends; // hosts without a board have no port for raw frames
      for (int64_t rank = 0; rank < count; ++rank)
        if (cluster_.nodes[static_cast<size_t>(rank)].hasBoard())
          ends.push_back(rank);
      add(std::move(ends));
      return;
    }
    for (int64_t a = 0; a < count; ++a)
      for (int64_t b = a + 1; b < count; ++b) {
        const bool hosts = !cluster_.nodes[static_cast<size_t>(a)].hasBoard() &&
                           !cluster_.nodes[static_cast<size_t>(b)].hasBoard();
        if (topology == "chain"  ? b == a + 1
            : topology == "star" ? a == hub || b == hub
                                 : !hosts) // two hosts have TCP
          add({a, b});
      }
  }

  bool hasAllPorts() const {
    for (const ClusterLink &link : cluster_.links)
      if (link.kind->hasPackets())
        for (const std::string &port : link.ports)
          if (port.empty())
            return false;
    return true;
  }

  bool readRoot() {
    const toml::node *node = root_.get("root");
    if (!node)
      return true;
    if (!node->is_table())
      return TableReader(root_, "the file", file_, out_)
          .fault(node, "root is not a table", "begin it with [root]");
    TableReader table(*node->as_table(), "[root]", file_, out_);
    bool good = table.known(clusterKeys("root"));
    for (auto [key, at] :
         {std::pair{"input_at", &cluster_.root.inputAt}, {"output_at", &cluster_.root.outputAt}}) {
      const toml::node *value = table.find(key);
      if (!value)
        continue;
      auto rank = nodeOf(*value);
      if (!rank && value->value_exact<std::string>() == "all")
        rank = RootPlacement::all;
      if (!rank)
        good = table.fault(value, std::string(key) + " is no node", "a name, a rank or \"all\"");
      else
        *at = *rank;
    }
    return table.read("compute", cluster_.root.compute) && good;
  }

  const toml::table &root_;
  const std::string &file_;
  std::optional<int64_t> expected_;
  Diagnostics &out_;
  Cluster cluster_;
  std::set<size_t> taken_;
  std::map<std::string, size_t> byName_;
  std::set<std::pair<int64_t, int64_t>> joined_; ///< pairs that have a link
};
} // namespace

std::optional<Cluster> parseCluster(const std::string &text, const std::string &file,
                                    std::optional<int64_t> nodes, Diagnostics &diagnostics) {
  std::optional<Cluster> cluster;
  withToml(text, file, diagnostics, [&](const toml::table &root) {
    cluster = ClusterReader(root, file, nodes, diagnostics).read();
  });
  return cluster;
}

std::optional<Cluster> readCluster(const std::string &path, std::optional<int64_t> nodes,
                                   Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics, maxTomlBytes);
  auto cluster = text ? parseCluster(*text, path, nodes, diagnostics) : std::nullopt;
  if (!cluster)
    return std::nullopt;
  // An own board's path is from the file on, and is found again from anywhere.
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::absolute(path, error).parent_path();
  for (ClusterNode &node : cluster->nodes)
    if (node.board.find('/') != std::string::npos)
      node.board = (folder / node.board).lexically_normal().string();
  return cluster;
}

//===- writing ---===//

namespace {
/// A TOML basic string.
std::string quoted(const std::string &text) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    const unsigned char u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (u < 0x20 || u == 0x7f)
      out += std::string("\\u00") + digits[u >> 4] + digits[u & 15];
    else
      out += c;
  }
  return out + "\"";
}

/// Shortest text that reads back as the same number, in any locale.
std::string number(double value) {
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

template <class T, class F> std::string join(const std::vector<T> &list, F text) {
  std::string out;
  for (const T &item : list)
    out += (out.empty() ? "" : ", ") + text(item);
  return out;
}

std::string rootText(int64_t at) {
  return at == RootPlacement::all ? "\"all\"" : std::to_string(at);
}
} // namespace

std::string toToml(const Cluster &cluster) {
  std::string out;
  for (size_t rank = 0; rank < cluster.nodes.size(); ++rank) {
    const ClusterNode &node = cluster.nodes[rank];
    out += "[[node]]\nname = " + quoted(node.name) + "\nrank = " + std::to_string(rank) +
           "\nboard = " + quoted(node.board) + "\n";
    if (!node.hasBoard())
      out += "target = " + quoted(node.target.text()) + "\n";
    if (node.speed != 1)
      out += "speed = " + number(node.speed) + "\n";
    if (!node.address.empty())
      out += "address = " + quoted(node.address) + "\n";
    if (!node.listen.empty())
      out += "listen = " + quoted(node.listen) + "\n";
    out += "\n";
  }
  for (const ClusterLink &link : cluster.links) {
    out += "[[link]]\nbetween = [" + join(link.ends, [](int64_t r) { return std::to_string(r); }) +
           "]\nkind = " + quoted(link.kind->name) + "\n";
    if (link.kind->hasPackets() && !link.ports.empty() && !link.ports.front().empty())
      out += "ports = [" + join(link.ports, quoted) + "]\n";
    if (link.bandwidth > 0)
      out += "bandwidth = " + number(link.bandwidth) + "\n";
    if (link.latency > 0)
      out += "latency = " + number(link.latency) + "\n";
    if (link.baud > 0)
      out += "baud = " + std::to_string(link.baud) + "\n";
    out += "\n";
  }
  return out + "[root]\ninput_at = " + rootText(cluster.root.inputAt) +
         "\noutput_at = " + rootText(cluster.root.outputAt) + "\n" +
         (cluster.root.compute ? "" : "compute = false\n");
}

} // namespace discoc
