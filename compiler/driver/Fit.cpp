//===- Fit.cpp - discoc fit and discoc boards -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Fit.h"
#include "codegen/BoardMemory.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Progress.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <set>

using namespace mlir;
using namespace disco;

namespace {

/// One memory of the fullest node.
struct Fullest {
  size_t rank = 0;
  int64_t bytes = 0;
};

Fullest fullest(const FitRow &row, const discoc::BoardMemory &memory) {
  Fullest most;
  for (auto [rank, uses] : llvm::enumerate(row.nodes)) {
    int64_t sum = 0;
    for (const discoc::MemoryUse &use : uses)
      if (use.memory == memory.name)
        sum += (use.bytes + 63) / 64 * 64;
    if (sum > most.bytes)
      most = {rank, sum};
  }
  return most;
}

/// The same as an object: docs/running.md.
llvm::json::Object rowJson(const FitRow &row, const discoc::Board &board) {
  llvm::json::Array memories;
  for (const discoc::BoardMemory &memory : board.memories) {
    if (memory.holds.empty())
      continue;
    Fullest most = fullest(row, memory);
    llvm::json::Array parts;
    for (const discoc::MemoryUse &use : row.nodes[most.rank])
      if (use.memory == memory.name)
        parts.push_back(
            llvm::json::Object{{"part", use.part}, {"bytes", use.bytes}, {"exact", use.exact}});
    memories.push_back(llvm::json::Object{{"name", memory.name},
                                          {"size", static_cast<int64_t>(memory.size)},
                                          {"bytes", most.bytes},
                                          {"rank", static_cast<int64_t>(most.rank)},
                                          {"parts", std::move(parts)}});
  }
  llvm::json::Object object{{"nodes", static_cast<int64_t>(row.nodes.size())},
                            {"fits", row.fits},
                            {"memories", std::move(memories)}};
  if (row.latencyNs)
    object["latency_ns"] = *row.latencyNs;
  return object;
}

void printHead(const discoc::Board &board) {
  llvm::outs() << board.name << ": " << board.title << "\n   N";
  for (const discoc::BoardMemory &memory : board.memories)
    if (!memory.holds.empty())
      llvm::outs() << llvm::format("  %10s of %-10llu", memory.name.c_str(),
                                   static_cast<unsigned long long>(memory.size));
  llvm::outs() << "\n";
}

void printRow(const FitRow &row, const discoc::Board &board) {
  llvm::outs() << llvm::format("%4d", static_cast<int>(row.nodes.size()));
  for (const discoc::BoardMemory &memory : board.memories) {
    if (memory.holds.empty())
      continue;
    Fullest most = fullest(row, memory);
    double share = 100.0 * static_cast<double>(most.bytes) / static_cast<double>(memory.size);
    llvm::outs() << llvm::format("  %10lld %7.1f %%   ", static_cast<long long>(most.bytes), share);
  }
  llvm::outs() << (row.fits ? "  fits" : "  does not fit");
  if (row.latencyNs)
    llvm::outs() << llvm::format(", %.3g ms an inference",
                                 static_cast<double>(*row.latencyNs) / 1e6);
  llvm::outs() << "\n";
}

/// The parts of the fullest node, for the last line of a table.
void printParts(const FitRow &row, const discoc::Board &board) {
  for (const discoc::BoardMemory &memory : board.memories) {
    if (memory.holds.empty())
      continue;
    Fullest most = fullest(row, memory);
    llvm::outs() << "  " << memory.name << " of node " << most.rank << ":";
    for (const discoc::MemoryUse &use : row.nodes[most.rank])
      if (use.memory == memory.name)
        llvm::outs() << " " << use.part << (use.exact ? " " : " at most ") << use.bytes;
    llvm::outs() << "\n";
  }
}

} // namespace

