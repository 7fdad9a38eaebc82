// One module a node, with the shapes that each op really has there.
// RUN: %opt --disco-split-into-shards --split-input-file %s | FileCheck %s

// The example of the design: node 1 reads channels 0 and 3 of node 0. The own part of the sum comes first, without the
// function; the received channels lie packed, and so do the weights' columns for them.
// CHECK-LABEL: module attributes
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %v = disco.constant dense<1.0> : tensor<4x8xf32> : tensor<4x8xf32>
  %w = disco.constant dense<1.0> : tensor<8x8xf32> : tensor<8x8xf32>
  %b = disco.constant dense<1.0> : tensor<8xf32> : tensor<8xf32>
  %xr = disco.exchange %x routes [#disco.route<0 -> 1 : 0 to 3>] {tensor = "x", root} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>
  %xm = disco.merge own %x remote(%xr) {maps = [array<i64: 0, 0, 1, 1, 2, 2, 3, 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>) -> tensor<1x4xf32, #disco.held<axis 1 : 0 to 3 | 0 to 3>>
  %h = disco.matmul %xm, %v {disco.tensor = "h", mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0 to 3>]} : (tensor<1x4xf32, #disco.held<axis 1 : 0 to 3 | 0 to 3>>, tensor<4x8xf32>) -> tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>
  %r = disco.exchange %h routes [#disco.route<0 -> 1 : 0, 3>] {tensor = "h"} : (tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>) -> tensor<1x8xf32, #disco.held<axis 1 : | 0, 3>>
  %m = disco.merge own %h remote(%r) {maps = [array<i64: 0, 0, 3, 3>]} : (tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>, tensor<1x8xf32, #disco.held<axis 1 : | 0, 3>>) -> tensor<1x8xf32, #disco.held<axis 1 : 0 to 2 | 0, 3 to 7>>
  %y = disco.matmul %m, %w bias %b {disco.tensor = "y", act = #disco.act<relu>, mask = [#disco.route<0 -> 0 : 0 to 2>, #disco.route<0 -> 1 : 0, 3>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #disco.held<axis 1 : 0 to 2 | 0, 3 to 7>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>
  %yr = disco.exchange %y routes [#disco.route<1 -> 0 : 4 to 7>] {tensor = "y", root} : (tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>) -> tensor<1x8xf32, #disco.held<axis 1 : 4 to 7 | >>
  %ym = disco.merge own %y remote(%yr) {maps = [array<i64: 4, 4, 5, 5, 6, 6, 7, 7>]} : (tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>, tensor<1x8xf32, #disco.held<axis 1 : 4 to 7 | >>) -> tensor<1x8xf32, #disco.held<axis 1 : 0 to 7 | >>
  disco.output %ym {name = "y", index = 0 : i64} : (tensor<1x8xf32, #disco.held<axis 1 : 0 to 7 | >>) -> ()
  return
}
}
// CHECK: module @node0 attributes {disco.rank = 0 : i64}
// CHECK-DAG: %[[B:.+]] = disco.constant dense<1.000000e+00> : tensor<8xf32> view [#disco.local<axis 0 : 0 to 3>] : tensor<4xf32>
// CHECK-DAG: %[[W:.+]] = disco.constant dense<1.000000e+00> : tensor<8x8xf32> view [#disco.local<axis 1 : 0 to 3>, #disco.local<axis 0 : 0 to 2>] : tensor<3x4xf32>
// CHECK-DAG: %[[V:.+]] = disco.constant dense<1.000000e+00> : tensor<4x8xf32> view [#disco.local<axis 1 : 0 to 3>] : tensor<4x4xf32>
// CHECK: %[[X:.+]] = disco.input {{.*}}-> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
// CHECK: disco.send %[[X]] {message = 0 : i64, parts = [#disco.part<"x" : root axis 1 : 0 to 3>], to = 1 : i64} {{.*}}-> !disco.message<16>
// CHECK: %[[H:.+]] = disco.matmul %[[X]], %[[V]] {disco.tensor = "h"} {{.*}}-> tensor<1x4xf32, #disco.local<axis 1 : 0 to 3>>
// CHECK: disco.send %[[H]] {message = 1 : i64, parts = [#disco.part<"h" : axis 1 : 0, 3>], to = 1 : i64} {{.*}}-> !disco.message<8>
// Three of its own four channels are read: the list names their places.
// CHECK: %[[Y:.+]] = disco.matmul %[[H]], %[[W]] bias %[[B]] {act = #disco.act<relu>, channels = array<i64: 0, 1, 2>, disco.tensor = "y"}
// CHECK: %[[P:.+]] = disco.post {from = 1 : i64, message = 2 : i64} : () -> !disco.message<16>
// CHECK: %[[R:.+]] = disco.recv %[[P]] {parts = [#disco.part<"y" : root axis 1 : 4 to 7>]} {{.*}}-> tensor<1x4xf32, #disco.local<axis 1 : 4 to 7>>
// CHECK: %[[A:.+]] = disco.assemble %[[Y]], %[[R]] {axis = 1 : i64, channels = array<i64: 0, 1, 2, 3, 0, 1, 2, 3>, disco.tensor = "y", sources = array<i64: 0, 0, 0, 0, 1, 1, 1, 1>}
// CHECK: disco.output %[[A]]
// CHECK: module @node1 attributes {disco.rank = 1 : i64}
// CHECK-NOT: disco.input
// CHECK-DAG: %[[B1:.+]] = disco.constant {{.*}} view [#disco.local<axis 0 : 4 to 7>] : tensor<4xf32>
// CHECK-DAG: %[[OWN:.+]] = disco.constant {{.*}} view [#disco.local<axis 1 : 4 to 7>, #disco.local<axis 0 : 4 to 7>] : tensor<4x4xf32>
// CHECK-DAG: %[[REMOTE:.+]] = disco.constant {{.*}} view [#disco.local<axis 1 : 4 to 7>, #disco.local<axis 0 : 0, 3>] : tensor<2x4xf32>
// CHECK: %[[PX:.+]] = disco.post {from = 0 : i64, message = 0 : i64}
// CHECK: %[[X1:.+]] = disco.recv %[[PX]]
// CHECK: %[[H1:.+]] = disco.matmul %[[X1]]
// CHECK: %[[PH:.+]] = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<8>
// CHECK: %[[R1:.+]] = disco.recv %[[PH]] {parts = [#disco.part<"h" : axis 1 : 0, 3>]} {{.*}}-> tensor<1x2xf32, #disco.local<axis 1 : 0, 3>>
// CHECK: %[[S:.+]] = disco.matmul %[[H1]], %[[OWN]] bias %[[B1]] {disco.tensor = "y"}
// CHECK: %[[Y1:.+]] = disco.matmul %[[R1]], %[[REMOTE]] init %[[S]] {act = #disco.act<relu>, disco.tensor = "y"}
// CHECK: disco.send %[[Y1]] {message = 2 : i64
// CHECK-NOT: disco.output

// -----

// A node without a channel has nothing: no op, no weights, no message. A node that reads no column computes act(bias).
// CHECK-LABEL: module attributes
module attributes {disco.nodes = 3 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | | >>
  %w = disco.constant dense<[[1.0, 0.0], [1.0, 0.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %b = disco.constant dense<[1.0, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %y = disco.matmul %x, %w bias %b {disco.tensor = "y", act = #disco.act<relu>, mask = [#disco.route<0 -> 0 : 0 to 1>]} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | | >>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1 | >>
  return
}
}
// CHECK: module @node0
// CHECK: disco.matmul
// CHECK: module @node1
// CHECK: %[[B:.+]] = disco.constant dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32> view [#disco.local<axis 0 : 1>] : tensor<1xf32>
// CHECK-NEXT: %[[R:.+]] = disco.rearrange %[[B]] {{.*}}-> tensor<1x1xf32, #disco.local<axis 1 : 1>>
// CHECK-NEXT: %[[E:.+]] = disco.expand %[[R]] {{.*}}-> tensor<1x1xf32, #disco.local<axis 1 : 1>>
// CHECK-NEXT: disco.unary %[[E]] {act = #disco.act<relu>, disco.tensor = "y"}
// CHECK-NEXT: return
// CHECK: module @node2
// CHECK-NEXT: func.func @infer()
// CHECK-NEXT: return

// -----

// A grouped convolution whose groups are whole on each node stays one, with fewer groups.
// CHECK-LABEL: module attributes
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %x = disco.constant dense<1.0> : tensor<1x6x4xf32> : tensor<1x6x4xf32>
  %u = disco.unary %x {act = #disco.act<relu>} : (tensor<1x6x4xf32>) -> tensor<1x6x4xf32, #disco.owned<axis 1 : 0 to 1, 4 to 5 | 2 to 3>>
  %w = disco.constant dense<1.0> : tensor<3x2x1xf32> : tensor<3x2x1xf32>
  %y = disco.conv %u, %w {mask = [#disco.route<0 -> 0 : 0 to 1, 4 to 5>, #disco.route<1 -> 1 : 2 to 3>], strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 3 : i64} : (tensor<1x6x4xf32, #disco.owned<axis 1 : 0 to 1, 4 to 5 | 2 to 3>>, tensor<3x2x1xf32>) -> tensor<1x3x4xf32, #disco.owned<axis 1 : 0, 2 | 1>>
  return
}
}
// CHECK: module @node0
// CHECK-DAG: disco.constant {{.*}} view [#disco.local<axis 0 : 0, 2>] : tensor<2x2x1xf32>
// CHECK-DAG: disco.constant {{.*}} view [#disco.local<axis 1 : 0 to 1, 4 to 5>] : tensor<1x4x4xf32>
// CHECK: disco.conv {{.*}}group = 2 : i64{{.*}} -> tensor<1x2x4xf32, #disco.local<axis 1 : 0, 2>>
// CHECK: module @node1
// CHECK: disco.conv {{.*}}group = 1 : i64{{.*}} -> tensor<1x1x4xf32, #disco.local<axis 1 : 1>>

// -----

// A grouped convolution that maps cut through: node 0 has both rows of group 0 and one of group 1, and computes piece by
// piece. Of group 1 it needs channels 2 and 3, which lie at places 2 and 3 of what was assembled.
// CHECK-LABEL: module attributes
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %c = disco.constant dense<1.0> : tensor<1x4x2xf32> : tensor<1x4x2xf32>
  %x = disco.unary %c {act = #disco.act<relu>, disco.tensor = "x"} : (tensor<1x4x2xf32>) -> tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %w = disco.constant dense<1.0> : tensor<4x2x1xf32> : tensor<4x2x1xf32>
  %r = disco.exchange %x routes [#disco.route<1 -> 0 : 2 to 3>] {tensor = "x"} : (tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4x2xf32, #disco.held<axis 1 : 2 to 3 | >>
  %m = disco.merge own %x remote(%r) {maps = [array<i64: 2, 2, 3, 3>]} : (tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4x2xf32, #disco.held<axis 1 : 2 to 3 | >>) -> tensor<1x4x2xf32, #disco.held<axis 1 : 0 to 3 | 2 to 3>>
  %y = disco.conv %m, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 0 : 2 to 3>, #disco.route<1 -> 1 : 2 to 3>], strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x2xf32, #disco.held<axis 1 : 0 to 3 | 2 to 3>>, tensor<4x2x1xf32>) -> tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 2 | 3>>
  return
}
}
// CHECK: module @node0
// CHECK: %[[A:.+]] = disco.assemble {{.*}} -> tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 3>>
// CHECK: %[[P:.+]] = disco.conv %[[A]], {{.*}}channels = array<i64: 0, 1>{{.*}}disco.groups = 2{{.*}}group = 1{{.*}} -> tensor<1x2x2xf32, #disco.local<axis 1 : 0 to 1>>
// CHECK: %[[Q:.+]] = disco.conv %[[A]], {{.*}}channels = array<i64: 2, 3>{{.*}}disco.groups = 2{{.*}}group = 1{{.*}} -> tensor<1x1x2xf32, #disco.local<axis 1 : 2>>
// CHECK: disco.concat %[[P]], %[[Q]] {axis = 1 : i64} {{.*}} -> tensor<1x3x2xf32, #disco.local<axis 1 : 0 to 2>>
// CHECK: module @node1
// CHECK: disco.conv {{.*}}group = 1{{.*}} -> tensor<1x1x2xf32, #disco.local<axis 1 : 3>>

// -----

// Relabelling ops at a node: a concatenation of what is here, a shuffle that needs its order mended, a flatten that is a view.
// CHECK-LABEL: module attributes
module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %c = disco.constant dense<1.0> : tensor<1x3x2xf32> : tensor<1x3x2xf32>
  %a = disco.unary %c {act = #disco.act<relu>} : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32, #disco.owned<axis 1 : 0 to 2 | >>
  %b = disco.unary %c {act = #disco.act<exp>} : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32, #disco.owned<axis 1 : 0 | 1 to 2>>
  %d = disco.concat %a, %b {axis = 1 : i64} : (tensor<1x3x2xf32, #disco.owned<axis 1 : 0 to 2 | >>, tensor<1x3x2xf32, #disco.owned<axis 1 : 0 | 1 to 2>>) -> tensor<1x6x2xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 5>>
  // Channel 2k + j of the result is channel 3j + k of the concatenation: 0 3 1 4 2 5.
  %s = disco.rearrange %d {view = array<i64: 1, 2, 3, 2>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 5>>) -> tensor<1x6x2xf32, #disco.owned<axis 1 : 0 to 2, 4 | 3, 5>>
  %f = disco.rearrange %s {view = array<i64: 1, 6, 2>, perm = array<i64: 0, 1, 2>} : (tensor<1x6x2xf32, #disco.owned<axis 1 : 0 to 2, 4 | 3, 5>>) -> tensor<1x12xf32, #disco.owned<axis 1 : 0 to 5, 8 to 9 | 6 to 7, 10 to 11>>
  %g = disco.select %f {axis = 1 : i64, indices = array<i64: 9, 0, 6>} : (tensor<1x12xf32, #disco.owned<axis 1 : 0 to 5, 8 to 9 | 6 to 7, 10 to 11>>) -> tensor<1x3xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  return
}
}
// CHECK: module @node0
// CHECK: %[[D:.+]] = disco.concat %{{.+}}, %{{.+}} {{.*}} -> tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 3>>
// Node 0 has channels 0 1 2 3 of the concatenation; its shuffled channels 0 1 2 4 are those: 0 3 1 2.
// CHECK: %[[S:.+]] = disco.assemble %{{.+}} {axis = 1 : i64, channels = array<i64: 0, 3, 1, 2>, sources = array<i64: 0, 0, 0, 0>} {{.*}} -> tensor<1x4x2xf32, #disco.local<axis 1 : 0 to 2, 4>>
// CHECK: %[[F:.+]] = disco.rearrange %[[S]] {perm = array<i64: 0, 1, 2>, view = array<i64: 1, 4, 2>} {{.*}} -> tensor<1x8xf32, #disco.local<axis 1 : 0 to 5, 8 to 9>>
// Features 9 and 0 are picked in ascending order, then put into the order that was asked for.
// CHECK: %[[G:.+]] = disco.assemble %[[F]] {axis = 1 : i64, channels = array<i64: 0, 7>{{.*}} -> tensor<1x2xf32, #disco.local<axis 1 : 0, 9>>
// CHECK: disco.assemble %[[G]] {axis = 1 : i64, channels = array<i64: 1, 0>{{.*}} -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
// CHECK: module @node1
// CHECK: disco.concat %{{[^,]+}} {axis = 1 : i64{{.*}}} {{.*}} -> tensor<1x2x2xf32, #disco.local<axis 1 : 4 to 5>>

// -----

// What only the undivided program knows is noted for the report: inputs, outputs, owner maps, masks and each ONNX op's cost.
// Of the matrix's 16 entries the mask leaves 12: 12 MACs and 48 bytes of weights, 16 and 64 dense.
// CHECK-LABEL: module attributes {
// CHECK-SAME: disco.inputs = [{name = "x", type = tensor<1x4xf32>}]
// CHECK-SAME: disco.layers = [
// CHECK-SAME: {dense_bytes = 16 : i64, dense_macs = 16 : i64, dense_messages = 2 : i64, dense_weight_bytes = 64 : i64, density = {columns = 4 : i64, rows = 4 : i64, tiles = ["ffff0000", "ffff0000", "ffffffff", "ffffffff"]}, inputs = [{{.*}}], macs = 12 : i64, op = "fc", replicated = "", shape = array<i64: 1, 4>, type = "Gemm, opset 13", weight_bytes = 48 : i64}
// CHECK-SAME: disco.masks = [{op = "fc",
// CHECK-SAME: routes = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0 to 1>, #disco.route<1 -> 1 : 2 to 3>]
// CHECK-SAME: disco.outputs = [{name = "x", owners = #disco.owned<axis 1 : 0 to 3 | >, type = tensor<1x4xf32>}]
// CHECK-SAME: {name = "x", owners = #disco.owned<axis 1 : 0 to 3 | >, type = tensor<1x4xf32>}
// CHECK-SAME: {name = "y", owners = #disco.owned<axis 1 : 0 to 1 | 2 to 3>, type = tensor<1x4xf32>}
module attributes {disco.nodes = 2 : i64, disco.root = 0 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  %u = disco.unary %c {act = #disco.act<relu>, disco.tensor = "u"} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %r = disco.exchange %u routes [#disco.route<0 -> 1 : 0 to 1>] {tensor = "u"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 1>>
  %m = disco.merge own %u remote(%r) {maps = [array<i64: 0, 0, 1, 1>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4xf32, #disco.held<axis 1 : | 0 to 1>>) -> tensor<1x4xf32, #disco.held<axis 1 : 0 to 1 | 0 to 3>>
  %y = disco.matmul %m, %w {disco.tensor = "y", disco.dense_bytes = 16 : i64, disco.dense_messages = 2 : i64, mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0 to 1>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.held<axis 1 : 0 to 1 | 0 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>> loc(fused<"Gemm, opset 13">["fc"])
  disco.output %x {name = "x", index = 0 : i64} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> ()
  return
}
}

// -----

// The attributes of the report's baseline do not reach the shards.
// CHECK-LABEL: module attributes
// CHECK-NOT: disco.dense_bytes
module attributes {disco.nodes = 1 : i64} {
func.func @main() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  %u = disco.unary %c {act = #disco.act<relu>, disco.dense_bytes = 16 : i64, disco.dense_messages = 2 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3>>
  return
}
}

// -----

// One node is given the input, another returns the output.
// CHECK: disco.output_at = 1 : i64
// CHECK: module @node0
// CHECK: disco.input  {
// CHECK-NOT: disco.output %
// CHECK: module @node1
// CHECK-NOT: disco.input  {
// CHECK: disco.recv
// CHECK: disco.output %
module attributes {disco.nodes = 2 : i64, disco.output_at = 1 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %r = disco.exchange %x routes [#disco.route<0 -> 1 : 0 to 3>] {root, tensor = "x"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>
  %m = disco.merge own %x remote(%r) {maps = [array<i64: 0, 0, 1, 1, 2, 2, 3, 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>) -> tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>
  disco.output %m {name = "x", index = 0 : i64} : (tensor<1x4xf32, #disco.held<axis 1 : | 0 to 3>>) -> ()
  return
}
}
