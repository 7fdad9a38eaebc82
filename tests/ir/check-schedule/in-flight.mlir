// With several inferences in flight every buffer of an inference is open before anything else of it, and a node says nothing of
// an inference of which nothing has told it.
//
// RUN: discoc-opt --disco-check-schedule %s -o /dev/null
// RUN: discoc-opt --disco-print-schedule %s | FileCheck %s
// CHECK: 2 in flight
//
// RUN: sed -e '/%%p0 =/{h;d;}' -e '/flush %%s0/G' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: error: message 1 is posted in the middle of an inference, of which 2 are in flight
//
// One at a time, a buffer may be opened late.
// RUN: sed -e '/%%p0 =/{h;d;}' -e '/flush %%s0/G' -e 's/in_flight = 2/in_flight = 1/' %s | discoc-opt --disco-check-schedule -o /dev/null
//
// The pass that orders steps opens them first.
// RUN: sed -e '/%%p0 =/{h;d;}' -e '/%%s0 =/G' -e '/flush/d' %s | discoc-opt --disco-schedule --disco-check-schedule -o /dev/null
//
// RUN: sed -e 's/disco.root = 0/disco.root = 1/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=UNTOLD
// UNTOLD: error: message 0 is sent before anything tells node 0 that there is an inference, of which 2 are in flight

module attributes {disco.in_flight = 2 : i64, disco.nodes = 2 : i64, disco.root = 0 : i64} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p0 = disco.post {from = 1 : i64, message = 1 : i64} : () -> !disco.message<4>
  %x0 = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %s0 = disco.send %x0 {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x0" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  disco.flush %s0 : (!disco.message<4>) -> ()
  %r0 = disco.recv %p0 {parts = [#disco.part<"x1" : axis 1 : 1>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 1>>
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p1 = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %r1 = disco.recv %p1 {parts = [#disco.part<"x0" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %x1 = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 1>>
  %s1 = disco.send %x1 {to = 0 : i64, message = 1 : i64, parts = [#disco.part<"x1" : axis 1 : 1>]} : (tensor<1x1xf32, #disco.local<axis 1 : 1>>) -> !disco.message<4>
  disco.flush %s1 : (!disco.message<4>) -> ()
  return
}
}
}
