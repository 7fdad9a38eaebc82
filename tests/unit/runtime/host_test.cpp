//===- host_test.cpp - the main programs, in processes of their own -------===//
// SPDX-License-Identifier: Apache-2.0

#include "host/host_main.h"
#include "host/inproc_main.h"
#include "mesh.h"
#include "npy_file.h"

#include <arpa/inet.h>
#include <fstream>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sstream>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

// A model of two inputs, "a" (2x3) and "b" (scalar), and two outputs: node 1 makes a + 1, node 0
// adds b; node 0 returns "y/0" = a + 1 + b and "n" = a[0] + b, a scalar.
const uint64_t dimsA[] = {2, 3};
const disco_tensor_info inputs[] = {{"a", DISCO_F32, 2, dimsA, 24},
                                    {"b", DISCO_F32, 0, nullptr, 4}};
const disco_tensor_info outputs[] = {{"y/0", DISCO_F32, 2, dimsA, 24},
                                     {"n", DISCO_F32, 0, nullptr, 4}};
const disco_message messages0[] = {{7, 1, 0, 24}, {9, 1, 1, 24}};
const disco_message messages1[] = {{7, 0, 1, 24}, {9, 0, 0, 24}};

int infer0(disco_node *node, const void *const *in, void *const *out) {
  static float back[6];
  int code = disco_begin(node);
  if (!code)
    code = disco_post(node, 1, back);
  if (!code)
    code = disco_send(node, 0, in[0]);
  if (!code)
    code = disco_wait(node, 1);
  if (code)
    return code;
  float b = *static_cast<const float *>(in[1]), *y = static_cast<float *>(out[0]);
  for (int i = 0; i < 6; ++i)
    y[i] = back[i] + b;
  *static_cast<float *>(out[1]) = static_cast<const float *>(in[0])[0] + b;
  return disco_end(node);
}

int diesInInference = 0; // node 1, once it has been given its share: the one before is done then

int infer1(disco_node *node, const void *const *, void *const *) {
  static float x[6];
  static int times = 0;
  int code = disco_begin(node);
  if (!code)
    code = disco_post(node, 0, x);
  if (!code)
    code = disco_wait(node, 0);
  if (++times == diesInInference)
    kill(getpid(), SIGKILL);
  for (float &f : x)
    f += 1;
  if (!code)
    code = disco_send(node, 1, x);
  return code ? code : disco_end(node);
}

const disco_program program0 = {"toy", 0,       2, {1, 2, 3}, messages0, 2,     inputs,
                                2,     outputs, 2, 0,         0,         infer0};
// y = 2 b, alone.
int inferAlone(disco_node *node, const void *const *in, void *const *out) {
  *static_cast<float *>(out[0]) = 2 * *static_cast<const float *>(in[0]);
  int code = disco_begin(node);
  return code ? code : disco_end(node);
}

const disco_tensor_info outputAlone = {"b ", DISCO_F32, 0, nullptr, 4};
const disco_program alone = {"alone",      0, 1, {1, 2, 3}, nullptr,   0, inputs + 1, 1,
                             &outputAlone, 1, 0, 0,         inferAlone};

// Dies when the second inference begins.
int inferAndDie(disco_node *node, const void *const *in, void *const *out) {
  static int times = 0;
  if (++times == 2)
    kill(getpid(), SIGKILL);
  return infer1(node, in, out);
}

// Alone, and dies in the third inference.
int inferAloneAndDie(disco_node *node, const void *const *in, void *const *out) {
  static int times = 0;
  if (++times == 3)
    kill(getpid(), SIGKILL);
  return inferAlone(node, in, out);
}

const disco_program dyingAlone = {"alone",      0, 1, {1, 2, 3}, nullptr,         0, inputs + 1, 1,
                                  &outputAlone, 1, 0, 0,         inferAloneAndDie};

const disco_program dying = {"toy", 1,       2, {1, 2, 3}, messages1, 2,          nullptr,
                             0,     nullptr, 0, 0,         0,         inferAndDie};

const disco_program program1 = {"toy", 1,       2, {1, 2, 3}, messages1, 2,     nullptr,
                                0,     nullptr, 0, 0,         0,         infer1};

