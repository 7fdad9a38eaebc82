//===- Board.cpp - the description of a kind of device, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Board.h"
#include "compiler/formats/BoardTable.h"
#include "compiler/formats/DataDirectory.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;

namespace discoc {

const std::vector<std::string> &BoardPart::all() {
  static const std::vector<std::string> parts = {code, weights, data, arena, buffers, stack};
  return parts;
}

const std::vector<std::string> &BoardImage::allFormats() {
  static const std::vector<std::string> formats = {"uf2", "hex", "bin"};
  return formats;
}

const std::vector<std::string> &Board::allStatus() {
  static const std::vector<std::string> all = {measuredStatus,  "foreign emulator", emulatedStatus,
                                               "image checked", "register model",   "linked only",
                                               linuxStatus};
  return all;
}

std::string Board::statusText() const {
  return measuredBy.empty() ? status : status + " by " + measuredBy;
}

const BoardLink *Board::findLink(const std::string &link) const {
  for (const BoardLink &one : links)
    if (one.name == link)
      return &one;
  return nullptr;
}

const BoardMemory *Board::memoryOf(const std::string &part) const {
  for (const BoardMemory &memory : memories)
    if (std::find(memory.holds.begin(), memory.holds.end(), part) != memory.holds.end())
      return &memory;
  return nullptr;
}

const std::vector<const char *> &boardKeys(const std::string &table) {
  static const std::map<std::string, std::vector<const char *>> keys = {
      {"",
       {"title", "status", "measured_by", "arch", "target", "toolchain", "build", "speed", "energy",
        "memory", "link", "image", "flash", "emulator"}},
      {"toolchain", {"prefix", "package", "flags", "link_flags", "optimize"}},
      {"build",
       {"linker_script", "sources", "uart_sources", "ethernet_sources", "stack", "defines"}},
      {"energy", {"active", "waiting", "source"}},
      {"speed", {"clock", "f32", "i8", "vector", "caches"}},
      {"memory", {"name", "kind", "address", "size", "holds", "dma", "cached"}},
      {"link",
       {"name", "kind", "bandwidth", "latency", "bauds", "baud_clock", "divisors", "max_baud",
        "serial", "emulator", "pins", "dma"}},
      {"image", {"formats", "uf2_family", "keep", "crc"}},
      {"keep", {"from", "to"}},
      {"crc", {"address", "size", "at"}},
      {"flash", {"program", "args", "from"}},
      {"emulator", {"program", "machine", "args"}}};
  return keys.at(table);
}

namespace {
constexpr int64_t maxAddress = 0xffffffff, maxText = 1 << 20;
constexpr int64_t maxVector = 256;         // bytes of a register
constexpr int64_t maxIrqs = 1024;          // of a PLIC; an NVIC has 496
constexpr int64_t alignment = 64;          // at which parts of a program begin
constexpr double minHz = 1e6, maxHz = 4e9; // BOARD_CLOCK_HZ has 32 bits

std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// Names become words of linker scripts, of C++ and of command lines.
bool isWord(const std::string &text) {
  auto good = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good) &&
         text[0] != '-';
}

/// The last component of a path, whether or not a slash follows it.
std::string lastOf(const fs::path &path) {
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

class BoardReader {
public:
  BoardReader(const toml::table &root, const std::string &file, Diagnostics &out)
      : root(root), file(file), out(out) {}

  bool read(Board &to) {
    board = &to;
    BoardTable top(root, "the file", file, out);
    bool good = top.known("") && top.text("title", to.title, true) &&
                top.choice("status", to.status, Board::allStatus()) && readMeasurer(top) &&
                top.text("arch", to.arch, true) && readTarget(top);
    good = inTable("toolchain", &BoardReader::readToolchain, true) && good;
    good = inTable("build", &BoardReader::readBuild, !to.isLinux()) && good;
    good = inTable("speed", &BoardReader::readSpeed, !to.isLinux()) && good;
    good = inTable("energy", &BoardReader::readEnergy, false) && good;
    const bool emulated = to.status == Board::emulatedStatus || to.isLinux();
    good = inTable("emulator", &BoardReader::readEmulator, emulated) && good;
    good = inEach("memory", &BoardReader::readMemory) && good;
    good = inEach("link", &BoardReader::readLink) && good;
    good = inTable("image", &BoardReader::readImage, false) && good;
    good = inEach("flash", &BoardReader::readFlasher) && good;
    return good && (to.isLinux() || checkMemories(top)) && checkFiles();
  }

private:
  bool inTable(const char *key, bool (BoardReader::*reader)(const BoardTable &), bool required) {
    const toml::node *node = root.get(key);
    if (node && node->is_table()) {
      BoardTable table(*node->as_table(), "[" + std::string(key) + "]", file, out);
      return table.known(key) && (this->*reader)(table);
    }
    if (!node && !required)
      return true;
    return BoardTable(root, "the file", file, out)
        .fault(key, node ? std::string(key) + " is not a table" : std::string(key) + " is missing",
               "begin it with [" + std::string(key) + "]");
  }

  bool inEach(const char *key, bool (BoardReader::*reader)(const BoardTable &)) {
    return inEach(root, "", key, reader);
  }

  /// `prefix` is of the table that the list is in: "image.", or "".
  bool inEach(const toml::table &of, const std::string &prefix, const char *key,
              bool (BoardReader::*reader)(const BoardTable &)) {
    const toml::node *node = of.get(key);
    if (!node)
      return true;
    const toml::array *list = node->as_array();
    const std::string name = "[[" + prefix + key + "]]";
    if (!list || !std::all_of(list->begin(), list->end(), [](auto &one) { return one.is_table(); }))
      return BoardTable(of, "the file", file, out)
          .fault(key, std::string(key) + " is not a list of tables", "begin each with " + name);
    bool good = true;
    for (size_t i = 0; i < list->size(); ++i) {
      BoardTable table(*list->get(i)->as_table(), name + " " + std::to_string(i + 1), file, out);
      good = table.known(key) && (this->*reader)(table) && good;
    }
    return good;
  }

  bool readMeasurer(const BoardTable &table) {
    if (!table.text("measured_by", board->measuredBy))
      return false;
    if ((board->status == Board::measuredStatus) != board->measuredBy.empty())
      return true;
    return board->measuredBy.empty()
               ? table.fault("status", "measured_by is missing",
                             "say who tried the board on hardware, and when")
               : table.fault("measured_by", "measured_by is for boards of status \"measured\"",
                             "leave it out");
  }

  bool readTarget(const BoardTable &table) {
    if (!table.has("target"))
      return true;
    std::string text;
    if (!table.text("target", text, true))
      return false;
    if (!board->isLinux())
      return table.fault("target", "target is for Linux boards", "say it in flags of [toolchain]");
    const size_t before = out.size();
    board->target = parseTarget(text, file, "", out);
    if (board->target)
      return true;
    const Diagnostic why = out.back();
    out.resize(before);
    return table.fault("target", why.what, why.hint);
  }

  bool readToolchain(const BoardTable &table) {
    return table.text("prefix", board->toolchain, true) && table.text("package", board->package) &&
           table.texts("flags", board->flags) && table.texts("link_flags", board->linkFlags) &&
           table.text("optimize", board->optimize);
  }

  bool readBuild(const BoardTable &table) {
    std::optional<int64_t> stack;
    bool good = table.text("linker_script", board->linkerScript, !board->isLinux()) &&
                table.texts("sources", board->sources) && readLinkSources(table) &&
                table.integer("stack", stack, 256, maxAddress);
    if (!good)
      return false;
    if (!stack && !board->isLinux())
      return table.fault("stack", "stack is missing", "bytes of the stack");
    board->stackBytes = stack.value_or(0);
    if (board->stackBytes % 8)
      return table.fault("stack", "stack is no multiple of 8");
    return !table.has("defines") || readDefines(table);
  }

  /// `uart_sources`, `ethernet_sources`.
  bool readLinkSources(const BoardTable &table) {
    for (const LinkKind &kind : linkKinds())
      if (const std::string key = sourcesKey(kind); kind.onBoards && table.has(key.c_str()))
        if (!table.texts(key.c_str(), board->linkSources[kind.name]))
          return false;
    return true;
  }

  static std::string sourcesKey(const LinkKind &kind) {
    return std::string(kind.name) + "_sources";
  }

  bool readDefines(const BoardTable &table) {
    const toml::table *defines = table.table.get("defines")->as_table();
    if (!defines)
      return table.fault("defines", "defines is not a table", "begin it with [build.defines]");
    const BoardTable own(*defines, "[build.defines]", file, out);
    for (auto &&[key, value] : *defines) {
      const std::string name(key.str());
      const int64_t most = name == "BOARD_IRQS" ? maxIrqs : maxAddress;
      const auto number = value.value_exact<int64_t>();
      if (!isWord(name) || name.find('-') != std::string::npos || std::isdigit(name[0] & 0x7f))
        return own.fault(name.c_str(), "\"" + name + "\" is no name of C++");
      if (!number || *number < 0 || *number > most)
        return own.fault(name.c_str(),
                         "\"" + name + "\" is not an integer from 0 to " + std::to_string(most));
      board->defines[name] = std::to_string(*number);
    }
    return true;
  }

  bool readSpeed(const BoardTable &table) {
    std::optional<int64_t> vector;
    if (!table.number("clock", board->clockHz) || !table.number("f32", board->cyclesF32) ||
        !table.number("i8", board->cyclesI8) || !table.integer("vector", vector, 0, maxVector) ||
        !readCaches(table))
      return false;
    board->vectorBytes = vector.value_or(0);
    return (board->clockHz >= minHz && board->clockHz <= maxHz) || board->isLinux() ||
           table.fault("clock", "clock is not a number of Hz from 1e6 to 4e9");
  }

  bool readEnergy(const BoardTable &table) {
    constexpr double mostW = 1e4;
    if (!table.number("active", board->activeW) || !table.number("waiting", board->waitingW) ||
        !table.text("source", board->energySource, /*required=*/true))
      return false;
    if (board->energySource.empty())
      return table.fault("source", "source is empty", "say who measured it, or which data sheet");
    return (board->activeW > 0 && board->activeW <= mostW && board->waitingW <= board->activeW) ||
           table.fault("active", "active is no number of watts above 0 and not below waiting",
                       "watts of the whole board while it computes, and while it waits");
  }

  bool readCaches(const BoardTable &table) {
    const toml::node *node = table.table.get("caches");
    if (!node)
      return true;
    const toml::array *list = node->as_array();
    for (size_t i = 0; list && i < list->size(); ++i) {
      const auto bytes = list->get(i)->value_exact<int64_t>();
      if (!bytes || *bytes < 1 || *bytes > maxAddress)
        list = nullptr;
      else
        board->cacheBytes.push_back(*bytes);
    }
    return list ||
           table.fault("caches", "caches is not a list of bytes", "for example caches = [16384]");
  }

  bool readEmulator(const BoardTable &table) {
    return table.text("program", board->emulator.program, true) &&
           table.text("machine", board->emulator.machine, !board->isLinux()) &&
           table.texts("args", board->emulator.args);
  }

  bool readMemory(const BoardTable &table) {
    BoardMemory memory;
    std::optional<int64_t> address, size;
    if (!table.text("name", memory.name, true) ||
        !table.choice("kind", memory.kind, {"flash", "ram"}) ||
        !table.integer("address", address, 0, maxAddress) ||
        !table.integer("size", size, 1, maxAddress) || !table.texts("holds", memory.holds))
      return false;
    if (!address || !size)
      return table.fault(nullptr, address ? "size is missing" : "address is missing", "in bytes");
    if (!table.flag("dma", reached[memory.name]) || !table.flag("cached", cached[memory.name]))
      return false;
    memory.address = static_cast<uint64_t>(*address);
    memory.size = static_cast<uint64_t>(*size);
    if (memory.address % alignment)
      return table.fault("address", "address is no multiple of " + std::to_string(alignment),
                         "parts of a program begin at such addresses");
    if (memory.address + memory.size > static_cast<uint64_t>(maxAddress) + 1)
      return table.fault("size", "ends beyond 32 bits of address");
    if (!isWord(memory.name))
      return table.fault("name", "\"" + memory.name + "\" is no word of letters and digits");
    for (const BoardMemory &other : board->memories) {
      if (other.name == memory.name)
        return table.fault("name", "the name \"" + memory.name + "\" is used twice");
      if (memory.address < other.address + other.size &&
          other.address < memory.address + memory.size)
        return table.fault("address", "memory \"" + memory.name + "\" (" + hex(memory.address) +
                                          ", " + std::to_string(memory.size) +
                                          " bytes) overlaps \"" + other.name + "\" (" +
                                          hex(other.address) + ", " + std::to_string(other.size) +
                                          " bytes)");
    }
    if (!checkHolds(table, memory))
      return false;
    board->memories.push_back(std::move(memory));
    return true;
  }

  bool checkHolds(const BoardTable &table, const BoardMemory &memory) {
    for (const std::string &part : memory.holds) {
      std::vector<std::string> all = BoardPart::all();
      all.push_back(BoardPart::boot);
      if (std::find(all.begin(), all.end(), part) == all.end())
        return table.fault("holds", "unknown part \"" + part + "\"", "known: " + joined(all));
      if (!held.insert(part).second)
        return table.fault("holds", "\"" + part + "\" is held twice", "name it in one memory");
      if (part == BoardPart::boot && memory.holds.size() > 1)
        return table.fault("holds", "\"boot\" lies beside other parts",
                           "give what the boot ROM reads a [[memory]] by itself");
      const bool constant =
          part == BoardPart::code || part == BoardPart::weights || part == BoardPart::boot;
      if (memory.kind == "flash" && !constant)
        return table.fault("holds", "flash cannot hold \"" + part + "\"", "put it into a ram");
    }
    return true;
  }

  bool checkMemories(const BoardTable &top) {
    for (const std::string &part : BoardPart::all())
      if (!held.count(part))
        return top.fault("memory", "no memory holds \"" + part + "\"",
                         "name it in the holds of one [[memory]]");
    return checkDma(top);
  }

  /// A device that reads and writes memory by itself sees neither what DMA does not reach nor what
  /// only a cache has; no driver cleans or invalidates lines.
  bool checkDma(const BoardTable &top) const {
    const std::string &memory = board->memoryOf(BoardPart::buffers)->name;
    for (const std::string &link : dmaLinks) {
      const std::string what = "the driver of \"" + link +
                               "\" moves buffers by DMA, and they lie in \"" + memory + "\", ";
      if (!reached.at(memory))
        return top.fault("memory", what + "which DMA does not reach",
                         "let a memory with dma = true hold \"buffers\"");
      if (cached.at(memory))
        return top.fault("memory", what + "which is cached",
                         "let a memory with cached = false hold \"buffers\"");
    }
    return true;
  }

  /// An address, or a number of bytes, that has to be there.
  bool address(const BoardTable &table, const char *key, uint64_t &to) const {
    std::optional<int64_t> value;
    if (!table.integer(key, value, 0, maxAddress + 1))
      return false;
    to = static_cast<uint64_t>(value.value_or(0));
    return value || table.fault(key, std::string(key) + " is missing", "in bytes");
  }

  bool readImage(const BoardTable &table) {
    std::optional<int64_t> family;
    BoardImage &image = board->image;
    if (!table.texts("formats", image.formats) ||
        !table.integer("uf2_family", family, 1, maxAddress))
      return false;
    image.uf2Family = family.value_or(0);
    const std::vector<std::string> &all = BoardImage::allFormats();
    for (const std::string &format : image.formats)
      if (std::find(all.begin(), all.end(), format) == all.end())
        return table.fault("formats", "unknown format \"" + format + "\"", "known: " + joined(all));
    const bool uf2 =
        std::find(image.formats.begin(), image.formats.end(), all.front()) != image.formats.end();
    if (uf2 != family.has_value())
      return table.fault(uf2 ? "formats" : "uf2_family",
                         uf2 ? "uf2_family is missing" : "uf2_family is of no use",
                         uf2 ? "the boot loader takes no other" : "name \"uf2\" in formats");
    return inEach(table.table, "image.", "keep", &BoardReader::readKeep) &&
           inEach(table.table, "image.", "crc", &BoardReader::readCrc);
  }

  bool readKeep(const BoardTable &table) {
    BoardImage::Range range;
    if (!address(table, "from", range.from) || !address(table, "to", range.to))
      return false;
    if (range.from >= range.to)
      return table.fault("to", "to is not behind from");
    for (const BoardMemory &memory : board->memories)
      if (memory.address < range.to && range.from < memory.address + memory.size)
        return table.fault("from",
                           "memory \"" + memory.name + "\" (" + hex(memory.address) + ", " +
                               std::to_string(memory.size) +
                               " bytes) overlaps what the boot loader keeps (" + hex(range.from) +
                               " to " + hex(range.to) + ")",
                           "begin the memory behind it");
    board->image.keep.push_back(range);
    return true;
  }

  bool readCrc(const BoardTable &table) {
    BoardImage::Crc crc;
    if (!address(table, "address", crc.address) || !address(table, "size", crc.size) ||
        !address(table, "at", crc.at))
      return false;
    board->image.crcs.push_back(crc);
    return true;
  }

  bool readFlasher(const BoardTable &table) {
    BoardFlasher tool;
    if (!table.text("program", tool.program, true) || !table.texts("args", tool.args) ||
        !table.text("from", tool.from, true))
      return false;
    for (const std::string &format : BoardImage::allFormats())
      for (const std::string &word : tool.args)
        if (const auto &has = board->image.formats;
            word.find("{" + format + "}") != std::string::npos &&
            std::find(has.begin(), has.end(), format) == has.end())
          return table.fault("args", "args name {" + format + "}, which the board has not",
                             "name \"" + format + "\" in formats of [image]");
    board->flashers.push_back(std::move(tool));
    return true;
  }

  /// Files that [build] names: they end up in one directory, so no two may have one name there.
  bool checkFiles() {
    const toml::node *node = root.get("build");
    if (!node || !node->is_table())
      return true;
    const BoardTable table(*node->as_table(), "[build]", file, out);
    std::map<std::string, std::string> places = {{"memory.ld", "what compile writes"},
                                                 {"board.toml", "what compile writes"}};
    auto check = [&](const char *key, const std::string &path) {
      std::error_code error;
      const std::string name = fs::path(path).filename().string(),
                        plain = fs::path(path).lexically_normal().string();
      if (fs::path(path).is_absolute())
        return table.fault(key, "\"" + path + "\" is an absolute path",
                           "name it from the folder of board.toml on");
      if (const auto [found, fresh] = places.try_emplace(name, plain);
          name.empty() || (!fresh && found->second != plain))
        return table.fault(key,
                           "\"" + path + "\" would overwrite " +
                               (name.empty() ? "a directory" : "\"" + found->second + "\""),
                           "all files are copied into one directory: name them differently");
      return board->folder.empty() || fs::is_regular_file(fs::path(board->folder) / path, error) ||
             table.fault(
                 key,
                 "\"" + path + "\" is " +
                     (fs::exists(fs::path(board->folder) / path, error) ? "no file" : "not there"),
                 "paths are from the folder of board.toml on");
    };
    bool good = board->linkerScript.empty() || check("linker_script", board->linkerScript);
    for (const std::string &path : board->sources)
      good = check("sources", path) && good;
    for (const LinkKind &kind : linkKinds())
      if (const auto list = board->linkSources.find(kind.name); list != board->linkSources.end())
        for (const std::string &path : list->second)
          good = check(sourcesKey(kind).c_str(), path) && good;
    return good;
  }

  bool readLink(const BoardTable &table) {
    BoardLink link;
    std::vector<std::string> kinds;
    for (const LinkKind &one : linkKinds())
      if (one.onBoards)
        kinds.push_back(one.name);
    std::string kind;
    if (!table.text("name", link.name, true) || !table.choice("kind", kind, kinds) ||
        !table.number("bandwidth", link.bandwidth) || !table.number("latency", link.latency) ||
        !table.integer("serial", link.serial, 0, 15) || !table.texts("emulator", link.emulator))
      return false;
    link.kind = findLinkKind(kind);
    if (!isWord(link.name))
      return table.fault("name", "\"" + link.name + "\" is no word of letters and digits");
    if (link.serial && !link.emulator.empty())
      return table.fault("serial", "serial and emulator say the same thing", "keep one of them");
    for (const BoardLink &other : board->links) {
      if (other.name == link.name)
        return table.fault("name", "the name \"" + link.name + "\" is used twice");
      if (link.serial && other.serial == link.serial)
        return table.fault("serial", "-serial " + std::to_string(*link.serial) + " is \"" +
                                         other.name + "\" already");
    }
    if (!readPins(table, link.name))
      return false;
    board->links.push_back(std::move(link));
    return readRates(table, board->links.back());
  }

  /// Those that send and receive, as the board's print names them: for drawings of the wires.
  bool readPins(const BoardTable &table, const std::string &link) {
    std::vector<std::string> list;
    bool dma = false;
    if (!table.texts("pins", list) || !table.flag("dma", dma))
      return false;
    if (dma)
      dmaLinks.push_back(link);
    if (!list.empty() && list.size() != 2)
      return table.fault("pins", "pins are not two", "that which sends, and that which receives");
    for (const std::string &pin : list)
      if (const auto [found, fresh] = pins.try_emplace(pin, link); !fresh)
        return table.fault("pins",
                           "pin " + pin + " is used twice, by \"" + found->second + "\" already",
                           "give each link pins of its own");
    return true;
  }

  static bool readRates(const BoardTable &table, BoardLink &link) {
    constexpr int64_t mostHz = 2000000000;
    std::optional<int64_t> clock, max;
    std::vector<int64_t> divisors;
    if (!table.integers("bauds", link.rates.fixed, 300, mostHz) ||
        !table.integer("baud_clock", clock, 300, mostHz) ||
        !table.integers("divisors", divisors, 1, mostHz) ||
        !table.integer("max_baud", max, 300, mostHz))
      return false;
    if ((clock || max || !divisors.empty() || !link.rates.fixed.empty()) &&
        link.kind->carries != Carries::Bytes)
      return table.fault("kind", "only a UART has bauds");
    if (divisors.size() != (clock ? 2 : 0) || (clock && !link.rates.fixed.empty()))
      return table.fault("baud_clock", "a UART has bauds, or baud_clock and the ends of divisors");
    if (clock)
      link.rates = {{}, *clock, divisors[0], divisors[1], 0};
    link.rates.max = max.value_or(0);
    return true;
  }

  const toml::table &root;
  const std::string &file;
  Diagnostics &out;
  Board *board = nullptr;
  std::set<std::string> held;
  std::map<std::string, bool> reached, cached; ///< memories: by DMA, by the processor's caches
  std::map<std::string, std::string> pins;     ///< the link that uses each
  std::vector<std::string> dmaLinks;           ///< whose drivers use DMA
};
} // namespace

std::optional<Board> parseBoard(const std::string &text, const std::string &name,
                                const std::string &file, Diagnostics &diagnostics,
                                const std::string &folder) {
  Board board;
  board.name = board.reference = name;
  board.folder = folder;
  bool good = false;
  withToml(text, file, diagnostics, [&](const toml::table &root) {
    good = BoardReader(root, file, diagnostics).read(board);
  });
  return good ? std::optional(std::move(board)) : std::nullopt;
}

std::string boardsDirectory() {
  if (const char *stated = std::getenv("DISCOC_BOARDS"))
    return stated;
  return dataDirectory("boards", "codegen/boards");
}

std::vector<std::string> boardNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(boardsDirectory(), error), end; !error && at != end;
       at.increment(error))
    if (fs::is_regular_file(at->path() / "board.toml", error))
      names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string boardFolder(const std::string &reference) {
  return reference.find('/') != std::string::npos
             ? reference
             : (fs::path(boardsDirectory()) / reference).string();
}

