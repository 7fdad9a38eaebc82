//===- States.cpp - outputs that are inputs of the next inference ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/States.h"
#include "compiler/driver/Frontend.h"
#include "compiler/formats/Printable.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace disco;

namespace {

/// What a model gives and takes, in its order.
struct Borders {
  explicit Borders(ModuleOp module) {
    func::FuncOp function = mainOf(module);
    for (auto input : function.getOps<InputOp>())
      inputs[input.getName()] = input;
    for (auto output : function.getOps<OutputOp>())
      outputs[output.getName()] = output;
  }

  static bool areAlike(OutputOp output, InputOp input) {
    return sameShapes(output.getX().getType(), input.getType());
  }

  llvm::MapVector<StringRef, InputOp> inputs;
  llvm::MapVector<StringRef, OutputOp> outputs;
};

std::string typeText(Value value) {
  std::string text;
  llvm::raw_string_ostream(text) << tensorType(value).clone(tensorType(value).getElementType());
  return text;
}

/// Names as their owner calls them, without the words for before and after: cache_in, cache_out and
/// cache are the same, and so are h0 and hn, state and stateN.
std::string stemOf(StringRef name) {
  static const llvm::StringSet<> words = {"in",  "out",  "input", "output",  "new", "next",
                                          "old", "prev", "past",  "present", "n",   "0"};
  if (name.ends_with("N") && name.size() > 1 && llvm::isLower(name[name.size() - 2]))
    name = name.drop_back();
  std::string stem, word;
  for (char c : (name + "_").str()) {
    if (c != '_' && c != '.' && c != '/' && c != '-') {
      word += llvm::toLower(c);
      continue;
    }
    if (word.size() == 2 && (word[1] == '0' || word[1] == 'n') && words.count(word) == 0)
      word.pop_back();
    if (words.count(word) == 0)
      stem += word + "_";
    word.clear();
  }
  return stem;
}

class StateFinder {
public:
  explicit StateFinder(ModuleOp module) : module(module), borders(module) {}

  std::optional<States> find(const std::vector<std::string> &options) {
    for (const std::string &option : options) {
      if (option != "auto" && !add(option))
        return std::nullopt;
      if (option == "auto" && !addUsual())
        return std::nullopt;
    }
    return std::move(states);
  }

private:
  bool addUsual() {
    const States usual = usualStates(module);
    for (auto &[input, output] : usual)
      if (!states.count(input) && !taken.contains(output)) {
        states[input] = output;
        taken.insert(output);
      }
    for (auto &[input, output] : usual)
      llvm::errs() << "note: --state auto: " << quoted(output) << " becomes " << quoted(input)
                   << " of the next inference\n";
    return !usual.empty() ||
           complain("auto", "no output has the name, shape and element type of an input; name the "
                            "pairs, --state OUTPUT=INPUT");
  }

  /// Names may hold a `=`: the place where both sides are known.
  static std::pair<StringRef, StringRef> splitPair(StringRef pair, const Borders &borders) {
    for (size_t at = pair.find('='); at != StringRef::npos; at = pair.find('=', at + 1))
      if (borders.outputs.count(pair.take_front(at)) &&
          borders.inputs.count(pair.drop_front(at + 1)))
        return {pair.take_front(at), pair.drop_front(at + 1)};
    return pair.rsplit('=');
  }

  bool add(const std::string &option) {
    auto [out, in] = splitPair(option, borders);
    if (out.empty() || in.empty())
      return complain(option, "expected OUTPUT=INPUT, or auto");
    auto output = borders.outputs.find(out);
    if (output == borders.outputs.end())
      return complain(option, "the model has no output " + quoted(out) + "; it has " +
                                  listed(borders.outputs));
    auto input = borders.inputs.find(in);
    if (input == borders.inputs.end())
      return complain(option, "the model has no input " + quoted(in) + "; it has " +
                                  listed(borders.inputs));
    if (!Borders::areAlike(output->second, input->second))
      return complain(option, "the output is a " + typeText(output->second.getX()) +
                                  ", the input a " + typeText(input->second) +
                                  "; a state has one shape and one element type");
    if (!states.emplace(in, out).second)
      return complain(option, "the input is named twice; one output becomes it");
    if (!taken.insert(out).second)
      return complain(option, "the output is named twice; it becomes one input");
    return true;
  }

  template <typename Map> static std::string listed(const Map &map) {
    std::string text;
    for (auto &entry : map)
      text += (text.empty() ? "" : ", ") + quoted(entry.first);
    return text.empty() ? "none" : text;
  }

  bool complain(StringRef option, const std::string &what) {
    printError("--state " + discoc::printable(option.str(), discoc::maxShownName) + ": " + what);
    return false;
  }

  ModuleOp module;
  Borders borders;
  States states;
  llvm::StringSet<> taken;
};

} // namespace

States disco::usualStates(ModuleOp module) {
  const Borders borders(module);
  States states;
  llvm::StringSet<> taken;
  for (auto &[in, input] : borders.inputs) {
    SmallVector<StringRef> fitting;
    for (auto &[out, output] : borders.outputs)
      if (stemOf(out) == stemOf(in) && Borders::areAlike(output, input) && !taken.contains(out))
        fitting.push_back(out);
    if (fitting.size() != 1)
      continue;
    states[in.str()] = fitting.front().str();
    taken.insert(fitting.front());
  }
  return states;
}

std::optional<States> disco::findStates(ModuleOp module, const std::vector<std::string> &options) {
  return StateFinder(module).find(options);
}

void disco::keepStates(ModuleOp module, const States &states) {
  const Borders borders(module);
  SmallVector<Value> values, kept;
  SmallVector<Location> locations;
  for (auto &[in, out] : states) {
    InputOp input = borders.inputs.find(in)->second;
    OutputOp output = borders.outputs.find(out)->second;
    OpBuilder builder(input);
    auto state = builder.create<StateOp>(input.getLoc(), input.getType());
    state->setAttr(kTensorAttr, builder.getStringAttr(in));
    values.push_back(output.getX());
    kept.push_back(state);
    locations.push_back(output.getLoc());
    input.replaceAllUsesWith(state.getResult());
    output.erase();
    input.erase();
  }
  func::FuncOp function = mainOf(module);
  OpBuilder builder(function.getBody().front().getTerminator());
  builder.create<KeepOp>(builder.getFusedLoc(locations), values, kept);
  for (auto [i, input] : llvm::enumerate(function.getOps<InputOp>()))
    input.setIndex(i);
  for (auto [i, output] : llvm::enumerate(function.getOps<OutputOp>()))
    output.setIndex(i);
}
