//===- BoardTable.h - one table of a board's description --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// For Board.cpp alone: toml++ throws.
#ifndef DISCOC_FORMATS_BOARDTABLE_H
#define DISCOC_FORMATS_BOARDTABLE_H

#include "compiler/formats/Board.h"
#include "compiler/formats/Toml.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

inline std::string joined(const std::vector<std::string> &words) {
  std::string all;
  for (const std::string &word : words)
    all += (all.empty() ? "" : ", ") + word;
  return all;
}

/// What a quotation mark, a line break or CMake would understand otherwise.
inline bool isPlain(const std::string &text) {
  return !text.empty() && text.find_first_of("\"'\\;\n\r\t$`#") == std::string::npos;
}

/// Every complaint has the line.
class BoardTable {
public:
  BoardTable(const toml::table &table, std::string name, const std::string &file, Diagnostics &out)
      : table(table), name(std::move(name)), file(file), out(out) {}

  bool fault(const char *key, const std::string &what, const std::string &hint = "") const {
    const toml::node *node = key ? table.get(key) : nullptr;
    auto line = (node ? *node : static_cast<const toml::node &>(table)).source().begin.line;
    out.push_back({file, line ? "line " + std::to_string(line) : "", name + ": " + what, hint});
    return false;
  }

  bool known(const std::string &keys) const {
    bool good = true;
    for (auto &&[key, value] : table) {
      std::string all, text(key.str());
      bool found = false;
      for (const char *one : boardKeys(keys)) {
        found |= text == one;
        all += (all.empty() ? "" : ", ") + std::string(one);
      }
      if (!found)
        good = fault(text.c_str(), "unknown key \"" + text + "\"", "known: " + all);
    }
    return good;
  }

  bool has(const char *key) const { return table.contains(key); }

  bool text(const char *key, std::string &to, bool required = false) const {
    const toml::node *node = table.get(key);
    if (!node)
      return !required || fault(key, std::string(key) + " is missing", "write it as a string");
    auto value = node->value_exact<std::string>();
    if (!value || (!value->empty() && !isPlain(*value)))
      return fault(key, std::string(key) + " is not a plain string",
                   "in quotes, without \" ' \\ ; $ ` # and line breaks");
    to = *value;
    return true;
  }

  bool choice(const char *key, std::string &to, const std::vector<std::string> &choices) const {
    if (!text(key, to, /*required=*/true))
      return false;
    return std::find(choices.begin(), choices.end(), to) != choices.end() ||
           fault(key, "unknown " + std::string(key) + " \"" + to + "\"",
                 "known: " + joined(choices));
  }

  bool texts(const char *key, std::vector<std::string> &to) const {
    return list(key, to, isPlain, "a list of plain strings", "for example [\"a\", \"b\"]");
  }

  bool number(const char *key, double &to) const {
    const toml::node *node = table.get(key);
    if (!node)
      return true;
    auto value = node->value<double>();
    if (!value || node->is_boolean() || !std::isfinite(*value) || *value < 0)
      return fault(key, std::string(key) + " is not a number from 0 up");
    to = *value;
    return true;
  }

  bool integer(const char *key, std::optional<int64_t> &to, int64_t least, int64_t most) const {
    const toml::node *node = table.get(key);
    if (!node)
      return true;
    to = node->value_exact<int64_t>();
    return (to && *to >= least && *to <= most) ||
           fault(key, std::string(key) + " is not an integer from " + std::to_string(least) +
                          " to " + std::to_string(most));
  }

  bool flag(const char *key, bool &to) const {
    const toml::node *node = table.get(key);
    const auto value = node ? node->value_exact<bool>() : std::optional(to);
    to = value.value_or(false);
    return value || fault(key, std::string(key) + " is not true or false");
  }

  bool integers(const char *key, std::vector<int64_t> &to, int64_t least, int64_t most) const {
    auto fits = [&](int64_t value) {
      return value >= least && value <= most && (to.empty() || value > to.back());
    };
    return list(key, to, fits, "a list of rising integers", "for example [16, 65535]");
  }

  const toml::table &table;

private:
  template <class T, class F>
  bool list(const char *key, std::vector<T> &to, F fits, const char *what, const char *how) const {
    const toml::node *node = table.get(key);
    const toml::array *list = node ? node->as_array() : nullptr;
    bool good = !node || list;
    for (size_t i = 0; good && list && i < list->size(); ++i) {
      auto value = list->get(i)->value_exact<T>();
      good = value && fits(*value);
      if (good)
        to.push_back(std::move(*value));
    }
    return good || fault(key, std::string(key) + " is not " + what, how);
  }

  std::string name;
  const std::string &file;
  Diagnostics &out;
};

} // namespace discoc

#endif // DISCOC_FORMATS_BOARDTABLE_H
