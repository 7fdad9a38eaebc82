// Steps, what they need, and the buffers. A view is no step: what reads it needs what it views.
//
// RUN: discoc-opt --disco-print-schedule %s -o /dev/null | FileCheck %s
// CHECK:      1 in flight
// CHECK-NEXT: node 0: 4 steps
// CHECK-NEXT:   0 compute disco.unary
// CHECK-NEXT:   1 compute product, 2 MACs, after 0
// CHECK-NEXT:   2 send message 5 to node 1, 4 bytes, after 1
// CHECK-NEXT:   3 flush message 5, after 2
// CHECK-NEXT:   8 bytes, steps 0 to 1
// CHECK-NEXT:   4 bytes, steps 1 to 3
// CHECK-NEXT: node 1: 3 steps
// CHECK-NEXT:   0 post message 5 from node 0, 4 bytes
// CHECK-NEXT:   1 recv message 5, after 0
// CHECK-NEXT:   2 compute disco.unary, after 1
// CHECK-NEXT:   4 bytes, steps 0 to 2

module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2xf32> : tensor<1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x1xf32> : tensor<2x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %v = disco.rearrange %x {view = array<i64: 1, 2>, perm = array<i64: 0, 1>} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %y = disco.matmul %v, %w : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<2x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>> loc("product")
  %s = disco.send %y {to = 1 : i64, message = 5 : i64, parts = [#disco.part<"y" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  disco.flush %s : (!disco.message<4>) -> ()
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %p = disco.post {from = 0 : i64, message = 5 : i64} : () -> !disco.message<4>
  %r = disco.recv %p {parts = [#disco.part<"y" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %z = disco.unary %r {act = #disco.act<relu>} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}
