//===- ReportTextTest.cpp - tests of tables and of the report's text ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/ReportText.h"
#include "compiler/formats/Table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

using namespace discoc;

TEST(Table, Numbers) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1000), "1.00 k");
  EXPECT_EQ(count(8912345), "8.91 M");
  EXPECT_EQ(count(99960), "100 k");
  EXPECT_EQ(count(999999), "1.00 M");
  EXPECT_EQ(bytes(17800), "17.8 kB");
  EXPECT_EQ(duration(38700), "38.7 ms");
  EXPECT_EQ(duration(0), "-");
  EXPECT_EQ(percent(1, 8), "12.5 %");
  EXPECT_EQ(percent(1, 0), "-");
  EXPECT_EQ(fitted("short", 10), "short");
  EXPECT_EQ(fitted("a/very/long/name/Conv_output_0", 15), "a/ve.._output_0");
  EXPECT_EQ(widthApart({"a/b/c", "a/b/d"}, 4, 9), 4u);
  EXPECT_EQ(widthApart({"block/first/conv/bias", "block/second/conv/bias"}, 8, 40), 18u);
  EXPECT_EQ(widthApart({"block/first/conv/bias", "block/second/conv/bias"}, 8, 10), 10u);
}

TEST(Table, Aligns) {
  Table table({"<op", "MACs"});
  table.row({"é", "1"});
  table.rule();
  table.row({"conv", "100"});
  EXPECT_EQ(table.text(""), "op    MACs\n----  ----\né        1\n----  ----\nconv   100\n");
}

static Report large() {
  Report r;
  r.model = "a_model";
  r.compiler = "0.1.0";
  r.frameOverheadBytes = 32;
  for (int64_t rank = 0; rank < 16; ++rank) {
    NodeReport node;
    node.rank = rank;
    node.name = "a-node-with-a-long-name-" + std::to_string(rank);
    node.board = "a-long-board-name";
    node.arenaBytes = node.liveBytes = 123456789;
    node.peers.push_back({(rank + 1) % 16, {49, 555555}, {49, 555555}, {1, 602112}, {0, 0}});
    r.nodes.push_back(node);
  }
  LayerReport layer;
  layer.op = "/features/denseblock4/denselayer16/conv2/Conv_output_0_of_some_length";
  layer.type = "ConvTransposeSomething";
  layer.macs = layer.denseMacs = 987654321;
  layer.weightBytes = layer.denseWeightBytes = 98765432;
  layer.denseBytes = 7654321;
  layer.replicatedMacs = 12345;
  layer.replicatedReason =
      "squeeze-and-excite, whose arithmetic is tiny and whose messages are not";
  layer.nodes = {{0, 64, 123456789, 12345678, 123456, 123456}};
  r.layers = {layer};
  addTotals(r);
  return r;
}

TEST(ReportText, FitsIntoHundredColumns) {
  std::istringstream lines(reportText(large()));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 100u) << line;
}

/// `layers` layers of rising cost, of which every second costs nothing.
static Report deep(int64_t layers) {
  Report r = large();
  for (int64_t i = 1; i < layers; ++i) {
    LayerReport layer;
    layer.op = "layer" + std::to_string(i);
    layer.type = i % 2 ? "Conv" : "Reshape";
    layer.macs = layer.denseMacs = i % 2 ? 1000000000 + i : 0;
    layer.nodes = {{0, 64, layer.macs, 0, 0, 0}};
    r.layers.push_back(layer);
  }
  addTotals(r);
  return r;
}

TEST(ReportText, IsShortUnlessAllIsAskedFor) {
  for (int64_t layers : {1, 20, 30, 40, 1000}) {
    const Report r = deep(layers);
    const std::string text = reportText(r), all = reportText(r, true);
    EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 60) << layers;
    EXPECT_GE(all.size(), text.size());
    EXPECT_NE(all.find("a-no..-name-15"), std::string::npos) << all;
    EXPECT_EQ(all.find("--all"), std::string::npos);
  }
  const std::string text = reportText(deep(1000));
  // The last layers cost most; what costs nothing is one line.
  EXPECT_LT(text.find("layer999 "), text.find("layer997 "));
  EXPECT_EQ(text.find("layer998 "), std::string::npos);
  EXPECT_NE(text.find("and 499 that cost nothing"), std::string::npos);
  EXPECT_NE(text.find("--all shows them"), std::string::npos);
}

TEST(ReportText, SaysWhyMemoryDoesNotFall) {
  Report r = large();
  EXPECT_EQ(reportText(r).find("arena: node"), std::string::npos);
  r.nodes[3].liveBytes += 1;
  r.nodes[3].peakOp = "conv7";
  r.nodes[3].peakReceivedBytes = 61728394;
  EXPECT_NE(reportText(r).find("arena: node 3 needs the most at conv7: 123 MB, of which 61.7 MB "
                               "(50.0 %)"),
            std::string::npos);
}

TEST(ReportText, ShowsAScheduleWhoseTimesAreKnown) {
  Report r = large();
  r.schedule.emplace();
  EXPECT_EQ(reportText(r).find("Schedule"), std::string::npos);
  r.schedule->latencyNs = 10'502'640;
  r.schedule->sequentialNs = 16'636'614;
  r.schedule->periodNs = 9'000'000;
  r.schedule->chainNs = 1;
  const std::string text = reportText(r);
  for (const char *part : {"Schedule", "10.5 ms", "16.6 ms", "9.00 ms", "1 us"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(ReportText, OfNothing) {
  Report r;
  r.nodes.resize(1);
  addTotals(r);
  const std::string text = reportText(r);
  EXPECT_NE(text.find("1 node,"), std::string::npos);
  EXPECT_NE(text.find("no message crosses"), std::string::npos);
}
