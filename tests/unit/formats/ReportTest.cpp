//===- ReportTest.cpp - tests of reports ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Report.h"
#include "Expect.h"

using namespace discoc;

static Report example() {
  Report r;
  r.model = "tiny";
  r.compiler = "0.1.0";
  r.buildHash = std::string(32, '0');
  r.frameOverheadBytes = 32;
  for (int64_t rank = 0; rank < 2; ++rank) {
    NodeReport node;
    node.rank = rank;
    node.name = "node" + std::to_string(rank);
    node.board = "linux";
    node.arenaBytes = 1000 + rank;
    node.liveBytes = 900;
    PeerReport peer;
    peer.peer = 1 - rank;
    peer.sent = {2, 20 + rank};
    peer.received = {2, 21 - rank};
    (rank ? peer.rootReceived : peer.rootSent) = {1, 192};
    node.peers.push_back(peer);
    r.nodes.push_back(node);
  }
  LayerReport conv{"conv", "Conv", 300, 120, 400, 160, 80, 0, 0, {8, 8, 0}, "", {}};
  conv.nodes = {{0, 4, 100, 40, 8, 8}, {1, 4, 200, 80, 8, 8}};
  LayerReport se{"se", "Gemm", 10, 8, 10, 8, 0, 10, 8, {}, "squeeze-and-excite", {}};
  se.nodes = {{0, 2, 10, 8, 0, 0}, {1, 2, 10, 8, 0, 0}};
  r.layers = {conv, se};
  r.exchanged = {30, 8, 3};
  r.oneNode.arenaBytes = 2000;
  r.denseGather.exchanged.messages = 2;
  addTotals(r);
  return r;
}

TEST(Report, Sums) {
  Report r = example();
  EXPECT_EQ(r.nodes[0].macs, 110);
  EXPECT_EQ(r.nodes[1].weightBytes, 88);
  EXPECT_EQ(r.nodes[0].sent, (Traffic{2, 20}));
  EXPECT_EQ(r.cluster.macs, 320);
  EXPECT_EQ(r.cluster.exchanged, (Traffic{4, 41}));
  EXPECT_EQ(r.cluster.root, (Traffic{1, 192}));
  EXPECT_EQ(r.largestNode.macs, 210);
  EXPECT_EQ(r.oneNode.macs, 310);
  EXPECT_EQ(r.denseGather.exchanged, (Traffic{2, 80}));
  EXPECT_EQ(r.replicatedMacs, 0);
  EXPECT_EQ(r.exceptedMacs, 10);
}

