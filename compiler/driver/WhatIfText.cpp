//===- WhatIfText.cpp - what inspect --what-if says -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/WhatIf.h"
#include "compiler/formats/Table.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace disco;

/// Three digits that matter.
static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", value);
  return text;
}

static std::string timeText(const WhatIfTime &time) {
  return time.latencyNs ? discoc::duration(std::max<int64_t>(*time.latencyNs / 1000, 1)) : "-";
}

static std::string tableText(const WhatIf &found, const WhatIfTable &whole) {
  std::vector<std::string> headings{"N", "weights", "arena"};
  if (!found.board.empty())
    headings.push_back("<fits");
  headings.insert(headings.end(), {"exchanged", "in a row"});
  for (const WhatIfLink &link : found.links)
    headings.insert(headings.end(), {link.name, "times", "<limit"});
  discoc::Table table(headings);
  for (const WhatIfRow &row : whole.rows) {
    std::vector<std::string> cells{std::to_string(row.nodes), discoc::bytes(row.weightBytes),
                                   discoc::bytes(row.arenaBytes)};
    if (!found.board.empty())
      cells.push_back(row.fits.value_or(true) ? "yes" : "no");
    cells.insert(cells.end(),
                 {discoc::bytes(row.exchangedBytes), std::to_string(row.exchangePoints)});
    for (const WhatIfTime &time : row.times)
      cells.insert(cells.end(), {timeText(time), time.speedUp > 0 ? number(time.speedUp) : "-",
                                 time.limit.empty() ? "-" : time.limit});
    table.row(std::move(cells));
  }
  return table.text();
}

/// The quickest of several nodes over one kind of link; null where no time is known.
static const WhatIfRow *quickest(const WhatIfTable &table, size_t link) {
  const WhatIfRow *best = nullptr;
  for (const WhatIfRow &row : table.rows)
    if (row.nodes > 1 && row.times[link].speedUp > 0 &&
        (!best || row.times[link].speedUp > best->times[link].speedUp))
      best = &row;
  return best;
}

/// Less than this is no reason for a second device.
static constexpr double kPays = 1.1;

static std::string paysOver(const WhatIf &found, const WhatIfTable &table, size_t link) {
  const WhatIfRow *best = quickest(table, link);
  if (!best)
    return "";
  const WhatIfTime &time = best->times[link];
  const std::string over = "over " + found.links[link].name + " ";
  if (time.speedUp >= kPays)
    return over + "dividing pays: " + std::to_string(best->nodes) + " nodes are " +
           number(time.speedUp) + " times as fast as one";
  return over + "it does not pay: " + std::to_string(best->nodes) + " nodes take " +
         number(1 / time.speedUp) + " times as long as one, most of it for " +
         (time.limit == "bytes" ? "bytes on the links" : time.limit);
}

/// The fewest boards that hold the model; empty where no board was stated.
static std::string fitsText(const WhatIf &found) {
  if (found.board.empty())
    return "";
  for (const WhatIfRow &row : found.tables.front().rows)
    if (row.fits.value_or(false))
      return "fits into " + std::to_string(row.nodes) + " of " + found.board;
  return "fits into none of these numbers of " + found.board;
}

static std::vector<std::string> sentences(const WhatIf &found) {
  std::vector<std::string> all;
  if (std::string text = fitsText(found); !text.empty())
    all.push_back(std::move(text));
  for (size_t link = 0; link < found.links.size(); ++link)
    if (std::string text = paysOver(found, found.tables.front(), link); !text.empty())
      all.push_back(std::move(text));
  return all;
}

/// Where the times come from.
static std::string speedsText(const WhatIf &found) {
  if (!found.board.empty())
    return "multiply-accumulates and payload alone, at the speeds that " + found.board + " states";
  const auto each = found.profile.macNs.find("f32");
  const double perNs =
      each == found.profile.macNs.end() || each->second <= 0 ? 0 : 1 / each->second;
  return found.profile.host + ", " + number(perNs) +
         " G multiply-accumulates of floats a second; " + number(found.profile.messageNs / 1e3) +
         " us at either end of a message";
}

std::string disco::whatIfText(const WhatIf &found) {
  std::string text = "speeds     " + speedsText(found) + "\n";
  for (const WhatIfTable &table : found.tables) {
    if (found.tables.size() > 1)
      text += table.masked || &table == &found.tables.front() ? "\nas it is masked\n"
                                                              : "\ndense, no mask\n";
    text += "\n" + tableText(found, table);
  }
  text += "\n";
  for (const std::string &sentence : sentences(found))
    text += sentence + "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Object rowJson(const WhatIfRow &row) {
  llvm::json::Array times;
  for (const WhatIfTime &time : row.times) {
    llvm::json::Object entry;
    if (time.latencyNs) {
      entry["latency_ns"] = *time.latencyNs;
      entry["limit"] = time.limit;
    }
    if (time.speedUp > 0)
      entry["speed_up"] = time.speedUp;
    times.push_back(std::move(entry));
  }
  llvm::json::Object object{{"nodes", row.nodes},
                            {"weight_bytes", row.weightBytes},
                            {"arena_bytes", row.arenaBytes},
                            {"exchanged_bytes", row.exchangedBytes},
                            {"exchange_points", row.exchangePoints},
                            {"links", std::move(times)}};
  if (row.fits)
    object["fits"] = *row.fits;
  return object;
}

std::string disco::whatIfJson(const WhatIf &found) {
  llvm::json::Array links, tables, said;
  for (const WhatIfLink &link : found.links) {
    llvm::json::Object entry{{"name", link.name}};
    if (link.bandwidth > 0) {
      entry["bandwidth"] = link.bandwidth;
      entry["latency"] = link.latency;
    }
    links.push_back(std::move(entry));
  }
  for (const WhatIfTable &table : found.tables) {
    llvm::json::Array rows;
    for (const WhatIfRow &row : table.rows)
      rows.push_back(rowJson(row));
    tables.push_back(llvm::json::Object{{"masked", table.masked}, {"rows", std::move(rows)}});
  }
  for (const std::string &sentence : sentences(found))
    said.push_back(sentence);
  llvm::json::Object object{{"speeds", speedsText(found)},
                            {"links", std::move(links)},
                            {"tables", std::move(tables)},
                            {"sentences", std::move(said)}};
  if (!found.board.empty())
    object["board"] = found.board;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(object)) << "\n";
  return text;
}
