// A cycle over three nodes. Each posts its buffer, sends to the next and waits for the one before: that ends, because a node
// that waits keeps receiving. When each waits for its send to leave before it posts, nobody ever posts.
//
// RUN: discoc-opt --disco-check-schedule %s -o /dev/null
// RUN: sed -e '/%%p. =/{h;d;}' -e '/disco.flush/G' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=CYCLE
// CYCLE: error: the schedule deadlocks: node 0 waits for node 1 (message 0) node 1 waits for node 2 (message 1) node 2 waits for node 0 (message 2)
//
// One node that posts late is enough to make the others wait, not to stop them.
// RUN: sed -e '/from = 2/{h;d;}' -e '/flush %%s0/G' %s | discoc-opt --disco-check-schedule -o /dev/null
//
// Every node waits for its message before it sends its own.
// RUN: sed -e '/%%s[012] =/{h;d;}' -e '/flush/{H;d;}' -e '/%%r/G' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WAITS
// WAITS: error: the schedule deadlocks: node 0 waits for node 2 (message 2) node 1 waits for node 0 (message 0) node 2 waits for node 1 (message 1)

module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p0 = disco.post {from = 2 : i64, message = 2 : i64} : () -> !disco.message<4>
  %x0 = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %s0 = disco.send %x0 {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x0" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  disco.flush %s0 : (!disco.message<4>) -> ()
  %r0 = disco.recv %p0 {parts = [#disco.part<"x2" : axis 1 : 2>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 2>>
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p1 = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %x1 = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 1>>
  %s1 = disco.send %x1 {to = 2 : i64, message = 1 : i64, parts = [#disco.part<"x1" : axis 1 : 1>]} : (tensor<1x1xf32, #disco.local<axis 1 : 1>>) -> !disco.message<4>
  disco.flush %s1 : (!disco.message<4>) -> ()
  %r1 = disco.recv %p1 {parts = [#disco.part<"x0" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
module @node2 attributes {disco.rank = 2 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p2 = disco.post {from = 1 : i64, message = 1 : i64} : () -> !disco.message<4>
  %x2 = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 2>>
  %s2 = disco.send %x2 {to = 0 : i64, message = 2 : i64, parts = [#disco.part<"x2" : axis 1 : 2>]} : (tensor<1x1xf32, #disco.local<axis 1 : 2>>) -> !disco.message<4>
  disco.flush %s2 : (!disco.message<4>) -> ()
  %r2 = disco.recv %p2 {parts = [#disco.part<"x1" : axis 1 : 1>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 1>>
  return
}
}
}
