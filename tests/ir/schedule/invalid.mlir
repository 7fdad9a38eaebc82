// The diagnostic of disco-schedule: it moves both ends of a message, so both must be there.
// RUN: discoc-opt --disco-schedule --split-input-file --verify-diagnostics %s

// expected-error@+1 {{message 3 does not have both ends}}
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %s = disco.send %x {to = 1 : i64, message = 3 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  return
}
}
}
