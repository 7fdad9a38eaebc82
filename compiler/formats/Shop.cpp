//===- Shop.cpp - what boards cost ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Shop.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

#include <set>
#include <sstream>

namespace discoc {

static bool readBoard(const JsonView &view, std::set<std::string> &known, ShopBoard &board) {
  constexpr double mostPrice = 1e9;
  constexpr int64_t mostBoards = 256;
  if (!view.object({"name", "price"}, {"most"}) || !view.member("name").read(board.name) ||
      !view.member("price").read(board.price) ||
      (view.has("most") && !view.member("most").read(board.most, 1, mostBoards)))
    return false;
  if (board.name.empty() || !known.insert(board.name).second)
    return view.member("name").fault(board.name.empty() ? "is empty"
                                                        : "\"" + board.name + "\" is there twice",
                                     "name every kind of board once ('discoc boards' lists them)");
  return (board.price > 0 && board.price <= mostPrice) ||
         view.member("price").fault("is no price", "one board costs more than 0, at most 1e9");
}

static bool readBody(const JsonView &view, Shop &shop) {
  if (!readHeader(view, "discoc-shop", Shop::version) ||
      !view.object({"format", "version", "board"}, {"currency"}) ||
      (view.has("currency") && !view.member("currency").read(shop.currency)))
    return false;
  const JsonView boards = view.member("board");
  if (!boards.array())
    return false;
  std::set<std::string> known;
  shop.boards.resize(boards.size());
  return boards.elements(
      [&](size_t i, const JsonView &item) { return readBoard(item, known, shop.boards[i]); });
}

std::optional<Shop> parseShop(const std::string &text, const std::string &file,
                              Diagnostics &diagnostics) {
  std::ostringstream json;
  if (!withToml(text, file, diagnostics,
                [&](const toml::table &root) { json << toml::json_formatter(root); }))
    return std::nullopt;
  const std::optional<ReadJson> value = parseJson(json.str(), file, diagnostics);
  if (!value)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  Shop shop;
  return readBody(JsonView(*value, context), shop) ? std::optional(std::move(shop)) : std::nullopt;
}

std::optional<Shop> readShop(const std::string &path, Diagnostics &diagnostics) {
  const auto text = readText(path, diagnostics, maxTomlBytes);
  return text ? parseShop(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
