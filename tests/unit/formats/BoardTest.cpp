//===- BoardTest.cpp - tests of the descriptions of boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Board.h"
#include "Expect.h"

#include <filesystem>
#include <unistd.h>

using namespace discoc;

namespace {
const std::string good = R"(title = "A board"
status = "emulated"
arch = "armv7e-m"
[toolchain]
prefix = "arm-none-eabi-"
flags = ["-mthumb"]
[build]
linker_script = "link.ld"
sources = ["start.cpp"]
stack = 4096
[build.defines]
BOARD_IRQS = 32
[speed]
clock = 25e6
f32 = 3.5
[[memory]]
name = "flash"
kind = "flash"
address = 0x08000000
size = 0x10000
holds = ["code", "weights"]
[[memory]]
name = "ram"
kind = "ram"
address = 0x20000000
size = 0x8000
holds = ["data", "arena", "buffers", "stack"]
[[link]]
name = "uart1"
kind = "uart"
bandwidth = 11.5e3
latency = 1e-3
serial = 1
[emulator]
program = "qemu-system-arm"
machine = "x"
)";

/// The good text with one piece replaced, which must be there.
std::string changed(const std::string &from, const std::string &to) {
  std::string text = good;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}
} // namespace

TEST(Board, ReadsAllKeys) {
  Diagnostics out;
  auto board = parseBoard(good, "toy", "b.toml", out);
  ASSERT_TRUE(board) << toString(out);
  EXPECT_EQ(board->name, "toy");
  EXPECT_EQ(board->toolchain, "arm-none-eabi-");
  EXPECT_EQ(board->optimize, "-O2");
  EXPECT_EQ(board->stackBytes, 4096);
  EXPECT_EQ(board->defines.at("BOARD_IRQS"), "32");
  EXPECT_EQ(board->clockHz, 25e6);
  EXPECT_EQ(board->cyclesF32, 3.5);
  EXPECT_EQ(board->memoryOf(BoardPart::arena)->address, 0x20000000u);
  EXPECT_EQ(board->memoryOf(BoardPart::weights)->name, "flash");
  ASSERT_TRUE(board->findLink("uart1"));
  EXPECT_EQ(board->findLink("uart1")->serial, 1);
  EXPECT_FALSE(board->findLink("uart2"));
  EXPECT_FALSE(board->isLinux());
}

