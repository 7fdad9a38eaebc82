//===- DeskSessionTest.cpp - tests of the desk's answers ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/DeskSession.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Scratch.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/CRC.h"
#include <gtest/gtest.h>

#include <optional>

using namespace discoc;

namespace {
std::string word(uint32_t value) {
  std::string text;
  for (int i = 0; i < 4; ++i)
    text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

std::string sealed(std::string packet) {
  return packet +
         word(llvm::crc32({reinterpret_cast<const uint8_t *>(packet.data()), packet.size()}));
}

/// COBS of less than 254 bytes, with the zero behind it.
std::string framed(const std::string &packet) {
  std::string frame, block;
  for (char c : packet + '\0') {
    if (c) {
      block += c;
      continue;
    }
    frame += static_cast<char>(block.size() + 1) + block;
    block.clear();
  }
  return frame + '\0';
}

class DeskSessionTest : public testing::Test {
protected:
  DeskSessionTest()
      : session(scratch.path(), std::string(130, 'a') + "end",
                {[this](const DeskProgram &p) { program = p; }, [] {},
                 [this](const std::string &line) { lines.push_back(line); },
                 [this](int code) { ended = code; }}) {}

  std::string take(const std::string &bytes) { return session.take(bytes.data(), bytes.size()); }
  std::string request(char what, uint8_t sequence, uint32_t number, const std::string &data = "",
                      char handle = 0) {
    return framed(
        sealed(std::string{what, static_cast<char>(sequence), handle, 0} + word(number) + data));
  }
  static std::string answer(char what, uint8_t sequence, uint32_t number,
                            const std::string &data = "") {
    return framed(
        sealed(std::string{static_cast<char>(what | 0x80), static_cast<char>(sequence), 0, 0} +
               word(number) + data));
  }

  Scratch scratch;
  DeskSession session;
  std::optional<DeskProgram> program;
  std::vector<std::string> lines;
  std::optional<int> ended;
};
} // namespace

TEST_F(DeskSessionTest, HandsOutTheCommandLine) {
  EXPECT_EQ(take(request('C', 1, 0)), ""); // of a program that another desk greeted
  take(request('H', 2, 1));
  EXPECT_EQ(take(request('C', 1, 0)), answer('C', 1, 0, std::string(128, 'a')));
  EXPECT_EQ(take(request('C', 2, 128)), answer('C', 2, 0, "aaend"));
  EXPECT_EQ(take(request('C', 3, 1000)), answer('C', 3, 0));
}

TEST_F(DeskSessionTest, KnowsTheProgram) {
  take(request('H', 1, 1, word(3) + word(4) + std::string(16, '\x1f')));
  ASSERT_TRUE(program);
  EXPECT_EQ(program->rank, 3);
  EXPECT_EQ(program->nodes, 4);
  EXPECT_EQ(program->buildHash, "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f");
}

TEST_F(DeskSessionTest, AnswersAgainAndDoesNothingTwice) {
  EXPECT_EQ(take(request('O', 1, 5, "o")), answer('O', 1, 0));
  const std::string write = request('W', 2, 3, std::string("a\0b", 3));
  EXPECT_EQ(take(write), answer('W', 2, 3));
  EXPECT_EQ(take(write), answer('W', 2, 3));
  Diagnostics out;
  EXPECT_EQ(readText(scratch.path() + "/o", out), std::string("a\0b", 3));
  EXPECT_EQ(take(request('O', 3, 1, "o")), answer('O', 3, 1));
  EXPECT_EQ(take(request('S', 4, 0, "", 1)), answer('S', 4, 3));
  EXPECT_EQ(take(request('K', 5, 1, "", 1)), answer('K', 5, 0));
  EXPECT_EQ(take(request('R', 6, 9, "", 1)), answer('R', 6, 2, std::string("\0b", 2)));
  EXPECT_EQ(take(request('X', 7, 0, "", 1)), answer('X', 7, 0));
  EXPECT_EQ(take(request('R', 8, 9, "", 1)), answer('R', 8, 0xffffffff));
}

TEST_F(DeskSessionTest, AnswersNoNextProgramOnceItIsClosed) {
  EXPECT_EQ(take(request('H', 1, 1)), answer('H', 1, 0));
  session.close();
  EXPECT_EQ(take(request('E', 2, 0)), answer('E', 2, 0)); // the answer may have been lost
  EXPECT_EQ(take(request('H', 1, 1)), "");
}

TEST_F(DeskSessionTest, OpensFilesOfItsFolderAlone) {
  uint8_t sequence = 0;
  for (const char *name : {"../o", "/etc/passwd", "", ".o", "a/b", "absent"}) {
    ++sequence;
    EXPECT_EQ(take(request('O', sequence, 1, name)), answer('O', sequence, 0xffffffff)) << name;
  }
}

TEST_F(DeskSessionTest, TakesNothingThatIsDamaged) {
  std::string damaged = request('E', 1, 3);
  damaged[3] = 0x55;
  EXPECT_EQ(take(damaged), "");
  EXPECT_EQ(take(std::string(5000, 'x') + '\0' + std::string(3, '\0')), "");
  EXPECT_FALSE(ended);
  EXPECT_EQ(take(request('P', 2, 0, "two\nlin")), answer('P', 2, 0));
  take(request('P', 3, 0, "es\n"));
  EXPECT_EQ(lines, (std::vector<std::string>{"two", "lines"}));
  take(request('E', 4, 3));
  EXPECT_EQ(ended, 3);
}

TEST_F(DeskSessionTest, PassesOnWhatComesFromBehind) {
  std::string packet;
  int64_t rank = 0;
  DeskSession other(scratch.path(), "shard --json",
                    {[](const DeskProgram &) {}, [] {}, [](const std::string &) {}, [](int) {}});
  DeskSession relay(scratch.path(), "",
                    {[](const DeskProgram &) {}, [] {}, [](const std::string &) {}, [](int) {},
                     [&](int64_t from, const std::string &asked) {
                       rank = from;
                       packet = asked;
                       return from == 2 ? other.answer(asked) : std::string();
                     }});
  other.answer(std::string("H\x04\0\0", 4) + word(1));
  const std::string inner = std::string("C\x05\x07\0", 4) + word(6), // seven bytes from the sixth
      frame = request('V', 0, 2, inner);
  EXPECT_EQ(relay.take(frame.data(), frame.size()),
            answer('V', 0, 2, std::string("\xc3\x05\0\0", 4) + word(0) + "--json"));
  EXPECT_EQ(rank, 2);
  EXPECT_EQ(packet, inner);
  const std::string unknown = request('V', 1, 3, inner), cut = request('V', 2, 2, "C");
  EXPECT_EQ(relay.take(unknown.data(), unknown.size()), "");
  EXPECT_EQ(relay.take(cut.data(), cut.size()), "");
  EXPECT_EQ(take(request('V', 3, 2, inner)), ""); // nobody is behind
}