TEST(Report, ReadsWhatItWrites) {
  Diagnostics out;
  const std::string text = toJson(example());
  keepForSchemas("report.json", text);
  auto back = parseReport(text, "report.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(back->exchanged.sum(), back->cluster.exchanged.bytes);
  EXPECT_EQ(back->layers[0].received.partialSums, 8);
}

TEST(ReportOfLayers, ReadsWhatItWrites) {
  Report r = example();
  r.layers[0].shape = {1, 8, 16, 16};
  r.layers[1].inputs = {"conv"};
  r.layers[1].density = {4, 3, {"ff00", "a07f"}};
  r.nodes[1].memorySizes = {{"flash", 4096}, {"ram", 1024}};
  r.layers[0].kernels = {"conv_gemm", "conv_direct"};
  r.layers[0].nodes[0].owned = IndexSet::of({0, 1, 2, 5});
  r.layers[0].nodes[1].receivedFrom[0] = 8;
  r.nodes[0].peakOp = "conv";
  r.nodes[0].peakStep = 3;
  r.nodes[0].noteBytes = 168;
  r.nodes[0].noteCount = 4;
  r.nodes[0].steps = {{StepReport::Kind::Compute, 3, "conv", -1},
                      {StepReport::Kind::Send, 4, "", 7},
                      {StepReport::Kind::Flush, 6, "", 7},
                      {StepReport::Kind::Wait, 9, "", 8}};
  r.nodes[0].buffers = {{"conv", "tensor", 16, 900, 2, 4}, {"x", "input", 0, 16, -1, 2}};
  Diagnostics out;
  const std::string text = toJson(r);
  keepForSchemas("report-layers.json", text);
  auto back = parseReport(text, "report.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(back->layers[0].nodes[0].owned, IndexSet::of({0, 1, 2, 5}));
  EXPECT_EQ(back->layers[0].nodes[1].receivedFrom.at(0), 8);
  EXPECT_EQ(back->nodes[0].buffers[1].first, -1);
  EXPECT_EQ(back->nodes[0].noteBytes, 168);
  ASSERT_EQ(back->nodes[0].steps.size(), 4u);
  EXPECT_EQ(back->nodes[0].steps[3].message, 8);
  EXPECT_EQ(back->layers[0].kernels.size(), 2u);
  EXPECT_EQ(back->layers[1].density.tiles[1], "a07f");
  EXPECT_EQ(back->nodes[1].memorySizes.at("ram"), 1024);
}

TEST(ReportOfBoards, ReadsWhatItWrites) {
  Report r = example();
  r.nodes[1].forwarded = {2, 30};
  r.nodes[1].memory = {{"weights", "flash", 120, true, {}}, {"stack", "ram", 4096, false, {}}};
  r.nodes[1].memory[0].items["input0"] = 120;
  r.nodes[1].computeUs = 38700;
  r.wires.push_back({{0, 1}, "uart", {"uart1", "wire0"}, 115200, {4, 41}, {1, 192}, 18500});
  r.wires.push_back({{0, 1}, "uart", {"uart2", "wire1"}, 0, {0, 0}, {0, 0}}); // no time is known
  Diagnostics out;
  const std::string text = toJson(r);
  keepForSchemas("report-boards.json", text);
  auto back = parseReport(text, "report.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(back->nodes[1].memory[1].bytes, 4096);
  EXPECT_EQ(back->wires[0].ports[1], "wire0");
  EXPECT_EQ(back->nodes[1].computeUs, 38700);
  EXPECT_EQ(back->wires[0].leastUs, 18500);
  EXPECT_EQ(back->wires[1].leastUs, 0);
}

/// One of each kind, with times and without.
static Events events() {
  Events all;
  all.latencyNs = 1400;
  all.sequentialNs = 1600;
  all.periodNs = 1300;
  all.chainNs = 0;
  all.events.push_back({ScheduleEvent::Kind::Compute, 0, 0, 4, "conv", -1, -1, 0, 0, 1000});
  all.events.push_back({ScheduleEvent::Kind::Wait, 1, 0, 5, "", 7, -1, 0, 0, 1100});
  all.events.push_back({ScheduleEvent::Kind::Transfer, 0, 0, -1, "conv", 7, 1, 8, 1000, 1100});
  all.events.push_back({ScheduleEvent::Kind::Transfer, 1, 2, -1, "", 8, 0, 0, {}, {}});
  return all;
}

TEST(ReportOfSchedules, ReadsWhatItWrites) {
  Report r = example();
  r.schedule = events();
  Diagnostics out;
  const std::string text = toJson(r);
  keepForSchemas("report-schedule.json", text);
  auto back = parseReport(text, "report.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  ASSERT_TRUE(back->schedule);
  EXPECT_EQ(back->schedule->chainNs, 0);
  EXPECT_EQ(back->schedule->events[2].bytes, 8);
  EXPECT_EQ(back->schedule->events[3].startNs, std::nullopt);
}

TEST(ReportOfSchedules, RefusesHalfAnEvent) {
  Report r = example();
  r.schedule = events();
  const std::string text = toJson(r);
  const std::tuple<const char *, const char *, const char *> cases[] = {
      {"\"step\": 4,\n        \"op\": \"conv\",", "", "has no \"op\""},
      {"\"message\": 7,", "", "has no \"message\""},
      {"\"to\": 1,", "", "has no \"to\" or no \"bytes\""},
      {"\"start_ns\": 0,", "", "has only one of \"start_ns\" and \"end_ns\""},
      {"\"kind\": \"wait\"", "\"kind\": \"rest\"", "unknown word \"rest\""},
      {"\"discoc-events\",\n    \"version\": 1", "\"discoc-events\",\n    \"version\": 2",
       "this discoc knows only version 1"}};
  for (const auto &[from, to, fault] : cases) {
    std::string changed = text;
    const size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, std::string(from).size(), to);
    Diagnostics out;
    EXPECT_FALSE(parseReport(changed, "report.json", out)) << from;
    expectFault(out, {"$.schedule", fault});
  }
}

TEST(Report, SaysWhatIsMissing) {
  Diagnostics out;
  EXPECT_FALSE(parseReport(R"({"format":"discoc-report","version":1})", "report.json", out));
  expectFault(out, {"has no \"model\"", "has no \"layers\""});
}

TEST(Report, DocumentedExamples) {
  for (const std::string &text : examplesOf("report.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parseReport(text, "report.md", out)) << toString(out);
  }
}
