//===- Target.cpp - the instruction sets that a program is compiled for ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Target.h"

#include <cstring>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace discoc {

namespace {
constexpr const char *generic = "generic", *native = "native";

/// A row of the tables: a set of instructions, and how to tell who has it.
struct Row {
  const char *name, *arch;
  int64_t vectorBytes; ///< 0: those of the level that the feature belongs to
  const char *flag;    ///< of a feature; empty: behind + in -march=. Of a level: its own -march=
  bool forDotProducts; ///< serves sums of 8-bit products alone
  const char *compiled, *supported; ///< as Level has them
  bool (*here)();                   ///< whether this processor has it
};

// One condition for the emitted program and for this one.
#if defined(__x86_64__)
#define X86_64(condition) #condition, [] { return static_cast<bool>(condition); }
#else
#define X86_64(condition) #condition, [] { return false; }
#endif
#if defined(__aarch64__) && defined(__linux__)
#define AARCH64(condition) #condition, [] { return static_cast<bool>(condition); }
#else
#define AARCH64(condition) #condition, [] { return false; }
#endif

const Row levelRows[] = {
    {"x86-64-v1", "x86-64", 16, "-march=x86-64", false, "defined(__x86_64__)", X86_64(true)},
    {"x86-64-v2", "x86-64", 16, "-march=x86-64-v2", false, "defined(__SSE4_2__)",
     X86_64(__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))},
    {"x86-64-v3", "x86-64", 32, "-march=x86-64-v3", false,
     "defined(__AVX2__) && defined(__FMA__) && defined(__BMI2__)",
     X86_64(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))},
    {"x86-64-v4", "x86-64", 64, "-march=x86-64-v4", false,
     "defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && "
     "defined(__AVX512DQ__) && defined(__AVX512VL__)",
     X86_64(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl"))},
    {"armv8-a", "aarch64", 16, "-march=armv8-a", false, "defined(__aarch64__)", AARCH64(true)},
    {"armv8.2-a", "aarch64", 16, "-march=armv8.2-a", false,
     "defined(__aarch64__) && defined(__ARM_FEATURE_QRDMX)",
     AARCH64((getauxval(AT_HWCAP) & HWCAP_ASIMDRDM) && (getauxval(AT_HWCAP) & HWCAP_DCPOP))},
};

const Row featureRows[] = {
    {"avxvnni", "x86-64", 0, "-mavxvnni", true, "defined(__AVXVNNI__)",
     X86_64(__builtin_cpu_supports("avxvnni"))},
    {"avx512vnni", "x86-64", 0, "-mavx512vnni", true, "defined(__AVX512VNNI__)",
     X86_64(__builtin_cpu_supports("avx512vnni"))},
    {"avx512vbmi", "x86-64", 0, "-mavx512vbmi", false, "defined(__AVX512VBMI__)",
     X86_64(__builtin_cpu_supports("avx512vbmi"))},
    {"avx512vbmi2", "x86-64", 0, "-mavx512vbmi2", false, "defined(__AVX512VBMI2__)",
     X86_64(__builtin_cpu_supports("avx512vbmi2"))},
    {"avx512bf16", "x86-64", 0, "-mavx512bf16", false, "defined(__AVX512BF16__)",
     X86_64(__builtin_cpu_supports("avx512bf16"))},
    {"dotprod", "aarch64", 0, "", true, "defined(__ARM_FEATURE_DOTPROD)",
     AARCH64(getauxval(AT_HWCAP) & HWCAP_ASIMDDP)},
    {"fp16", "aarch64", 0, "", false, "defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)",
     AARCH64(getauxval(AT_HWCAP) & HWCAP_ASIMDHP)},
    {"crc", "aarch64", 0, "", false, "defined(__ARM_FEATURE_CRC32)",
     AARCH64(getauxval(AT_HWCAP) & HWCAP_CRC32)},
};

/// The levels that an architecture's programs have where nothing more is said.
struct Usual {
  const char *arch;
  std::vector<std::string> levels;
};
const std::vector<Usual> &usualLevels() {
  static const std::vector<Usual> all = {
      {"x86-64", {"x86-64-v3", "x86-64-v3+avxvnni", "x86-64-v4", "x86-64-v4+avx512vnni"}},
      {"aarch64", {"armv8-a", "armv8.2-a+dotprod"}},
  };
  return all;
}

const Row *findRow(const Row *begin, const Row *end, const std::string &name) {
  for (const Row *row = begin; row != end; ++row)
    if (name == row->name)
      return row;
  return nullptr;
}

std::vector<std::string> split(const std::string &text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos)
      return parts;
    begin = end + 1;
  }
}

