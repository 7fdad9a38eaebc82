//===- TraceTest.cpp - notes, traces and their files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/trace/TraceFile.h"
#include "compiler/trace/TraceText.h"
#include "runtime_stub/disco_note.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace discoc;

namespace {

constexpr const char *hash = "000102030405060708090a0b0c0d0e0f";
constexpr int64_t capacity = 16;

/// Two nodes: 0 computes "a" and sends message 7, of which 1 computes "b".
struct Model {
  Report report;
  Manifest manifest;

  Model() {
    report.model = "tiny";
    report.buildHash = manifest.buildHash = hash;
    for (int64_t rank : {0, 1}) {
      NodeReport &node = report.nodes.emplace_back();
      node.rank = rank;
      node.name = "node" + std::to_string(rank);
      node.noteCount = capacity;
      node.noteBytes = static_cast<int64_t>(disco_notes_bytes(capacity));
    }
    using Kind = StepReport::Kind;
    report.nodes[0].steps = {
        {Kind::Compute, 1, "a", -1}, {Kind::Send, 2, "", 7}, {Kind::Flush, 3, "", 7}};
    report.nodes[1].steps = {{Kind::Wait, 4, "", 7}, {Kind::Compute, 5, "b", -1}};
    report.nodes[1].buffers = {{"b", "tensor", 0, 640, 4, 5}};
    ManifestMessage message{7, 0, 1, 64, false, {}};
    message.routes.push_back({"a", ManifestRoute::Kind::Feature, 1, IndexSet::range(0, 8), 64});
    manifest.messages = {message};
  }
};

/// The ring of a program that notes what it is told, by a clock of its own.
class Ring {
public:
  explicit Ring(uint32_t rank, uint64_t clock) : bytes_(disco_notes_bytes(capacity)) {
    disco_notes &notes = *this->notes();
    std::memcpy(notes.magic, DISCO_NOTES_MAGIC, 8);
    notes.version = DISCO_NOTES_VERSION;
    notes.rank = rank;
    notes.nodes = 2;
    notes.capacity = capacity;
    for (uint8_t i = 0; i < 16; ++i)
      notes.build_hash[i] = i;
    notes.clock_id = clock;
    notes.ticks_per_second = 1'000'000'000;
  }
  void note(uint32_t step, uint64_t start, uint64_t end, uint32_t inference = 0) {
    disco_notes &notes = *this->notes();
    notes.at[notes.written++ % capacity] = {start, end, step, inference};
  }
  std::string bytes() const { return {bytes_.begin(), bytes_.end()}; }

private:
  disco_notes *notes() { return reinterpret_cast<disco_notes *>(bytes_.data()); }
  std::vector<char> bytes_;
};

std::string said(const Diagnostics &faults) { return toString(faults); }

NodeNotes read(const Model &model, const Ring &ring, size_t rank) {
  Diagnostics faults;
  auto notes = parseNotes(ring.bytes(), "notes", model.report, model.report.nodes[rank], faults);
  EXPECT_TRUE(notes) << said(faults);
  return notes.value_or(NodeNotes());
}

/// Two inferences; node 1's clock is 5 s ahead of node 0's.
Trace measured(const Model &model, uint64_t clock = 9) {
  const uint64_t ahead = clock ? 0 : 5'000'000'000;
  Ring first(0, clock), second(1, clock);
  for (uint32_t i : {0U, 1U}) {
    const uint64_t t = 1'000'000 + 1000 * i, u = t + ahead;
    first.note(1, t + 10, t + 100, i);
    first.note(2, t + 110, t + 120, i);
    first.note(3, t + 120, t + 125, i);
    first.note(DISCO_NOTE_END, t + 125, t + 126, i);
    first.note(DISCO_NOTE_INFERENCE, t, t + 127, i);
    second.note(4, u + 5, u + 150, i);
    second.note(5, u + 151, u + 300 + 10 * i, i);
    second.note(DISCO_NOTE_END, u + 320, u + 321, i);
    second.note(DISCO_NOTE_INFERENCE, u + 1, u + 322, i);
  }
  return measuredTrace(model.report, model.manifest,
                       {read(model, first, 0), read(model, second, 1)});
}

TEST(Notes, TheLatestOfARingAreThere) {
  const Model model;
  Ring ring(0, 1);
  for (uint64_t i = 0; i < 20; ++i)
    ring.note(1, 100 + 10 * i, 105 + 10 * i, static_cast<uint32_t>(i));
  const NodeNotes notes = read(model, ring, 0);
  EXPECT_EQ(notes.lost, 4);
  ASSERT_EQ(notes.notes.size(), 16U);
  EXPECT_EQ(notes.notes.front().inference, 4);
  EXPECT_EQ(notes.notes.back().inference, 19);
}

TEST(Notes, WhatIsNotOfThisBuildIsRefused) {
  const Model model;
  const std::string good = Ring(0, 1).bytes();
  auto refused = [&](size_t at, char value, size_t cut = 0) {
    std::string bytes = good.substr(0, good.size() - cut);
    bytes[at] = value;
    Diagnostics faults;
    EXPECT_FALSE(parseNotes(bytes, "notes", model.report, model.report.nodes[0], faults));
    return said(faults);
  };
  EXPECT_NE(refused(0, 'x').find("is no file of a traced program's notes"), std::string::npos);
  EXPECT_NE(refused(8, 2).find("has version 2 of notes"), std::string::npos);
  EXPECT_NE(refused(24, 9).find("is of build 0901"), std::string::npos);
  EXPECT_NE(refused(12, 1).find("is damaged"), std::string::npos);
  EXPECT_NE(refused(8, 1, 1).find("is damaged"), std::string::npos);
}

TEST(Notes, DamageIsADiagnosticOrHarmless) {
  const Model model;
  Ring ring(0, 1);
  for (uint64_t i = 0; i < 20; ++i)
    ring.note(1, 100 + 10 * i, 105 + 10 * i);
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = ring.bytes();
    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    bytes.resize(random() % 4 ? bytes.size() : random() % bytes.size());
    Diagnostics faults;
    auto notes = parseNotes(bytes, "notes", model.report, model.report.nodes[0], faults);
    EXPECT_EQ(notes.has_value(), faults.empty());
    if (notes)
      (void)measuredTrace(model.report, model.manifest, {*notes});
  }
}

