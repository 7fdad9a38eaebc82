// Which values share a buffer, where buffers lie, and how large the arena is.
// RUN: %opt --disco-plan-memory --split-input-file %s | FileCheck %s

// A view and a function in place share their operand's storage; the sum takes the place of its first operand. 64 bytes twice.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 128 : i64, disco.live_bytes = 128 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4x4xf32> : tensor<1x4x4xf32>
  // CHECK: disco.pool {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.pool %c {kind = 0 : i32, kernel = array<i64: 1>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  // CHECK-NEXT: disco.unary {{.*}}disco.offsets = array<i64: [[A]]>
  %b = disco.unary %a {act = #disco.act<relu>} : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  // CHECK-NEXT: disco.rearrange {{.*}}disco.offsets = array<i64: [[A]]>
  %v = disco.rearrange %b {view = array<i64: 1, 4, 4>, perm = array<i64: 0, 1, 2>} : (tensor<1x4x4xf32>) -> tensor<1x16xf32>
  // CHECK-NEXT: disco.rearrange {{.*}}disco.offsets = array<i64: [[T:[0-9]+]]>
  %t = disco.rearrange %b {view = array<i64: 1, 4, 4>, perm = array<i64: 0, 2, 1>} : (tensor<1x4x4xf32>) -> tensor<1x16xf32>
  // CHECK-NEXT: disco.binary {{.*}}disco.offsets = array<i64: [[A]]>
  %s = disco.binary %v, %t {kind = 0 : i32} : (tensor<1x16xf32>, tensor<1x16xf32>) -> tensor<1x16xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x16xf32>) -> ()
  return
}
}
}

// -----

// Nothing is overwritten that is read later, also through a view.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 32 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  // CHECK: disco.unary {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK-NEXT: disco.rearrange {{.*}}disco.offsets = array<i64: [[A]]>
  %v = disco.rearrange %a {view = array<i64: 4>, perm = array<i64: 0>} : (tensor<1x4xf32>) -> tensor<4xf32>
  // CHECK-NOT: disco.offsets = array<i64: [[A]]>
  // CHECK: disco.unary
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %v {name = "v", index = 0 : i64} : (tensor<4xf32>) -> ()
  disco.output %b {name = "b", index = 1 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}
}

// -----

// A running sum stays where it is; an operand that is broadcast is not overwritten with a larger result, nor is a constant or
// an input of the model.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 32 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  // CHECK: disco.input
  // CHECK-NOT: disco.offsets
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: disco.matmul {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.matmul %x, %w : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  // CHECK-NEXT: disco.matmul {{.*}}disco.offsets = array<i64: [[A]]>
  %b = disco.matmul %x, %w init %a : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<2x2xf32>, tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  // CHECK-NEXT: disco.unary {{.*}}disco.offsets = array<i64: [[U:[0-9]+]]>
  %u = disco.unary %x {act = #disco.act<exp>} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  // CHECK-NEXT: disco.binary {{.*}}disco.offsets = array<i64: [[A]]>
  %s = disco.binary %b, %u {kind = 0 : i32} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> ()
  return
}
}
}

// -----

// Messages: the parts of a received one lie behind each other in its buffer, which is taken from the post on; a sent one is
// taken until its flush. %h may use the place of the received message only after its last reader.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 64 : i64, disco.live_bytes = 64 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  // CHECK: disco.post {disco.offsets = array<i64: [[#P:]]>
  %p = disco.post {from = 1 : i64, message = 0 : i64} : () -> !disco.message<16>
  // CHECK-NEXT: disco.unary {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK-NEXT: disco.send {{.*}}disco.offsets = array<i64: [[S:[0-9]+]]>
  %s = disco.send %a, %a {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"a" : axis 1 : 2 to 3>, #disco.part<"a" : axis 1 : 0 to 1>]} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>, tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<16>
  // What was sent is a packed copy: its source may be overwritten while the message leaves.
  // CHECK-NEXT: disco.unary {{.*}}disco.offsets = array<i64: [[A]]>
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK-NEXT: disco.recv {{.*}}disco.offsets = array<i64: [[#P]], [[#P+4]]>,
  %r:2 = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>, #disco.part<"y" : axis 1 : 0 to 2>]} : (!disco.message<16>) -> (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>)
  // CHECK-NEXT: disco.concat {{.*}}disco.offsets = array<i64: [[K:[0-9]+]]>
  %k = disco.concat %r#0, %r#1 {axis = 1 : i64} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  disco.flush %s : (!disco.message<16>) -> ()
  // CHECK: disco.binary {{.*}}disco.offsets = array<i64: [[K]]>
  %l = disco.binary %k, %b {kind = 0 : i32} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>, tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  return
}
}
}

