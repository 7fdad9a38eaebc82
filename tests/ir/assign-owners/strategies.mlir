// The same program under other strategies than the default.
// RUN: sed -e 's/NAME/root/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefix=ROOT
// RUN: sed -e 's/NAME/stages/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefix=STAGES

module attributes {disco.nodes = 2 : i64, disco.root = 1 : i64, disco.strategy = "NAME"} {
// ROOT-LABEL: @main
// STAGES-LABEL: @main
func.func @main() {
  %w = disco.constant dense<1.0> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  // Inputs are the root's under every strategy.
  // ROOT: disco.input {{.*}}#disco.owned<axis 1 : | 0 to 3>
  // STAGES: disco.input {{.*}}#disco.owned<axis 1 : | 0 to 3>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x8x8xf32>
  // The first stretch of layers is the root's, the next one the other node's.
  // ROOT: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  // STAGES: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  // ROOT: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  // STAGES: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %b = disco.conv %a, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  // A stated map is kept.
  // ROOT: disco.unary {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  // STAGES: disco.unary {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %c = disco.unary %b {act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 0 to 3 | >} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  disco.output %c {name = "y", index = 0 : i64} : (tensor<1x4x8x8xf32>) -> ()
  return
}
}
