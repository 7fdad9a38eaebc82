//===- Levels.cpp - one program for processors of several levels ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Levels.h"
#include "codegen/Template.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace disco;

Levels disco::usefulLevels(const discoc::Target &target, bool sumsBytes) {
  Levels levels;
  for (const std::string &name : target.levels)
    if (std::optional<discoc::Level> level = discoc::findLevel(name);
        level && (levels.empty() || sumsBytes || !level->onlyForDotProducts))
      levels.push_back(std::move(*level));
  return levels;
}

std::string disco::levelFile(const discoc::Level &level) {
  std::string name = level.name;
  std::replace(name.begin(), name.end(), '+', '_');
  return "model_" + name + ".cpp";
}

/// The levels that have less, the best of them first.
static Levels lesserLevels(const discoc::Level &level) {
  Levels less;
  for (const discoc::Level &other : discoc::levelsOf(level.arch)) {
    if (StringRef(level.name).split('+').first == other.name)
      break;
    less.insert(less.begin(), other);
  }
  return less;
}

/// Lines that end the compilation unless it is told to build for a level; they name both.
static std::string buildCheck(const discoc::Level &level) {
  std::string text = "#if !defined(DISCO_ANY_PROCESSOR) && !(" + level.compiled + ")\n";
  const std::string wanted = "#error \"compiled by discoc for " + level.name + ", and built for ",
                    hint = ": build it with " + level.flags +
                           ", or compile the model with another --target\"\n";
  StringRef word = "#if ";
  const Levels lesser = lesserLevels(level);
  for (const discoc::Level &less : lesser) {
    text += word.str() + less.compiled + "\n" + wanted + less.name + hint;
    word = "#elif ";
  }
  if (lesser.empty())
    return text + wanted + "another processor" + hint + "#endif\n";
  return text + "#else\n" + wanted + "another processor" + hint + "#endif\n#endif\n";
}

std::string disco::levelSource(const Levels &levels, size_t index) {
  const discoc::Level &level = levels[index];
  return "// The program once more, for processors that have " + level.name +
         ": what model.cpp has under DISCO_LEVEL " + std::to_string(index) + ".\n" +
         buildCheck(level) + "#define DISCO_LEVEL " + std::to_string(index) +
         "\n#include \"model.cpp\"\n";
}

static std::string levelName(size_t index) { return "level" + std::to_string(index); }

std::string disco::levelHead(const Levels &levels, StringRef scope) {
  std::string own = "#ifndef DISCO_KERNELS\n#define DISCO_KERNELS " + scope.str() + "\n#endif\n";
  if (levels.empty())
    return own;
  std::string check = buildCheck(levels.front());
  if (levels.size() == 1)
    return check + own;
  std::string text = "#ifndef DISCO_LEVEL\n#define DISCO_LEVEL 0\n" + check + own +
                     "#define DISCO_LEVEL_NAME level0\n";
  for (size_t i = 1; i < levels.size(); ++i)
    text += "#elif DISCO_LEVEL == " + std::to_string(i) + "\n#define DISCO_KERNELS " + scope.str() +
            "_" + levelName(i) + "\n#define DISCO_LEVEL_NAME " + levelName(i) + "\n";
  return text + "#endif\n";
}

std::string disco::levelArena(const Levels &levels, int64_t bytes, StringRef section) {
  const std::string size = std::to_string(bytes);
  if (levels.size() < 2)
    return "[[maybe_unused]] alignas(64) " + section.str() + "static unsigned char arena[" + size +
           "];\n";
  return "extern unsigned char arena[" + size + "];\n#if DISCO_LEVEL == 0\nalignas(64) " +
         section.str() +
         "unsigned "
         "char arena[" +
         size + "];\n#endif\n";
}

