// What the cover had to choose from for one op, where somebody asks: disco.explain.
// RUN: sed -e 's/WHICH/y/' %s | discoc-opt --disco-choose-partial-sums | FileCheck %s --check-prefix=TIED
// RUN: sed -e 's/"WHICH"/"y", disco.exact_order/' %s | discoc-opt --disco-choose-partial-sums | FileCheck %s --check-prefix=EXACT
// RUN: sed -e 's/WHICH/none/' %s | discoc-opt --disco-choose-partial-sums | FileCheck %s --check-prefix=NONE

#in = #disco.owned<axis 1 : 0 to 9 | 10 to 19>
#out = #disco.owned<axis 1 : 0 to 3 | 4 to 7>

// Twenty features of four bytes, which z reads too; eight sums.
// TIED: disco.cover = {features = 80 : i64, in_time = false, sends_sums = true, sums = 32 : i64, tied = ["z"]}
// EXACT: disco.cover = {why_features = "--exact-order sums nothing across nodes"}
// NONE-NOT: disco.cover =
module attributes {disco.nodes = 2 : i64, disco.explain = "WHICH"} {
func.func @main(%x: tensor<1x20xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<20x8xf32> : tensor<20x8xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 9>, #disco.route<1 -> 0 : 10 to 19>, #disco.route<0 -> 1 : 0 to 9>, #disco.route<1 -> 1 : 10 to 19>]} : (tensor<1x20xf32, #in>, tensor<20x8xf32>) -> tensor<1x8xf32, #out> loc("y")
  %z = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 9>, #disco.route<1 -> 0 : 10 to 19>, #disco.route<0 -> 1 : 0 to 9>, #disco.route<1 -> 1 : 10 to 19>]} : (tensor<1x20xf32, #in>, tensor<20x8xf32>) -> tensor<1x8xf32, #out> loc("z")
  return
}
}
