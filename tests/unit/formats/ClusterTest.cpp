//===- ClusterTest.cpp - tests of cluster files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Cluster.h"
#include "Expect.h"

#include <filesystem>
#include <unistd.h>

using namespace discoc;

TEST(Cluster, ReadsAllKeys) {
  Diagnostics out;
  auto cluster = parseCluster(R"(
[[node]]
name = "right"
rank = 1
speed = 0.25
address = "10.0.0.2:7001"
listen = "0.0.0.0:7001"
[[node]]
name = "left"
rank = 0
board = "linux"
[[link]]
between = ["right", 0]
bandwidth = 12.5e6
latency = 1e-3
[root]
input_at = "right"
output_at = "all"
compute = false
)",
                              "c.toml", 2, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(cluster->nodes[0].name, "left");
  EXPECT_EQ(cluster->nodes[1].address, "10.0.0.2:7001");
  EXPECT_EQ(cluster->nodes[1].speed, 0.25);
  EXPECT_EQ(cluster->nodes[0].speed, 1);
  ASSERT_EQ(cluster->links.size(), 1u);
  EXPECT_EQ(cluster->links[0].ends, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(cluster->links[0].bandwidth, 12.5e6);
  EXPECT_EQ(cluster->root.inputAt, 1);
  EXPECT_EQ(cluster->root.outputAt, RootPlacement::all);
  EXPECT_FALSE(cluster->root.compute);
  const std::string text = toToml(*cluster);
  auto back = parseCluster(text, "c.toml", std::nullopt, out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toToml(*back), text);
}

TEST(Cluster, DefaultsFillIn) {
  Diagnostics out;
  auto cluster = parseCluster("[[node]]\n[[node]]\n[[node]]\n", "c", 3, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(toToml(*cluster), toToml(defaultCluster(3)));
}

TEST(Cluster, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char *text;
    std::vector<std::string> parts;
  } cases[] = {
      {"", {"has no node"}},
      {"[[node]]\nname=", {"line 2", "not TOML"}},
      {"node = 3", {"not a list of tables"}},
      {"node = [1, 2]", {"not a list of tables"}},
      {"[[node]]\n", {"has 1 nodes, -n says 2"}},
      {"[[node]]\n[[node]]\nclock=3\n", {"line 3", "[[node]] 2", "unknown key \"clock\""}},
      {"[[node]]\nspeed=0\n[[node]]\n", {"line 2", "speed is not between"}},
      {"[[node]]\nspeed=-1.0\n[[node]]\n", {"line 2", "speed"}},
      {"[[node]]\nboard='b'\nspeed=2.0\n[[node]]\n", {"line 3", "speed and board"}},
      {"[[node]]\nrank=1\n[[node]]\nrank=1\n", {"line 4", "rank 1 is taken"}},
      {"[[node]]\nrank=2\n[[node]]\n", {"line 2", "from 0 to 1"}},
      {"[[node]]\nname='a'\n[[node]]\nname='a'\n", {"\"a\" is used twice"}},
      {"[[node]]\naddress='a'\n[[node]]\n", {"address is not \"host:port\""}},
      {"[[node]]\naddress='a:99999'\n[[node]]\n", {"host:port"}},
      {"[[node]]\naddress='-v:7000'\n[[node]]\n", {"host:port"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[0,2]\n", {"[[link]] 1", "not in the file"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,1]\n", {"one node twice"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=0\n", {"not a list of two"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\n[[link]]\nbetween=[0,1]\n",
       {"a link already"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nbandwidth=-1\n", {"bandwidth"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nlatency=nan\n", {"latency"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nbaud=9600\n",
       {"only a link of kind \"uart\""}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nkind='uart'\nbaud=1\n", {"baud", "from 300"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nkind='smoke'\n", {"unknown kind"}},
      {"[[node]]\n[[node]]\n[root]\ninput_at=2\n", {"[root]", "input_at is no node"}},
      {"[[node]]\n[[node]]\n[root]\ncompute=0\n", {"[root]", "compute is neither true nor false"}},
      {"[[node]]\ncount=3\n", {"has 3 nodes, -n says 2"}},
      {"[[node]]\ncount=0\n[[node]]\n", {"line 2", "count is not an integer from 1 to 1024"}},
      {"[[node]]\ncount=-2\n[[node]]\n", {"line 2", "count is not an integer from 1 to 1024"}},
      {"[[node]]\ncount=1025\n", {"line 2", "count is not an integer from 1 to 1024"}},
      {"[[node]]\ncount=1000\n[[node]]\ncount=25\n", {"has 1025 nodes", "1024 are the most"}},
      {"[[node]]\ncount=2\nrank=0\n", {"line 3", "rank and count"}},
      {"[[node]]\ncount=2\naddress='a:1'\n", {"line 3", "address and count"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nkind='uart'\nports=['a']\n",
       {"line 6", "one name an end"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nports=['a','b']\n", {"TCP link has no"}},
      {"[[node]]\n[[node]]\n[network]\ntopology='ring'\n", {"line 4", "unknown topology"}},
      {"[[node]]\n[[node]]\n[network]\n", {"line 3", "unknown topology"}},
      {"[[node]]\n[[node]]\n[network]\ntopology='switch'\nkind='uart'\n", {"a switch is"}},
      {"[[node]]\n[[node]]\n[network]\ntopology='all'\nkind='tcp'\n", {"line 5", "no kind"}},
      {"[[node]]\n[[node]]\n[network]\ntopology='chain'\nhub=1\n", {"only a star"}},
      {"[[node]]\n[[node]]\n[network]\ntopology='star'\nhub=7\n", {"hub is no node"}},
      {"[[node]]\n[[node]]\n[wires]\n", {"unknown key \"wires\""}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseCluster(c.text, "c.toml", 2, out)) << c.text;
    expectFault(out, c.parts);
  }
}

//===- boards, ports and hops ---===//

namespace {
std::optional<Board> findBoard(const std::string &name, Diagnostics &out) {
  Board board;
  board.name = name;
  board.status = name == "pi" ? "linux" : "emulated";
  auto has = [&](const char *port, const char *kind) {
    board.links.emplace_back();
    board.links.back().name = port;
    board.links.back().kind = findLinkKind(kind);
    if (name == "slow")
      board.links.back().rates.fixed = {9600, 115200, 230400};
    else if (name == "fast")
      board.links.back().rates = {{}, 42000000, 16, 65535, 2000000};
  };
  if (name == "slow" || name == "fast")
    has("uart1", "uart");
  if (name == "two" || name == "one")
    has("uart1", "uart");
  if (name == "two") {
    has("uart2", "uart");
    has("eth0", "ethernet");
  }
  if (board.links.empty() && name != "pi") {
    out.push_back({name, "", "is no board", "known: one, two, pi"});
    return std::nullopt;
  }
  return board;
}

std::optional<Cluster> resolved(const std::string &text, Diagnostics &out) {
  auto cluster = parseCluster(text, "c.toml", std::nullopt, out);
  if (!cluster || !resolveCluster(*cluster, "c.toml", out, findBoard))
    return std::nullopt;
  return cluster;
}

std::string nodes(std::initializer_list<const char *> boards) {
  std::string text;
  for (const char *board : boards)
    text += std::string("[[node]]\nboard='") + board + "'\n";
  return text;
}

/// "0>1>2": the way of a packet.
std::string way(const Cluster &cluster, int64_t from, int64_t to) {
  std::string text;
  for (int64_t rank : routeOf(cluster, from, to))
    text += (text.empty() ? "" : ">") + std::to_string(rank);
  return text;
}

/// The text of a resolved cluster says everything: it comes back with its ports and hops.
void expectRoundTrip(const Cluster &cluster) {
  Diagnostics out;
  const std::string text = toToml(cluster);
  auto back = parseCluster(text, "c.toml", std::nullopt, out);
  ASSERT_TRUE(back) << toString(out) << text;
  EXPECT_EQ(toToml(*back), text);
  for (size_t rank = 0; rank < cluster.nodes.size(); ++rank) {
    const ClusterNode &a = cluster.nodes[rank], &b = back->nodes[rank];
    ASSERT_EQ(a.ports.size(), b.ports.size());
    for (size_t i = 0; i < a.ports.size(); ++i) {
      EXPECT_EQ(a.ports[i].name, b.ports[i].name);
      EXPECT_EQ(a.ports[i].kind, b.ports[i].kind);
      EXPECT_EQ(a.ports[i].neighbour, b.ports[i].neighbour);
    }
    ASSERT_EQ(a.hops.size(), b.hops.size());
    for (size_t i = 0; i < a.hops.size(); ++i) {
      EXPECT_EQ(a.hops[i].port, b.hops[i].port);
      EXPECT_EQ(a.hops[i].next, b.hops[i].next);
      EXPECT_EQ(a.hops[i].tcp, b.hops[i].tcp);
    }
  }
}
} // namespace

TEST(Cluster, Counts) {
  Diagnostics out;
  auto cluster =
      parseCluster("[[node]]\n[[node]]\nname='lab'\nboard='two'\ncount=2\n[[node]]\n", "c", 4, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(cluster->nodes[1].name, "lab0");
  EXPECT_EQ(cluster->nodes[2].name, "lab1");
  EXPECT_EQ(cluster->nodes[2].board, "two");
  EXPECT_EQ(cluster->nodes[3].name, "node3");
}

TEST(Cluster, Topologies) {
  struct Case {
    std::string text, first, last; ///< ways from 0 to 3 and from 3 to 1
  } cases[] = {
      {nodes({"two", "two", "two", "two"}) + "[network]\ntopology='switch'\n", "0>3", "3>1"},
      {nodes({"one", "two", "two", "one"}) + "[network]\ntopology='chain'\n", "0>1>2>3", "3>2>1"},
      {nodes({"pi", "one", "one", "one"}) + "[network]\ntopology='star'\n", "0>3", "3>0>1"},
      {nodes({"one", "one", "one", "pi"}) + "[network]\ntopology='star'\nhub=3\n", "0>3", "3>1"},
      {nodes({"pi", "linux", "linux", "two"}) + "[network]\ntopology='all'\n[[link]]\n"
                                                "between=[1,3]\nkind='uart'\n[[link]]\n"
                                                "between=[0,3]\nkind='uart'\n",
       "", ""},
      {nodes({"two", "two", "two", "two"}) +
           "[[link]]\nbetween=[0,1,2]\nkind='ethernet'\n[[link]]\nbetween=[2,3]\nkind='uart'\n",
       "0>2>3", "3>2>1"},
      // A ring: both ways have two links, the lower rank forwards.
      {nodes({"two", "two", "two", "two"}) +
           "[network]\ntopology='chain'\n[[link]]\nbetween=[0,3]\nkind='uart'\n",
       "0>3", "3>0>1"},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    auto cluster = resolved(c.text, out);
    if (c.first.empty()) {
      EXPECT_FALSE(cluster);
      expectFault(out, {"has 3 uart links", "has 2 uart ports"});
      continue;
    }
    ASSERT_TRUE(cluster) << toString(out) << c.text;
    EXPECT_EQ(way(*cluster, 0, 3), c.first) << c.text;
    EXPECT_EQ(way(*cluster, 3, 1), c.last) << c.text;
    expectRoundTrip(*cluster);
  }
}

TEST(Cluster, MixesWiresAndTcp) {
  Diagnostics out;
  auto cluster = resolved(nodes({"linux", "pi", "two", "one"}) +
                              "[[link]]\nbetween=[0,1]\n[[link]]\nbetween=[0,2]\nkind='uart'\n"
                              "[[link]]\nbetween=[1,2]\nkind='uart'\nports=['wire4','uart1']\n"
                              "[[link]]\nbetween=[0,3]\nkind='uart'\n",
                          out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_TRUE(cluster->nodes[0].hops[1].tcp);
  EXPECT_TRUE(cluster->nodes[1].hops[0].tcp);
  EXPECT_EQ(cluster->nodes[1].ports[0].name, "wire4");
  EXPECT_EQ(cluster->nodes[0].ports[1].name, "wire1");
  EXPECT_EQ(cluster->nodes[2].ports[0].name, "uart2");
  EXPECT_EQ(way(*cluster, 1, 3), "1>2>0>3");
  expectRoundTrip(*cluster);
}

TEST(Cluster, SaysWhatDoesNotJoin) {
  const std::string two = nodes({"two", "two"}), wire = "[[link]]\nbetween=[0,1]\nkind='uart'\n";
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {nodes({"three", "two"}) + wire, {"c.toml", "line 2", "three", "is no board"}},
      {two, {"\"node0\"", "has no link"}},
      {two + "[[link]]\nbetween=[0,1]\n", {"tcp link between \"node0\" and", "has no TCP"}},
      {nodes({"linux", "two"}) + "[network]\ntopology='all'\nkind='ethernet'\n",
       {"no port for raw Ethernet"}},
      {two + wire + "ports=['uart1','uart9']\n", {"has no uart port \"uart9\"", "uart1, uart2"}},
      {two + wire + "ports=['uart1','eth0']\n", {"has no uart port \"eth0\""}},
      {nodes({"one", "linux"}) + wire + "ports=['uart1','uart1']\n", {"wire0, wire1"}},
      {nodes({"two", "two", "two"}) + wire +
           "ports=['uart1','uart1']\n[[link]]\nbetween=[1,2]\n"
           "kind='uart'\nports=['uart1','uart1']\n",
       {"\"uart1\" of \"node1\" is used twice"}},
      {nodes({"one", "one", "one"}) + "[network]\ntopology='chain'\n",
       {"node \"node1\"", "has 2 uart links", "has 1 uart port", "it can only be an end"}},
      {nodes({"two", "two", "two", "two"}) + "[network]\ntopology='all'\n",
       {"has 3 uart links", "has 2 uart ports", "let a neighbour forward"}},
      {nodes({"one", "one"}) + "[network]\ntopology='switch'\n", {"0 ethernet ports"}},
      {nodes({"two", "two", "two", "two"}) + wire + "[[link]]\nbetween=[2,3]\nkind='uart'\n",
       {"no path of wires joins \"node0\" and"}},
      {nodes({"one", "linux", "linux", "one"}) + wire + "[[link]]\nbetween=[2,3]\nkind='uart'\n",
       {"no path of wires joins", "TCP forwards nothing"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(resolved(c.text, out)) << c.text;
    expectFault(out, c.parts);
  }
}

TEST(Cluster, Bauds) {
  struct Case {
    const char *boards[2], *more;
    int64_t baud; // 0: refused
    double bandwidth;
    const char *words;
  } cases[] = {
      {{"fast", "fast"}, "", 2000000, 200000, ""},
      {{"fast", "slow"}, "", 230400, 23040, ""},
      {{"fast", "one"}, "", 115200, 11520, ""},
      {{"fast", "fast"}, "baud=460800\n", 460800, 46080, ""},
      {{"fast", "fast"}, "baud=460800\nbandwidth=30e3\n", 460800, 30000, ""},
      {{"slow", "slow"}, "baud=9601\n", 9601, 960.1, ""},
      {{"slow", "pi"}, "", 115200, 11520, ""},
      {{"slow", "pi"}, "baud=230400\n", 230400, 23040, ""},
      {{"fast", "slow"}, "baud=921600\n", 0, 0, "nearest that both ends make is 230400"},
      {{"fast", "fast"}, "baud=3000000\n", 0, 0, "nearest that both ends make is 2000000"},
      {{"slow", "slow"}, "baud=118000\n", 0, 0, "\"uart1\" of the link between \"node0\""},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    const std::string text =
        nodes({c.boards[0], c.boards[1]}) + "[[link]]\nbetween=[0,1]\nkind='uart'\n" + c.more;
    auto cluster = resolved(text, out);
    ASSERT_EQ(cluster.has_value(), c.baud > 0) << text << toString(out);
    if (!cluster) {
      EXPECT_NE(toString(out).find(c.words), std::string::npos) << toString(out);
      continue;
    }
    EXPECT_EQ(cluster->links[0].baud, c.baud) << text;
    EXPECT_DOUBLE_EQ(cluster->links[0].bandwidth, c.bandwidth) << text;
    expectRoundTrip(*cluster);
  }
}

TEST(Cluster, OfOneBoard) {
  Diagnostics out;
  auto one = findBoard("one", out), two = findBoard("two", out);
  auto pair = clusterOf(*one, 2, out), five = clusterOf(*two, 5, out);
  ASSERT_TRUE(pair && five) << toString(out);
  EXPECT_STREQ(pair->links[0].kind->name, "uart");
  EXPECT_EQ(five->links.size(), 1u);
  EXPECT_EQ(way(*five, 4, 2), "4>2");
  EXPECT_FALSE(clusterOf(*one, 3, out));
  expectFault(out, {"has 1 uart port", "2 is the most for this board alone", "more ports"});
  EXPECT_EQ(mostOf(*one), 2);
  EXPECT_EQ(mostOf(*two), std::nullopt);
}

/// An own board is found again from anywhere: by its name nobody would, or another one.
TEST(Cluster, OwnBoardsHaveAbsolutePaths) {
  namespace fs = std::filesystem;
  Diagnostics out;
  auto board = findBoard("two", out);
  board->reference = "/somewhere/two";
  auto cluster = clusterOf(*board, 2, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(cluster->nodes[1].board, "/somewhere/two");

  const fs::path folder = fs::temp_directory_path() / ("discoc-" + std::to_string(getpid()));
  fs::create_directories(folder);
  ASSERT_TRUE(writeText((folder / "lab.toml").string(),
                        "[[node]]\nboard='./my/toy'\n[[node]]\nboard='linux'\n", out));
  auto read = readCluster((folder / "lab.toml").string(), std::nullopt, out);
  ASSERT_TRUE(read) << toString(out);
  EXPECT_EQ(read->nodes[0].board, (folder / "my/toy").string());
  EXPECT_EQ(read->nodes[1].board, "linux");
  fs::remove_all(folder);
}

/// Ways are planned in the time that a thousand nodes leave.
TEST(Cluster, ManyNodes) {
  Diagnostics out;
  auto board = findBoard("two", out);
  auto cluster = clusterOf(*board, 1024, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(way(*cluster, 1023, 0), "1023>0");
}

/// Every key has a row in its section of the page, and every row a key.
TEST(Cluster, DocumentedKeys) {
  Diagnostics out;
  const std::string text = readText(std::string(DISCOC_DOCS) + "/cluster.md", out).value_or("");
  for (const char *table : {"node", "link", "network", "root"}) {
    const size_t heading = text.find("## [" + std::string(table) + "]"),
                 list = text.find("## [[" + std::string(table) + "]]");
    const size_t begin = std::min(heading, list);
    ASSERT_NE(begin, std::string::npos) << table;
    const std::string part = text.substr(begin, text.find("\n## ", begin) - begin);
    size_t rows = 0;
    for (size_t at = part.find("\n| `"); at != std::string::npos; at = part.find("\n| `", at + 1))
      ++rows;
    EXPECT_EQ(rows, clusterKeys(table).size()) << table;
    for (const char *key : clusterKeys(table))
      EXPECT_NE(part.find("\n| `" + std::string(key) + "` |"), std::string::npos) << key;
  }
}

TEST(Cluster, RootRanks) {
  EXPECT_EQ(parseRootRank("all", 2), RootPlacement::all);
  EXPECT_EQ(parseRootRank("1", 2), 1);
  EXPECT_FALSE(parseRootRank("2", 2));
  EXPECT_FALSE(parseRootRank("", 2));
  EXPECT_FALSE(parseRootRank("-1", 2));
  EXPECT_FALSE(parseRootRank("99999999999999999999", 2));
}

TEST(Cluster, DocumentedExamples) {
  for (const std::string &text : examplesOf("cluster.md", "toml")) {
    Diagnostics out;
    EXPECT_TRUE(parseCluster(text, "cluster.md", std::nullopt, out)) << toString(out);
  }
}

TEST(Cluster, Samples) {
  int found = 0;
  for (const auto &entry : std::filesystem::directory_iterator(DISCOC_SAMPLES "/clusters")) {
    if (entry.path().extension() != ".toml")
      continue;
    Diagnostics out;
    EXPECT_TRUE(readCluster(entry.path().string(), std::nullopt, out)) << toString(out);
    ++found;
  }
  EXPECT_GT(found, 0);
}