std::string disco::levelChoice(const Levels &levels, const LevelFunction &function) {
  const std::string signature = function.result + function.name + "(" + function.parameters + ")",
                    call = "::" + function.name + "(" + function.arguments + ");\n";
  // What asks the kernel of Linux for the processor's abilities is there alone.
  const bool asksLinux = levels.front().arch == "aarch64";
  std::string text = "#ifdef DISCO_LEVELS\n";
  for (size_t i = 1; i < levels.size(); ++i)
    text += "namespace " + levelName(i) + " {\n" + signature + ";\n}\n";
  text += "#endif\n\n// " + function.what + ", by the last level that the processor has.\nstatic " +
          signature + " {\n#if defined(DISCO_LEVELS)" +
          (asksLinux ? " && defined(__linux__)" : "") + "\n";
  for (size_t i = levels.size() - 1; i > 0; --i)
    text += "  if (" + levels[i].supported + ") // " + levels[i].name + "\n    return " +
            levelName(i) + call;
  return text + "#endif\n  return level0" + call + "}\n";
}

std::string disco::processorCheck(StringRef program, const Levels &levels) {
  if (levels.empty() || levels.front().supported == "true")
    return "\nstatic bool suits_processor() { return true; }\n\n";
  const discoc::Level &least = levels.front();
  std::string has;
  for (const discoc::Level &less : lesserLevels(least))
    if (less.supported != "true")
      has += less.supported + "\n                        ? \"" + less.name + "\" : ";
  has += "\"" + discoc::levelsOf(least.arch).front().name + "\"";
  return fillTemplate("host/processor.cpp", {{"supported", least.supported},
                                             {"has", has},
                                             {"program", program.str()},
                                             {"level", least.name}});
}

std::string disco::architectureCheck(const Levels &levels) {
  if (levels.empty())
    return "";
  const bool isX86 = levels.front().arch == "x86-64";
  return fillTemplate(
      "parts/architecture.cmake",
      {{"machines", isX86 ? "x86_64|amd64" : "aarch64|arm64"}, {"level", levels.front().name}});
}

/// Words with semicolons between them, as CMake has lists.
static std::string listOf(StringRef words) {
  std::string list = words.str();
  std::replace(list.begin(), list.end(), ' ', ';');
  return list;
}

std::string disco::levelOptions(const Levels &levels, StringRef folder, const Levels &base) {
  std::string text;
  if (levels.size() > 1)
    text += "set_source_files_properties(" + folder.str() +
            "model.cpp PROPERTIES COMPILE_DEFINITIONS DISCO_LEVELS)\n";
  if (!levels.empty() && levels.front().name != base.front().name)
    text += "set_source_files_properties(" + folder.str() +
            "model.cpp PROPERTIES COMPILE_OPTIONS \"" + listOf(levels.front().flags) + "\")\n";
  for (const discoc::Level &level : ArrayRef(levels).drop_front(levels.empty() ? 0 : 1))
    text += "set_source_files_properties(" + folder.str() + levelFile(level) +
            " PROPERTIES COMPILE_OPTIONS \"" + listOf(level.flags) + "\")\n";
  return text;
}

std::string disco::baseOptions(const Levels &levels, StringRef target) {
  if (levels.empty())
    return "";
  // main.cpp runs before it is known what the processor has.
  return fillTemplate(
      "parts/base_options.cmake",
      {{"target", target.str()},
       {"flags", listOf(levels.front().flags)},
       {"least_flags", listOf(discoc::levelsOf(levels.front().arch).front().flags)}});
}

/// Its place among the levels of its architecture, rising; with features it is above that without.
static std::pair<size_t, bool> placeOf(const discoc::Level &level) {
  auto [name, features] = StringRef(level.name).split('+');
  const std::vector<discoc::Level> all = discoc::levelsOf(level.arch);
  auto found = llvm::find_if(all, [&, name = name](auto &other) { return other.name == name; });
  return {static_cast<size_t>(found - all.begin()), !features.empty()};
}

bool LeastLevels::add(const Levels &levels) {
  if (levels.empty())
    return false;
  const discoc::Level &first = levels.front();
  if (!least) {
    least = most = first;
    return true;
  }
  if (first.arch != least->arch)
    return false;
  if (placeOf(first) < placeOf(*least))
    least = first;
  std::string supported = most->supported;
  if (!StringRef(supported).contains(first.supported))
    supported += " && " + first.supported;
  if (placeOf(*most) < placeOf(first))
    most = first;
  most->supported = supported;
  return true;
}