// -----

// Sizes are rounded up to 16 bytes, and every offset is a multiple of that. A shard without ops has no arena.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 32 : i64, disco.live_bytes = 32 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  // CHECK-DAG: disco.offsets = array<i64: 0>
  // CHECK-DAG: disco.offsets = array<i64: 16>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  %b = disco.unary %c {act = #disco.act<exp>} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  disco.output %a {name = "a", index = 0 : i64} : (tensor<1x1xf32>) -> ()
  disco.output %b {name = "b", index = 1 : i64} : (tensor<1x1xf32>) -> ()
  return
}
}
// CHECK-LABEL: module @node1 attributes {disco.arena_bytes = 0 : i64, disco.live_bytes = 0 : i64
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  return
}
}
}

// -----

// A message that is one whole tensor is sent as it lies there, to every node: no room for copies; nothing may be written in its
// place before the last flush.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 32 : i64, disco.live_bytes = 32 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  // CHECK: disco.unary {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK-NEXT: disco.send {{.*}}disco.offsets = array<i64: [[A]]>
  %s = disco.send %a {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"a" : axis 1 : 0 to 3>]} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<16>
  // CHECK-NEXT: disco.send {{.*}}disco.offsets = array<i64: [[A]]>
  %t = disco.send %a {to = 2 : i64, message = 2 : i64, parts = [#disco.part<"a" : axis 1 : 0 to 3>]} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<16>
  disco.flush %s : (!disco.message<16>) -> ()
  // CHECK: disco.unary
  // CHECK-NOT: disco.offsets = array<i64: [[A]]>
  // CHECK: disco.flush
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  disco.flush %t : (!disco.message<16>) -> ()
  // CHECK-NEXT: disco.unary {{.*}}disco.offsets = array<i64: {{[0-9]+}}>
  %d = disco.unary %b {act = #disco.act<exp>} : (tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
  return
}
}
}

// -----

// On a board inputs have a place in the arena; on a host they are read where the caller has them.
#target = #disco.target<arch = "armv6-m", levels = [], vector = 0, caches = [], clock = 1.0e7, cycles = {}>
#board = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #target, memories = [], ports = [],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 64 : i64
// CHECK: disco.input {disco.offsets = array<i64: 0>
// CHECK-LABEL: module @node1 attributes {disco.arena_bytes = 64 : i64
// CHECK: disco.input {index = 0 : i64
module attributes {disco.nodes = 2 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #board, hops = []>,
             #disco.node<name = "m", address = "", listen = "", device = #target, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x16xf32>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x16xf32>) -> tensor<1x16xf32>
  disco.output %a {name = "a", index = 0 : i64} : (tensor<1x16xf32>) -> ()
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x16xf32>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x16xf32>) -> tensor<1x16xf32>
  disco.output %a {name = "a", index = 0 : i64} : (tensor<1x16xf32>) -> ()
  return
}
}
}

// -----

// Scratch memory lives while its op runs, and its offset comes last: 256 bytes each of operand and result, and 512 that the next op's result
// takes again.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 1024 : i64, disco.live_bytes = 1024 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<8x8xf32> : tensor<8x8xf32>
  // CHECK: disco.unary {{.*}}disco.offsets = array<i64: [[A:[0-9]+]]>
  %a = disco.unary %c {act = #disco.act<exp>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  // CHECK-NEXT: disco.matmul {{.*}}disco.offsets = array<i64: [[B:[0-9]+]], [[S:[0-9]+]]>
  %b = disco.matmul %a, %c {disco.kernel = #disco.kernel<name = "matmul_gemm", scratch = 512>} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  // CHECK-NEXT: disco.matmul {{.*}}disco.offsets = array<i64: {{[0-9]+}}, {{[0-9]+}}>
  %d = disco.matmul %b, %c {disco.kernel = #disco.kernel<name = "matmul_gemm", scratch = 512>} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  disco.output %d {name = "d", index = 0 : i64} : (tensor<8x8xf32>) -> ()
  return
}
}
}
