//===- DeskFile.cpp - which serial port leads to which board --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/DeskFile.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

namespace discoc {

namespace {
class DeskReader {
public:
  DeskReader(const std::string &file, const Manifest &manifest, Diagnostics &out)
      : file_(file), manifest_(manifest), out_(out) {}

  std::optional<DeskFile> run(const std::string &text) {
    bool good = true;
    const bool parsed = withToml(text, file_, out_, [&](const toml::table &root) {
      for (auto &&[key, value] : root)
        if (key.str() != "board")
          good = fault(value, "unknown key \"" + std::string(key.str()) + "\"", "known: board");
      const toml::array *boards = root.get("board") ? root.get("board")->as_array() : nullptr;
      if (good && (!boards || boards->empty()))
        good = fault(root, "names no board", "write a [[board]] with node and port for each");
      for (size_t i = 0; good && i < boards->size(); ++i)
        good = (*boards)[i].is_table() ? board(*(*boards)[i].as_table())
                                       : fault((*boards)[i], "board is no table", "");
    });
    return parsed && good ? std::optional(ports_) : std::nullopt;
  }

private:
  bool fault(const toml::node &at, const std::string &what, const std::string &hint) {
    const auto line = at.source().begin.line;
    out_.push_back({file_, line ? "line " + std::to_string(line) : "", what, hint});
    return false;
  }

  bool board(const toml::table &table) {
    for (auto &&[key, value] : table)
      if (key.str() != "node" && key.str() != "port")
        return fault(value, "unknown key \"" + std::string(key.str()) + "\"", "known: node, port");
    const toml::node *node = table.get("node"), *port = table.get("port");
    if (!node || !port || !port->is_string() || port->ref<std::string>().empty())
      return fault(table, "a board has no node, or no port",
                   "write node = 0, a rank or a node's name, and port = \"/dev/ttyACM0\"");
    const std::optional<int64_t> rank = rankOf(*node);
    if (!rank)
      return fault(*node, "no node of OUT has this rank or name",
                   "it has " + std::to_string(manifest_.nodes.size()) + " nodes, from 0 up");
    const std::string path = port->ref<std::string>();
    for (const auto &[other, used] : ports_)
      if (other == *rank || used == path)
        return fault(table, "the same " + std::string(other == *rank ? "node" : "port") + " twice",
                     "every board has a port of its own");
    ports_[*rank] = path;
    return true;
  }

  std::optional<int64_t> rankOf(const toml::node &node) const {
    const auto number = node.value_exact<int64_t>();
    const auto name = node.value_exact<std::string>();
    for (const ManifestNode &one : manifest_.nodes)
      if ((number && one.rank == *number) || (name && one.name == *name))
        return one.rank;
    return std::nullopt;
  }

  const std::string &file_;
  const Manifest &manifest_;
  Diagnostics &out_;
  DeskFile ports_;
};
} // namespace

std::optional<DeskFile> parseDeskFile(const std::string &text, const std::string &file,
                                      const Manifest &manifest, Diagnostics &out) {
  return DeskReader(file, manifest, out).run(text);
}

std::optional<DeskFile> readDeskFile(const std::string &path, const Manifest &manifest,
                                     Diagnostics &out) {
  const auto text = readText(path, out);
  return text ? parseDeskFile(*text, path, manifest, out) : std::nullopt;
}

} // namespace discoc