TEST(Board, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {"", {"title is missing"}},
      {"title=", {"line 1", "not TOML"}},
      {changed("\"emulated\"", "\"measured\""), {"line 2", "measured_by is missing"}},
      {changed("serial = 1", "serial = 1\npins = [\"A\"]"), {"[[link]] 1: pins are not two"}},
      {changed("serial = 1", "serial = 1\npins = [\"A\", \"A\"]"),
       {"pin A is used twice, by \"uart1\""}},
      {changed("serial = 1", "serial = 1\ndma = 1"), {"dma is not true or false"}},
      {changed("serial = 1", "serial = 1\ndma = true"),
       {"\"uart1\" moves buffers by DMA", "DMA does not reach"}},
      {changed("size = 0x8000", "size = 0x8000\ndma = true\ncached = true")
           .append("[[link]]\nname = \"u\"\nkind = \"uart\"\ndma = true\n"),
       {"which is cached"}},
      {changed("serial = 1", "baud_clock = 9600"), {"ends of divisors"}},
      {changed("serial = 1", "baud_clock = 9600\ndivisors = [1, 2]\nbauds = [9600]"),
       {"ends of divisors"}},
      {changed("serial = 1", "divisors = [2, 1]"), {"rising integers"}},
      {changed("serial = 1", "bauds = [115200, 9600]"), {"rising integers"}},
      {changed("kind = \"uart\"", "kind = \"ethernet\"\nmax_baud = 9600"),
       {"only a UART has bauds"}},
      {changed("\"emulated\"", "\"emulated\"\nmeasured_by = \"me\""),
       {"line 3", "is for boards of status \"measured\""}},
      {changed("[emulator]", "[image]\nformats = [\"elf\"]\n[emulator]"),
       {"[image]", "unknown format \"elf\"", "uf2, hex, bin"}},
      {changed("[emulator]", "[image]\nformats = [\"uf2\"]\n[emulator]"),
       {"uf2_family is missing"}},
      {changed("[emulator]", "[image]\nuf2_family = 1\n[emulator]"), {"uf2_family is of no use"}},
      {changed("[emulator]", "[image]\n[[image.keep]]\nfrom = 8\n[emulator]"),
       {"[[image.keep]] 1", "to is missing"}},
      {changed("[emulator]", "[image]\n[[image.keep]]\nfrom = 8\nto = 8\n[emulator]"),
       {"to is not behind from"}},
      {changed("[emulator]",
               "[image]\n[[image.keep]]\nfrom = 0x0800ff00\nto = 0x08010000\n[emulator]"),
       {"memory \"flash\"", "overlaps what the boot loader keeps"}},
      {changed("[emulator]", "[image]\n[[image.crc]]\nsize = 8\n[emulator]"),
       {"[[image.crc]] 1", "address is missing"}},
      {changed("[emulator]", "[[flash]]\nprogram = \"x\"\n[emulator]"),
       {"[[flash]] 1", "from is missing"}},
      {changed("[emulator]",
               "[[flash]]\nprogram = \"x\"\nfrom = \"y\"\nargs = [\"{hex}\"]\n[emulator]"),
       {"args name {hex}, which the board has not"}},
      {changed("\"code\", ", "\"boot\", \"code\", "), {"\"boot\" lies beside other parts"}},
      {changed("arch", "bogus"), {"line 3", "unknown key \"bogus\"", "known: title"}},
      {changed("\"emulated\"", "\"broken\""), {"line 2", "unknown status", "linked only"}},
      {changed("\"A board\"", "3"), {"title is not a plain string"}},
      {changed("\"A board\"", "\"a;b\""), {"title is not a plain string"}},
      {changed("[toolchain]", "[tools]"), {"unknown key \"tools\""}},
      {changed("[\"-mthumb\"]", "\"-mthumb\""), {"flags is not a list"}},
      {changed("[\"-mthumb\"]", "[1]"), {"flags is not a list"}},
      {changed("prefix", "suffix"), {"[toolchain]", "unknown key \"suffix\""}},
      {changed("prefix = \"arm-none-eabi-\"", ""), {"[toolchain]", "prefix is missing"}},
      {changed("stack = 4096", ""), {"[build]", "stack is missing"}},
      {changed("stack = 4096", "stack = 12"), {"stack is not an integer from 256"}},
      {changed("stack = 4096", "stack = 1001"), {"no multiple of 8"}},
      {changed("linker_script = \"link.ld\"", ""), {"linker_script is missing"}},
      {changed("BOARD_IRQS = 32", "BOARD_IRQS = \"x\""),
       {"line 12", "\"BOARD_IRQS\" is not an integer"}},
      {changed("BOARD_IRQS = 32", "BOARD_IRQS = -1"), {"line 12", "integer from 0 to 1024"}},
      {changed("BOARD_IRQS = 32", "A-B = 32"), {"line 12", "\"A-B\" is no name of C++"}},
      {changed("clock = 25e6", "clock = 1e300"), {"line 14", "from 1e6 to 4e9"}},
      {changed("0x20000000", "0x20000001"), {"line 25", "no multiple of 64"}},
      {changed("[\"start.cpp\"]", "[\"a/start.cpp\", \"b/start.cpp\"]"),
       {"line 9", "\"b/start.cpp\" would overwrite \"a/start.cpp\""}},
      {changed("[\"start.cpp\"]", "[\"link.ld\", \"x/link.ld\"]"), {"line 9", "overwrite"}},
      {changed("[\"start.cpp\"]", "[\"memory.ld\"]"), {"line 9", "what compile writes"}},
      {changed("[\"start.cpp\"]", "[\"/start.cpp\"]"), {"line 9", "absolute path"}},
      {changed("link.ld", "common/"), {"line 8", "overwrite a directory"}},
      {changed("clock = 25e6", "clock = 25"), {"[speed]", "clock is not"}},
      {changed("[speed]", "[energy]\nactive = 0.1\n[speed]"), {"[energy]", "source is missing"}},
      {changed("[speed]", "[energy]\nactive = 0.1\nsource = \"\"\n[speed]"), {"source is empty"}},
      {changed("[speed]", "[energy]\nactive = 0\nsource = \"me\"\n[speed]"),
       {"active is no number"}},
      {changed("[speed]", "[energy]\nactive = 1\nwaiting = 2\nsource = \"me\"\n[speed]"),
       {"active is no number"}},
      {changed("f32 = 3.5", "f32 = -1"), {"f32 is not a number from 0 up"}},
      {changed("kind = \"flash\"", "kind = \"rom\""), {"[[memory]] 1", "unknown kind \"rom\""}},
      {changed("address = 0x08000000", "address = -1"), {"address is not an integer"}},
      {changed("size = 0x10000", ""), {"size is missing"}},
      {changed("size = 0x10000", "size = 0xffffffff"), {"beyond 32 bits"}},
      {changed("0x08000000", "0x20007fc0"), {"[[memory]] 2", "\"ram\"", "overlaps \"flash\""}},
      {changed("name = \"ram\"", "name = \"flash\""), {"\"flash\" is used twice"}},
      {changed("name = \"ram\"", "name = \"a b\""), {"is no word"}},
      {changed("\"weights\"]", "\"heap\"]"), {"unknown part \"heap\"", "known: code"}},
      {changed("\"weights\"]", "\"weights\", \"arena\"]"), {"flash cannot hold \"arena\""}},
      {changed("\"data\", ", "\"data\", \"code\", "), {"\"code\" is held twice"}},
      {changed("\"data\", ", ""), {"no memory holds \"data\""}},
      {changed("kind = \"uart\"", "kind = \"can\""), {"[[link]] 1", "unknown kind \"can\""}},
      {changed("latency = 1e-3", "latency = \"1\""), {"latency is not a number"}},
      {changed("serial = 1", "serial = 99"), {"serial is not an integer"}},
      {changed("serial = 1", "serial = 1\nemulator = [\"-x\"]"), {"say the same"}},
      {changed("[emulator]", "[[link]]\nname = \"uart1\"\nkind = \"uart\"\n[emulator]"),
       {"[[link]] 2", "\"uart1\" is used twice"}},
      {changed("[emulator]", "[[link]]\nname = \"u\"\nkind = \"uart\"\nserial = 1\n[emulator]"),
       {"-serial 1 is \"uart1\" already"}},
      {changed("machine = \"x\"", ""), {"[emulator]", "machine is missing"}},
      {changed("[emulator]", "[simulator]"), {"unknown key \"simulator\""}},
      {changed("[[memory]]", "[memory]"), {"line"}},
      {"link = 3\n" + good.substr(0, good.find("[[link]]")), {"link is not a list of tables"}},
      {"speed = 3\n" + changed("[speed]", "[more]"), {"speed is not a table"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseBoard(c.text, "toy", "b.toml", out)) << c.text;
    expectFault(out, c.parts);
  }
}

