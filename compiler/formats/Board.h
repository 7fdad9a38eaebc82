//===- Board.h - the description of a kind of device, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/board.md is the specification.
#ifndef DISCOC_FORMATS_BOARD_H
#define DISCOC_FORMATS_BOARD_H

#include "compiler/formats/Baud.h"
#include "compiler/formats/BoardBounds.h"
#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/LinkKind.h"
#include "compiler/formats/Target.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// A range of addresses and what is put there.
struct BoardMemory {
  std::string name; ///< as the linker script calls it, for example "flash"
  std::string kind; ///< "flash": keeps its bytes without power and is not written; "ram"
  uint64_t address = 0, size = 0; ///< bytes
  std::vector<std::string> holds; ///< of BoardPart::all
};

/// What a program consists of. Every part lies in one memory.
struct BoardPart {
  static constexpr const char *code = "code";       ///< vectors, functions, constants, initial data
  static constexpr const char *weights = "weights"; ///< read in place
  static constexpr const char *data = "data";       ///< variables of the runtime and the drivers
  static constexpr const char *arena = "arena";     ///< activations and messages
  static constexpr const char *buffers = "buffers"; ///< inputs, outputs, windows of the links
  static constexpr const char *stack = "stack";
  /// What the chip's boot ROM reads. Not of all(): only some boards have it, in a memory by itself.
  static constexpr const char *boot = "boot";
  static const std::vector<std::string> &all();
};

/// A way out of the board. Its place in the list is the number that the drivers know it by.
struct BoardLink {
  std::string name;               ///< "uart1", "eth0"
  const LinkKind *kind = nullptr; ///< one with packets
  double bandwidth = 0;           ///< payload bytes a second, each direction; 0: unknown
  double latency = 0;             ///< seconds a packet; 0: unknown
  BaudRates rates;                ///< of a UART
  std::optional<int64_t> serial;  ///< which of the emulator's -serial options it is
  /// Arguments of the emulator for a link that is no -serial. "{chardev}" stands for the id of a
  /// -chardev, "{netdev}" for that of a -netdev, "{backend}" for what -nic begins with, such as
  /// "socket,listen=127.0.0.1:7000", and "{mac}" for an address.
  std::vector<std::string> emulator;
};

/// How the board is started here.
struct BoardEmulator {
  std::string program;           ///< "qemu-system-arm"; empty: there is none
  std::string machine;           ///< of -M; empty: the program runs under a user-mode emulator
  std::vector<std::string> args; ///< before everything else
};

/// What the files that people flash are made of; docs/formats/board.md.
struct BoardImage {
  struct Range {
    uint64_t from = 0, to = 0; ///< addresses; `to` is the first one behind it
  };
  /// A checksum that the boot ROM looks at: CRC-32 of polynomial 0x04c11db7, begun with all ones,
  /// neither reflected nor inverted.
  struct Crc {
    uint64_t address = 0, size = 0, at = 0; ///< of the bytes that it is of, and where it lies
  };
  std::vector<std::string> formats; ///< "uf2", "hex", "bin"
  int64_t uf2Family = 0;            ///< the loader's; 0: no uf2 is made
  std::vector<Range> keep;          ///< the boot loader's, which no image may touch
  std::vector<Crc> crcs;
  static const std::vector<std::string> &allFormats();
};

/// A tool that writes an image to the board.
struct BoardFlasher {
  std::string program;
  std::vector<std::string> args; ///< "{uf2}", "{hex}", "{bin}" and "{elf}" stand for files
  std::string from;              ///< who has it: a package, or its maker's page
};

/// What a node without a board is: any Linux host.
inline constexpr const char *anyHost = "linux";

struct Board {
  std::string name;       ///< that of its folder
  std::string title;      ///< one line for people
  std::string status;     ///< how far it was tried: one of allStatus()
  std::string measuredBy; ///< who tried it on hardware, where status says so
  std::string arch;       ///< "armv7e-m", "rv32imafc", "aarch64", ...
  std::string folder;     ///< where board.toml lies; empty: in no folder with its sources
  /// What names the board from anywhere: its name, or an absolute path.
  std::string reference;

  std::string toolchain;              ///< prefix of the compiler's name: "arm-none-eabi-"
  std::string package;                ///< group of scripts/setup that installs it
  std::vector<std::string> flags;     ///< of compiler and linker
  std::vector<std::string> linkFlags; ///< of the linker alone
  std::string optimize = "-O2";       ///< of the kernels; everything else is built for size
  std::vector<std::string> sources;   ///< start-up, relative to the folder: in every program
  /// Drivers by kind of link, relative to the folder: in programs that use one.
  std::map<std::string, std::vector<std::string>> linkSources;
  std::string linkerScript;                   ///< relative to the folder
  std::map<std::string, std::string> defines; ///< constants of the drivers

  double clockHz = 0;
  double cyclesF32 = 0, cyclesI8 = 0; ///< measured, a multiply-accumulate; 0: unknown
  int64_t vectorBytes = 0;            ///< of one register; 0: it has no vectors, or nobody says
  std::vector<int64_t> cacheBytes;    ///< of data, the nearest first
  /// Watts of the whole board while it computes and while it waits, and who says so; an empty
  /// source: nobody does.
  double activeW = 0, waitingW = 0;
  std::string energySource;
  /// Of a Linux board: what its programs are compiled for, in place of `flags`.
  std::optional<Target> target;
  int64_t stackBytes = 0;
  std::vector<BoardMemory> memories;
  std::vector<BoardLink> links;
  BoardEmulator emulator;
  BoardImage image;
  std::vector<BoardFlasher> flashers;      ///< in the order in which they are tried
  BoardBounds bounds = unmeasuredBounds(); ///< those of bounds.toml, from readBoard()

  static constexpr const char *linuxStatus = "linux", *measuredStatus = "measured",
                              *emulatedStatus = "emulated";
  static const std::vector<std::string> &allStatus();
  /// "measured by NAME" of a board that was tried on hardware; else the status.
  std::string statusText() const;
  bool isLinux() const { return status == linuxStatus; }
  /// Null when the board has none of that name.
  const BoardLink *findLink(const std::string &name) const;
  /// The memory that holds a part. Never null for a board that was read and is not a Linux one.
  const BoardMemory *memoryOf(const std::string &part) const;
};

/// The keys of a table of the file: "toolchain", "memory", ..., or "" for the tables themselves.
const std::vector<const char *> &boardKeys(const std::string &table);

/// The folder of all boards: DISCOC_BOARDS, else beside the program, else the source tree's.
std::string boardsDirectory();
/// Names of all boards, sorted.
std::vector<std::string> boardNames();
/// Where a board's files lie, by what readBoard() calls its reference.
std::string boardFolder(const std::string &reference);
/// A board by its name; a name with a slash in it is the path of a board's folder.
std::optional<Board> readBoard(const std::string &name, Diagnostics &diagnostics);
/// The board of a compiled node: compile leaves a copy of its board.toml in the node's directory,
/// so that OUT needs neither the folder of boards nor an own board's. `name` as in readBoard().
std::optional<Board> readNodeBoard(const std::string &nodeDirectory, const std::string &name,
                                   Diagnostics &diagnostics);
/// `name` and `folder` go into the result. The files that it names are looked for when `folder` is
/// not empty.
std::optional<Board> parseBoard(const std::string &text, const std::string &name,
                                const std::string &file, Diagnostics &diagnostics,
                                const std::string &folder = "");

} // namespace discoc

#endif // DISCOC_FORMATS_BOARD_H
