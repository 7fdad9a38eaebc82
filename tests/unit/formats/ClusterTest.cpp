//===- ClusterTest.cpp - tests of cluster files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "formats/Cluster.h"
#include "Expect.h"

#include <filesystem>

using namespace discoc;

TEST(Cluster, ReadsAllKeys) {
  Diagnostics out;
  auto cluster = parseCluster(R"(
[[node]]
name = "right"
rank = 1
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
)",
                              "c.toml", 2, out);
  ASSERT_TRUE(cluster) << toString(out);
  EXPECT_EQ(cluster->nodes[0].name, "left");
  EXPECT_EQ(cluster->nodes[1].address, "10.0.0.2:7001");
  ASSERT_EQ(cluster->links.size(), 1u);
  EXPECT_EQ(cluster->links[0].ends, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(cluster->links[0].bandwidth, 12.5e6);
  EXPECT_EQ(cluster->root.inputAt, 1);
  EXPECT_EQ(cluster->root.outputAt, RootPlacement::all);
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
      {"[[node]]\n[[node]]\nspeed=3\n", {"line 3", "[[node]] 2", "unknown key \"speed\""}},
      {"[[node]]\nrank=1\n[[node]]\nrank=1\n", {"line 4", "rank 1 is taken"}},
      {"[[node]]\nrank=2\n[[node]]\n", {"line 2", "from 0 to 1"}},
      {"[[node]]\nname='a'\n[[node]]\nname='a'\n", {"\"a\" is used twice"}},
      {"[[node]]\naddress='a'\n[[node]]\n", {"address is not \"host:port\""}},
      {"[[node]]\naddress='a:99999'\n[[node]]\n", {"host:port"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[0,2]\n", {"[[link]] 1", "not in the file"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,1]\n", {"one node twice"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=0\n", {"not a list of two"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\n[[link]]\nbetween=[0,1]\n",
       {"a link already"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nbandwidth=-1\n", {"bandwidth"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nlatency=nan\n", {"latency"}},
      {"[[node]]\n[[node]]\n[[link]]\nbetween=[1,0]\nkind='smoke'\n", {"unknown kind"}},
      {"[[node]]\n[[node]]\n[root]\ninput_at=2\n", {"[root]", "input_at is no node"}},
      {"[[node]]\n[[node]]\n[wires]\n", {"unknown key \"wires\""}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseCluster(c.text, "c.toml", 2, out)) << c.text;
    expectFault(out, c.parts);
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
