// Normalised groups of channels that owners would share unevenly are normalised in the shape of the channels.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// Two groups of six channels over four nodes: the channels' means are everywhere, and the groups' are made of them.
// CHECK-LABEL: module attributes {disco.nodes = 4
// CHECK: %[[X:.+]] = disco.conv
// CHECK-NOT: tensor<1x2x24xf32>
// CHECK: %[[CHANNELS:.+]] = disco.reduce %[[X]] {axes = array<i64: 2, 3>, keepdims, kind = 0 : i32} : (tensor<1x12x2x2xf32>) -> tensor<1x12x1x1xf32>
// CHECK: %[[MEMBERS:.+]] = disco.rearrange %[[CHANNELS]] {disco.replicated = "statistics of groups"{{.*}} -> tensor<1x2x6xf32>
// CHECK: %[[GROUPS:.+]] = disco.reduce %[[MEMBERS]] {axes = array<i64: 2>{{.*}} -> tensor<1x2x1xf32>
// CHECK: %[[MEAN:.+]] = disco.select %{{.+}} {axis = 1 : i64, indices = array<i64: 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1>}
// CHECK: %[[CENTRED:.+]] = disco.binary %[[X]], %[[MEAN]]
// CHECK: disco.reduce %{{.+}} {axes = array<i64: 2, 3>
// CHECK: %[[Y:.+]] = disco.binary %[[CENTRED]], %{{.+}} {disco.tensor = "y", {{.*}} -> tensor<1x12x2x2xf32>
// CHECK: disco.output %[[Y]]
module attributes {disco.nodes = 4 : i64} {
  func.func @main() {
    %i = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x2x2xf32>
    %w = disco.constant dense<2.0> : tensor<12x3x1x1xf32> : tensor<12x3x1x1xf32>
    %x = disco.conv %i, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<12x3x1x1xf32>) -> tensor<1x12x2x2xf32>
    %g = disco.rearrange %x {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x12x2x2xf32>) -> tensor<1x2x24xf32>
    %m = disco.reduce %g {axes = array<i64: 2>, keepdims, kind = 0 : i32} : (tensor<1x2x24xf32>) -> tensor<1x2x1xf32>
    %c = disco.binary %g, %m {kind = 1 : i32} : (tensor<1x2x24xf32>, tensor<1x2x1xf32>) -> tensor<1x2x24xf32>
    %q = disco.binary %c, %c {kind = 2 : i32} : (tensor<1x2x24xf32>, tensor<1x2x24xf32>) -> tensor<1x2x24xf32>
    %v = disco.reduce %q {axes = array<i64: 2>, keepdims, kind = 0 : i32} : (tensor<1x2x24xf32>) -> tensor<1x2x1xf32>
    %s = disco.unary %v {act = #disco.act<sqrt>} : (tensor<1x2x1xf32>) -> tensor<1x2x1xf32>
    %n = disco.binary %c, %s {kind = 3 : i32} : (tensor<1x2x24xf32>, tensor<1x2x1xf32>) -> tensor<1x2x24xf32>
    %y = disco.rearrange %n {view = array<i64: 48>, perm = array<i64: 0>, disco.tensor = "y"} : (tensor<1x2x24xf32>) -> tensor<1x12x2x2xf32>
    disco.output %y {name = "y", index = 0 : i64} : (tensor<1x12x2x2xf32>) -> ()
    return
  }
}

// -----

// Over two nodes whole groups are as even as channels: nothing has to travel.
// CHECK-LABEL: module attributes {disco.nodes = 2
// CHECK: disco.rearrange {{.*}} -> tensor<1x2x24xf32>
// CHECK-NOT: disco.select
module attributes {disco.nodes = 2 : i64} {
  func.func @main() {
    %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x12x2x2xf32>
    %g = disco.rearrange %x {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x12x2x2xf32>) -> tensor<1x2x24xf32>
    %m = disco.reduce %g {axes = array<i64: 2>, keepdims, kind = 0 : i32} : (tensor<1x2x24xf32>) -> tensor<1x2x1xf32>
    %c = disco.binary %g, %m {kind = 1 : i32} : (tensor<1x2x24xf32>, tensor<1x2x1xf32>) -> tensor<1x2x24xf32>
    %y = disco.rearrange %c {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x2x24xf32>) -> tensor<1x12x2x2xf32>
    disco.output %y {name = "y", index = 0 : i64} : (tensor<1x12x2x2xf32>) -> ()
    return
  }
}

// -----

// What is computed of the groups and does not become channels again stays as it is.
// CHECK-LABEL: module attributes {disco.nodes = 4
// CHECK: disco.rearrange {{.*}} -> tensor<1x2x24xf32>
// CHECK-NOT: disco.select
module attributes {disco.nodes = 4 : i64} {
  func.func @main() {
    %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x12x2x2xf32>
    %g = disco.rearrange %x {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x12x2x2xf32>) -> tensor<1x2x24xf32>
    %m = disco.reduce %g {axes = array<i64: 2>, keepdims, kind = 0 : i32} : (tensor<1x2x24xf32>) -> tensor<1x2x1xf32>
    %c = disco.binary %g, %m {kind = 1 : i32} : (tensor<1x2x24xf32>, tensor<1x2x1xf32>) -> tensor<1x2x24xf32>
    %y = disco.rearrange %c {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x2x24xf32>) -> tensor<1x12x2x2xf32>
    disco.output %y {name = "y", index = 0 : i64} : (tensor<1x12x2x2xf32>) -> ()
    disco.output %c {name = "c", index = 1 : i64} : (tensor<1x2x24xf32>) -> ()
    return
  }
}

// -----

// A mean over the groups themselves is not one for each group.
// CHECK-LABEL: module attributes {disco.nodes = 4
// CHECK: disco.rearrange {{.*}} -> tensor<1x2x24xf32>
// CHECK: disco.reduce %{{.+}} {axes = array<i64: 1, 2>, {{.*}} -> tensor<1x1x1xf32>
// CHECK-NOT: disco.select
module attributes {disco.nodes = 4 : i64} {
  func.func @main() {
    %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x12x2x2xf32>
    %g = disco.rearrange %x {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x12x2x2xf32>) -> tensor<1x2x24xf32>
    %m = disco.reduce %g {axes = array<i64: 1, 2>, keepdims, kind = 0 : i32} : (tensor<1x2x24xf32>) -> tensor<1x1x1xf32>
    %c = disco.binary %g, %m {kind = 1 : i32} : (tensor<1x2x24xf32>, tensor<1x1x1xf32>) -> tensor<1x2x24xf32>
    %y = disco.rearrange %c {view = array<i64: 48>, perm = array<i64: 0>} : (tensor<1x2x24xf32>) -> tensor<1x12x2x2xf32>
    disco.output %y {name = "y", index = 0 : i64} : (tensor<1x12x2x2xf32>) -> ()
    return
  }
}
