//===- RunTest.cpp - tests of discoc run, with a cluster written by hand ---===//
// SPDX-License-Identifier: Apache-2.0
#include "TinyCluster.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Text.h"
#include "compiler/run/BoardRun.h"
#include "compiler/run/Process.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShardRun.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace discoc;

struct ProcessState {
  int parent = 0;
  char state = 'X'; ///< 'Z': ended, nobody asked yet; 'X': not there
};

static ProcessState stateOf(const std::string &pid) {
  ProcessState found;
  std::FILE *stat = std::fopen(("/proc/" + pid + "/stat").c_str(), "r");
  if (!stat)
    return found;
  if (std::fscanf(stat, "%*d (%*[^)]) %c %d", &found.state, &found.parent) != 2)
    found = {};
  std::fclose(stat);
  return found;
}

/// The processes that `parent` started and that still are.
static std::vector<pid_t> childrenOf(pid_t parent) {
  std::vector<pid_t> found;
  DIR *all = opendir("/proc");
  while (dirent *entry = readdir(all)) {
    const ProcessState process = stateOf(entry->d_name);
    if (process.state != 'X' && process.parent == parent)
      found.push_back(static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10)));
  }
  closedir(all);
  return found;
}

static bool isAlive(pid_t pid) {
  const char state = stateOf(std::to_string(pid)).state;
  return state != 'X' && state != 'Z';
}

class Run : public testing::Test {
protected:
  static void SetUpTestSuite() {
    scratch = new Scratch;
    writeTinyCluster(scratch->path() + "/out", true);
  }
  static void TearDownTestSuite() {
    delete scratch;
    scratch = nullptr;
  }
  void TearDown() override {
    unsetenv("DISCO_TEST_FAULT");
    EXPECT_TRUE(childrenOf(getpid()).empty());
  }

  static std::string in(const std::string &name) { return scratch->path() + "/" + name; }

