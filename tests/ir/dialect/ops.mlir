// Every op prints as it was written, and is read back the same, also through the generic form.
// RUN: discoc-opt --mlir-print-local-scope %s | discoc-opt --mlir-print-local-scope | FileCheck %s
// RUN: discoc-opt --mlir-print-op-generic %s | discoc-opt --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @borders
func.func @borders() {
  // CHECK: %[[X:.+]] = disco.input {index = 0 : i64, name = "x"} : () -> tensor<1x4xf32>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  // CHECK: disco.output %[[X]] {index = 0 : i64, name = "y"} : (tensor<1x4xf32>) -> ()
  disco.output %x {name = "y", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}

// CHECK-LABEL: func.func @constants
func.func @constants() {
  // CHECK: disco.constant dense<[1, 2, 3]> : tensor<3xi64> : tensor<3xi64>
  %0 = disco.constant dense<[1, 2, 3]> : tensor<3xi64> : tensor<3xi64>
  // CHECK: disco.constant dense_resource<w0> : tensor<2x2xf32> : tensor<2x2xf32>
  %1 = disco.constant dense_resource<w0> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: disco.constant dense<1.000000e+00> : tensor<4x3xf32> view [#disco.local<axis 0 : 1, 3>, #disco.local<axis 1 : 0>] : tensor<2x1xf32>
  %2 = disco.constant dense<1.0> : tensor<4x3xf32> view [#disco.local<axis 0 : 1, 3>, #disco.local<axis 1 : 0>] : tensor<2x1xf32>
  // CHECK: disco.constant dense<1.000000e+00> : tensor<4x3xf32> view [#disco.local<axis 0 : 1, 3>] packing(#disco.physical<dims [1 by 2, 0, 1]>) : tensor<2x3xf32>
  %packed = disco.constant dense<1.0> : tensor<4x3xf32> view [#disco.local<axis 0 : 1, 3>] packing(#disco.physical<dims [1 by 2, 0, 1]>) : tensor<2x3xf32>
  // CHECK: disco.constant dense<1.000000e+00> : tensor<4x2x3x3xf32> packing(#disco.winograd<2>) : tensor<4x2x3x3xf32>
  %transformed = disco.constant dense<1.0> : tensor<4x2x3x3xf32> packing(#disco.winograd<2>) : tensor<4x2x3x3xf32>
  return
}

// CHECK-LABEL: func.func @contractions
func.func @contractions(%x: tensor<1x4x8x8xf32>, %a: tensor<5x4xf32>) {
  %w = disco.constant dense<1.0> : tensor<6x4x3x3xf32> : tensor<6x4x3x3xf32>
  %b = disco.constant dense<1.0> : tensor<6xf32> : tensor<6xf32>
  %i = disco.constant dense<1.0> : tensor<1x6x8x8xf32> : tensor<1x6x8x8xf32>
  // CHECK: %[[C:.+]] = disco.conv %{{.+}}, %[[W:.+]] {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x8x8xf32>
  %c = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x8x8xf32>
  // CHECK: disco.conv %{{.+}}, %[[W]] bias %[[B:.+]] init %[[I:.+]] residual %[[C]] {act = #disco.act<relu>,
  // CHECK-SAME: mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 1>],
  // CHECK-SAME: (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>, tensor<1x6x8x8xf32>, tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  %d = disco.conv %x, %w bias %b init %i residual %c {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, act = #disco.act<relu>, mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<1 -> 0 : 1>]} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>, tensor<1x6x8x8xf32>, tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  // Strides, asymmetric pads and dilations: (8 + 1 + 2 - 5) / 2 + 1 = 4 and (8 + 0 + 1 - 3) / 3 + 1 = 3.
  // CHECK: disco.conv %{{.+}} -> tensor<1x6x4x3xf32>
  %e = disco.conv %x, %w {strides = array<i64: 2, 3>, pads = array<i64: 1, 0, 2, 1>, dilations = array<i64: 2, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x4x3xf32>
  %m = disco.constant dense<1.0> : tensor<4x3xf32> : tensor<4x3xf32>
  %n = disco.constant dense<1.0> : tensor<3x2xf32> : tensor<3x2xf32>
  // CHECK: disco.matmul %{{.+}}, %{{.+}} : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  %f = disco.matmul %a, %m : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  // CHECK: disco.matmul %{{.+}}, %{{.+}} {channels = array<i64: 3, 1>, trans_b} : (tensor<5x4xf32>, tensor<3x2xf32>) -> tensor<5x3xf32>
  %g = disco.matmul %a, %n {channels = array<i64: 3, 1>, trans_b} : (tensor<5x4xf32>, tensor<3x2xf32>) -> tensor<5x3xf32>
  // CHECK: disco.matmul %{{.+}}, %{{.+}} {trans_a} : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<3x3xf32>
  %h = disco.matmul %m, %m {trans_a} : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<3x3xf32>
  return
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<2x1x4xf32>, %y: tensor<3x1xf32>, %z: tensor<2x3x4xi1>) {
  // CHECK: disco.unary %{{.+}} {act = #disco.act<clip, 0.000000e+00, 6.000000e+00>} : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %0 = disco.unary %x {act = #disco.act<clip, 0.0, 6.0>} : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  // CHECK: disco.binary %{{.+}}, %{{.+}} {kind = 0 : i32} : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %1 = disco.binary %x, %y {kind = 0 : i32} : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  // A comparison gives truth values.
  // CHECK: disco.binary %{{.+}}, %{{.+}} {kind = 14 : i32} : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xi1>
  %2 = disco.binary %x, %y {kind = 14 : i32} : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xi1>
  // CHECK: disco.where %{{.+}}, %{{.+}}, %{{.+}} : (tensor<2x3x4xi1>, tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %3 = disco.where %z, %x, %y : (tensor<2x3x4xi1>, tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  // CHECK: disco.cast %{{.+}} : (tensor<2x1x4xf32>) -> tensor<2x1x4xf16>
  %4 = disco.cast %x : (tensor<2x1x4xf32>) -> tensor<2x1x4xf16>
  // CHECK: disco.expand %{{.+}} : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %5 = disco.expand %y : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return
}

// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<1x4x9x9xf32>) {
  // CHECK: disco.pool %{{.+}} {ceil_mode, count_include_pad, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, kind = 1 : i32, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x4x9x9xf32>) -> tensor<1x4x5x5xf32>
  %0 = disco.pool %x {kind = 1 : i32, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode, count_include_pad} : (tensor<1x4x9x9xf32>) -> tensor<1x4x5x5xf32>
  // The last window would start in the end padding: ceil((9 + 1 - 1) / 3) + 1 = 4, but 3 * 3 >= 9.
  // CHECK: disco.pool %{{.+}} -> tensor<1x4x3x3xf32>
  %1 = disco.pool %x {kind = 0 : i32, kernel = array<i64: 1, 1>, strides = array<i64: 3, 3>, pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>, ceil_mode} : (tensor<1x4x9x9xf32>) -> tensor<1x4x3x3xf32>
  // CHECK: disco.reduce %{{.+}} {axes = array<i64: 2, 3>, keepdims, kind = 0 : i32} : (tensor<1x4x9x9xf32>) -> tensor<1x4x1x1xf32>
  %2 = disco.reduce %x {kind = 0 : i32, axes = array<i64: 2, 3>, keepdims} : (tensor<1x4x9x9xf32>) -> tensor<1x4x1x1xf32>
  // CHECK: disco.reduce %{{.+}} {axes = array<i64: 0, 2>, kind = 2 : i32} : (tensor<1x4x9x9xf32>) -> tensor<4x9xf32>
  %3 = disco.reduce %x {kind = 2 : i32, axes = array<i64: 0, 2>} : (tensor<1x4x9x9xf32>) -> tensor<4x9xf32>
  // CHECK: disco.softmax %{{.+}} {axis = 2 : i64, count = 2 : i64, log} : (tensor<1x4x9x9xf32>) -> tensor<1x4x9x9xf32>
  %4 = disco.softmax %x {axis = 2 : i64, count = 2 : i64, log} : (tensor<1x4x9x9xf32>) -> tensor<1x4x9x9xf32>
  // CHECK: disco.resize %{{.+}} {coordinates = 3 : i32, cubic_coeff = -7.500000e-01 : f64, exclude_outside, extrapolation = 0.000000e+00 : f64, mode = 0 : i32, nearest = 2 : i32, roi = array<f64>, scales = array<f64: 1.000000e+00, 1.000000e+00, 2.000000e+00, 2.000000e+00>} : (tensor<1x4x9x9xf32>) -> tensor<1x4x18x18xf32>
  %5 = disco.resize %x {scales = array<f64: 1.0, 1.0, 2.0, 2.0>, roi = array<f64>, mode = 0 : i32, coordinates = 3 : i32, nearest = 2 : i32, cubic_coeff = -0.75 : f64, exclude_outside, extrapolation = 0.0 : f64} : (tensor<1x4x9x9xf32>) -> tensor<1x4x18x18xf32>
  return
}

// CHECK-LABEL: func.func @movement
func.func @movement(%x: tensor<1x4x8x8xf32>, %k: tensor<2x3xi64>) {
  // CHECK: disco.rearrange %{{.+}} {perm = array<i64: 0, 2, 1, 3>, view = array<i64: 1, 2, 2, 64>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %0 = disco.rearrange %x {view = array<i64: 1, 2, 2, 64>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: disco.concat %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32>
  %1 = disco.concat %x, %0 {axis = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32>
  // CHECK: disco.slice %{{.+}} {starts = array<i64: 0, 3, 0, 1>, steps = array<i64: 1, -1, 1, 2>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x4xf32>
  %2 = disco.slice %x {starts = array<i64: 0, 3, 0, 1>, steps = array<i64: 1, -1, 1, 2>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x4xf32>
  // CHECK: disco.select %{{.+}} {axis = 1 : i64, indices = array<i64: 3, 0, 0>} : (tensor<1x4x8x8xf32>) -> tensor<1x3x8x8xf32>
  %3 = disco.select %x {axis = 1 : i64, indices = array<i64: 3, 0, 0>} : (tensor<1x4x8x8xf32>) -> tensor<1x3x8x8xf32>
  // CHECK: disco.gather %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<2x3xi64>) -> tensor<1x2x3x8x8xf32>
  %4 = disco.gather %x, %k {axis = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<2x3xi64>) -> tensor<1x2x3x8x8xf32>
  // CHECK: disco.pad %{{.+}} {mode = 0 : i32, pads = array<i64: 0, 0, 1, -2, 0, 0, 1, 0>, value = 5.000000e-01 : f64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x10x6xf32>
  %5 = disco.pad %x {pads = array<i64: 0, 0, 1, -2, 0, 0, 1, 0>, mode = 0 : i32, value = 0.5 : f64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x10x6xf32>
  return
}

// CHECK-LABEL: func.func @exchanges
func.func @exchanges(%x: tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 2 | 3>>) {
  // CHECK: %[[R:.+]] = disco.exchange %[[X:.+]] routes [#disco.route<0 -> 1 : 0, 2>] {root, tensor = "x"} : (tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 2 | 3>>) -> tensor<1x4x8x8xf32, #disco.held<axis 1 :  | 0, 2>>
  %r = disco.exchange %x routes [#disco.route<0 -> 1 : 0, 2>] {tensor = "x", root} : (tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 2 | 3>>) -> tensor<1x4x8x8xf32, #disco.held<axis 1 : | 0, 2>>
  // CHECK: disco.merge own %[[X]] remote(%[[R]]) {maps = [array<i64: 0, 0, 2, 2>]} : (tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 2 | 3>>, tensor<1x4x8x8xf32, #disco.held<axis 1 :  | 0, 2>>) -> tensor<1x4x8x8xf32, #disco.held<axis 1 : 0 to 2 | 0, 2 to 3>>
  %m = disco.merge own %x remote(%r) {maps = [array<i64: 0, 0, 2, 2>]} : (tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 2 | 3>>, tensor<1x4x8x8xf32, #disco.held<axis 1 : | 0, 2>>) -> tensor<1x4x8x8xf32, #disco.held<axis 1 : 0 to 2 | 0, 2 to 3>>
  return
}

// CHECK-LABEL: func.func @messages
func.func @messages(%x: tensor<1x3x2x2xf32, #disco.local<axis 1 : 0 to 2>>, %y: tensor<1x1x2x2xf32, #disco.local<axis 1 : 3>>) {
  // CHECK: disco.assemble %[[X:.+]], %[[Y:.+]] {axis = 1 : i64, channels = array<i64: 2, 0>, sources = array<i64: 0, 1>}
  %a = disco.assemble %x, %y {axis = 1 : i64, sources = array<i64: 0, 1>, channels = array<i64: 2, 0>} : (tensor<1x3x2x2xf32, #disco.local<axis 1 : 0 to 2>>, tensor<1x1x2x2xf32, #disco.local<axis 1 : 3>>) -> tensor<1x2x2x2xf32, #disco.local<axis 1 : 2 to 3>>
  // CHECK: %[[S:.+]] = disco.send %[[X]], %[[Y]] {message = 3 : i64, parts = [#disco.part<"x" : axis 1 : 0, 2>, #disco.part<"y" : root axis 1 : 3>], to = 1 : i64}
  // CHECK-SAME: -> !disco.message<48>
  %s = disco.send %x, %y {to = 1 : i64, message = 3 : i64, parts = [#disco.part<"x" : axis 1 : 0, 2>, #disco.part<"y" : root axis 1 : 3>]} : (tensor<1x3x2x2xf32, #disco.local<axis 1 : 0 to 2>>, tensor<1x1x2x2xf32, #disco.local<axis 1 : 3>>) -> !disco.message<48>
  // CHECK: disco.flush %[[S]] : (!disco.message<48>) -> ()
  disco.flush %s : (!disco.message<48>) -> ()
  // CHECK: %[[P:.+]] = disco.post {from = 1 : i64, message = 4 : i64} : () -> !disco.message<48>
  %p = disco.post {from = 1 : i64, message = 4 : i64} : () -> !disco.message<48>
  // CHECK: %{{.+}}:2 = disco.recv %[[P]] {parts = [#disco.part<"x" : axis 1 : 0, 2>, #disco.part<"y" : axis 1 : 3>]} : (!disco.message<48>) -> (tensor<1x2x2x2xf32, #disco.local<axis 1 : 0, 2>>, tensor<1x1x2x2xf32, #disco.local<axis 1 : 3>>)
  %r:2 = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0, 2>, #disco.part<"y" : axis 1 : 3>]} : (!disco.message<48>) -> (tensor<1x2x2x2xf32, #disco.local<axis 1 : 0, 2>>, tensor<1x1x2x2xf32, #disco.local<axis 1 : 3>>)
  return
}

{-#
  dialect_resources: {
    builtin: {
      w0: "0x040000000000803F000000400000404000008040"
    }
  }
#-}
