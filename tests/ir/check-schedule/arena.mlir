// One right plan of two nodes, and the faults that are planted into it. Node 1 has the received message (16 bytes from the post
// on), %a and %b, %d and %f in %b's place, %e, the packed message, and %h while that is being sent.
//
// RUN: discoc-opt --disco-check-schedule %s -o /dev/null
//
// Two buffers that are in use at the same time share bytes: computed ones; a receive buffer before anything was received; a
// send buffer until its flush.
// RUN: sed -e '/%%[bdf] =/s/array<i64: 32>/array<i64: 16>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=OVERLAP
// RUN: sed -e '/%%a =/s/array<i64: 16>/array<i64: 0>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=OVERLAP
// RUN: sed -e '/%%h =/s/array<i64: 96>/array<i64: 0>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=OVERLAP
// OVERLAP: error: its buffer overlaps one that is still in use
// OVERLAP: note: the other buffer is made here
// The same place after the flush is free.
// RUN: sed -e '/%%h =/s/array<i64: 96>/array<i64: 0>/' -e '/%%h =/{h;d;}' -e '/flush %%s /G' %s | discoc-opt --disco-check-schedule -o /dev/null
//
// A buffer beside the arena: one byte short at the end, a negative offset, an offset that is not aligned.
// RUN: sed -e 's/disco.arena_bytes = 112/disco.arena_bytes = 111/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: error: its buffer of 16 bytes at offset 96 does not lie in the arena of 111 bytes
// RUN: sed -e '/%%a =/s/array<i64: 16>/array<i64: -16>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: its buffer of 4 bytes at offset -16 does not lie in the arena of 112 bytes
// RUN: sed -e '/%%a =/s/array<i64: 16>/array<i64: 17>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=ALIGN
// ALIGN: error: its buffer of 4 bytes at offset 17 does not lie in the arena of 112 bytes
//
// Values that share a buffer lie elsewhere than it: what was received, and a result in place.
// RUN: sed -e '/%%r:2 =/s/array<i64: 0, 8>/array<i64: 0, 12>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=PART
// PART: error: lies at offset 4, but the values that it shares a buffer with lie at 0
// RUN: sed -e '/%%d =/s/array<i64: 32>/array<i64: 16>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=PLACE
// PLACE: error: lies at offset 16, but the values that it shares a buffer with lie at 32
//
// No offset at all, or too few.
// RUN: sed -e '/%%a =/s/disco.offsets = array<i64: 16>, //' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: sed -e '/%%r:2 =/s/array<i64: 0, 8>/array<i64: 0>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: has no offset in the arena
//
// An arena that wastes more than a quarter, whatever the plan says about the bytes that live at once.
// RUN: sed -e 's/disco.arena_bytes = 112/disco.arena_bytes = 140/' %s | discoc-opt --disco-check-schedule -o /dev/null
// RUN: sed -e 's/disco.arena_bytes = 112/disco.arena_bytes = 141/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WASTE
// WASTE: error: the arena of 141 bytes is more than 1.25 times the largest sum of live bytes, 112
// RUN: sed -e 's/disco.arena_bytes = 112/disco.arena_bytes = 141/' -e 's/live_bytes = 112/live_bytes = 141/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WASTE
// RUN: sed -e 's/disco.arena_bytes = 112/disco.arena_bytes = 141/' -e 's/, disco.live_bytes = 112 : i64//' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WASTE
//
// Inferences back to back: a send that is still under way when the inference ends reads a buffer that the next one reuses.
// RUN: sed -e '/flush %%s /d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NEXT
// NEXT: error: message 1 is still under way when the inference ends

module {
module @node0 attributes {disco.rank = 0 : i64, disco.arena_bytes = 32 : i64, disco.live_bytes = 32 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  %x = disco.unary %c {disco.offsets = array<i64: 16>, act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  %s0 = disco.send %x, %x {disco.offsets = array<i64: 0>, to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 1>, #disco.part<"x" : axis 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>, tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<16>
  disco.flush %s0 : (!disco.message<16>) -> ()
  %p = disco.post {disco.offsets = array<i64: 0>, from = 1 : i64, message = 1 : i64} : () -> !disco.message<16>
  %r:2 = disco.recv %p {disco.offsets = array<i64: 0, 8>, parts = [#disco.part<"e" : axis 1 : 0 to 1>, #disco.part<"e" : axis 1 : 2 to 3>]} : (!disco.message<16>) -> (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>)
  return
}
}
module @node1 attributes {disco.rank = 1 : i64, disco.arena_bytes = 112 : i64, disco.live_bytes = 112 : i64} {
func.func @infer() {
  %c1 = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %c4 = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  %c16 = disco.constant dense<1.0> : tensor<1x16xf32> : tensor<1x16xf32>
  %p0 = disco.post {disco.offsets = array<i64: 0>, from = 0 : i64, message = 0 : i64} : () -> !disco.message<16>
  %a = disco.unary %c1 {disco.offsets = array<i64: 16>, act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %b = disco.unary %c16 {disco.offsets = array<i64: 32>, act = #disco.act<relu>} : (tensor<1x16xf32>) -> tensor<1x16xf32, #disco.local<axis 1 : 0 to 15>>
  %r:2 = disco.recv %p0 {disco.offsets = array<i64: 0, 8>, parts = [#disco.part<"x" : axis 1 : 0 to 1>, #disco.part<"x" : axis 1 : 2 to 3>]} : (!disco.message<16>) -> (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>)
  %d = disco.unary %b {disco.offsets = array<i64: 32>, act = #disco.act<exp>} : (tensor<1x16xf32, #disco.local<axis 1 : 0 to 15>>) -> tensor<1x16xf32, #disco.local<axis 1 : 0 to 15>>
  %e = disco.concat %r#0, %r#1 {disco.offsets = array<i64: 96>, axis = 1 : i64} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  %s = disco.send %e, %e {disco.offsets = array<i64: 0>, to = 0 : i64, message = 1 : i64, parts = [#disco.part<"e" : axis 1 : 0 to 1>, #disco.part<"e" : axis 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>, tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<16>
  %h = disco.unary %c4 {disco.offsets = array<i64: 96>, act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  %f = disco.binary %d, %a {disco.offsets = array<i64: 32>, kind = 0 : i32} : (tensor<1x16xf32, #disco.local<axis 1 : 0 to 15>>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x16xf32, #disco.local<axis 1 : 0 to 15>>
  disco.flush %s : (!disco.message<16>) -> ()
  return
}
}
}