// Node 0 is given "a", node 1 returns it as "z".
const disco_message message0[] = {{7, 1, 0, 24}}, message1[] = {{7, 0, 1, 24}};
const disco_tensor_info outputAway = {"z", DISCO_F32, 2, dimsA, 24};

int inferGive(disco_node *node, const void *const *in, void *const *) {
  int code = disco_begin(node);
  if (!code)
    code = disco_send(node, 0, in[0]);
  return code ? code : disco_end(node);
}

int inferReturn(disco_node *node, const void *const *, void *const *out) {
  int code = disco_begin(node);
  if (!code)
    code = disco_post(node, 0, out[0]);
  if (!code)
    code = disco_wait(node, 0);
  return code ? code : disco_end(node);
}

const disco_program giving = {"away", 0,       2, {1, 2, 3}, message0, 1,        inputs,
                              1,      nullptr, 0, 0,         0,        inferGive};
const disco_program returning = {"away", 1,           2, {1, 2, 3}, message1, 1,          nullptr,
                                 0,      &outputAway, 1, 0,         0,        inferReturn};

// The toy with two inferences in flight.
struct Lane {
  const void *const *in;
  float x[6];
} lanes[2];
uint64_t begun = 0, ended = 0;

int submit0(disco_node *node, const void *const *in) {
  Lane &lane = lanes[begun % 2];
  lane.in = in;
  int code = disco_begin(node);
  if (!code)
    code = disco_post(node, 1, lane.x);
  if (!code && begun > ended) { // the message before has to leave first
    code = disco_switch(node, 0);
    if (!code)
      code = disco_flush(node, 0);
    if (!code)
      code = disco_switch(node, 1);
  }
  ++begun;
  return code ? code : disco_send(node, 0, in[0]);
}

int collect0(disco_node *node, void *const *out) {
  const Lane &lane = lanes[ended++ % 2];
  int code = disco_switch(node, 0);
  if (!code)
    code = disco_wait(node, 1);
  if (code)
    return code;
  float b = *static_cast<const float *>(lane.in[1]);
  for (int i = 0; i < 6; ++i)
    static_cast<float *>(out[0])[i] = lane.x[i] + b;
  *static_cast<float *>(out[1]) = static_cast<const float *>(lane.in[0])[0] + b;
  return disco_end(node);
}

int submit1(disco_node *node, const void *const *) {
  int code = disco_begin(node);
  return code ? code : disco_post(node, 0, lanes[begun++ % 2].x);
}

int collect1(disco_node *node, void *const *) {
  Lane &lane = lanes[ended++ % 2];
  int code = disco_switch(node, 0);
  if (!code)
    code = disco_wait(node, 0);
  for (float &f : lane.x)
    f += 1;
  if (!code)
    code = disco_send(node, 1, lane.x);
  return code ? code : disco_end(node);
}

const disco_program flight0 = {"toy", 0,       2, {1, 2, 3}, messages0, 2,           inputs,
                               2,     outputs, 2, 0,         0,         disco_infer, nullptr,
                               0,     2,       1, submit0,   collect0};
const disco_program flight1 = {"toy", 1,       2, {1, 2, 3}, messages1, 2,           nullptr,
                               0,     nullptr, 0, 0,         0,         disco_infer, nullptr,
                               0,     2,       1, submit1,   collect1};

// Returns the same outputs as node 0, wrong, so that it shows whose were written.
int inferAndReturn(disco_node *node, const void *const *in, void *const *out) {
  for (int i = 0; i < 6; ++i)
    static_cast<float *>(out[0])[i] = -1;
  *static_cast<float *>(out[1]) = -1;
  return infer1(node, in, out);
}

const disco_program copying = {"toy",   1, 2, {1, 2, 3}, messages1,     2, nullptr, 0,
                               outputs, 2, 0, 0,         inferAndReturn};

struct Result {
  int exit;
  std::string out, err;
};