std::optional<Board> readBoard(const std::string &name, Diagnostics &diagnostics) {
  const bool isPath = name.find('/') != std::string::npos;
  fs::path folder = boardFolder(name);
  std::error_code error;
  if (name == anyHost) {
    diagnostics.push_back({"board \"linux\"", "", "is any Linux host, and has no description",
                           "leave the board out, or name another one"});
    return std::nullopt;
  }
  if (!isPath && (!isWord(name) || !fs::is_regular_file(folder / "board.toml", error))) {
    diagnostics.push_back(
        {"board \"" + name + "\"", "", "there is no such board",
         "known: linux, " + joined(boardNames()) + "; or the path of a folder with a board.toml"});
    return std::nullopt;
  }
  const std::string file = (folder / "board.toml").string();
  std::optional<std::string> text = readText(file, diagnostics, maxText);
  if (!text)
    return std::nullopt;
  std::optional<Board> board =
      parseBoard(*text, lastOf(folder.lexically_normal()), file, diagnostics, folder.string());
  if (!board)
    return std::nullopt;
  std::optional<BoardBounds> bounds = readBounds(board->folder, diagnostics);
  if (!bounds)
    return std::nullopt;
  board->bounds = std::move(*bounds);
  if (isPath) {
    folder = fs::absolute(folder, error).lexically_normal();
    board->reference = (folder.has_filename() ? folder : folder.parent_path()).string();
  }
  return board;
}

std::optional<Board> readNodeBoard(const std::string &nodeDirectory, const std::string &name,
                                   Diagnostics &diagnostics) {
  const fs::path file = fs::path(nodeDirectory) / "board" / "board.toml";
  std::error_code error;
  if (!fs::exists(file, error))
    return readBoard(name, diagnostics);
  const auto text = readText(file.string(), diagnostics, maxText);
  return text ? parseBoard(*text, lastOf(name), file.string(), diagnostics) : std::nullopt;
}

} // namespace discoc