std::optional<FitRow> disco::measureFit(discoc::ModelOptions options, const discoc::Board &board,
                                        int64_t nodes) {
  options.cluster.clear();
  options.board = board.reference;
  options.nodes = nodes;
  std::optional<LoadedModel> loaded = loadModel(options);
  if (!loaded)
    return std::nullopt;
  DiagnosticPrinter printer(*loaded->context, options.model);
  PassManager manager(loaded->context.get());
  buildPipeline(manager);
  if (failed(manager.run(*loaded->module)))
    return std::nullopt;
  FailureOr<EmitOptions> emit = readEmitOptions(*loaded->module);
  if (failed(emit))
    return std::nullopt;
  FitRow row;
  row.fits = true;
  for (auto [rank, shard] : llvm::enumerate(shardsOf(*loaded->module))) {
    ModelEmitter emitter(shard, *emit);
    row.weightBytes += emitter.weights().bytes();
    row.nodes.push_back(boardMemory(emitter, *emit, static_cast<int64_t>(rank), board));
    row.fits &= shortages(row.nodes.back(), board).empty();
  }
  discoc::Report report = makeReport(*loaded->module, *emit, /*buildHash=*/"");
  if (failed(addSchedule(report, *loaded->module)))
    return std::nullopt;
  row.latencyNs = report.schedule->latencyNs;
  return row;
}

int64_t disco::leastNodes(const FitRow &row, const discoc::Board &board) {
  auto size = static_cast<int64_t>(board.memoryOf(discoc::BoardPart::weights)->size);
  return std::max<int64_t>(1, (row.weightBytes + size - 1) / size);
}

std::optional<discoc::Board> disco::findBareBoard(const std::string &name) {
  discoc::Diagnostics errors;
  if (name == discoc::anyHost) {
    llvm::errs() << "error: --board linux: a Linux host has no memories to fit into\n";
    return std::nullopt;
  }
  std::optional<discoc::Board> board = discoc::readBoard(name, errors);
  llvm::errs() << discoc::toString(errors);
  if (board && board->isLinux()) {
    llvm::errs() << "error: --board " << name << ": a Linux board has no memories to fit into\n";
    board.reset();
  }
  return board;
}

std::optional<int64_t> disco::statedNodes(const discoc::ModelOptions &options) {
  discoc::Diagnostics errors;
  int64_t nodes = 0;
  if (!options.masks.empty()) {
    auto masks = discoc::readMasks(options.masks, std::nullopt, errors);
    nodes = masks ? masks->nodes : 0;
  } else if (!options.owners.empty()) {
    auto owners = discoc::readOwners(options.owners, std::nullopt, errors);
    nodes = owners ? owners->nodes : 0;
  } else {
    nodes = static_cast<int64_t>(options.shares.size());
  }
  llvm::errs() << discoc::toString(errors);
  return errors.empty() ? std::optional(nodes) : std::nullopt;
}

int discoc::runFit(const FitOptions &options) {
  if (!options.shop.empty())
    return fitShop(options);
  std::optional<Board> board = findBareBoard(options.model.board);
  std::optional<int64_t> stated = board ? statedNodes(options.model) : std::nullopt;
  if (!board || !stated)
    return ExitFault;
  int64_t first = *stated ? *stated : 1, last = *stated ? *stated : options.maxNodes;
  std::optional<int64_t> smallest;
  const std::optional<int64_t> most = mostOf(*board);
  if (most && *stated > *most) {
    Diagnostics errors;
    clusterOf(*board, *stated, errors); // says why
    llvm::errs() << toString(errors);
    return ExitFault;
  }
  const bool isShort = most && last > *most;
  last = isShort ? *most : last;
  llvm::json::Array rows;
  for (int64_t nodes = first; nodes <= last && !smallest; ++nodes) {
    std::optional<FitRow> row;
    {
      Activity activity("fit");
      activity.at(std::to_string(nodes) + " of at most " + std::to_string(last) + " boards");
      row = measureFit(options.model, *board, nodes);
    }
    if (!row)
      return ExitFault;
    if (row->fits)
      smallest = nodes;
    // Fewer cannot hold the weights: the rows between would say nothing else.
    nodes = std::max(nodes, std::min(leastNodes(*row, *board) - 1, last - 1));
    if (options.json) {
      rows.push_back(rowJson(*row, *board));
      continue;
    }
    if (static_cast<int64_t>(row->nodes.size()) == first)
      printHead(*board);
    printRow(*row, *board);
    if (row->fits || nodes >= last)
      printParts(*row, *board);
  }
  if (options.json)
    llvm::outs() << llvm::json::Value(llvm::json::Object{
                        {"board", board->name},
                        {"smallest", smallest ? llvm::json::Value(*smallest) : nullptr},
                        {"rows", std::move(rows)}})
                 << "\n";
  else if (smallest)
    llvm::outs() << "the smallest N is " << *smallest << "\n";
  if (smallest)
    return ExitSuccess;
  llvm::errs() << "error: " << options.model.model << " does not fit into "
               << (*stated ? "" : "up to ") << last << " boards " << board->name << "\n";
  if (isShort)
    llvm::errs() << "note: more of " << board->name
                 << " cannot be joined for want of ports; a board "
                 << "with more ports can join them: a cluster file says how\n";
  suggestBoards(options.model, first, last, board->name);
  return ExitFault;
}

