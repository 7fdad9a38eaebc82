//===- ShopTest.cpp - files of prices -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Shop.h"
#include "Expect.h"

using namespace discoc;

static const std::string head = "format = \"discoc-shop\"\nversion = 1\n";

TEST(Shop, ReadsThePage) {
  const std::vector<std::string> blocks = examplesOf("shop.md", "toml");
  ASSERT_EQ(blocks.size(), 1U);
  Diagnostics out;
  const std::optional<Shop> shop = parseShop(blocks[0], "shop.toml", out);
  ASSERT_TRUE(shop) << toString(out);
  ASSERT_EQ(shop->boards.size(), 2U);
  EXPECT_EQ(shop->currency, "EUR");
  EXPECT_EQ(shop->boards[0].name, "rpi-pico");
  EXPECT_EQ(shop->boards[0].price, 5.5);
  EXPECT_EQ(shop->boards[0].most, 8);
  EXPECT_EQ(shop->boards[1].most, 16);
}

TEST(Shop, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {"format = \"discoc-plan\"\nversion = 1\nboard = []\n", {"discoc-shop"}},
      {"format = \"discoc-shop\"\nversion = 7\nboard = []\n", {"version", "7"}},
      {head, {"board"}},
      {head + "[[board]]\nprice = 1\n", {"$.board[0]", "name"}},
      {head + "[[board]]\nname = \"a\"\n", {"$.board[0]", "price"}},
      {head + "[[board]]\nname = \"\"\nprice = 1\n", {"is empty"}},
      {head + "[[board]]\nname = \"a\"\nprice = 0\n", {"$.board[0].price", "is no price"}},
      {head + "[[board]]\nname = \"a\"\nprice = -3.5\n", {"is no price", "more than 0"}},
      {head + "[[board]]\nname = \"a\"\nprice = 1e12\n", {"is no price"}},
      {head + "[[board]]\nname = \"a\"\nprice = nan\n", {"price"}},
      {head + "[[board]]\nname = \"a\"\nprice = \"cheap\"\n", {"price"}},
      {head + "[[board]]\nname = \"a\"\nprice = 1\nmost = 0\n", {"most"}},
      {head + "[[board]]\nname = \"a\"\nprice = 1\n[[board]]\nname = \"a\"\nprice = 2\n",
       {"\"a\" is there twice"}},
      {head + "[[board]]\nname = \"a\"\nprice = 1\ncolour = 1\n", {"colour"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseShop(c.text, "shop.toml", out)) << c.text;
    expectFault(out, c.parts);
  }
}
