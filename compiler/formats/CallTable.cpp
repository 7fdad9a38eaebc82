//===- CallTable.cpp - what a call graph does not say about the stack ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/CallTable.h"
#include "compiler/formats/Board.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

namespace discoc {

namespace {
class CallTableReader {
public:
  CallTableReader(const std::string &file, Diagnostics &out) : file_(file), out_(out) {}

  std::optional<CallTable> read(const toml::table &root) {
    CallTable table;
    for (auto &&[key, value] : root) {
      const std::string name(key.str());
      if (name == "thread")
        readNames(value, table.thread);
      else if (name == "interrupts")
        readLevels(value, table.interrupts);
      else if (name == "indirect")
        eachOf(value, [&](const std::string &source, const toml::node &names) {
          readNames(names, table.indirect[source]);
        });
      else if (name == "toolchain")
        eachOf(value, [&](const std::string &prefix, const toml::node &node) {
          readToolchain(node, table.toolchains[prefix]);
        });
      else
        fault(value, "unknown key \"" + name + "\"");
    }
    return good_ ? std::optional(std::move(table)) : std::nullopt;
  }

private:
  void fault(const toml::node &at, const std::string &what) {
    out_.push_back({file_, "line " + std::to_string(at.source().begin.line), what, ""});
    good_ = false;
  }

  template <class F> void eachOf(const toml::node &node, F callback) {
    if (!node.is_table())
      return fault(node, "is not a table");
    for (auto &&[key, value] : *node.as_table())
      callback(std::string(key.str()), value);
  }

  void readNames(const toml::node &node, std::vector<std::string> &out) {
    if (!node.is_array())
      return fault(node, "is not a list of names");
    for (const toml::node &item : *node.as_array()) {
      const auto name = item.value_exact<std::string>();
      if (!name)
        return fault(item, "is not a name");
      out.push_back(*name);
    }
  }

  void readLevels(const toml::node &node, std::vector<std::vector<std::string>> &out) {
    if (!node.is_array())
      return fault(node, "is not a list of levels");
    for (const toml::node &level : *node.as_array())
      readNames(level, out.emplace_back());
  }

  void readToolchain(const toml::node &node, CallTable::Toolchain &out) {
    eachOf(node, [&](const std::string &key, const toml::node &value) {
      if (key == "library")
        return eachOf(value, [&](const std::string &name, const toml::node &bytes) {
          readBytes(bytes, out.library[name]);
        });
      if (key != "frame")
        return fault(value, "unknown key \"" + key + "\"");
      readBytes(value, out.frame);
    });
  }

  void readBytes(const toml::node &node, int64_t &out) {
    const auto bytes = node.value_exact<int64_t>();
    if (!bytes || *bytes < 0)
      return fault(node, "is not a number of bytes");
    out = *bytes;
  }

  const std::string &file_;
  Diagnostics &out_;
  bool good_ = true;
};
} // namespace

std::optional<CallTable> parseCallTable(const std::string &text, const std::string &file,
                                        Diagnostics &diagnostics) {
  std::optional<CallTable> table;
  withToml(text, file, diagnostics,
           [&](const toml::table &root) { table = CallTableReader(file, diagnostics).read(root); });
  return table;
}

std::optional<CallTable> readCallTable(Diagnostics &diagnostics) {
  const std::string path = boardsDirectory() + "/common/calls.toml";
  const auto text = readText(path, diagnostics, maxTomlBytes);
  return text ? parseCallTable(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
