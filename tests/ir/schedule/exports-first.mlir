// Rows of a contraction that another node needs run first, where enough is left that their message can hide behind.
// RUN: %opt --disco-schedule --disco-check-schedule --disco-plan-memory --disco-check-schedule --split-input-file %s | FileCheck %s

// Channels 0, 2, 4 and 6 are sent where they lie, in the first 64 bytes of the tensor; the others are made behind them. The reader finds
// channel 1 in the fifth place.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<16x2x1x1xf32> : tensor<16x2x1x1xf32>
  %v = disco.constant dense<1.0> : tensor<1x3x1x1xf32> : tensor<1x3x1x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #disco.local<axis 1 : 0 to 1>>
  // CHECK: %[[FIRST:.+]] = disco.conv {{.*}}disco.offsets = array<i64: [[AT:[0-9]+]]>{{.*}}-> tensor<1x4x2x2xf32, #disco.local<axis 1 : 0, 2, 4, 6>>
  // CHECK-NEXT: %[[SENT:.+]] = disco.send %[[FIRST]] {disco.offsets = array<i64: [[AT]]>
  // CHECK-NEXT: %[[REST:.+]] = disco.conv {{.*}}-> tensor<1x12x2x2xf32, #disco.local<axis 1 : 1, 3, 5, 7 to 15>>
  // CHECK-NEXT: %[[ALL:.+]] = disco.assemble %[[FIRST]], %[[REST]] {{.*}}disco.joined, disco.offsets = array<i64: [[AT]]>
  // CHECK-NEXT: disco.conv %[[ALL]], {{.*}}channels = array<i64: 0, 4, 1>
  // CHECK: disco.flush %[[SENT]]
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x2x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<16x2x1x1xf32>) -> tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>
  %s = disco.send %y {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"y" : axis 1 : 0, 2, 4, 6>]} : (tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>) -> !disco.message<64>
  %o = disco.conv %y, %v {channels = array<i64: 0, 1, 2>, disco.origins = array<i64: 0, 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>, tensor<1x3x1x1xf32>) -> tensor<1x1x2x2xf32, #disco.local<axis 1 : 0>>
  disco.output %o {name = "o", index = 0 : i64} : (tensor<1x1x2x2xf32, #disco.local<axis 1 : 0>>) -> ()
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<64>
  %r = disco.recv %p {parts = [#disco.part<"y" : axis 1 : 0, 2, 4, 6>]} : (!disco.message<64>) -> tensor<1x4x2x2xf32, #disco.local<axis 1 : 0, 2, 4, 6>>
  return
}
}
}

// -----

// A tensor that an op without a list of channels reads stays as it is: one contraction, and the message is packed.
// CHECK-LABEL: module @node0
// CHECK: disco.conv
// CHECK-NEXT: disco.send
// CHECK-NOT: disco.conv
// CHECK: disco.unary
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<16x2x1x1xf32> : tensor<16x2x1x1xf32>
  %y = disco.conv %c, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<16x2x1x1xf32>) -> tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>
  %s = disco.send %y {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"y" : axis 1 : 0, 2, 4, 6>]} : (tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>) -> !disco.message<64>
  %o = disco.unary %y {act = #disco.act<relu>} : (tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>) -> tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>
  disco.output %o {name = "o", index = 0 : i64} : (tensor<1x16x2x2xf32, #disco.local<axis 1 : 0 to 15>>) -> ()
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<64>
  %r = disco.recv %p {parts = [#disco.part<"y" : axis 1 : 0, 2, 4, 6>]} : (!disco.message<64>) -> tensor<1x4x2x2xf32, #disco.local<axis 1 : 0, 2, 4, 6>>
  return
}
}
}
