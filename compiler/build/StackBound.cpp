//===- StackBound.cpp - the deepest stack of a program, from its call graph ---===//
// SPDX-License-Identifier: Apache-2.0
//
// gcc writes one graph a source file, in the language of VCG: a line a node, with the bytes of its
// frame in the label, and a line an edge. Functions of other files are nodes without bytes.
#include "compiler/build/StackBound.h"

#include "llvm/Demangle/Demangle.h"

#include <algorithm>
#include <sstream>

namespace discoc {

static constexpr const char *indirectTitle = "__indirect_call";

/// The text in quotes behind `key`.
static std::string quotedAfter(const std::string &line, const std::string &key) {
  const size_t at = line.find(key + ": \"");
  if (at == std::string::npos)
    return "";
  const size_t begin = at + key.size() + 3;
  return line.substr(begin, line.find('"', begin) - begin);
}

/// Static functions have their file in front: two files may call theirs the same.
static std::string linkerName(const std::string &title) {
  const size_t colon = title.rfind(':');
  return colon == std::string::npos ? title : title.substr(colon + 1);
}

std::string plainName(const std::string &title) {
  std::string symbol = linkerName(title);
  symbol = symbol.substr(0, symbol.find('.')); // ".isra.0"
  std::string name = llvm::demangle(symbol);
  if (name.find("{lambda") != std::string::npos)
    return "lambda"; // its name is that of the function around it
  // Template arguments and parameters go; what is left ends in the name.
  std::string plain;
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 21, "(anonymous namespace)") == 0) {
      i += 20;
      continue;
    }
    if (name[i] == '<')
      ++depth;
    else if (name[i] == '>')
      --depth;
    else if (depth == 0 && name[i] == '(')
      break;
    else if (depth == 0)
      plain += name[i];
  }
  const size_t space = plain.rfind(' ');
  plain = space == std::string::npos ? plain : plain.substr(space + 1);
  const size_t scope = plain.rfind("::");
  return scope == std::string::npos ? plain : plain.substr(scope + 2);
}

void CallGraph::add(const std::string &text, const std::string &source) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("node:", 0) == 0) {
      const std::string title = quotedAfter(line, "title"), label = quotedAfter(line, "label");
      const size_t bytes = label.find(" bytes (");
      Function &function = functions_[title];
      if (bytes == std::string::npos)
        continue;
      const size_t begin = label.rfind("\\n", bytes);
      function.bytes = std::max<int64_t>(
          function.bytes, std::atoll(label.c_str() + (begin == std::string::npos ? 0 : begin + 2)));
      // "static", "dynamic" or "dynamic,bounded".
      function.dynamic = label.compare(bytes + 8, 8, "dynamic)") == 0;
      function.source = source;
      titles_[plainName(title)].insert(title);
      titles_[source + ":" + plainName(title)].insert(title);
      defined_.insert(linkerName(title));
    } else if (line.rfind("edge:", 0) == 0) {
      const std::string to = quotedAfter(line, "targetname");
      Function &from = functions_[quotedAfter(line, "sourcename")];
      if (to == indirectTitle)
        from.indirect = true;
      else
        from.calls.insert(to);
    }
  }
}

/// One walk over the graph; every function once.
class StackWalk {
public:
  StackWalk(const CallGraph &graph, const CallTable &table, const CallTable::Toolchain &toolchain,
            Diagnostics &out)
      : graph_(graph), table_(table), toolchain_(toolchain), out_(out) {}

  /// The deepest of several functions; those that the program does not have are left out.
  int64_t deepest(const std::vector<std::string> &names, std::string *which = nullptr) {
    int64_t most = -1;
    for (const std::string &name : names) {
      const auto titles = graph_.titles_.find(name);
      if (titles == graph_.titles_.end())
        continue;
      for (const std::string &title : titles->second)
        if (const int64_t bytes = walk(title); bytes > most) {
          most = bytes;
          if (which)
            *which = title;
        }
    }
    return most;
  }