class Host : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "host_test_" + std::to_string(getpid());
    mkdir(folder.c_str(), 0777);
    std::vector<float> a(18), b = {10, 20, 30};
    for (int i = 0; i < 18; ++i)
      a[static_cast<size_t>(i)] = static_cast<float>(i);
    save("a1", {2, 3}, a);
    save("a3", {6, 3}, a);
    save("a_odd", {3, 3}, a);
    save("b1", {}, b);
    save("b3", {3}, b);
    save("b2", {2}, b);
  }

  void save(const std::string &name, std::vector<uint64_t> dims, const std::vector<float> &data) {
    uint64_t n = 4;
    for (uint64_t d : dims)
      n *= d;
    EXPECT_EQ(write_npy(file(name), DISCO_F32, dims, data.data(), n), "");
  }

  std::string file(const std::string &name) { return folder + "/" + name + ".npy"; }

  std::vector<float> load(const std::string &name, std::vector<uint64_t> dims) {
    disco_npy a;
    char error[300] = "";
    bool ok = disco_npy_read(file(name).c_str(), &a, error, sizeof error);
    EXPECT_TRUE(ok) << error;
    if (!ok)
      return {};
    EXPECT_EQ(std::vector<uint64_t>(a.dims, a.dims + a.rank), dims);
    std::vector<float> v(a.bytes / 4);
    memcpy(v.data(), a.data, a.bytes);
    disco_npy_free(&a);
    return v;
  }

  std::string text(const std::string &path) {
    std::ifstream f(path);
    std::stringstream s;
    s << f.rdbuf();
    return s.str();
  }

  // A process that runs one of the main programs with its output in files.
  pid_t begin(int which, std::vector<std::string> args) {
    pid_t child = fork();
    if (child != 0)
      return child;
    std::string base = folder + "/" + std::to_string(which);
    if (!freopen(full ? "/dev/full" : (base + ".out").c_str(), "w", stdout) ||
        !freopen((base + ".err").c_str(), "w", stderr))
      _exit(99);
    std::vector<char *> argv = {const_cast<char *>("shard")};
    for (std::string &s : args)
      argv.push_back(&s[0]);
    argv.push_back(nullptr);
    int argc = static_cast<int>(argv.size()) - 1;
    const disco_program *all[] = {&program0, &program1};
    const disco_program *one[] = {&program0, &program1,  nullptr, &alone,   &dying,  &dyingAlone,
                                  &giving,   &returning, nullptr, &flight0, &flight1};
    const disco_program *both[] = {&program0, &copying};
    int code = which == 2   ? disco_inproc_main(argc, argv.data(), all, 2)
               : which == 8 ? disco_inproc_main(argc, argv.data(), both, 2)
                            : disco_host_main(argc, argv.data(), one[which]);
    fflush(stdout);
    fflush(stderr);
    _exit(code);
  }

  Result end(int which, pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    std::string base = folder + "/" + std::to_string(which);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text(base + ".out"), text(base + ".err")};
  }

  Result run(int which, std::vector<std::string> args) {
    return end(which, begin(which, std::move(args)));
  }

  // A port that is free now.
  std::string freePort() {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a = {};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&a), size), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&a), &size), 0);
    close(fd);
    return std::to_string(ntohs(a.sin_port));
  }

  std::string folder;
  bool full = false; // nothing fits onto standard output
};

const std::vector<float> expected3 = {11, 12, 13, 14, 15, 16, 27, 28, 29,
                                      30, 31, 32, 43, 44, 45, 46, 47, 48};