/// What this processor has: its last level, and every feature.
std::optional<Target> nativeTarget() {
  std::string name, arch;
  for (const Row &row : levelRows)
    if (row.here()) {
      name = row.name;
      arch = row.arch;
    }
  for (const Row &row : featureRows)
    if (arch == row.arch && row.here())
      name += std::string("+") + row.name;
  return name.empty() ? std::nullopt : std::optional(Target{{name}});
}

std::string knownNames() {
  std::string text = "\"native\", \"generic\"";
  for (const Usual &usual : usualLevels())
    text += std::string(", \"") + usual.arch + "\"";
  text += "; levels:";
  for (const Row &row : levelRows)
    text += std::string(" ") + row.name;
  text += "; behind them:";
  for (const Row &row : featureRows)
    text += std::string(" +") + row.name;
  return text;
}
} // namespace

std::optional<Level> findLevel(const std::string &name) {
  const std::vector<std::string> parts = split(name, '+');
  const Row *base = findRow(std::begin(levelRows), std::end(levelRows), parts.front());
  if (!base)
    return std::nullopt;
  Level level{name,           base->arch,      base->vectorBytes, base->flag,
              base->compiled, base->supported, parts.size() > 1};
  for (size_t i = 1; i < parts.size(); ++i) {
    const Row *more = findRow(std::begin(featureRows), std::end(featureRows), parts[i]);
    if (!more || level.arch != more->arch)
      return std::nullopt;
    level.flags += *more->flag ? std::string(" ") + more->flag : "+" + parts[i];
    level.compiled += std::string(" && ") + more->compiled;
    level.supported += std::string(" && ") + more->supported;
    level.onlyForDotProducts = level.onlyForDotProducts && more->forDotProducts;
  }
  return level;
}

std::string Target::text() const {
  std::string all;
  for (const std::string &level : levels)
    all += (all.empty() ? "" : ",") + level;
  return all.empty() ? generic : all;
}

Target defaultTarget() { return {usualLevels().front().levels}; }

std::string archOf(const Target &target) {
  const auto level = target.levels.empty() ? std::nullopt : findLevel(target.levels.front());
  return level ? level->arch : generic;
}

std::vector<Level> levelsOf(const std::string &arch) {
  std::vector<Level> list;
  for (const Row &row : levelRows)
    if (arch == row.arch)
      list.push_back(*findLevel(row.name));
  return list;
}

std::optional<Target> parseTarget(const std::string &text, const std::string &file,
                                  const std::string &where, Diagnostics &diagnostics) {
  if (text == generic)
    return Target();
  for (const Usual &usual : usualLevels())
    if (text == usual.arch)
      return Target{usual.levels};
  auto fault = [&](const std::string &what, const std::string &hint) {
    diagnostics.push_back({file, where, what, hint});
    return std::nullopt;
  };
  if (text == native) {
    const auto target = nativeTarget();
    return target ? target
                  : fault("\"native\": discoc does not know this processor",
                          "name its level, or say \"generic\"");
  }
  Target target{split(text, ',')};
  std::string arch;
  for (const std::string &name : target.levels) {
    const auto level = findLevel(name);
    if (!level)
      return fault("unknown target \"" + name + "\"", "known: " + knownNames());
    if (!arch.empty() && arch != level->arch)
      return fault("target \"" + text + "\" has levels of " + arch + " and of " + level->arch,
                   "a program has one architecture");
    arch = level->arch;
  }
  return target;
}

} // namespace discoc
