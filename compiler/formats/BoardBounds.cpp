//===- BoardBounds.cpp - what code and variables take on a board, measured ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/BoardBounds.h"
#include "compiler/formats/LinkKind.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

#include <algorithm>
#include <filesystem>

namespace discoc {

static int64_t valueOf(const std::map<std::string, int64_t> &table, const std::string &name) {
  const auto found = table.find(name);
  return found == table.end() ? 0 : found->second;
}

int64_t BoardBounds::codeBytes(const CodeUse &use) const {
  int64_t sum = code.base + (use.ports.empty() ? 0 : code.links) + (use.library ? library : 0) +
                call * use.calls;
  for (const auto &[kind, count] : use.ports)
    sum += valueOf(code.kinds, kind);
  for (const std::string &name : use.instances) {
    const auto known = kernels.find(name);
    sum += known == kernels.end() ? kernel : known->second;
  }
  return sum;
}

int64_t BoardBounds::dataBytes(const std::map<std::string, int64_t> &ports) const {
  int64_t sum = data.base + (ports.empty() ? 0 : data.links);
  for (const auto &[kind, count] : ports)
    sum += count * valueOf(data.kinds, kind);
  return sum;
}

BoardBounds unmeasuredBounds() {
  BoardBounds bounds;
  bounds.code = {24576, 8192, {{"uart", 4096}, {"ethernet", 4096}}};
  bounds.data = {4096, 1024, {{"uart", 512}, {"ethernet", 4096}}};
  bounds.library = 16384;
  bounds.call = 128;
  bounds.kernel = 6144;
  return bounds;
}

namespace {
class BoundsReader {
public:
  BoundsReader(const toml::table &root, const std::string &file, Diagnostics &out)
      : root_(root), file_(file), out_(out) {}

  std::optional<BoardBounds> read() {
    BoardBounds bounds;
    bool good = known(root_, {"code", "data", "kernel"}) &&
                readFixed("code", bounds.code, &bounds) && readFixed("data", bounds.data, nullptr);
    const toml::table *kernels = root_["kernel"].as_table();
    if (good && !kernels)
      good = fault(root_, "has no table [kernel]");
    if (!good)
      return std::nullopt;
    for (auto &&[key, value] : *kernels) {
      const auto bytes = value.value_exact<int64_t>();
      if (!bytes || *bytes < 0) {
        fault(value, "is not a number of bytes");
        return std::nullopt;
      }
      if (key.str() == "other")
        bounds.kernel = *bytes;
      else
        bounds.kernels[std::string(key.str())] = *bytes;
    }
    return bounds;
  }

private:
  bool fault(const toml::node &at, const std::string &what) {
    const auto line = at.source().begin.line;
    out_.push_back({file_, line ? "line " + std::to_string(line) : "", what,
                    "tests/bench/bounds.py writes this file"});
    return false;
  }

  bool known(const toml::table &table, std::initializer_list<const char *> keys) {
    for (auto &&[key, value] : table)
      if (std::find(keys.begin(), keys.end(), key.str()) == keys.end())
        return fault(value, "unknown key \"" + std::string(key.str()) + "\"");
    return true;
  }

  bool readFixed(const char *name, BoardBounds::Fixed &out, BoardBounds *more) {
    const toml::table *table = root_[name].as_table();
    if (!table)
      return fault(root_, "has no table [" + std::string(name) + "]");
    std::vector<std::pair<const char *, int64_t *>> fields = {{"base", &out.base},
                                                              {"links", &out.links}};
    for (const LinkKind &kind : linkKinds())
      if (kind.onBoards)
        fields.push_back({kind.name, &out.kinds[kind.name]});
    if (more)
      fields.insert(fields.end(), {{"library", &more->library}, {"call", &more->call}});
    for (auto &&[key, value] : *table) {
      const auto bytes = value.value_exact<int64_t>();
      const auto field = std::find_if(fields.begin(), fields.end(),
                                      [&](const auto &f) { return key.str() == f.first; });
      if (field == fields.end() || !bytes || *bytes < 0)
        return fault(value, std::string(key.str()) + " is no known number of bytes");
      *field->second = *bytes;
    }
    return true;
  }

  const toml::table &root_;
  const std::string &file_;
  Diagnostics &out_;
};
} // namespace

std::optional<BoardBounds> parseBounds(const std::string &text, const std::string &file,
                                       Diagnostics &diagnostics) {
  std::optional<BoardBounds> bounds;
  withToml(text, file, diagnostics,
           [&](const toml::table &root) { bounds = BoundsReader(root, file, diagnostics).read(); });
  return bounds;
}

std::optional<BoardBounds> readBounds(const std::string &folder, Diagnostics &diagnostics) {
  const std::string path = folder + "/bounds.toml";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return unmeasuredBounds();
  const auto text = readText(path, diagnostics, maxTomlBytes);
  return text ? parseBounds(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
