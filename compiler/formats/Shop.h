//===- Shop.h - what boards cost --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/shop.md is the specification.
#ifndef DISCOC_FORMATS_SHOP_H
#define DISCOC_FORMATS_SHOP_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// A kind of board that can be bought.
struct ShopBoard {
  std::string name;  ///< as a cluster file has it
  double price = 0;  ///< of one, with its part of the cables
  int64_t most = 16; ///< that can be had
};

struct Shop {
  static constexpr int64_t version = 1;
  std::string currency; ///< may be empty
  std::vector<ShopBoard> boards;
};

std::optional<Shop> parseShop(const std::string &text, const std::string &file,
                              Diagnostics &diagnostics);
std::optional<Shop> readShop(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_SHOP_H