  std::vector<std::string> pathFrom(std::string title) const {
    std::vector<std::string> path;
    while (!title.empty()) {
      path.push_back(plainName(title));
      const auto next = next_.find(title);
      title = next == next_.end() ? "" : next->second;
    }
    return path;
  }

  bool good() const { return good_; }

private:
  void fault(const std::string &what, const std::string &hint) {
    out_.push_back({"", "", "the stack cannot be bounded: " + what, hint});
    good_ = false;
  }

  int64_t library(const std::string &title, const std::string &caller) {
    const auto known = toolchain_.library.find(linkerName(title));
    if (known != toolchain_.library.end())
      return known->second;
    if (unknown_.insert(title).second)
      fault(plainName(caller) + " calls " + linkerName(title) +
                ", and nobody has measured its stack",
            "add it to codegen/boards/common/calls.toml");
    return 0;
  }

  std::set<std::string> calleesOf(const std::string &title, const CallGraph::Function &function) {
    std::set<std::string> callees = function.calls;
    if (!function.indirect)
      return callees;
    const auto listed = table_.indirect.find(function.source);
    bool any = false;
    if (listed != table_.indirect.end())
      for (const std::string &name : listed->second)
        if (const auto titles = graph_.titles_.find(name); titles != graph_.titles_.end()) {
          callees.insert(titles->second.begin(), titles->second.end());
          any = true;
        }
    if (!any && unknown_.insert(title).second)
      fault(plainName(title) + " in " + function.source +
                " calls through a pointer, and no function is listed for that",
            "add it to [indirect] of codegen/boards/common/calls.toml");
    return callees;
  }

  int64_t walk(const std::string &title, const std::string &caller = "") {
    if (const auto done = depth_.find(title); done != depth_.end())
      return done->second;
    const auto found = graph_.functions_.find(title);
    if (found == graph_.functions_.end() || found->second.bytes < 0)
      return library(title, caller);
    if (open_.count(title)) {
      if (unknown_.insert(title).second)
        fault(plainName(title) + " in " + found->second.source + " may call itself", "");
      return 0;
    }
    open_.insert(title);
    const CallGraph::Function &function = found->second;
    if (function.dynamic)
      fault(plainName(title) + " has a frame of no fixed size", "");
    int64_t below = 0;
    for (const std::string &callee : calleesOf(title, function))
      if (const int64_t bytes = walk(callee, title); bytes > below) {
        below = bytes;
        next_[title] = callee;
      }
    open_.erase(title);
    return depth_[title] = function.bytes + below;
  }

  const CallGraph &graph_;
  const CallTable &table_;
  const CallTable::Toolchain &toolchain_;
  Diagnostics &out_;
  std::map<std::string, int64_t> depth_;
  std::map<std::string, std::string> next_; ///< the deepest callee
  std::set<std::string> open_, unknown_;
  bool good_ = true;
};

std::optional<CallGraph::Bound>
CallGraph::bound(const CallTable &table, const std::string &toolchain, Diagnostics &out) const {
  const auto known = table.toolchains.find(toolchain);
  if (known == table.toolchains.end()) {
    out.push_back({"", "", "the stack cannot be bounded: no library of " + toolchain + " is known",
                   "add it to codegen/boards/common/calls.toml"});
    return std::nullopt;
  }
  StackWalk walk(*this, table, known->second, out);
  Bound bound;
  std::string first;
  const int64_t thread = walk.deepest(table.thread, &first);
  if (thread < 0) {
    out.push_back({"", "",
                   "the stack cannot be bounded: the call graphs have no function with "
                   "which a program begins",
                   "build with a gcc that knows -fcallgraph-info"});
    return std::nullopt;
  }
  for (const std::vector<std::string> &level : table.interrupts)
    if (const int64_t bytes = walk.deepest(level); bytes >= 0)
      bound.interrupts += bytes + known->second.frame;
  bound.bytes = thread + bound.interrupts;
  bound.path = walk.pathFrom(first);
  return walk.good() ? std::optional(std::move(bound)) : std::nullopt;
}

} // namespace discoc
