// What shares a buffer where tensors do not lie by rows. Every tensor has 32 bytes.
// RUN: %opt --disco-plan-memory --split-input-file %s | FileCheck %s

#last = #disco.local<axis 1 : 0 to 1 lies #disco.physical<dims [0, 2, 3, 1]>>
#rows = #disco.local<axis 1 : 0 to 1>

// A result that lies otherwise than the operand that dies has a buffer of its own.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 64 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #rows>
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x2x2x2xf32, #rows>) -> tensor<1x2x2x2xf32, #last>
  return
}
}
}

// -----

#last = #disco.local<axis 1 : 0 to 1 lies #disco.physical<dims [0, 2, 3, 1]>>

// One that lies alike takes its place.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 32 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #last>
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x2x2x2xf32, #last>) -> tensor<1x2x2x2xf32, #last>
  return
}
}
}

// -----

#last = #disco.local<axis 1 : 0 to 1 lies #disco.physical<dims [0, 2, 3, 1]>>

// A message that is a whole tensor is packed where that does not lie by rows.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 64 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #last>
  %s = disco.send %a {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"a" : axis 1 : 0 to 1>]} : (tensor<1x2x2x2xf32, #last>) -> !disco.message<32>
  disco.flush %s : (!disco.message<32>) -> ()
  return
}
}
}

// -----

#blocks = #disco.local<axis 1 : 0 to 1 lies #disco.physical<dims [0, 1 by 4, 2, 3, 1] borders [3 : 1 + 1]>>

// Borders and empty lanes take room: 4 * 2 * 4 elements.
// CHECK-LABEL: module @node0 attributes {disco.arena_bytes = 128 : i64
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2x2x2xf32> : tensor<1x2x2x2xf32>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #blocks>
  return
}
}
}