TEST(Trace, MessagesJoinTheirEnds) {
  const Model model;
  for (uint64_t clock : {9U, 0U}) {
    const Trace trace = measured(model, clock);
    int transfers = 0;
    for (const TraceEvent &event : trace.events)
      if (event.kind == TraceEvent::Kind::Transfer) {
        ++transfers;
        EXPECT_LE(event.startNs, event.endNs);
        EXPECT_EQ(event.bytes, 64);
      }
    EXPECT_EQ(transfers, 2);
    EXPECT_EQ(trace.nodes[1].isOpen, clock == 0); // nothing goes back to node 0
    EXPECT_EQ(trace.events.front().startNs, 0);
  }
}

TEST(Trace, FileSaysTheSame) {
  const Model model;
  const Trace trace = measured(model);
  Diagnostics faults;
  const auto again = parseTrace(traceBytes(trace, model.report, model.manifest), "t", faults);
  ASSERT_TRUE(again) << said(faults);
  EXPECT_EQ(again->buildHash, hash);
  EXPECT_EQ(traceJson(*again), traceJson(trace));
  ASSERT_EQ(again->events.size(), trace.events.size());
  EXPECT_EQ(traceBytes(*again, model.report, model.manifest),
            traceBytes(trace, model.report, model.manifest));
}

TEST(Trace, DamagedFilesAreDiagnosticsOrHarmless) {
  const Model model;
  const std::string good = traceBytes(measured(model), model.report, model.manifest);
  std::mt19937 random(5);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = good;
    for (int flips = 1 + static_cast<int>(random() % 3); flips; --flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    bytes.resize(random() % 4 ? bytes.size() : random() % bytes.size());
    Diagnostics faults;
    auto trace = parseTrace(bytes, "t", faults);
    EXPECT_EQ(trace.has_value(), faults.empty());
    if (trace) {
      (void)traceText(*trace, 10);
      (void)traceJson(*trace);
      (void)medianInference(*trace);
    }
  }
}

