//===- TinyCluster.cpp - a compiled model of two nodes, written by hand ---===//
// SPDX-License-Identifier: Apache-2.0
#include "TinyCluster.h"
#include "compiler/formats/Text.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace discoc;

Manifest tinyManifest(bool labels) {
  Manifest m;
  m.compiler = "0.1.0";
  m.model = {"tiny", "tiny.onnx", std::string(64, '0'), ""};
  m.buildHash = std::string(32, '0');
  m.inputs = {{"x:0", "float32", {1, 1, 2, 2}, {}}};
  m.outputs = {{"y", "float32", {1, 4}, {}}};
  m.nodes = {{0, "node0", "linux", "node0", 0, 0, {}}, {1, "node1", "linux", "node1", 16, 0, {}}};
  m.messages = {
      {1, 0, 1, 16, true, {{"x:0", ManifestRoute::Kind::Feature, std::nullopt, {}, 16}}},
      {2, 1, 0, 16, false, {{"y", ManifestRoute::Kind::Feature, 1, IndexSet::range(0, 4), 16}}}};
  if (labels)
    m.labels = {"zero", "one", "two", "three"};
  return m;
}

static const char *const sources[] = {R"(
#include "runtime/host/host_main.h"
static const disco_message messages[] = {{1, 1, 0, 16}, {2, 1, 1, 16}};
static const uint64_t xd[] = {1, 1, 2, 2}, yd[] = {1, 4};
static const disco_tensor_info in[] = {{"x:0", DISCO_F32, 4, xd, 16}};
static const disco_tensor_info out[] = {{"y", DISCO_F32, 2, yd, 16}};
static int infer(disco_node *n, const void *const *inputs, void *const *outputs) {
  int c = disco_begin(n);
  if (!c) c = disco_post(n, 1, outputs[0]);
  if (!c) c = disco_send(n, 0, inputs[0]);
  if (!c) c = disco_flush(n, 0);
  if (!c) c = disco_wait(n, 1);
  return c ? c : disco_end(n);
}
static const disco_program program = {"tiny", 0, 2, {}, messages, 2, in, 1, out, 1, 0, 0, infer};
int main(int argc, char **argv) { return disco_host_main(argc, argv, &program); }
)",
                                      R"(
#include "runtime/host/host_main.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static const disco_message messages[] = {{1, 0, 1, 16}, {2, 0, 0, 16}};
static float x[4];
static int infer(disco_node *n, const void *const *, void *const *) {
  int c = disco_begin(n);
  if (!c) c = disco_post(n, 0, x);
  if (!c) c = disco_wait(n, 0);
  const char *fault = getenv("DISCO_TEST_FAULT");
  static int times = 0;
  ++times;
  if (fault && strcmp(fault, "crash") == 0) abort();
  if (fault && strcmp(fault, "crash in the third") == 0 && times == 3) abort();
  if (fault && strcmp(fault, "exit") == 0) _exit(7);
  if (fault && strcmp(fault, "hang") == 0) for (;;) pause();
  for (float &v : x) v *= 3;
  if (!c) c = disco_send(n, 1, x);
  if (!c) c = disco_flush(n, 1);
  return c ? c : disco_end(n);
}
static const disco_program program = {"tiny", 1, 2, {}, messages, 2, nullptr, 0, nullptr, 0, 16, 0, infer};
int main(int argc, char **argv) { return disco_host_main(argc, argv, &program); }
)"};

static const char *const cmake = R"(
cmake_minimum_required(VERSION 3.16)
project(shard CXX)
set(CMAKE_CXX_STANDARD 17)
file(GLOB runtime runtime/*.cpp runtime/transport/tcp*.cpp runtime/transport/shm*.cpp runtime/transport/mpi*.cpp runtime/transport/address*.cpp runtime/transport/udp*.cpp runtime/transport/packets*.cpp runtime/host/*.cpp)
list(FILTER runtime EXCLUDE REGEX "inproc|wires")
add_executable(shard main.cpp ${runtime})
)";

void writeTinyCluster(const std::string &out, bool labels) {
  namespace fs = std::filesystem;
  Diagnostics faults;
  const Manifest manifest = tinyManifest(labels);
  for (int rank = 0; rank < 2; ++rank) {
    const std::string node = out + "/node" + std::to_string(rank);
    fs::create_directories(node);
    fs::copy(DISCOC_RUNTIME, node + "/runtime", fs::copy_options::recursive);
    writeText(node + "/main.cpp", sources[rank], faults);
    writeText(node + "/CMakeLists.txt", cmake, faults);
    writeText(node + "/manifest.json", ManifestTexts(manifest).ofNode(rank), faults);
  }
  writeText(out + "/manifest.json", toJson(manifest), faults);
  ASSERT_TRUE(faults.empty()) << toString(faults);
}