TEST(Board, UnknownNamesListTheKnownOnes) {
  Diagnostics out;
  EXPECT_FALSE(readBoard("nonsense", out));
  expectFault(out, {"\"nonsense\"", "no such board", "linux", "mps2-an386"});
  Diagnostics path;
  EXPECT_FALSE(readBoard("no/such/folder", path));
  expectFault(path, {"no/such/folder/board.toml"});
  Diagnostics host;
  EXPECT_FALSE(readBoard("linux", host));
  expectFault(host, {"\"linux\"", "any Linux host"});
}

/// A board's folder anywhere, and the copy of its description that compile leaves.
TEST(Board, OwnFolders) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("discoc-board-" + std::to_string(getpid()));
  const std::string toy = (folder / "mps2-an386").string(); // a shipped board's name, but not it
  fs::create_directories(fs::path(toy));
  Diagnostics out;
  ASSERT_TRUE(writeText(toy + "/board.toml", good, out));
  EXPECT_FALSE(readBoard(toy, out));
  ASSERT_EQ(out.size(), 2u) << toString(out);
  EXPECT_EQ(out[0].where, "line 8");
  EXPECT_NE(out[0].str().find("\"link.ld\" is not there"), std::string::npos) << out[0].str();
  EXPECT_EQ(out[1].where, "line 9");
  out.clear();
  fs::create_directories(toy + "/link.ld");
  writeText(toy + "/start.cpp", "", out);
  EXPECT_FALSE(readBoard(toy, out));
  expectFault(out, {"line 8", "\"link.ld\" is no file"});
  out.clear();
  fs::remove(toy + "/link.ld");
  writeText(toy + "/link.ld", "", out);
  for (const std::string &path : {toy, toy + "/", (folder / "./mps2-an386").string()}) {
    auto board = readBoard(path, out);
    ASSERT_TRUE(board) << toString(out);
    EXPECT_EQ(board->name, "mps2-an386");
    EXPECT_EQ(board->reference, toy);
    EXPECT_EQ(board->stackBytes, 4096);
  }
  const fs::path node = folder / "node0";
  fs::create_directories(node / "board");
  fs::copy_file(toy + "/board.toml", node / "board/board.toml");
  fs::remove_all(toy);
  auto copy = readNodeBoard(node.string(), toy, out);
  ASSERT_TRUE(copy) << toString(out);
  EXPECT_EQ(copy->name, "mps2-an386");
  EXPECT_EQ(copy->stackBytes, 4096);
  fs::remove_all(folder);
}

