// What was dequantised travels as the integers that it was, and is made real again where it arrives; a node that computes with no
// reals makes none.
// RUN: discoc-opt --disco-insert-exchanges --split-input-file %s | FileCheck %s --check-prefix=WHOLE
// RUN: discoc-opt --disco-insert-exchanges --disco-split-into-shards --split-input-file %s | FileCheck %s

// WHOLE: %[[Q:.*]] = disco.quantize
// WHOLE: %[[R:.*]] = disco.exchange %[[Q]] routes [#disco.route<0 -> 1 : 1, 3>] {tensor = "q"}
// WHOLE: %[[D:.*]] = disco.dequantize %[[R]], {{.*}} -> tensor<1x4xf32, #disco.held<axis 1 : | 1, 3>>
// WHOLE: %[[X:.*]] = disco.dequantize %[[Q]]
// WHOLE: disco.merge own %[[X]] remote(%[[D]])

// CHECK: module @node0
// CHECK: %[[Q:.*]] = disco.quantize
// CHECK-NOT: disco.dequantize
// CHECK: disco.send %[[Q]] {message = 0 : i64, parts = [#disco.part<"q" : axis 1 : 1, 3>], to = 1 : i64} : (tensor<1x4xi8, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<2>
// CHECK: module @node1
// CHECK-DAG: %[[Z:.*]] = disco.constant dense<-3> : tensor<i8>
// CHECK-DAG: %[[S:.*]] = disco.constant dense<2.500000e-01> : tensor<f32>
// CHECK: %[[R:.*]] = disco.recv {{.*}} -> tensor<1x2xi8, #disco.local<axis 1 : 1, 3>>
// CHECK: %[[D:.*]] = disco.dequantize %[[R]], %[[S]], %[[Z]] : {{.*}} -> tensor<1x2xf32, #disco.local<axis 1 : 1, 3>>
// CHECK: disco.matmul %[[D]]
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %w0 = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  %a = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 0 : 0 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %s = disco.constant dense<0.25> : tensor<1x4xf32> : tensor<1x4xf32>
  %z = disco.constant dense<-3> : tensor<1x4xi8> : tensor<1x4xi8>
  %q = disco.quantize %a, %s, %z {disco.tensor = "q"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<1x4xf32>, tensor<1x4xi8>) -> tensor<1x4xi8, #disco.owned<axis 1 : 0 to 3 | >>
  %x = disco.dequantize %q, %s, %z {disco.tensor = "x"} : (tensor<1x4xi8, #disco.owned<axis 1 : 0 to 3 | >>, tensor<1x4xf32>, tensor<1x4xi8>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 1 : 1, 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : | 0 to 1>>
  return
}
}

// -----

// A feature that integers and reals are read of travels once; an output of the model as integers, too.
// WHOLE: %[[Q:.*]] = disco.quantize
// WHOLE: disco.exchange %[[Q]] routes [#disco.route<1 -> 0 : 0 to 1>] {tensor = "q"}
// WHOLE: disco.exchange %[[Q]] routes [#disco.route<1 -> 0 : 2 to 3>] {root, tensor = "q"}
// CHECK: module @node1
// CHECK: disco.send {{.*}} -> !disco.message<2>
// CHECK: disco.send {{.*}} -> !disco.message<2>
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %w0 = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  %a = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 1 : 0 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3>>
  %s = disco.constant dense<0.25> : tensor<f32> : tensor<f32>
  %q = disco.quantize %a, %s {disco.tensor = "q"} : (tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3>>, tensor<f32>) -> tensor<1x4xi8, #disco.owned<axis 1 : | 0 to 3>>
  %x = disco.dequantize %q, %s {disco.tensor = "x"} : (tensor<1x4xi8, #disco.owned<axis 1 : | 0 to 3>>, tensor<f32>) -> tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3>>
  %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<1 -> 0 : 0 to 1>]} : (tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3>>, tensor<4x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>
  %w8 = disco.constant dense<1> : tensor<4x2xi8> : tensor<4x2xi8>
  %v = disco.matmul %q, %w8 {mask = [#disco.route<1 -> 0 : 0>], quant = #disco.quant<xZero = 0, wZero = [], result = i32>} : (tensor<1x4xi8, #disco.owned<axis 1 : | 0 to 3>>, tensor<4x2xi8>) -> tensor<1x2xi32, #disco.owned<axis 1 : 0 to 1 | >>
  disco.output %x {index = 0 : i64, name = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3>>) -> ()
  return
}
}

// -----

// A scale a channel: reals travel.
// WHOLE: %[[X:.*]] = disco.dequantize {{.*}}tensor<2xf32>
// WHOLE: disco.exchange %[[X]]
// CHECK: disco.send {{.*}} -> !disco.message<8>
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>
  %w0 = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %a = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 0 : 0 to 1>]} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>
  %s = disco.constant dense<[0.25, 0.5]> : tensor<2xf32> : tensor<2xf32>
  %q = disco.quantize %a, %s {disco.tensor = "q"} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>, tensor<2xf32>) -> tensor<1x2xi8, #disco.owned<axis 1 : 0 to 1 | >>
  %x = disco.dequantize %q, %s {disco.tensor = "x"} : (tensor<1x2xi8, #disco.owned<axis 1 : 0 to 1 | >>, tensor<2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>
  %w = disco.constant dense<1.0> : tensor<2x1xf32> : tensor<2x1xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 1 : 0 to 1>]} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>, tensor<2x1xf32>) -> tensor<1x1xf32, #disco.owned<axis 1 : | 0>>
  return
}
}

// -----

// A picture: its bytes are handed out, and each node looks up what it reads in the tables of these colours.
// WHOLE: %[[P:.*]] = disco.input
// WHOLE: %[[E:.*]] = disco.exchange %[[P]] routes [#disco.route<0 -> 1 : 0, 2>] {root
// WHOLE: disco.lookup %[[E]], {{.*}} {axis = 1 : i64} : (tensor<1x3x2x2xui8, #disco.held<axis 1 : | 0, 2>>, tensor<3x256xf32>) -> tensor<1x3x2x2xf32, #disco.held<axis 1 : | 0, 2>>
// CHECK: module @node0
// CHECK: disco.send {{.*}} -> !disco.message<8>
// CHECK: module @node1
// CHECK: %[[R:.*]] = disco.recv {{.*}} -> tensor<1x2x2x2xui8, #disco.local<axis 1 : 0, 2>>
// CHECK: %[[T:.*]] = disco.expand {{.*}} -> tensor<2x256xf32
// CHECK: disco.lookup %[[R]], %[[T]] {axis = 1 : i64}
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x3x2x2xui8, #disco.owned<axis 1 : 0 to 2 | >>
  %t = disco.constant dense<1.0> : tensor<3x256xf32> : tensor<3x256xf32>
  %x = disco.lookup %i, %t {axis = 1 : i64} : (tensor<1x3x2x2xui8, #disco.owned<axis 1 : 0 to 2 | >>, tensor<3x256xf32>) -> tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 2 | >>
  %w = disco.constant dense<1.0> : tensor<2x3x1x1xf32> : tensor<2x3x1x1xf32>
  %y = disco.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, mask = [#disco.route<0 -> 0 : 0 to 2>, #disco.route<0 -> 1 : 0, 2>], pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 2 | >>, tensor<2x3x1x1xf32>) -> tensor<1x2x2x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}