  static void writeInput(const std::string &name, std::vector<int64_t> shape) {
    Array array;
    array.shape = std::move(shape);
    std::vector<float> values(static_cast<size_t>(array.count()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i) + 0.5f;
    array.data.resize(values.size() * 4);
    std::memcpy(array.data.data(), values.data(), array.data.size());
    Diagnostics out;
    ASSERT_TRUE(writeNpy(in(name), array, out)) << toString(out);
  }

  /// discoc run with these arguments: exit code, stdout, stderr.
  static int run(std::vector<std::string> arguments) {
    CLI::App app;
    int code = -1;
    addRunCommand(app, code);
    arguments.insert(arguments.begin(), {"run", in("out")});
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants them
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    app.parse(arguments);
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }
  static bool said(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
  }

  static Scratch *scratch;
  static std::string out, err;
};
Scratch *Run::scratch = nullptr;
std::string Run::out, Run::err;

TEST_F(Run, BuildsRunsAndWrites) {
  writeInput("x.npy", {1, 1, 2, 2});
  ASSERT_EQ(run({"--input", "x:0=" + in("x.npy"), "--output-dir", in("results")}), 0) << err;
  EXPECT_TRUE(said(err, "building 2 of 2")) << err;
  EXPECT_TRUE(said(out, "three 10.5, two 7.5")) << out;
  EXPECT_TRUE(said(out, "16 B in 1 messages")) << out;
  Diagnostics faults;
  auto y = readNpy(in("results/y.npy"), faults);
  ASSERT_TRUE(y) << toString(faults);
  EXPECT_EQ(y->shape, (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(toDoubles(*y), (std::vector<double>{1.5, 4.5, 7.5, 10.5}));
  // What is built is not built again.
  ASSERT_EQ(run({"--input", "x:0=" + in("x.npy")}), 0) << err;
  EXPECT_EQ(err, "");
}

TEST_F(Run, SeveralInferences) {
  writeInput("x.npy", {1, 1, 2, 2});
  writeInput("three.npy", {3, 1, 2, 2});
  ASSERT_EQ(run({"--input", "x:0=" + in("three.npy"), "--input", "x:0=" + in("x.npy"),
                 "--output-dir", in("results"), "--repeat", "5", "--json"}),
            0)
      << err;
  EXPECT_TRUE(said(out, "\"inferences\":20")) << out;
  EXPECT_TRUE(said(out, "\"exchanged\":{\"messages\":20,\"bytes\":320}")) << out;
  EXPECT_TRUE(said(out, "\"root\":{\"messages\":20,\"bytes\":320}")) << out;
  Diagnostics faults;
  auto y = readNpy(in("results/y.npy"), faults);
  ASSERT_TRUE(y) << toString(faults);
  EXPECT_EQ(y->shape, (std::vector<int64_t>{4, 4}));
  EXPECT_EQ(toDoubles(*y)[11], 34.5);
  EXPECT_EQ(toDoubles(*y)[12], 1.5);
}

TEST_F(Run, FinishedInferencesStayWhenALaterOneFails) {
  writeInput("four.npy", {4, 1, 2, 2});
  setenv("DISCO_TEST_FAULT", "crash in the third", 1);
  EXPECT_EQ(run({"--input", "x:0=" + in("four.npy"), "--output-dir", in("half"), "--json"}),
            ExitRun);
  EXPECT_TRUE(said(err, "rank 1 failed first")) << err;
  EXPECT_TRUE(said(err, "outputs of the first 2 of 4 inferences are in " + in("half"))) << err;
  EXPECT_TRUE(said(out, "\"inferences\":2")) << out;
  Diagnostics faults;
  auto y = readNpy(in("half/y.npy"), faults);
  ASSERT_TRUE(y) << toString(faults);
  EXPECT_EQ(y->shape, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(toDoubles(*y)[7], 22.5);
}

TEST_F(Run, RefusesWhatDoesNotFit) {
  writeInput("x.npy", {1, 1, 2, 2});
  writeInput("flat.npy", {4});
  EXPECT_EQ(run({}), ExitFault);
  EXPECT_TRUE(said(err, "input \"x:0\" is missing; add --input x:0=FILE (float32 1x1x2x2)")) << err;
  EXPECT_EQ(run({"--input", "z=" + in("x.npy")}), ExitFault);
  EXPECT_TRUE(said(err, "names no input of the model")) << err;
  EXPECT_EQ(run({"--input", "x:0=" + in("flat.npy")}), ExitFault);
  EXPECT_TRUE(said(err, "holds 4, input \"x:0\" is 1x1x2x2")) << err;
  EXPECT_EQ(run({"--input", "x:0=" + in("none.npy")}), ExitFault);
  EXPECT_TRUE(said(err, "cannot be read")) << err;
  EXPECT_EQ(run({"--input", "x:0=cat.png"}), ExitFault);
  EXPECT_TRUE(said(err, "--preprocess")) << err;
  EXPECT_TRUE(said(err, "\"size\": [2, 2]")) << err;
}

TEST_F(Run, TakesPicturesWithAPreprocessing) {
  Diagnostics faults;
  std::string ppm = "P6\n2 2\n255\n";
  for (int value : {0, 255, 51, 102})
    ppm += std::string(3, static_cast<char>(value));
  writeText(in("p.ppm"), ppm, faults);
  writeText(in("p.json"), R"({"format":"discoc-preprocess","version":1,"inputs":{"x:0":
    {"size":[2,2],"resize":"none","layout":"NCHW","color":"GRAY","scale":0.00392156862745098,"mean":0,"std":0.5}}})",
            faults);
  ASSERT_EQ(run({"--input", "x:0=" + in("p.ppm"), "--input", "x:0=" + in("p.ppm"), "--preprocess",
                 in("p.json")}),
            0)
      << err;
  EXPECT_TRUE(said(out, "p.ppm: one 6, three 2.4, two 1.2, zero 0")) << out;
}

TEST_F(Run, NamesTheRankThatFailedFirst) {
  writeInput("x.npy", {1, 1, 2, 2});
  for (const char *fault : {"crash", "exit"}) {
    setenv("DISCO_TEST_FAULT", fault, 1);
    EXPECT_EQ(run({"--input", "x:0=" + in("x.npy")}), ExitRun);
    EXPECT_TRUE(said(err, "rank 1 failed first")) << err;
    EXPECT_TRUE(said(err, *fault == 'c' ? "signal 6" : "exit code 7")) << err;
  }
  setenv("DISCO_TEST_FAULT", "hang", 1);
  const auto began = Clock::now();
  EXPECT_EQ(run({"--input", "x:0=" + in("x.npy"), "--deadline-ms", "300", "--json"}), ExitRun);
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(10));
  EXPECT_TRUE(said(err, "rank 1 failed first")) << err;
  EXPECT_TRUE(said(err, "still ran and was ended")) << err;
  EXPECT_TRUE(said(out, "\"failed_rank\":1")) << out;
}

TEST_F(Run, LeavesNoProgramBehindWhenItIsEnded) {
  writeInput("x.npy", {1, 1, 2, 2});
  ASSERT_EQ(run({"--input", "x:0=" + in("x.npy")}), 0) << err; // built
  setenv("DISCO_TEST_FAULT", "hang", 1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    const pid_t discoc = fork();
    if (discoc == 0) {
      std::signal(SIGHUP, SIG_DFL);
      // Messages of this copy of the test belong nowhere.
      freopen("/dev/null", "w", stderr);
      freopen("/dev/null", "w", stdout);
      CLI::App app;
      int code = -1;
      addRunCommand(app, code);
      app.parse(std::vector<std::string>{"x:0=" + in("x.npy"), "--input", in("out"), "run"});
      _exit(code);
    }
    std::vector<pid_t> shards;
    while (shards.size() < 2) {
      usleep(10000);
      shards = childrenOf(discoc);
    }
    usleep(100000);
    kill(discoc, signal);
    int status = 0;
    ASSERT_EQ(waitpid(discoc, &status, 0), discoc);
    if (signal != SIGKILL) {
      EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, ExitInterrupted);
    }
    for (pid_t shard : shards) {
      for (int i = 0; i < 100 && isAlive(shard); ++i)
        usleep(10000);
      EXPECT_FALSE(isAlive(shard)) << "after signal " << signal;
    }
  }
}

