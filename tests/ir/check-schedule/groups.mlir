// Channel lists of grouped convolutions: the weights number their columns within a group.
//
// RUN: discoc-opt --disco-check-schedule %s -o /dev/null
//
// Two whole groups at a node: a list that swaps the groups, or two channels of one, is wrong.
// RUN: sed -e '/%%whole =/s/array<i64: 0, 1, 2, 3>/array<i64: 2, 3, 0, 1>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// RUN: sed -e '/%%whole =/s/array<i64: 0, 1, 2, 3>/array<i64: 1, 0, 2, 3>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// The weights of other groups.
// RUN: sed -e '/%%w =/s/axis 0 : 0 to 1, 4 to 5/axis 0 : 0 to 3/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// A piece of one group that reads another group, or its channels in another order.
// RUN: sed -e '/%%piece =/s/array<i64: 2, 3>/array<i64: 0, 1>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// RUN: sed -e '/%%piece =/s/array<i64: 2, 3>/array<i64: 3, 2>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// A group that has rows of two.
// RUN: sed -e '/%%w =/s/axis 0 : 0 to 1, 4 to 5/axis 0 : 0, 2, 4 to 5/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s
// CHECK: error: reads other channels than those for which its weights are

// Groups of two channels and two rows each: 0 and 1, 2 and 3, 4 and 5.
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x4x2xf32> : tensor<1x4x2xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4x2xf32>) -> tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 1, 4 to 5>>
  %w = disco.constant dense<1.0> : tensor<6x2x1xf32> view [#disco.local<axis 0 : 0 to 1, 4 to 5>] : tensor<4x2x1xf32>
  %v = disco.constant dense<1.0> : tensor<6x2x1xf32> view [#disco.local<axis 0 : 5>] : tensor<1x2x1xf32>
  %whole = disco.conv %x, %w {channels = array<i64: 0, 1, 2, 3>, disco.groups = 3 : i64, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 1, 4 to 5>>, tensor<4x2x1xf32>) -> tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 1, 4 to 5>>
  %piece = disco.conv %x, %v {channels = array<i64: 2, 3>, disco.groups = 3 : i64, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 1, 4 to 5>>, tensor<1x2x1xf32>) -> tensor<1x1x2xf32, #disco.local<axis 1 : 5>>
  return
}
}
}
