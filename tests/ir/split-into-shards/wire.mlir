// Features travel as half floats, or as bytes with a scale; the model's inputs as they are.
// RUN: discoc-opt --disco-split-into-shards --split-input-file %s | FileCheck %s

#both = #disco.owned<axis 1 : 0 to 1 | 2 to 3>
// CHECK: module @node0
// CHECK: %[[H:.*]] = disco.cast %{{.*}} -> tensor<1x2xf16, #disco.local<axis 1 : 0 to 1>>
// CHECK: disco.send %[[H]] {message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 1>], to = 1 : i64} : {{.*}} -> !disco.message<4>
// CHECK: module @node1
// CHECK: %[[R:.*]] = disco.recv {{.*}} -> tensor<1x2xf16, #disco.local<axis 1 : 0 to 1>>
// CHECK: disco.cast %[[R]] : {{.*}} -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
module attributes {disco.nodes = 2 : i64, disco.wire = "f16"} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %x = disco.unary %i {act = #disco.act<exp>, disco.tensor = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %r = disco.exchange %x routes [#disco.route<0 -> 1 : 0 to 1>] {tensor = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 1>>
  return
}
}

// -----

// CHECK: module @node0
// CHECK: %[[Q:[0-9]+]] = disco.quantize %{{[0-9]+}}, %[[S:[0-9]+]] {{.*}} -> tensor<1x2xi8, #disco.local<axis 1 : 0 to 1>>
// CHECK: disco.send %[[S]], %[[Q]] {message = 0 : i64, parts = [#disco.part<"scale of x" : statistic whole : 0>, #disco.part<"x" : axis 1 : 0 to 1>], to = 1 : i64} : {{.*}} -> !disco.message<6>
// CHECK: disco.send %{{.*}} {message = 1 : i64, parts = [#disco.part<"i" : root axis 1 : 0>], to = 1 : i64} : {{.*}} -> !disco.message<4>
// CHECK: module @node1
// CHECK: %[[R:.*]]:2 = disco.recv
// CHECK: disco.dequantize %[[R]]#1, %[[R]]#0
module attributes {disco.nodes = 2 : i64, disco.wire = "i8"} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %x = disco.unary %i {act = #disco.act<exp>, disco.tensor = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %r = disco.exchange %x routes [#disco.route<0 -> 1 : 0 to 1>] {tensor = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 1>>
  %s = disco.exchange %i routes [#disco.route<0 -> 1 : 0>] {root, tensor = "i"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0>>
  return
}
}