TEST_F(Host, InprocOnce) {
  Result r = run(2, {"--input", "a=" + file("a1"), "--input", "b=" + file("b1"), "--output-dir",
                     folder, "--exact"});
  EXPECT_EQ(r.exit, 0) << r.err;
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(load("y_0", {2, 3}), std::vector<float>({11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(load("n", {}), std::vector<float>({10}));
}

// Inputs that no --input names lie in a folder, under the names that outputs get.
TEST_F(Host, InputsOfAFolder) {
  const std::string inputs = folder + "/inputs";
  EXPECT_EQ(mkdir(inputs.c_str(), 0700), 0);
  EXPECT_EQ(symlink(file("a1").c_str(), (inputs + "/a.npy").c_str()), 0);
  Result r = run(2, {"--input-dir", inputs, "--output-dir", folder});
  EXPECT_EQ(r.exit, 3);
  EXPECT_NE(r.err.find("inputs/b.npy"), std::string::npos) << r.err;
  r = run(2, {"--input-dir", inputs, "--input", "b=" + file("b1"), "--output-dir", folder});
  EXPECT_EQ(r.exit, 0) << r.err;
  EXPECT_EQ(load("y_0", {2, 3}), std::vector<float>({11, 12, 13, 14, 15, 16}));
}

TEST_F(Host, InprocBatchesAndRepeats) {
  Result r = run(2, {"--input=a=" + file("a3"), "--input", "b=" + file("b3"), "--output-dir",
                     folder + "/new", "--repeat", "4", "--json"});
  EXPECT_EQ(r.exit, 0) << r.err;
  EXPECT_EQ(load("new/y_0", {6, 3}), expected3);
  EXPECT_EQ(load("new/n", {3}), std::vector<float>({10, 26, 42}));
  EXPECT_EQ(r.out.substr(0, 28), "{\"ok\":true,\"exit\":0,\"nodes\":");
  EXPECT_NE(r.out.find("\"inferences\":12"), std::string::npos);
  EXPECT_NE(
      r.out.find(
          "{\"rank\":1,\"tx_payload\":288,\"tx_messages\":12,\"tx_wire\":816,\"rx_payload\":288"),
      std::string::npos)
      << r.out;
}

TEST_F(Host, TwoProcesses) {
  for (int how = 0; how < 4; ++how) {
    std::string port = freePort(), peers = folder + "/peers";
    std::ofstream(peers) << "# ranks\n\n0 127.0.0.1:" << port
                         << "\n  1\t127.0.0.1:9 # not needed\n";
    std::vector<std::string> zero = {"--input",         "a=" + file("a3"), "--input",
                                     "b=" + file("b3"), "--output-dir",    folder,
                                     "--json",          "--repeat",        "2"},
                             one = {"--json"};
    if (how == 0) {
      zero.insert(zero.end(), {"--listen", ":" + port});
      one.insert(one.end(), {"--peer", "0=127.0.0.1:" + port});
    } else if (how == 1) {
      zero.insert(zero.end(), {"--peers", peers});
      one.insert(one.end(), {"--peers", peers, "--count", "3", "--repeat", "2"});
    } else if (how == 2) {
      setenv("DISCO_PEERS", ("0=localhost:" + port + ",1=x:1").c_str(), 1);
      setenv("DISCO_LISTEN", ("127.0.0.1:" + port).c_str(), 1);
    } else {
      setenv("DISCO_PEERS", peers.c_str(), 1);
      unsetenv("DISCO_LISTEN");
    }
    pid_t p1 = begin(1, one), p0 = begin(0, zero);
    Result r0 = end(0, p0), r1 = end(1, p1);
    unsetenv("DISCO_PEERS");
    EXPECT_EQ(r0.exit, 0) << r0.err;
    EXPECT_EQ(r1.exit, 0) << r1.err;
    EXPECT_EQ(load("y_0", {6, 3}), expected3);
    EXPECT_NE(r1.out.find("\"ok\":true,\"exit\":0,\"code\":0,\"error\":\"\",\"failed_rank\":null"),
              std::string::npos)
        << r1.out;
    EXPECT_NE(r1.out.find("\"inferences\":6,\"completed\":true"), std::string::npos) << r1.out;
  }
}

// The programs keep as many in flight as the program has; outputs, counts and times are those of
// one at a time.
TEST_F(Host, TwoInferencesInFlight) {
  for (const char *count : {"", "3"}) {
    uint16_t port = 0;
    int fd = listener(&port);
    std::vector<std::string> one = {"--peer", "0=127.0.0.1:" + std::to_string(port), "--json"};
    if (*count)
      one.insert(one.end(), {"--count", count, "--repeat", "2"});
    pid_t p1 = begin(10, one);
    Result r0 = run(9, {"--listen-fd", std::to_string(fd), "--input", "a=" + file("a3"), "--input",
                        "b=" + file("b3"), "--output-dir", folder, "--repeat", "2", "--json"});
    Result r1 = end(10, p1);
    close(fd);
    EXPECT_EQ(r0.exit, 0) << r0.err;
    EXPECT_EQ(r1.exit, 0) << r1.err;
    EXPECT_EQ(load("y_0", {6, 3}), expected3);
    EXPECT_EQ(load("n", {3}), std::vector<float>({10, 26, 42}));
    for (const Result &r : {r0, r1})
      EXPECT_NE(r.out.find("\"inferences\":6,\"completed\":true"), std::string::npos) << r.out;
    EXPECT_NE(r0.out.find("\"tx_messages\":6"), std::string::npos) << r0.out;
  }
}

TEST_F(Host, InheritedListener) {
  uint16_t port = 0;
  int fd = listener(&port);
  pid_t p1 = begin(1, {"--peer", "0=127.0.0.1:" + std::to_string(port)});
  Result r0 = run(0, {"--listen-fd", std::to_string(fd), "--input", "a=" + file("a3"), "--input",
                      "b=" + file("b3"), "--output-dir", folder});
  EXPECT_EQ(r0.exit, 0) << r0.err;
  EXPECT_EQ(end(1, p1).exit, 0);
  EXPECT_EQ(load("y_0", {6, 3}), expected3);
  close(fd);
}

TEST_F(Host, OneNode) {
  Result r =
      run(3, {"--input", "b=" + file("b3"), "--output-dir", folder, "--json", "--repeat", "2"});
  EXPECT_EQ(r.exit, 0) << r.err;
  EXPECT_EQ(load("b_", {3}), std::vector<float>({20, 40, 60}));
  EXPECT_NE(r.out.find("\"nodes\":1,\"ok\":true"), std::string::npos) << r.out;
}

TEST_F(Host, LostPeerIsNamedWithTheMessage) {
  std::string port = freePort();
  pid_t p1 = begin(4, {"--peer", "0=127.0.0.1:" + port});
  Result r0 = run(0, {"--listen", port, "--input", "a=" + file("a3"), "--input", "b=" + file("b3"),
                      "--json", "--quiet"});
  end(4, p1);
  EXPECT_EQ(r0.exit, 1);
  // When it dies as soon as its message has been read there is none that is awaited.
  if (r0.err != "error: rank 1: connection lost\n")
    EXPECT_EQ(r0.err, "error: rank 1: connection lost (message 9 from rank 1 to rank 0)\n");
  EXPECT_NE(r0.out.find("\"code\":-4,\"error\":\"rank 1: connection lost"), std::string::npos)
      << r0.out;
}

TEST_F(Host, FinishedInferencesStayWhenALaterOneFails) {
  std::string port = freePort();
  std::ofstream(file("y_0")) << "of an earlier run";
  diesInInference = 2;
  pid_t p1 = begin(1, {"--peer", "0=127.0.0.1:" + port});
  diesInInference = 0;
  Result r0 = run(0, {"--listen", port, "--input", "a=" + file("a3"), "--input", "b=" + file("b3"),
                      "--output-dir", folder});
  EXPECT_EQ(end(1, p1).exit, -1);
  EXPECT_EQ(r0.exit, 1) << r0.err;
  EXPECT_EQ(load("y_0", {2, 3}), std::vector<float>({11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(load("n", {1}), std::vector<float>({10}));
}

TEST_F(Host, FinishedInferencesStayWhenTheProgramIsKilled) {
  Result r = run(5, {"--input", "b=" + file("b3"), "--output-dir", folder});
  EXPECT_EQ(r.exit, -1);
  EXPECT_EQ(load("b_", {2}), std::vector<float>({20, 40}));
}

TEST_F(Host, WhatIsThereStaysUntilThereIsSomethingElse) {
  std::ofstream(file("y_0")) << "of an earlier run";
  Result r = run(0, {"--listen", "0", "--input", "a=" + file("a1"), "--input", "b=" + file("b1"),
                     "--output-dir", folder, "--start-deadline-ms", "100"});
  EXPECT_EQ(r.exit, 1);
  EXPECT_EQ(text(file("y_0")), "of an earlier run");
  EXPECT_NE(access((file("y_0") + ".part").c_str(), F_OK), 0);
}

// Nobody says how many there are, and of two repeats the last one stays.
TEST_F(Host, OutputsOfANodeThatServes) {
  for (const char *repeats : {"1", "2"}) {
    std::string port = freePort();
    pid_t p1 =
        begin(7, {"--peer", "0=127.0.0.1:" + port, "--output-dir", folder, "--repeat", repeats});
    Result r0 = run(6, {"--listen", port, "--input", "a=" + file("a3"), "--repeat", repeats});
    Result r1 = end(7, p1);
    EXPECT_EQ(r0.exit, 0) << r0.err;
    EXPECT_EQ(r1.exit, 0) << r1.err;
    EXPECT_EQ(load("z", {6, 3}),
              std::vector<float>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}));
  }
}

TEST_F(Host, StandardOutputThatIsFull) {
  full = true;
  Result r = run(3, {"--input", "b=" + file("b3"), "--json", "--quiet"});
  EXPECT_EQ(r.exit, 3);
  EXPECT_EQ(r.err, "error: standard output: No space left on device\n");
  EXPECT_EQ(run(3, {"--help"}).exit, 3);
  EXPECT_EQ(run(2, {"--help"}).exit, 3);
  r = run(2, {"--input", "a=" + file("a1"), "--input", "b=" + file("b1"), "--json"});
  EXPECT_EQ(r.exit, 3);
  // An error of its own is told first.
  EXPECT_EQ(run(2, {"--input", "a=/nowhere", "--input", "b=" + file("b1"), "--json"}).exit, 3);
}

TEST_F(Host, LessThanWasAskedFor) {
  std::string port = freePort();
  pid_t p1 = begin(1, {"--peer", "0=127.0.0.1:" + port, "--count", "5"});
  Result r0 = run(0, {"--listen", port, "--input", "a=" + file("a3"), "--input", "b=" + file("b3"),
                      "--output-dir", folder});
  Result r1 = end(1, p1);
  EXPECT_EQ(r1.exit, 1);
  EXPECT_NE(r1.err.find("error: rank 0: "), std::string::npos) << r1.err;
  EXPECT_EQ(load("y_0", {6, 3}), expected3);
  EXPECT_LE(r0.exit, 1);
}

TEST_F(Host, MissingPeer) {
  Result r =
      run(1, {"--peer", "0=127.0.0.1:" + freePort(), "--start-deadline-ms", "100", "--json"});
  EXPECT_EQ(r.exit, 1);
  EXPECT_EQ(r.err, "error: rank 0: not reached before the start deadline: nobody listens there\n");
  EXPECT_NE(r.out.find("\"ok\":false,\"exit\":1,\"code\":-2,"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("\"failed_rank\":0,\"message\":null,\"reporter\":1"), std::string::npos)
      << r.out;
}

// A node of version 1 calls: it is named with both versions, and so is a shard of another build
// that is called.
TEST_F(Host, ForeignNodesAreNamedAtTheStartDeadline) {
  std::string port = freePort();
  pid_t p0 = begin(0, {"--listen", port, "--input", "a=" + file("a1"), "--input", "b=" + file("b1"),
                       "--start-deadline-ms", "700", "--quiet"});
  const uint8_t hash[16] = {1, 2, 3};
  disco_frame f = disco_hello_frame(hash, 0);
  f.version = 1;
  uint8_t hello[56] = {};
  memcpy(hello + 32, hash, 16);
  hello[48] = 1;
  hello[50] = 2;
  disco_frame_encode(hello, &f, hello + 32);
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  for (int i = 0; i < 100 && connect(fd, reinterpret_cast<sockaddr *>(&a), sizeof a) != 0; ++i)
    usleep(5000);
  EXPECT_EQ(send(fd, hello, sizeof hello, MSG_NOSIGNAL), 56);
  uint8_t answer[60] = {};
  ssize_t got = 0;
  for (ssize_t n; got < 56 && (n = recv(fd, answer + got, sizeof answer, 0)) > 0;)
    got += n;
  EXPECT_EQ(got, 56);
  EXPECT_EQ(disco_hello_rank(answer), 0);
  EXPECT_EQ(answer[2], 2) << "the version";
  Result r = end(0, p0);
  close(fd);
  EXPECT_EQ(r.exit, 1);
  EXPECT_EQ(r.err,
            "warning: foreign nodes were met 1 times; the last said: rank 1, protocol version 1, "
            "build 01020300, epoch 0; this node: rank 0, protocol version 2, build 01020300, epoch "
            "0\nerror: rank 1: not reached before the start deadline: a node of another protocol "
            "version is there\n");
}

TEST_F(Host, WrongCommandLines) {
  const std::string a = "a=" + file("a1"), b = "b=" + file("b1");
  struct Case {
    int exit;
    std::vector<std::string> args;
    std::string error;
  };
  const Case cases[] = {
      {2, {"--what"}, "unknown argument '--what'; see --help"},
      {2, {"--exact"}, "unknown argument '--exact'; see --help"},
      {2, {"--repeat"}, "--repeat needs a value: R"},
      {2, {"--repeat", "0"}, "--repeat: '0' is no number from 1 to 4294967296"},
      {2, {"--repeat", "-1"}, "--repeat: '-1' is no number from 1 to 4294967296"},
      {2, {"--deadline-ms=5x"}, "--deadline-ms: '5x' is no number from 1 to 1000000000000"},
      {2, {}, "input 'a' is missing: --input a=FILE.npy"},
      {2, {"--input", a}, "input 'b' is missing: --input b=FILE.npy"},
      {2,
       {"--input", a, "--input", b},
       "rank 0 needs an address to listen on: higher ranks connect to it"},
      {2,
       {"--input", a, "--input", b, "--input", "c=x"},
       "--input c=x: rank 0 of model 'toy' is given no such input"},
      {2,
       {"--input", a, "--input", b, "--count", "3"},
       "--count 3, but the inputs hold 1 inferences"},
      {2,
       {"--input", a, "--input", b, "--peer", "2=h:1"},
       "'2=h:1' is not RANK=HOST:PORT with a rank below 2"},
      {2,
       {"--input", a, "--input", b, "--peers", file("no")},
       file("no") + ": No such file or directory"},
      {3,
       {"--input", "a=" + file("a_odd"), "--input", b},
       "input 'a' is 2x3 (or a multiple in the first dimension), but " + file("a_odd") +
           " holds 3x3"},
      {3,
       {"--input", "a=" + file("a3"), "--input", "b=" + file("b2")},
       "input 'b': " + file("b2") + " holds 2 inferences, another file 3"},
      {3, {"--input", "a=/nowhere", "--input", b}, "/nowhere: No such file or directory"},
  };
  for (const Case &k : cases) {
    Result r = run(0, k.args);
    EXPECT_EQ(r.exit, k.exit);
    EXPECT_EQ(r.err, "error: " + k.error + "\n");
  }
  Result r = run(0, {"--help"});
  EXPECT_EQ(r.exit, 0);
  EXPECT_NE(r.out.find("--listen HOST:PORT"), std::string::npos);
  r = run(2, {"--input", "z=1"});
  EXPECT_EQ(r.exit, 2);
  EXPECT_EQ(r.err, "error: --input z=1: the model has no such input\n");
}

TEST_F(Host, OutputsThatCannotBeWritten) {
  Result r = run(2, {"--input", "a=" + file("a1"), "--input", "b=" + file("b1"), "--output-dir",
                     "/proc/nowhere"});
  EXPECT_EQ(r.exit, 3);
  EXPECT_EQ(r.err.substr(0, 39), "error: node 0: /proc/nowhere: cannot be");
}

TEST_F(Host, OneCopyOfOutputsThatSeveralNodesReturn) {
  Result r = end(8, begin(8, {"--input", "a=" + file("a1"), "--input", "b=" + file("b1"),
                              "--output-dir", folder}));
  ASSERT_EQ(r.exit, 0) << r.err;
  EXPECT_EQ(load("y_0", {2, 3}), (std::vector<float>{11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(load("n", {}), (std::vector<float>{10}));
}

} // namespace