TEST_F(Run, SaysWhyANodeDoesNotBuild) {
  writeInput("x.npy", {1, 1, 2, 2});
  Diagnostics faults;
  const std::string main = in("out/node1/main.cpp");
  const std::string good = *readText(main, faults);
  writeText(main, "int main() { return nothing; }\n", faults);
  EXPECT_EQ(run({"--input", "x:0=" + in("x.npy")}), ExitBuild);
  EXPECT_TRUE(said(err, "node 1 does not compile")) << err;
  EXPECT_TRUE(said(err, "nothing")) << err;
  writeText(main, good, faults);
}

TEST_F(Run, RefusesNodesOfAnotherCompile) {
  writeInput("x.npy", {1, 1, 2, 2});
  Diagnostics faults;
  const std::string path = in("out/node1/manifest.json");
  const std::string good = *readText(path, faults);
  std::string other = good;
  other.replace(other.find("\"" + std::string(32, '0') + "\"") + 1, 32, std::string(32, '1'));
  writeText(path, other, faults);
  EXPECT_EQ(run({"--input", "x:0=" + in("x.npy")}), ExitBuild);
  EXPECT_TRUE(said(err, "node1/manifest.json: is of another compile")) << err;
  writeText(path, good, faults);
  ASSERT_EQ(run({"--input", "x:0=" + in("x.npy")}), 0) << err;
  const std::string program = in("out/node1/build/shard");
  writeText(program, "a program of another model", faults);
  EXPECT_EQ(run({"--input", "x:0=" + in("x.npy")}), ExitBuild);
  EXPECT_TRUE(said(err, "build/shard: is of another compile")) << err;
  std::remove(program.c_str());
}

TEST_F(Run, ReadsRatesOfErrors) {
  writeInput("x.npy", {1, 1, 2, 2});
  for (const char *text : {"1e-9x", "", "2", "nan", "0.1,", "0.1,-1", "0.1,3x", "0.1 "}) {
    CLI::App app;
    int code = -1;
    addRunCommand(app, code);
    EXPECT_THROW(app.parse(std::vector<std::string>{text, "--wire-errors", in("out"), "run"}),
                 CLI::ValidationError)
        << text;
  }
  EXPECT_EQ(run({"--input", "x:0=" + in("x.npy"), "--wire-errors", "1e-9,3"}), 0) << err;
}

TEST(BoardRun, LooksForEmulatorsFirst) {
  Manifest manifest;
  manifest.nodes.push_back({0, "node0", "mps2-an386", "node0", 0, 0, {{"arena", "ram", 0, true}}});
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  Diagnostics out;
  EXPECT_FALSE(BoardRun::findEmulators("/nowhere", manifest, out));
  manifest.nodes[0].board = "rp2040";
  EXPECT_FALSE(BoardRun::findEmulators("/nowhere", manifest, out));
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(toString(out).find("qemu-system-arm: is not installed"), std::string::npos);
  EXPECT_NE(toString(out).find("rp2040 has no emulator (foreign emulator)"), std::string::npos);
}

TEST(Processes, EndsWhatIsStopped) {
  ProcessGroup group;
  Diagnostics out;
  ASSERT_TRUE(group.start({"sleep", "100"}, out));
  kill(group.children()[0].pid, SIGSTOP);
  group.endAll();
  EXPECT_EQ(group.children()[0].signal, SIGTERM);
}

TEST(Processes, EndsThemAllById) {
  {
    ProcessGroup group;
    Diagnostics out;
    ASSERT_TRUE(group.start({"sh", "-c", "trap '' TERM; echo on; while :; do sleep 1; done"}, out));
    ASSERT_TRUE(group.start({"sleep", "100"}, out));
    bool on = false;
    while (!on)
      group.step(std::chrono::milliseconds(100),
                 [&](size_t, const std::string &line) { on = on || line == "on"; });
    group.endAll();
    EXPECT_TRUE(group.allEnded());
    EXPECT_EQ(group.children()[1].signal, SIGTERM);
    EXPECT_EQ(group.children()[0].signal, SIGKILL);
  }
  EXPECT_TRUE(childrenOf(getpid()).empty());
}

TEST(Processes, CollectsOutputAndErrors) {
  ProcessGroup group;
  Diagnostics out;
  ASSERT_TRUE(group.start({"sh", "-c", "printf 'a\\nb\\n'; echo why >&2; exit 3"}, out));
  std::string lines;
  while (!group.allEnded())
    group.step(std::chrono::milliseconds(100),
               [&](size_t, const std::string &line) { lines += line + ";"; });
  EXPECT_EQ(lines, "a;b;");
  EXPECT_EQ(group.children()[0].errText, "why\n");
  EXPECT_EQ(group.children()[0].exitCode, 3);
  EXPECT_FALSE(group.start({"no-such-program-here"}, out));
  EXPECT_EQ(out.size(), 1u);
}
