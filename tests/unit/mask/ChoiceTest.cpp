//===- ChoiceTest.cpp - which columns go, and how far a budget reaches ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Budget.h"
#include "compiler/mask/Pieces.h"

#include <Eigen/LU>
#include <gtest/gtest.h>

using namespace discoc::mask;

/// One row that reads some channels, all of them candidates.
static Reader readerOf(const Matrix &gram, const Matrix &weights, std::vector<int64_t> channels,
                       int64_t taps = 1) {
  return {gram.inverse(), weights, std::move(channels), taps};
}

static std::vector<int64_t> channelsOf(const std::vector<Loss> &order) {
  std::vector<int64_t> channels;
  for (const Loss &loss : order)
    channels.push_back(loss.channel);
  return channels;
}

TEST(Elimination, TheLeastErrorGoesFirst) {
  Matrix weights(1, 3);
  weights << 3, 1, 2;
  std::vector<Reader> readers{readerOf(Matrix::Identity(3, 3), weights, {4, 5, 9})};
  const std::vector<Loss> order = eliminate(readers, {4, 5, 9});
  EXPECT_EQ(channelsOf(order), (std::vector<int64_t>{5, 9, 4}));
  EXPECT_NEAR(order[0].error, 1, 1e-9);
  EXPECT_NEAR(order[2].error, 9, 1e-9);
}

TEST(Elimination, WhatAnotherColumnCanStandInForIsMissedLeast) {
  // Columns 0 and 1 see nearly the same: each can stand in for the other, but not both can go.
  Matrix gram(3, 3), weights(1, 3);
  gram << 1, 0.999, 0, 0.999, 1, 0, 0, 0, 1;
  weights << 1, 1, 0.5;
  std::vector<Reader> readers{readerOf(gram, weights, {0, 1, 2})};
  const std::vector<Loss> order = eliminate(readers, {0, 1, 2});
  EXPECT_LT(order[0].error, 0.01);
  EXPECT_EQ(order[1].channel, 2);
  EXPECT_GT(order[2].error, 3); // by then it does the work of both
}

TEST(Elimination, ReadersOfOneTensorAreAsked) {
  Matrix first(1, 2), second(1, 2);
  first << 1, 2;
  second << 5, 0;
  std::vector<Reader> readers{readerOf(Matrix::Identity(2, 2), first, {0, 1}),
                              readerOf(Matrix::Identity(2, 2), second, {0, 1})};
  EXPECT_EQ(channelsOf(eliminate(readers, {0, 1})), (std::vector<int64_t>{1, 0}));
}

TEST(Elimination, TapsGoTogether) {
  Matrix weights(1, 4);
  weights << 1, 1, 0, 1.1;
  std::vector<Reader> readers{readerOf(Matrix::Identity(4, 4), weights, {0, 1}, 2)};
  const std::vector<Loss> order = eliminate(readers, {0, 1});
  EXPECT_EQ(order[0].channel, 1);
  EXPECT_NEAR(order[0].error, 1.21, 1e-9);
}

TEST(Budget, BytesAreSpentWhereTheyHelpMost) {
  // The same errors: what costs four times the bytes goes first.
  const std::vector<Offer> offers{{{{0, 1}, {1, 2}}, 100}, {{{0, 1}, {1, 2}}, 400}};
  EXPECT_EQ(spend(offers, 1000), (std::vector<size_t>{0, 0}));
  EXPECT_EQ(spend(offers, 999), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(spend(offers, 300), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(spend(offers, 199), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(spend(offers, 0), (std::vector<size_t>{2, 2}));
}

TEST(Budget, AChannelBehindADearOneWaitsForIt) {
  // The cheap second channel of offer 0 only goes after its first: both cost 5.5 on average.
  const std::vector<Offer> offers{{{{0, 10}, {1, 1}}, 1}, {{{0, 5}}, 1}};
  EXPECT_EQ(spend(offers, 2), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(spend(offers, 0), (std::vector<size_t>{2, 1}));
}

TEST(Pieces, AreCutAtContractions) {
  using discoc::importer::Graph, discoc::importer::Op;
  auto op = [](const char *type, std::vector<std::string> inputs, const char *output) {
    Op made;
    made.name = output;
    made.type = type;
    made.inputs = std::move(inputs);
    made.outputs = {output};
    return made;
  };
  Graph graph;
  graph.inputs.resize(1);
  graph.inputs[0].name = "x";
  graph.outputs.resize(1);
  graph.outputs[0].name = "z";
  graph.ops = {op("Neg", {"x"}, "n"),     op("Conv", {"n", "w"}, "a"),
               op("Relu", {"a"}, "r"),    op("Conv", {"r", "v"}, "b"),
               op("Shape", {"r"}, "s"),   op("Reshape", {"b", "s"}, "c"),
               op("Add", {"c", "r"}, "z")};
  const Pieces pieces(graph, {1, 3});
  EXPECT_EQ(pieces.count(), 3);
  EXPECT_EQ(pieces.inputsOf(1), (std::vector<std::string>{"n"}));
  EXPECT_EQ(pieces.outputsOf(0), (std::vector<std::string>{"n"}));
  EXPECT_EQ(pieces.outputsOf(1), (std::vector<std::string>{"r"}));
  EXPECT_EQ(pieces.inputsOf(2), (std::vector<std::string>{"r"}));
  EXPECT_EQ(pieces.outputsOf(2), (std::vector<std::string>{"z"}));
  EXPECT_EQ(pieces.shapes(), (std::set<std::string>{"s"}));
}