TEST(Trace, OtherFilesAreRefused) {
  Diagnostics faults;
  EXPECT_FALSE(parseTrace("", "empty", faults));
  EXPECT_FALSE(parseTrace("no protobuf at all", "text", faults));
  EXPECT_NE(said(faults).find("empty: is a trace that discoc did not write"), std::string::npos);
  EXPECT_NE(said(faults).find("text: is no trace"), std::string::npos);
}

TEST(Trace, LayersWaitsAndTheMedian) {
  const Model model;
  const Trace trace = measured(model);
  const TraceSummary summary = summarise(trace);
  EXPECT_EQ(summary.inferences, 2);
  EXPECT_EQ(summary.leastNs, 322);
  ASSERT_EQ(summary.late.size(), 1U);
  EXPECT_EQ(summary.late.front().from, 0);
  EXPECT_EQ(summary.late.front().op, "b");
  EXPECT_EQ(summary.late.front().totalNs, 290);
  for (const LayerTimes &layer : summary.layers)
    if (layer.op == "b" && layer.node == 1) {
      EXPECT_EQ(layer.leastNs, 149);
      EXPECT_EQ(layer.mostNs, 159);
      EXPECT_EQ(layer.waitingNs, 290);
    }
  const auto median = medianInference(trace);
  ASSERT_TRUE(median);
  EXPECT_EQ(median->latencyNs, 322);
  EXPECT_EQ(median->events.size(),
            5U); // two ops, a message, a wait for it, and one until it has left
}

/// What is said of a run whose first node ended inference 3, and whose second noted a step of it.
static std::vector<std::string> standingsWith(uint32_t step, uint64_t begin, uint64_t end) {
  const Model model;
  Ring first(0, 1), second(1, 1);
  first.note(1, 10, 20, 3);
  first.note(Note::inferenceStep, 10, 30, 3);
  second.note(step, begin, end, 3);
  return standings(
      measuredTrace(model.report, model.manifest, {read(model, first, 0), read(model, second, 1)}),
      model.manifest);
}

TEST(Trace, WhereANodeStood) {
  EXPECT_EQ(standingsWith(4, 12, 0),
            (std::vector<std::string>{
                "rank 1 was in inference 3 at layer \"b\": waiting for message 7 from rank 0"}));
}

TEST(Trace, WhereANodeStoodBetweenTwoSteps) {
  EXPECT_EQ(standingsWith(5, 12, 15),
            (std::vector<std::string>{"rank 1 was in inference 3 after layer \"b\""}));
}

TEST(Trace, PlansHaveTheSameWriter) {
  Model model;
  Diagnostics faults;
  EXPECT_FALSE(plannedTrace(model.report, model.manifest, faults));
  Events &events = model.report.schedule.emplace();
  events.events = {{ScheduleEvent::Kind::Compute, 0, 0, 1, "a", -1, -1, 0, 0, 100},
                   {ScheduleEvent::Kind::Wait, 1, 0, 4, "", 7, -1, 0, 0, 150},
                   {ScheduleEvent::Kind::Transfer, 0, 0, -1, "a", 7, 1, 64, 100, 150},
                   {ScheduleEvent::Kind::Compute, 1, 0, 5, "b", -1, -1, 0, 150, 300}};
  faults.clear();
  const auto planned = plannedTrace(model.report, model.manifest, faults);
  ASSERT_TRUE(planned) << said(faults);
  const auto again = parseTrace(traceBytes(*planned, model.report, model.manifest), "t", faults);
  ASSERT_TRUE(again) << said(faults);
  EXPECT_EQ(again->source, Events::Source::Computed);
  EXPECT_EQ(again->events.size(), 4U);
}

} // namespace
