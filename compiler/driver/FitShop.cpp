//===- FitShop.cpp - discoc fit --shop ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Fit.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Shop.h"
#include "compiler/formats/Table.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace disco;

namespace {

/// So many boards of one kind.
struct Set {
  std::string board;
  int64_t nodes = 0;
  double price = 0;
  bool fits = false;
  std::optional<int64_t> latencyNs;
};

class Shopping {
public:
  Shopping(const discoc::FitOptions &options, discoc::Shop shop, int64_t stated)
      : options(options), shop(std::move(shop)), stated(stated) {
    if (options.deadline > 0)
      deadlineNs = std::llround(options.deadline * 1e6);
  }

  /// Kinds one after the other, fewer boards first; what costs more than the best is not looked at.
  bool run() {
    for (const discoc::ShopBoard &offer : shop.boards) {
      std::optional<discoc::Board> board = findBareBoard(offer.name);
      if (!board || !tryKind(offer, *board))
        return false;
    }
    return true;
  }

  void print() const {
    if (options.json) {
      llvm::outs() << llvm::json::Value(json()) << "\n";
      return;
    }
    discoc::Table table({"<board", "N", "price", "an inference", "<"});
    for (const auto &[index, set] : llvm::enumerate(sets))
      table.row(
          {set.board, std::to_string(set.nodes), priceText(set.price),
           set.latencyNs ? discoc::duration(std::max<int64_t>(*set.latencyNs / 1000, 1)) : "-",
           best == index ? "<- the cheapest" : whyNot(set)});
    llvm::outs() << table.text();
  }

  int close() const {
    if (best)
      return discoc::ExitSuccess;
    std::string text = options.model.model + ": no set of boards of one kind in " + options.shop;
    const Set *quickest = nullptr;
    for (const Set &set : sets)
      if (set.fits && set.latencyNs && (!quickest || *set.latencyNs < *quickest->latencyNs))
        quickest = &set;
    if (quickest)
      text += " ends an inference in time; the quickest is " + std::to_string(quickest->nodes) +
              " " + quickest->board + ", " + discoc::duration(*quickest->latencyNs / 1000);
    else
      text += " has memory for it; more of them ('most'), or boards with more memory, would do";
    printError(text);
    return discoc::ExitFault;
  }

private:
  bool tryKind(const discoc::ShopBoard &offer, const discoc::Board &board) {
    const int64_t most = std::min(offer.most, discoc::mostOf(board).value_or(offer.most));
    const int64_t first = stated ? stated : 1, last = stated ? std::min(stated, most) : most;
    for (int64_t nodes = first; nodes <= last; ++nodes) {
      const double price = offer.price * static_cast<double>(nodes);
      if (best && price >= sets[*best].price)
        return true;
      std::optional<FitRow> row;
      {
        discoc::Activity activity("fit");
        activity.at(std::to_string(nodes) + " of at most " + std::to_string(last) + " " +
                    offer.name);
        row = measureFit(options.model, board, nodes);
      }
      if (!row)
        return false;
      sets.push_back({offer.name, nodes, price, row->fits, row->latencyNs});
      if (row->fits && whyNot(sets.back()).empty())
        best = sets.size() - 1;
      // Fewer cannot hold the weights.
      nodes = std::max(nodes, std::min(leastNodes(*row, board) - 1, last - 1));
    }
    return true;
  }

  /// Empty: it does.
  std::string whyNot(const Set &set) const {
    if (!set.fits)
      return "does not fit";
    if (!deadlineNs)
      return "";
    return !set.latencyNs                 ? "takes an unknown time"
           : *set.latencyNs > *deadlineNs ? "too slow"
                                          : "";
  }

  std::string priceText(double price) const {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.10g", price);
    return shop.currency.empty() ? text : text + " " + shop.currency;
  }

  llvm::json::Object json() const {
    llvm::json::Array rows;
    for (const Set &set : sets) {
      llvm::json::Object row{
          {"board", set.board}, {"nodes", set.nodes}, {"price", set.price}, {"fits", set.fits}};
      if (set.latencyNs)
        row["latency_ns"] = *set.latencyNs;
      rows.push_back(std::move(row));
    }
    return llvm::json::Object{{"chosen", best ? llvm::json::Value(static_cast<int64_t>(*best))
                                              : llvm::json::Value(nullptr)},
                              {"sets", std::move(rows)}};
  }

  const discoc::FitOptions &options;
  const discoc::Shop shop;
  const int64_t stated; // masks and owner maps are for so many; 0: for any
  std::optional<int64_t> deadlineNs;
  std::vector<Set> sets;
  std::optional<size_t> best;
};

} // namespace

int disco::fitShop(const discoc::FitOptions &options) {
  discoc::Diagnostics errors;
  std::optional<discoc::Shop> shop = discoc::readShop(options.shop, errors);
  llvm::errs() << discoc::toString(errors);
  const std::optional<int64_t> stated = shop ? statedNodes(options.model) : std::nullopt;
  if (!stated)
    return discoc::ExitFault;
  Shopping shopping(options, std::move(*shop), *stated);
  if (!shopping.run())
    return discoc::ExitFault;
  shopping.print();
  llvm::outs().flush();
  return shopping.close();
}
