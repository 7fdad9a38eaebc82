// Sums of integers: nodes add for each other in 32 bits, and the owner makes the whole sum small; also in an exact order, which
// integers do not need.
// RUN: discoc-opt --disco-choose-partial-sums --disco-insert-exchanges --disco-split-into-shards %s | FileCheck %s

// CHECK: module @node0
// CHECK: %[[MINE:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 3, wZero = [2], result = i32>}
// CHECK: disco.send %[[MINE]] {message = 1 : i64, parts = [#disco.part<"y" : partial_sum axis 1 : 0>], to = 1 : i64} : {{.*}} -> !disco.message<4>
// CHECK: %[[YOURS:.*]] = disco.recv {{.*}} {parts = [#disco.part<"y" : partial_sum axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xi32
// CHECK: %[[OWN:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 3, wZero = [1], result = i32>}
// CHECK: %[[SUM:.*]] = disco.binary %[[OWN]], %[[YOURS]] {kind = 0 : i32}
// CHECK: disco.requantize %[[SUM]] {axis = 1 : i64, disco.tensor = "y", quant = #disco.quant<xZero = 3, wZero = [1], result = ui8, multiplier = dense<2.500000e-01> : tensor<1xf32>, yZero = 128, low = 0, high = 255>} : {{.*}} -> tensor<1x1xui8
// CHECK: module @node1
// CHECK: disco.requantize %{{.*}} multiplier = dense<5.000000e-01>
#one = #disco.owned<axis 1 : 0 to 3 | >
#in = #disco.owned<axis 1 : 0 to 31 | 32 to 63>
#out = #disco.owned<axis 1 : 0 | 1>
module attributes {disco.nodes = 2 : i64, disco.exact_order} {
func.func @main() {
  %i = disco.input {name = "i", index = 0 : i64} : () -> tensor<1x4xui8, #one>
  %v = disco.constant dense<2> : tensor<4x64xi8> : tensor<4x64xi8>
  %x = disco.matmul %i, %v {quant = #disco.quant<xZero = 0, wZero = [], result = ui8, multiplier = dense<0.5> : tensor<1xf32>, yZero = 0, low = 0, high = 255>, disco.tensor = "x", mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0 to 3>]} : (tensor<1x4xui8, #one>, tensor<4x64xi8>) -> tensor<1x64xui8, #in>
  %w = disco.constant dense<1> : tensor<64x2xi8> : tensor<64x2xi8>
  %y = disco.matmul %x, %w {quant = #disco.quant<xZero = 3, wZero = [1, 2], result = ui8, multiplier = dense<[0.25, 0.5]> : tensor<2xf32>, yZero = 128, low = 0, high = 255>, disco.tensor = "y", mask = [#disco.route<0 -> 0 : 0 to 31>, #disco.route<1 -> 0 : 32 to 63>, #disco.route<0 -> 1 : 0 to 31>, #disco.route<1 -> 1 : 32 to 63>]} : (tensor<1x64xui8, #in>, tensor<64x2xi8>) -> tensor<1x2xui8, #out>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xui8, #out>) -> ()
  return
}
}