TEST(Board, AllBoardsAreRight) {
  const std::vector<std::string> names = boardNames();
  EXPECT_GE(names.size(), 8u);
  for (const std::string &name : names) {
    Diagnostics out;
    auto board = readBoard(name, out);
    ASSERT_TRUE(board) << toString(out);
    std::vector<std::string> files = board->sources;
    for (const auto &[kind, sources] : board->linkSources)
      files.insert(files.end(), sources.begin(), sources.end());
    if (!board->isLinux())
      files.push_back(board->linkerScript);
    for (const std::string &file : files)
      EXPECT_TRUE(std::filesystem::is_regular_file(board->folder + "/" + file))
          << name << ": " << file;
    if (board->status == "emulated") {
      for (const BoardLink &link : board->links)
        EXPECT_TRUE(link.serial || !link.emulator.empty()) << name << ": " << link.name;
    }
  }
}

TEST(Board, PageNamesEveryKey) {
  Diagnostics out;
  const std::string page = readText(std::string(DISCOC_DOCS) + "/board.md", out).value_or("");
  for (const char *table : {"", "toolchain", "build", "speed", "memory", "link", "image", "keep",
                            "crc", "flash", "emulator"})
    for (const char *key : boardKeys(table))
      EXPECT_NE(page.find("`" + std::string(key) + "`"), std::string::npos) << table << "." << key;
  for (const std::string &status : Board::allStatus())
    EXPECT_NE(page.find("`\"" + status + "\"`"), std::string::npos) << status;
  for (const std::string &part : BoardPart::all())
    EXPECT_NE(page.find("`" + part + "`"), std::string::npos) << part;
  for (const std::string &example : examplesOf("board.md", "toml")) {
    Diagnostics faults;
    EXPECT_TRUE(parseBoard(example, "example", "board.md", faults)) << toString(faults);
  }
}
