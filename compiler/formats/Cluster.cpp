//===- Cluster.cpp - the cluster's description, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
//
// toml++ throws when a text is no TOML; that is caught here.
#include "Cluster.h"
#include "Limits.h"
#include "Text.h"

// Some malformed texts break the library's own assumptions, which a release build
// turns into undefined behaviour. Here they throw in every build.
#undef NDEBUG
#include <cctype>
#include <cstring>
#include <stdexcept>
[[noreturn]] static void malformed() {
  throw std::runtime_error("malformed in a way that has no better name");
}
#define TOML_ASSERT(expression) ((expression) ? void() : malformed())
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
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

  bool known(std::initializer_list<const char *> keys) const {
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

  bool read(const char *key, std::optional<int64_t> &out, int64_t most) const {
    const toml::node *node = find(key);
    if (!node)
      return true;
    out = node->value_exact<int64_t>();
    if (out && *out >= 0 && *out <= most)
      return true;
    return fault(node, std::string(key) + " is not an integer from 0 to " + std::to_string(most),
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
    bool good = TableReader(root_, "the file", file_, out_).known({"node", "link", "root"});
    good = readNodes() && good;
    if (!good || !readLinks() || !readRoot())
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

  bool readNode(const TableReader &table, size_t index, size_t count) {
    ClusterNode node;
    std::optional<int64_t> rank;
    bool good = table.known({"name", "rank", "board", "address", "listen"});
    good = table.read("name", node.name) && good;
    good = table.read("rank", rank, static_cast<int64_t>(count) - 1) && good;
    good = table.read("board", node.board) && good;
    good = table.read("address", node.address) && good;
    good = table.read("listen", node.listen) && good;
    if (!good)
      return false;
    // A node without a rank has its place in the file as rank.
    const size_t at = rank ? static_cast<size_t>(*rank) : index;
    if (taken_.count(at))
      return table.fault(table.find("rank"), "rank " + std::to_string(at) + " is taken already",
                         "give all nodes a rank or none");
    if (node.name.empty())
      node.name = "node" + std::to_string(at);
    if (node.board.empty())
      return table.fault(table.find("board"), "board is empty", "\"linux\" is any Linux host");
    for (auto [key, text] : {std::pair{"address", &node.address}, {"listen", &node.listen}})
      if (!text->empty() && !isHostPort(*text))
        return table.fault(table.find(key), std::string(key) + " is not \"host:port\"",
                           "for example \"192.168.1.10:7000\"");
    if (!byName_.try_emplace(node.name, at).second)
      return table.fault(table.find("name"), "the name \"" + node.name + "\" is used twice",
                         "name every node differently");
    taken_.insert(at);
    cluster_.nodes[at] = std::move(node);
    return true;
  }

  bool readNodes() {
    const toml::node *node = root_.get("node");
    const size_t count = node && node->as_array() ? node->as_array()->size() : 0;
    if (count == 0 || count > static_cast<size_t>(maxNodes))
      return TableReader(root_, "the file", file_, out_)
          .fault(node, count ? "has too many nodes" : "has no node", "add a [[node]] a device");
    cluster_.nodes.resize(count);
    bool good = each("node", [&](const TableReader &table, size_t index) {
      return readNode(table, index, count);
    });
    if (good && expected_ && *expected_ != static_cast<int64_t>(count))
      return TableReader(root_, "the file", file_, out_)
          .fault(node,
                 "has " + std::to_string(count) + " nodes, -n says " + std::to_string(*expected_),
                 "make them agree");
    return good;
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
    std::set<std::pair<int64_t, int64_t>> seen;
    bool good = each("link", [&](const TableReader &table, size_t) {
      ClusterLink link;
      bool fine = table.known({"between", "bandwidth", "latency", "kind"});
      fine = table.read("bandwidth", link.bandwidth) && fine;
      fine = table.read("latency", link.latency) && fine;
      fine = table.read("kind", link.kind) && fine;
      if (fine && link.kind != "tcp")
        fine = table.fault(table.find("kind"), "unknown kind of link \"" + link.kind + "\"",
                           "this version knows \"tcp\"");
      if (!fine)
        return false;
      const toml::node *between = table.find("between");
      const toml::array *ends = between ? between->as_array() : nullptr;
      if (!ends || ends->size() != 2)
        return table.fault(between, "between is not a list of two nodes",
                           "for example between = [\"left\", \"right\"]");
      auto a = nodeOf(*ends->get(0)), b = nodeOf(*ends->get(1));
      if (!a || !b || *a == *b)
        return table.fault(between,
                           !a || !b ? "between names a node that is not in the file"
                                    : "between names one node twice",
                           "use two nodes' names or ranks");
      link.a = std::min(*a, *b);
      link.b = std::max(*a, *b);
      if (!seen.insert({link.a, link.b}).second)
        return table.fault(between, "this pair has a link already", "keep one of them");
      cluster_.links.push_back(std::move(link));
      return true;
    });
    std::sort(cluster_.links.begin(), cluster_.links.end(),
              [](const ClusterLink &x, const ClusterLink &y) {
                return std::tie(x.a, x.b) < std::tie(y.a, y.b);
              });
    return good;
  }

  bool readRoot() {
    const toml::node *node = root_.get("root");
    if (!node)
      return true;
    if (!node->is_table())
      return TableReader(root_, "the file", file_, out_)
          .fault(node, "root is not a table", "begin it with [root]");
    TableReader table(*node->as_table(), "[root]", file_, out_);
    bool good = table.known({"input_at", "output_at"});
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
    return good;
  }

  const toml::table &root_;
  const std::string &file_;
  std::optional<int64_t> expected_;
  Diagnostics &out_;
  Cluster cluster_;
  std::set<size_t> taken_;
  std::map<std::string, size_t> byName_;
};
} // namespace

std::optional<Cluster> parseCluster(const std::string &text, const std::string &file,
                                    std::optional<int64_t> nodes, Diagnostics &diagnostics) {
  try {
    const toml::table root = toml::parse(text);
    return ClusterReader(root, file, nodes, diagnostics).read();
  } catch (const toml::parse_error &error) {
    diagnostics.push_back({file, "line " + std::to_string(error.source().begin.line),
                           "is not TOML: " + std::string(error.description()), ""});
  } catch (const std::exception &error) {
    diagnostics.push_back({file, "", std::string("is not TOML: ") + error.what(), ""});
  }
  return std::nullopt;
}

std::optional<Cluster> readCluster(const std::string &path, std::optional<int64_t> nodes,
                                   Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics);
  return text ? parseCluster(*text, path, nodes, diagnostics) : std::nullopt;
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
    if (!node.address.empty())
      out += "address = " + quoted(node.address) + "\n";
    if (!node.listen.empty())
      out += "listen = " + quoted(node.listen) + "\n";
    out += "\n";
  }
  for (const ClusterLink &link : cluster.links) {
    out += "[[link]]\nbetween = [" + std::to_string(link.a) + ", " + std::to_string(link.b) +
           "]\nkind = " + quoted(link.kind) + "\n";
    if (link.bandwidth > 0)
      out += "bandwidth = " + number(link.bandwidth) + "\n";
    if (link.latency > 0)
      out += "latency = " + number(link.latency) + "\n";
    out += "\n";
  }
  return out + "[root]\ninput_at = " + rootText(cluster.root.inputAt) +
         "\noutput_at = " + rootText(cluster.root.outputAt) + "\n";
}

} // namespace discoc