/// How many of a board, from `least` to `most`, would do; not always the fewest.
static std::optional<int64_t> enoughOf(const discoc::ModelOptions &options,
                                       const discoc::Board &board, int64_t least, int64_t most) {
  most = std::min(most, discoc::mostOf(board).value_or(most));
  for (int64_t nodes = least; nodes <= most;) {
    std::optional<FitRow> row = measureFit(options, board, nodes);
    if (!row)
      return std::nullopt;
    if (row->fits)
      return nodes;
    nodes = std::max(2 * nodes, std::min(leastNodes(*row, board), most));
  }
  return std::nullopt;
}

/// Other boards that would do, and how many of them.
void disco::suggestBoards(const discoc::ModelOptions &options, int64_t least, int64_t most,
                          const std::string &except) {
  std::string names;
  std::optional<discoc::Activity> activity(std::in_place, "looking for boards that would do");
  for (const std::string &name : discoc::boardNames()) {
    activity->at(name);
    discoc::Diagnostics ignored;
    std::optional<discoc::Board> other = discoc::readBoard(name, ignored);
    if (!other || other->isLinux() || name == except)
      continue;
    if (std::optional<int64_t> nodes = enoughOf(options, *other, least, most))
      names += (names.empty() ? "" : ", ") + std::to_string(*nodes) + " " + name;
  }
  activity.reset();
  if (!names.empty())
    llvm::errs() << "note: any of these would do: " << names << "\n";
}

void disco::suggestFit(const discoc::ModelOptions &options, const discoc::Cluster &cluster) {
  constexpr int64_t most = 16;
  auto nodes = static_cast<int64_t>(cluster.nodes.size());
  if (nodes > most)
    return; // that would take longer than anybody waits
  std::set<std::string> kinds;
  for (const discoc::ClusterNode &node : cluster.nodes)
    kinds.insert(node.board);
  std::string kind = *kinds.begin();
  if (kinds.size() == 1 && options.masks.empty() && options.owners.empty()) {
    discoc::Diagnostics ignored;
    std::optional<discoc::Board> board = discoc::readBoard(kind, ignored);
    for (int64_t n = nodes + 1; board && n <= most; ++n) {
      if (!discoc::clusterOf(*board, n, ignored))
        break;
      std::optional<FitRow> row = measureFit(options, *board, n);
      if (!row)
        break;
      if (row->fits) {
        llvm::errs() << "note: " << n << " nodes of " << kind << " would do\n";
        break;
      }
      n = std::max(n, std::min(leastNodes(*row, *board) - 1, most));
    }
  }
  suggestBoards(options, nodes, nodes, kinds.size() == 1 ? kind : "");
}

int discoc::runBoards() {
  const std::vector<std::string> names = boardNames();
  if (names.empty()) {
    llvm::errs() << "error: " << boardsDirectory()
                 << ": no boards are there; set DISCOC_BOARDS to their folder, or unset it\n";
    return ExitFault;
  }
  for (const std::string &name : names) {
    Diagnostics errors;
    std::optional<Board> board = readBoard(name, errors);
    if (!board) {
      llvm::errs() << toString(errors);
      continue;
    }
    llvm::outs() << llvm::left_justify(name, 20) << llvm::left_justify(board->statusText(), 18)
                 << board->title << "\n";
    std::string more;
    for (const BoardMemory &memory : board->memories)
      more += (more.empty() ? "" : ", ") + memory.name + " " + std::to_string(memory.size / 1024) +
              " KB" + (memory.holds.empty() ? " (unused)" : "");
    for (const BoardLink &link : board->links)
      more += (more.empty() ? "" : ", ") + link.name;
    if (!more.empty())
      llvm::outs() << "    " << more << "\n";
  }
  return ExitSuccess;
}
