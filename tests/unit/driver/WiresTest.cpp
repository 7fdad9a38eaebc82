//===- WiresTest.cpp - tests of the wires between emulators ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Wires.h"
#include "compiler/run/Scratch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace discoc;

namespace {
/// N nodes on links whose ports are named by number.
Cluster wired(int64_t nodes, const std::vector<std::vector<int64_t>> &links, const char *kind) {
  Cluster cluster = defaultCluster(nodes);
  std::vector<int> next(static_cast<size_t>(nodes));
  for (const auto &ends : links) {
    cluster.links.emplace_back();
    cluster.links.back().ends = ends;
    cluster.links.back().kind = findLinkKind(kind);
    for (int64_t end : ends)
      cluster.links.back().ports.push_back("p" + std::to_string(next[static_cast<size_t>(end)]++));
  }
  Diagnostics out;
  EXPECT_TRUE(planLinks(cluster, "c", out)) << toString(out);
  return cluster;
}

/// What comes within a second, `size` bytes at most.
std::string receive(int fd, size_t size) {
  std::string text;
  while (text.size() < size) {
    pollfd one = {fd, POLLIN, 0};
    char buffer[4096];
    if (poll(&one, 1, 1000) <= 0)
      break;
    const ssize_t n = read(fd, buffer, std::min(sizeof buffer, size - text.size()));
    if (n <= 0)
      break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

void put(int fd, const std::string &text) {
  ASSERT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// A frame with its length in front.
std::string frame(const char *to, const char *from, const std::string &payload) {
  std::string text = std::string(to, 6) + std::string(from, 6) + payload;
  const size_t size = text.size();
  return std::string({0, 0, static_cast<char>(size >> 8), static_cast<char>(size & 255)}) + text;
}

class WiresTest : public testing::Test {
protected:
  /// Opens all ends, which are then this test's own.
  void lay(const Cluster &cluster, const WireErrors &errors = {}) {
    wires.open(cluster, scratch.path(), errors);
    for (size_t rank = 0; rank < cluster.nodes.size(); ++rank)
      for (size_t port = 0; port < cluster.nodes[rank].ports.size(); ++port) {
        ends.push_back(dup(wires.handOut(static_cast<int64_t>(rank), port)));
        wires.given(static_cast<int64_t>(rank), port);
      }
    Diagnostics out;
    ASSERT_TRUE(wires.start(out)) << toString(out);
  }
  void TearDown() override {
    for (int fd : ends)
      close(fd);
  }

  Scratch scratch;
  Wires wires;
  std::vector<int> ends;
};
} // namespace

TEST_F(WiresTest, CarriesBothWaysAndCounts) {
  lay(wired(3, {{0, 1}, {1, 2}}, "uart"));
  // Ends by rank and port: 0, 1 to 0, 1 to 2, 2.
  put(ends[0], "hello");
  EXPECT_EQ(receive(ends[1], 5), "hello");
  put(ends[3], std::string(100000, 'x'));
  EXPECT_EQ(receive(ends[2], 100000), std::string(100000, 'x'));
  put(ends[2], "back");
  EXPECT_EQ(receive(ends[3], 4), "back");
  wires.stop();
  EXPECT_EQ(wires.count(0, 0).bytes, 5);
  EXPECT_EQ(wires.count(2, 0).bytes, 100000);
  EXPECT_EQ(wires.count(1, 1).bytes, 4);
  EXPECT_EQ(wires.count(1, 0).bytes, 0);
}

TEST_F(WiresTest, WaitsForWhoConnectsLater) {
  const Cluster cluster = wired(2, {{0, 1}}, "uart");
  wires.open(cluster, scratch.path(), {});
  ends.push_back(dup(wires.handOut(0, 0)));
  wires.given(0, 0);
  const std::string path = wires.path(1, 0);
  ASSERT_FALSE(path.empty());
  Diagnostics out;
  ASSERT_TRUE(wires.start(out));
  put(ends[0], "early");
  usleep(20000);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ends.push_back(fd);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
  put(ends[0], " and late");
  EXPECT_EQ(receive(fd, 14), "early and late");
}

TEST_F(WiresTest, OneEndLeaves) {
  lay(wired(2, {{0, 1}}, "uart"));
  close(ends[1]);
  ends[1] = dup(ends[0]);
  for (int i = 0; i < 50; ++i) { // a wire takes what nobody hears
    put(ends[0], std::string(4096, 'x'));
    usleep(500);
  }
}

TEST_F(WiresTest, DamagesAndDropsByTheSeed) {
  std::string heard[2];
  for (int turn = 0; turn < 2; ++turn) {
    Wires noisy;
    const Cluster cluster = wired(2, {{0, 1}}, "uart");
    noisy.open(cluster, scratch.path(), {0.01, 42});
    const int a = dup(noisy.handOut(0, 0)), b = dup(noisy.handOut(1, 0));
    noisy.given(0, 0);
    noisy.given(1, 0);
    Diagnostics out;
    ASSERT_TRUE(noisy.start(out));
    put(a, std::string(50000, 'x'));
    heard[turn] = receive(b, 50000);
    noisy.stop();
    const Wires::Count count = noisy.count(0, 0);
    EXPECT_EQ(static_cast<int64_t>(heard[turn].size()), count.bytes - count.dropped);
    EXPECT_EQ(std::count(heard[turn].begin(), heard[turn].end(), 'x'),
              count.bytes - count.dropped - count.damaged);
    EXPECT_NEAR(static_cast<double>(count.dropped + count.damaged), 500, 120);
    EXPECT_GT(count.dropped, 100);
    EXPECT_GT(count.damaged, 100);
    close(a);
    close(b);
  }
  EXPECT_EQ(heard[0], heard[1]);
}

TEST_F(WiresTest, SwitchesFramesByAddress) {
  lay(wired(3, {{0, 1, 2}}, "ethernet"));
  const std::string hello = frame("zzzzzz", "aaaaaa", "hello to all");
  put(ends[0], hello.substr(0, 7)); // in pieces
  usleep(5000);
  put(ends[0], hello.substr(7));
  EXPECT_EQ(receive(ends[1], hello.size()), hello); // nobody knows zzzzzz
  EXPECT_EQ(receive(ends[2], hello.size()), hello);
  const std::string answer = frame("aaaaaa", "bbbbbb", "answer"),
                    after = frame("zzzzzz", "bbbbbb", "");
  put(ends[1], answer + after);
  EXPECT_EQ(receive(ends[0], answer.size() + after.size()), answer + after);
  EXPECT_EQ(receive(ends[2], after.size()), after); // the answer went to aaaaaa alone
  wires.stop();
  EXPECT_EQ(wires.count(0, 0).frames, 1);
  EXPECT_EQ(wires.count(1, 0).frames, 2);
  EXPECT_EQ(wires.count(0, 0).bytes, static_cast<int64_t>(hello.size()) - 4);
}
