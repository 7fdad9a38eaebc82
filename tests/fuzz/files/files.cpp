//===- files.cpp - fuzz targets of the files that discoc reads ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// One target a kind of file, chosen by --kind=NAME: manifest, report, masks, owners, plan,
// preprocess, labels, cluster, board, bounds, calls, npy, picture, and stub_npy, the reader of
// emitted programs. A reader gives a value or says why not, never both, and what it says is one
// printable line. With libFuzzer: files_fuzz --kind=K tests/fuzz/corpus/K. Without: files_fuzz
// --kind=K
// --runs N
// [--seed S] FILE... feeds every file, and N seeded mutations of them.
//
//===----------------------------------------------------------------------===//

#include "../limits.h"
#include "compiler/formats/Board.h"
#include "compiler/formats/BoardBounds.h"
#include "compiler/formats/CallTable.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Manifest.h"
#include "compiler/formats/Masks.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/PictureFile.h"
#include "compiler/formats/Plan.h"
#include "compiler/formats/Preprocess.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Report.h"
#include "host/npy.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sys/mman.h>

using namespace discoc;

namespace {

void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "files_fuzz: %s\n", what);
  std::abort();
}

/// What was read is written and read again as the same.
template <class T, class Write, class Parse>
bool roundTrip(const std::optional<T> &value, Write write, Parse parse) {
  if (!value)
    return false;
  const std::string text = write(*value);
  Diagnostics out;
  const std::optional<T> again = parse(text, out);
  require(again.has_value(), "what was written is not read");
  require(write(*again) == text, "what was written reads as something else");
  return true;
}

template <class Parse> bool json(const std::string &text, Diagnostics &out, Parse parse) {
  return roundTrip(parse(text, out), [](const auto &value) { return toJson(value); }, parse);
}

bool readMasksText(const std::string &text, Diagnostics &out) {
  return json(text, out, [](const std::string &t, Diagnostics &o) {
    return parseMasks(t, "f", std::nullopt, o);
  });
}

bool readOwnersText(const std::string &text, Diagnostics &out) {
  return json(text, out, [](const std::string &t, Diagnostics &o) {
    return parseOwners(t, "f", std::nullopt, o);
  });
}

bool readPlanText(const std::string &text, Diagnostics &out) {
  return json(text, out, [](const std::string &t, Diagnostics &o) {
    return parsePlan(t, "f", std::nullopt, o);
  });
}

bool readStubNpy(const std::string &text, Diagnostics &out) {
  const int fd = memfd_create("npy", 0);
  require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "no file in memory");
  char error[256] = "";
  disco_npy array;
  const bool good =
      disco_npy_read(("/proc/self/fd/" + std::to_string(fd)).c_str(), &array, error, sizeof error);
  unsigned sum = 0;
  for (uint64_t i = 0; good && i < array.bytes; ++i)
    sum += static_cast<const unsigned char *>(array.data)[i];
  static volatile unsigned sink;
  sink = sink + sum;
  disco_npy_free(&array);
  close(fd);
  if (!good)
    out.push_back({"f", "", error, ""});
  return good;
}

bool readPictureText(const std::string &text, Diagnostics &out) {
  bool good = true;
  for (int colors : {1, 3, 4}) {
    const auto pixels = decodePicture(text, colors, "f.tga", out);
    good = good && pixels;
    require(!pixels || static_cast<int64_t>(pixels->values.size()) ==
                           pixels->height * pixels->width * colors,
            "a picture of another size");
    if (!pixels)
      break;
  }
  return good;
}

struct Kind {
  const char *name;
  bool (*read)(const std::string &text, Diagnostics &out);
};

const Kind kinds[] = {
    {"manifest",
     [](const std::string &text, Diagnostics &out) {
       return json(text, out,
                   [](const std::string &t, Diagnostics &o) { return parseManifest(t, "f", o); });
     }},
    {"report", [](const std::string &text,
                  Diagnostics &out) { return parseReport(text, "f", out).has_value(); }},
    {"masks", readMasksText},
    {"owners", readOwnersText},
    {"plan", readPlanText},
    {"preprocess",
     [](const std::string &text, Diagnostics &out) {
       return json(text, out,
                   [](const std::string &t, Diagnostics &o) { return parsePreprocess(t, "f", o); });
     }},
    {"labels", [](const std::string &text,
                  Diagnostics &out) { return parseLabels(text, "f", out).has_value(); }},
    {"cluster",
     [](const std::string &text, Diagnostics &out) {
       return parseCluster(text, "f", std::nullopt, out).has_value();
     }},
    {"board", [](const std::string &text,
                 Diagnostics &out) { return parseBoard(text, "b", "f", out).has_value(); }},
    {"bounds", [](const std::string &text,
                  Diagnostics &out) { return parseBounds(text, "f", out).has_value(); }},
    {"calls", [](const std::string &text,
                 Diagnostics &out) { return parseCallTable(text, "f", out).has_value(); }},
    {"npy",
     [](const std::string &text, Diagnostics &out) {
       const auto array = parseNpy(text, "f", out);
       require(!array || array->count() * elementInfo(array->type)->bytes() ==
                             static_cast<int64_t>(array->data.size()),
               "an array of another size");
       return array.has_value();
     }},
    {"stub_npy", readStubNpy},
    {"picture", readPictureText}};

