//===- wires_test.cpp - host programs over wires and TCP together ---------===//
// SPDX-License-Identifier: Apache-2.0

#include "host/session.h"
#include "host/wires.h"
#include "npy_file.h"
#include "transport/serial.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

// A ring of three nodes: 4000 bytes go from 0 to 1, to 2, and back to 0; each adds one. 0 and 1
// know each other by TCP, the others by wires.
constexpr uint32_t bytes = 4000;
const disco_message messages[3][2] = {{{1, 1, 0, bytes}, {3, 2, 1, bytes}},
                                      {{2, 2, 0, bytes}, {1, 0, 1, bytes}},
                                      {{3, 0, 0, bytes}, {2, 1, 1, bytes}}};

int infer(disco_node *node, const void *const *, void *const *) {
  static uint8_t data[bytes];
  const bool first = node->program->rank == 0;
  for (uint32_t i = 0; i < bytes && first; ++i)
    data[i] = static_cast<uint8_t>(i * 7 + node->sequence);
  int code = disco_begin(node);
  if (!code && first)
    code = disco_send(node, 0, data);
  if (!code && first)
    code = disco_flush(node, 0);
  if (!code)
    code = disco_post(node, 1, data);
  if (!code)
    code = disco_wait(node, 1);
  for (uint32_t i = 0; i < bytes && !code; ++i)
    if (first && data[i] != static_cast<uint8_t>(i * 7 + node->sequence + 1))
      return DISCO_ERR_ABORTED;
  for (uint8_t &b : data)
    ++b;
  if (!code && !first)
    code = disco_send(node, 0, data);
  return code ? code : disco_end(node);
}

const uint64_t dims[] = {1};
const disco_tensor_info input = {"x", DISCO_U8, 1, dims, 1};

disco_program program(uint32_t rank) {
  disco_program p = {};
  p.model = "ring";
  p.rank = rank;
  p.nodes = 3;
  p.build_hash[0] = 9;
  p.messages = messages[rank];
  p.message_count = 2;
  p.inputs = &input;
  p.input_count = rank == 0;
  p.infer = infer;
  return p;
}

class Wires : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "wires_" + std::to_string(getpid());
    ASSERT_EQ(system(("mkdir -p " + folder).c_str()), 0);
    uint8_t one = 1;
    ASSERT_EQ(write_npy(folder + "/x.npy", DISCO_U8, {1}, &one, 1), "");
    // The system finds free ports; the next moment they are used.
    for (uint16_t &port : ports) {
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in a = {};
      a.sin_family = AF_INET;
      a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof a;
      ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&a), size), 0);
      ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&a), &size), 0);
      port = ntohs(a.sin_port);
      close(fd);
    }
  }
  void TearDown() override { (void)!system(("rm -r " + folder).c_str()); }

  int node(uint32_t rank, std::vector<std::string> more) {
    static const disco_hop hops[3][3] = {{{0xff, 0}, {0xff, 0}, {0, 2}},
                                         {{0xff, 0}, {0xff, 0}, {0, 2}},
                                         {{0, 0}, {1, 1}, {0xff, 0}}};
    static const char *const names[] = {"uart1", "uart2"};
    static const uint32_t bauds[] = {115200, 115200};
    disco_host_wires wires = {names, rank == 2 ? 2u : 1u, hops[rank], 56, 8, 0, 20000, 576, bauds};
    std::vector<std::string> args = {"shard", "--json"};
    std::string at = "127.0.0.1:" + std::to_string(ports[0]),
                wire = "127.0.0.1:" + std::to_string(ports[1]), path = folder + "/wire";
    if (rank == 0)
      args.insert(args.end(), {"--listen", at, "--wire", "uart1=unix-listen:" + path, "--input",
                               "x=" + folder + "/x.npy"});
    else if (rank == 1)
      args.insert(args.end(), {"--peer", "0=" + at, "--wire", "uart1=tcp-listen:" + wire});
    else
      args.insert(args.end(), {"--wire", "uart1=unix:" + path, "--wire", "uart2=tcp:" + wire});
    args.insert(args.end(), more.begin(), more.end());
    std::vector<char *> argv;
    for (std::string &a : args)
      argv.push_back(&a[0]);
    disco_program p = program(rank);
    return disco_host_main_wired(static_cast<int>(argv.size()), argv.data(), &p, nullptr, &wires);
  }

  pid_t start(uint32_t rank, std::vector<std::string> more = {}) {
    pid_t pid = fork();
    if (pid == 0) {
      (void)!freopen((folder + "/out" + std::to_string(rank)).c_str(), "w", stdout);
      (void)!freopen((folder + "/err" + std::to_string(rank)).c_str(), "w", stderr);
      int code = node(rank, std::move(more));
      fflush(nullptr);
      _exit(code);
    }
    return pid;
  }

  std::string text(const std::string &name) {
    std::string path = folder + "/" + name, all;
    FILE *f = fopen(path.c_str(), "r");
    for (int c = 0; f && (c = fgetc(f)) != EOF;)
      all += static_cast<char>(c);
    if (f)
      fclose(f);
    return all;
  }

  static int wait(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  std::string folder;
  uint16_t ports[2] = {};
};

TEST_F(Wires, TcpAndWiresTogetherInAnyOrder) {
  const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
  for (const auto &order : orders) {
    pid_t pids[3];
    for (uint32_t rank : order) {
      pids[rank] = start(rank, rank == 0 ? std::vector<std::string>{"--repeat", "50"}
                                         : std::vector<std::string>{});
      usleep(100000);
    }
    for (uint32_t rank = 0; rank < 3; ++rank)
      EXPECT_EQ(wait(pids[rank]), 0) << text("err" + std::to_string(rank));
    EXPECT_NE(text("out2").find("\"streams\":[{\"rank\":0,"), std::string::npos) << text("out2");
    EXPECT_NE(text("out0").find("\"damaged\":0"), std::string::npos) << text("out0");
  }
}

TEST_F(Wires, ALostNodeIsNamed) {
  pid_t pids[3];
  for (uint32_t rank = 0; rank < 3; ++rank)
    pids[rank] = start(rank, rank == 0 ? std::vector<std::string>{"--repeat", "1000000"}
                                       : std::vector<std::string>{"--deadline-ms", "3000"});
  usleep(1000000);
  kill(pids[2], SIGKILL);
  EXPECT_EQ(wait(pids[2]), 1000 + SIGKILL);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(wait(pids[rank]), DISCO_EXIT_FAILED);
    EXPECT_NE(text("out" + std::to_string(rank)).find("\"failed_rank\":2"), std::string::npos)
        << text("out" + std::to_string(rank));
  }
}

TEST_F(Wires, WrongOptions) {
  struct {
    std::vector<std::string> more;
    const char *message;
  } const cases[] = {
      {{"--wire", "eth0=unix:x"}, "--wire eth0=unix:x: not PORT=ADDRESS with a port of this node"},
      {{"--wire", "uart1=/dev/null"}, "wire /dev/null: "},
      {{"--wire", "uart1=/dev/tty@12"}, "no speed that a tty here has"},
      {{"--wire", "uart1=unix-listen:/nowhere/at/all"}, "No such file or directory"},
  };
  for (const auto &c : cases) {
    EXPECT_EQ(wait(start(2, c.more)), DISCO_EXIT_USAGE) << c.message;
    EXPECT_NE(text("err2").find(c.message), std::string::npos) << text("err2");
  }
}

} // namespace
