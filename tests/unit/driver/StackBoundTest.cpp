//===- StackBoundTest.cpp - tests of call graphs and of what images hold ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/StackBound.h"
#include "compiler/build/BuildBoards.h"
#include "compiler/build/Image.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace discoc;

namespace {
std::string node(const std::string &title, const std::string &bytes) {
  return "node: { title: \"" + title + "\" label: \"void " + title + "()\\nf.cpp:1:2\\n" + bytes +
         "\" }\n";
}
std::string other(const std::string &title) {
  return "node: { title: \"" + title + "\" label: \"" + title + "\\nf.h:1:2\" shape : ellipse }\n";
}
std::string edge(const std::string &from, const std::string &to) {
  return "edge: { sourcename: \"" + from + "\" targetname: \"" + to + "\" label: \"f.cpp:3:4\" }\n";
}

CallTable table() {
  CallTable t;
  t.thread = {"board_reset"};
  t.interrupts = {{"tick", "irq"}, {"fault"}};
  t.indirect["a.cpp"] = {"callback", "b.cpp:twice", "absent"};
  t.toolchains["gcc-"] = {100, {{"memcpy", 16}}};
  return t;
}

void expectFault(const CallGraph &graph, const std::string &part) {
  Diagnostics out;
  EXPECT_FALSE(graph.bound(table(), "gcc-", out));
  EXPECT_NE(toString(out).find(part), std::string::npos) << toString(out);
}
} // namespace

TEST(StackBound, PlainNames) {
  EXPECT_EQ(plainName("main"), "main");
  EXPECT_EQ(plainName("/x/packets.cpp:_ZN12_GLOBAL__N_14pumpEP13disco_packets"), "pump");
  EXPECT_EQ(plainName("_ZN10disco_impl3nowEPK10disco_node.isra.0"), "now");
  EXPECT_EQ(plainName("_ZN5disco9gemm_tileIfLi4ELi4EEEviPKT_iS3_iPS1_ib"), "gemm_tile");
  EXPECT_EQ(plainName("board_reset"), "board_reset");
}

TEST(StackBound, DeepestWayAndInterrupts) {
  CallGraph graph;
  graph.add(node("board_reset", "8 bytes (static)") + node("shallow", "40 bytes (static)") +
                node("deep", "20 bytes (dynamic,bounded)") + other("leaf") + other("memcpy") +
                edge("board_reset", "shallow") + edge("board_reset", "deep") +
                edge("deep", "leaf") + edge("deep", "memcpy"),
            "a.cpp");
  graph.add(node("leaf", "30 bytes (static)") + node("tick", "4 bytes (static)") +
                node("irq", "12 bytes (static)"),
            "b.cpp");
  Diagnostics out;
  auto bound = graph.bound(table(), "gcc-", out);
  ASSERT_TRUE(bound) << toString(out);
  EXPECT_EQ(bound->interrupts, 112); // the larger one of its level; nothing of the level of faults
  EXPECT_EQ(bound->bytes, 8 + 20 + 30 + 112);
  EXPECT_EQ(bound->path, (std::vector<std::string>{"board_reset", "deep", "leaf"}));
  EXPECT_EQ(graph.defined().count("leaf"), 1u);
  EXPECT_EQ(graph.defined().count("memcpy"), 0u);
}

TEST(StackBound, CallsThroughPointers) {
  CallGraph graph;
  graph.add(node("board_reset", "8 bytes (static)") + edge("board_reset", "__indirect_call"),
            "a.cpp");
  expectFault(graph, "board_reset in a.cpp calls through a pointer");
  graph.add(node("/x/b.cpp:twice", "50 bytes (static)"), "b.cpp");
  graph.add(node("/x/c.cpp:twice", "500 bytes (static)"), "c.cpp");
  Diagnostics out;
  auto bound = graph.bound(table(), "gcc-", out);
  ASSERT_TRUE(bound) << toString(out);
  EXPECT_EQ(bound->bytes, 58);
}

TEST(StackBound, WhatCannotBeBounded) {
  const std::string begin = node("board_reset", "8 bytes (static)");
  CallGraph unknown, loop, grows, empty;
  unknown.add(begin + other("qsort") + edge("board_reset", "qsort"), "a.cpp");
  expectFault(unknown, "board_reset calls qsort, and nobody has measured");
  loop.add(begin + node("f", "4 bytes (static)") + edge("board_reset", "f") + edge("f", "f"),
           "a.cpp");
  expectFault(loop, "f in a.cpp may call itself");
  grows.add(node("board_reset", "8 bytes (dynamic)"), "a.cpp");
  expectFault(grows, "no fixed size");
  expectFault(empty, "no function with which a program begins");
  Diagnostics out;
  EXPECT_FALSE(loop.bound(table(), "clang-", out));
  EXPECT_NE(toString(out).find("no library of clang-"), std::string::npos);
}

TEST(Image, PartsAndFunctions) {
  Diagnostics out;
  auto image = readImage("/proc/self/exe", out);
  ASSERT_TRUE(image) << toString(out);
  EXPECT_GT(image->parts["code"], 10000);
  EXPECT_GT(image->parts["data"], 0);
  EXPECT_EQ(image->parts["weights"], 0);
  EXPECT_NE(std::find(image->functions.begin(), image->functions.end(), "main"),
            image->functions.end());
  EXPECT_FALSE(readImage("/dev/null", out));
  EXPECT_FALSE(readImage("/nowhere", out));
  EXPECT_EQ(out.size(), 2u);
}

TEST(BuildBoards, NamesWhatInstallsAToolchain) {
  Manifest manifest;
  manifest.nodes.push_back({0, "node0", "mps2-an386", "node0", 0, 0, {{"arena", "ram", 0, true}}});
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  Diagnostics out;
  EXPECT_FALSE(findToolchains("/nowhere", manifest, out));
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(toString(out).find("arm-none-eabi-g++: is not installed"), std::string::npos);
  EXPECT_NE(toString(out).find("scripts/setup boards"), std::string::npos) << toString(out);
}