const Kind *kind = nullptr;

void chooseKind(int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    for (const Kind &one : kinds)
      if (argv[i] == std::string("--kind=") + one.name)
        kind = &one;
  if (!kind) {
    std::fprintf(stderr, "files_fuzz: which --kind=NAME?\n");
    std::exit(2);
  }
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) {
  chooseKind(*argc, *argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Diagnostics out;
  const bool good = kind->read(std::string(reinterpret_cast<const char *>(data), size), out);
  require(good == out.empty(), "result and messages disagree");
  for (const Diagnostic &fault : out) {
    require(!fault.what.empty(), "an empty message");
    const std::string line = fault.str();
    require(printable(line) == line, "a message that is not printable");
  }
  return 0;
}

#ifndef DISCOC_LIBFUZZER

namespace {

using Random = std::mt19937_64;

size_t below(Random &random, size_t limit) { return limit == 0 ? 0 : random() % limit; }

/// One edit; `other` is another file of the corpus, of which pieces are taken.
void mutate(Random &random, std::string &text, const std::string &other) {
  static const char *const pieces[] = {"[",      "]",
                                       "{",      "}",
                                       ",",      ":",
                                       "\"",     "'",
                                       "-1",     "0",
                                       "1e999",  "99999999999999999999",
                                       "null",   "\xff\xff\xff\xff",
                                       "\"\"\"", ".",
                                       "=",      "\n",
                                       "\x1b",   "\xe2\x80\xae"};
  const size_t at = below(random, text.size());
  const size_t length = std::min(1 + below(random, 16), text.size() - at);
  switch (below(random, 7)) {
  case 0:
    if (!text.empty())
      text[at] = static_cast<char>(text[at] ^ (1 << below(random, 8)));
    break;
  case 1:
    if (!text.empty())
      text[at] = static_cast<char>(random());
    break;
  case 2: text.erase(at, length); break;
  case 3: text.insert(at, text.substr(below(random, text.size()), below(random, 64))); break;
  case 4: text.insert(at, other.substr(below(random, other.size()), below(random, 64))); break;
  case 5: text.replace(at, length, pieces[below(random, std::size(pieces))]); break;
  default:
    if (below(random, 4) == 0)
      text.resize(at);
  }
}

std::string contents(const std::string &file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    std::fprintf(stderr, "files_fuzz: %s cannot be read\n", file.c_str());
    std::exit(2);
  }
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::vector<std::string> readCorpus(int argc, char **argv) {
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--", 2) == 0)
      i += std::strncmp(argv[i], "--kind", 6) != 0;
    else if (std::filesystem::is_directory(argv[i]))
      for (const auto &entry : std::filesystem::directory_iterator(argv[i]))
        names.push_back(entry.path().string());
    else
      names.emplace_back(argv[i]);
  }
  std::sort(names.begin(), names.end());
  std::vector<std::string> corpus;
  for (const std::string &name : names)
    corpus.push_back(contents(name));
  return corpus;
}

unsigned long number(int argc, char **argv, const char *option) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], option) == 0)
      return std::strtoul(argv[i + 1], nullptr, 10);
  return 0;
}

void feed(const std::string &text) {
  fuzz::limit_input();
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(text.data()), text.size());
}

} // namespace

int main(int argc, char **argv) {
  fuzz::limit_process();
  chooseKind(argc, argv);
  const std::vector<std::string> corpus = readCorpus(argc, argv);
  const unsigned long runs = number(argc, argv, "--runs"), seed = number(argc, argv, "--seed");
  if (corpus.empty()) {
    std::fprintf(stderr, "files_fuzz: no files to begin with\n");
    return 2;
  }
  for (const std::string &text : corpus)
    feed(text);
  for (unsigned long run = 0; run < runs; ++run) {
    Random random(seed * 1000003 + run);
    std::string text = corpus[below(random, corpus.size())];
    for (size_t edits = 1 + below(random, 5); edits > 0; --edits)
      mutate(random, text, corpus[below(random, corpus.size())]);
    feed(text);
  }
  std::printf("%s: %zu files and %lu mutations: no fault found\n1 passed, 0 failed\n", kind->name,
              corpus.size(), runs);
  return 0;
}

#endif // DISCOC_LIBFUZZER
