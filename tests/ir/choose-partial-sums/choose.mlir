// Of every feature and every contraction that reads it one pays.
// RUN: discoc-opt --disco-choose-partial-sums --split-input-file %s | FileCheck %s

#in = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#out = #disco.owned<axis 1 : 0 | 1>

// Eight features, two outputs: each node adds for the other; the function follows the whole sum.
// CHECK-LABEL: func.func @sums
// CHECK: %[[W0:.*]] = disco.constant {{.*}} view [#disco.local<axis 1 : 1>]
// CHECK: %[[A:.*]] = disco.matmul %{{.*}}, %[[W0]] {disco.route_kind = 1 : i32, disco.tensor = "y", mask = [#disco.route<0 -> 0 : 0 to 3>]} {{.*}} -> tensor<1x1xf32, #disco.owned<axis 1 : 0 | >>
// CHECK: %[[B:.*]] = disco.matmul {{.*}} {disco.route_kind = 1 : i32, disco.tensor = "y", mask = [#disco.route<1 -> 1 : 4 to 7>]} {{.*}} -> tensor<1x1xf32, #disco.owned<axis 1 :  | 0>>
// CHECK: %[[Y:.*]] = disco.matmul {{.*}} mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 1 : 4 to 7>]
// CHECK: disco.accumulate %[[Y]], %[[A]], %[[B]] {act = #disco.act<relu>, axis = 1 : i64, disco.tensor = "y", rows = [#disco.set<1>, #disco.set<0>]}
module attributes {disco.nodes = 2 : i64} {
func.func @sums(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {act = #disco.act<relu>, disco.tensor = "y", mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 4 to 7>, #disco.route<0 -> 1 : 0 to 3>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#out = #disco.owned<axis 1 : 0 | 1>

// One feature from node 1 to node 0 is as cheap as a sum: it stays a feature.
// CHECK-LABEL: func.func @ties
// CHECK-NOT: disco.accumulate
module attributes {disco.nodes = 2 : i64} {
func.func @ties(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 4>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#out = #disco.owned<axis 1 : 0 | 1>

// Somebody else needs the features themselves: nothing is saved.
// CHECK-LABEL: func.func @shared
// CHECK-NOT: disco.accumulate
module attributes {disco.nodes = 2 : i64} {
func.func @shared(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 4 to 7>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  %z = disco.unary %x {act = #disco.act<exp>} : (tensor<1x8xf32, #in>) -> tensor<1x8xf32, #disco.owned<whole : 0 | >>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#out = #disco.owned<axis 1 : 0 | 1>

// CHECK-LABEL: func.func @never
// CHECK-NOT: disco.accumulate
module attributes {disco.features_only, disco.nodes = 2 : i64} {
func.func @never(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 4 to 7>, #disco.route<0 -> 1 : 0 to 3>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  return
}
}
