// A stage is a group of nodes: all channels of its layers are theirs, divided as usual; cuts that are stated hold, and what
// is found is noted. A dispatcher owns the inputs alone.
// RUN: sed -e 's/SETTINGS/disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0, 1>}, {nodes = array<i64: 2>, from = "c2"}]/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefix=MIXED
// RUN: sed -e 's/SETTINGS/disco.strategy = "stages", disco.stages = [{nodes = array<i64: 2>}, {nodes = array<i64: 0>, from = "c2"}]/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefix=CHAIN
// RUN: sed -e 's/SETTINGS/disco.dispatcher/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefix=DISPATCHER

// MIXED: disco.stages = [{from = {{.*}}, nodes = array<i64: 0, 1>}, {from = "c2", nodes = array<i64: 2>}]
// MIXED: disco.input {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | | >>
// MIXED: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3 | >>
// MIXED: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | | 0 to 3>>
// CHAIN: disco.stages = [{from = {{.*}}, nodes = array<i64: 2>}, {from = {{.*}}, nodes = array<i64: 0>}]
// CHAIN: disco.input {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | | >>
// CHAIN: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | | 0 to 3>>
// CHAIN: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | | >>
// DISPATCHER: disco.input {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | | >>
// DISPATCHER: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 1 | 2 to 3>>
// DISPATCHER: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 1 | 2 to 3>>
module attributes {disco.nodes = 3 : i64, SETTINGS} {
func.func @main() {
  %w = disco.constant dense<1.0> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x8x8xf32>
  %c1 = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32> loc("c1")
  %c2 = disco.conv %c1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32> loc("c2")
  disco.output %c2 {name = "y", index = 0 : i64} : (tensor<1x4x8x8xf32>) -> ()
  return
}
}
