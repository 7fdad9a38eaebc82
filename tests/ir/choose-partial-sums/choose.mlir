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

// -----

#in = #disco.owned<axis 1 : 0 to 31 | 32 to 63>
#out = #disco.owned<axis 1 : 0 | 1>

// 32 features of one byte, or a sum of four: sums of integers have 32 bits until they are whole.
// CHECK-LABEL: func.func @integers
// CHECK: %[[A:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 3, wZero = [2], result = i32>} {{.*}} -> tensor<1x1xi32, #disco.owned<axis 1 : 0 | >>
// CHECK: %[[B:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 3, wZero = [1], result = i32>} {{.*}} -> tensor<1x1xi32, #disco.owned<axis 1 :  | 0>>
// CHECK: %[[Y:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 3, wZero = [1, 2], result = i32>{{.*}} -> tensor<1x2xi32, #disco.owned<axis 1 : 0 | 1>>
// CHECK: disco.accumulate %[[Y]], %[[A]], %[[B]] {axis = 1 : i64, disco.tensor = "y", quant = #disco.quant<{{.*}} result = ui8, multiplier = dense<[2.500000e-01, 5.000000e-01]> : tensor<2xf32>, yZero = 128, low = 0, high = 255>, rows = [#disco.set<1>, #disco.set<0>]} : {{.*}} -> tensor<1x2xui8
module attributes {disco.nodes = 2 : i64} {
func.func @integers(%x: tensor<1x64xui8, #in>) {
  %w = disco.constant dense<1> : tensor<64x2xi8> : tensor<64x2xi8>
  %y = disco.matmul %x, %w {quant = #disco.quant<xZero = 3, wZero = [1, 2], result = ui8, multiplier = dense<[0.25, 0.5]> : tensor<2xf32>, yZero = 128, low = 0, high = 255>, disco.tensor = "y", mask = [#disco.route<0 -> 0 : 0 to 31>, #disco.route<1 -> 0 : 32 to 63>, #disco.route<0 -> 1 : 0 to 31>, #disco.route<1 -> 1 : 32 to 63>]} : (tensor<1x64xui8, #in>, tensor<64x2xi8>) -> tensor<1x2xui8, #out>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 2 | 3 to 5>
#out = #disco.owned<axis 1 : 0 | 1>

// Three features of one byte are less than a sum of four.
// CHECK-LABEL: func.func @narrow
// CHECK-NOT: disco.accumulate
module attributes {disco.nodes = 2 : i64} {
func.func @narrow(%x: tensor<1x6xui8, #in>) {
  %w = disco.constant dense<1> : tensor<6x2xi8> : tensor<6x2xi8>
  %y = disco.matmul %x, %w {quant = #disco.quant<xZero = 3, wZero = [], result = i32>, mask = [#disco.route<0 -> 0 : 0 to 2>, #disco.route<1 -> 0 : 3 to 5>, #disco.route<0 -> 1 : 0 to 2>, #disco.route<1 -> 1 : 3 to 5>]} : (tensor<1x6xui8, #in>, tensor<6x2xi8>) -> tensor<1x2xi32, #out>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#out = #disco.owned<axis 1 : 0 | 1>

// In an exact order nobody sums floats for another.
// CHECK-LABEL: func.func @ordered
// CHECK-NOT: disco.accumulate
module attributes {disco.exact_order, disco.nodes = 2 : i64} {
func.func @ordered(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 4 to 7>, #disco.route<0 -> 1 : 0 to 3>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  return
}
}

// -----

#in = #disco.owned<axis 1 : 0 to 7 | >
#out = #disco.owned<axis 1 : 0 | 1>

// By its inputs the product would be node 0's alone: features go, though one sum would be fewer bytes.
// CHECK-LABEL: func.func @one_node_has_all_inputs
// CHECK-NOT: disco.accumulate
module attributes {disco.nodes = 2 : i64} {
func.func @one_node_has_all_inputs(%x: tensor<1x8xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 7>, #disco.route<0 -> 1 : 0 to 7>]} : (tensor<1x8xf32, #in>, tensor<8x2xf32>) -> tensor<1x2xf32, #out>
  return
}
}
