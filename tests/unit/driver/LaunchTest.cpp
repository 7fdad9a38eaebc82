//===- LaunchTest.cpp - words for shells, hosts, and who failed first -----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Launch.h"
#include "TinyCluster.h"
#include "compiler/formats/ShellWord.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Process.h"
#include "compiler/run/RankGroup.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/Ssh.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace discoc;

static const std::vector<std::string> hostile = {"plain",
                                                 "",
                                                 "two words",
                                                 "it's",
                                                 "\"$(touch pwned)\"",
                                                 "`id` ${HOME} !!",
                                                 "a\nb\\n\tc",
                                                 "-rf",
                                                 "*?[x]",
                                                 "a;b&c|d>e",
                                                 "#~",
                                                 "\\",
                                                 "'\\''",
                                                 "%s%n",
                                                 "\x01\x7f",
                                                 "\xff\xfe"};

/// What a command prints.
static std::string outputOf(const std::vector<std::string> &argv) {
  Scratch scratch;
  Diagnostics out;
  ChildStart how;
  how.outputFile = scratch.path() + "/out";
  EXPECT_TRUE(runToEnd(argv, how, std::chrono::seconds(60), true, out)) << toString(out);
  return readText(how.outputFile, out).value_or("");
}

TEST(Launch, NamesPassThroughTwoShells) {
  LaunchHosts hosts;
  hosts.hosts = {"far"};
  std::string want;
  for (const std::string &word : hostile)
    want += "<" + word + ">";
  const std::vector<std::string> argv =
      sshCommand(hosts, 0, "for word; do printf '<%s>' \"$word\"; done", hostile);
  // As ssh does it: the last word goes to the shell of the user there.
  EXPECT_EQ(outputOf({"sh", "-c", argv.back()}), want);
  EXPECT_EQ(argv[argv.size() - 3], "--");
  EXPECT_EQ(argv[argv.size() - 2], "far");
}

TEST(Launch, HostsAreNoOptionsAndNoCommands) {
  for (const char *good : {"a", "me@10.0.0.1", "pi-3.local", "fd00::1", "fe80::1%eth0", "a_b"})
    EXPECT_TRUE(isHostName(good)) << good;
  for (const char *bad :
       {"", "-v", "a b", "a;b", "$(x)", "me@-oProxyCommand=x", "a\nb", "a'b", "a=b"})
    EXPECT_FALSE(isHostName(bad)) << bad;
}

TEST(Launch, HostsOfTheCommandLineAndOfTheClusterFile) {
  Scratch scratch;
  const Manifest manifest = tinyManifest(false);
  auto find = [&](LaunchHosts::With with, const std::map<int64_t, std::string> &named,
                  LaunchHosts &hosts) {
    Diagnostics out;
    hosts = {};
    hosts.with = with;
    return findHosts(scratch.path(), manifest, named, 7700, hosts, out) ? "" : toString(out);
  };
  using With = LaunchHosts::With;
  LaunchHosts hosts;
  EXPECT_EQ(find(With::Mpirun, {}, hosts), "");
  EXPECT_TRUE(hosts.hosts.empty());
  EXPECT_NE(find(With::Ssh, {{0, "a"}}, hosts).find("no host is stated for rank 1"),
            std::string::npos);
  EXPECT_NE(find(With::Srun, {{1, "a"}}, hosts).find("for rank 0"), std::string::npos);
  EXPECT_NE(find(With::Ssh, {{2, "a"}}, hosts).find("ranks 0 to 1"), std::string::npos);
  EXPECT_EQ(find(With::Ssh, {{0, "me@a"}, {1, "fd00::1"}}, hosts), "");
  EXPECT_EQ(hosts.addresses, (std::vector<std::string>{"a:7700", "[fd00::1]:7701"}));
  EXPECT_EQ(listenAddress("a:7700"), "0.0.0.0:7700");
  EXPECT_EQ(listenAddress("[fd00::1]:7701"), "[fd00::1]:7701");
  EXPECT_EQ(listenAddress("10.0.0.1:7701"), "10.0.0.1:7701");
  // The programs know the addresses of the cluster file.
  std::filesystem::create_directory(scratch.path() + "/launch");
  Diagnostics out;
  ASSERT_TRUE(writeText(scratch.path() + "/launch/hosts", "a\nb\n", out));
  EXPECT_EQ(find(With::Ssh, {{1, "me@b"}}, hosts), "");
  EXPECT_EQ(hosts.hosts, (std::vector<std::string>{"a", "me@b"}));
  EXPECT_TRUE(hosts.addresses.empty());
}

TEST(Launch, WhoFailedFirst) {
  auto failed = [](int64_t by) {
    ShardReport report;
    report.failedRank = by;
    report.error = "rank " + std::to_string(by) + ": silent";
    return report;
  };
  RankEnd good, killed, ended, told;
  good.good = true;
  killed.at = 5;
  killed.how = shellEndText(137);
  ended.wasEnded = true;
  told.at = 7;
  told.how = shellEndText(1);
  auto judged = [](const std::vector<RankEnd> &ends,
                   std::vector<std::optional<ShardReport>> reports) {
    RunResult result;
    result.reports = std::move(reports);
    judge(ends, result);
    return result;
  };
  ShardReport fine;
  fine.ok = true;
  EXPECT_TRUE(judged({good, good}, {fine, fine}).ok);
  EXPECT_FALSE(judged({good, good}, {fine, std::nullopt}).ok);
  // One that died is at fault, whatever others think; then the first that reports another.
  RunResult result = judged({told, killed}, {failed(0), std::nullopt});
  EXPECT_EQ(result.failedRank, 1);
  EXPECT_EQ(result.failure, "signal 9 (Killed)");
  result = judged({told, ended, ended}, {failed(2), std::nullopt, std::nullopt});
  EXPECT_EQ(result.failedRank, 2);
  EXPECT_EQ(result.failure, "rank 2: silent");
  EXPECT_EQ(result.details.size(), 3u);
}

TEST(Processes, AnInputThatIsHeldStaysOpen) {
  Diagnostics out;
  std::string said;
  ProcessGroup group;
  ChildStart how;
  how.holdsInput = true;
  ASSERT_TRUE(group.start({"sh", "-c", "echo on >&2; cat; echo over >&2"}, out, how));
  auto hear = [&](size_t, const std::string &line) { said += line + ";"; };
  while (said.empty())
    group.step(std::chrono::milliseconds(100), nullptr, hear);
  group.step(std::chrono::milliseconds(50), nullptr, hear);
  EXPECT_FALSE(group.allEnded());
  EXPECT_EQ(said, "on;");
}
