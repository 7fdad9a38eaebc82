// One case for every diagnostic of quantised ops.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @quantize_double(%x: tensor<4xf64>, %s: tensor<f32>) {
  // expected-error@+1 {{takes a tensor and a scale of single precision}}
  %0 = disco.quantize %x, %s : (tensor<4xf64>, tensor<f32>) -> tensor<4xi8>
  return
}

// -----

func.func @quantize_wide(%x: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{makes integers of 8 or 16 bits, not 'i32'}}
  %0 = disco.quantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xi32>
  return
}

// -----

func.func @quantize_shape(%x: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{result and operand differ in shape}}
  %0 = disco.quantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<5xi8>
  return
}

// -----

func.func @quantize_zero(%x: tensor<4xf32>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error@+1 {{the zero points are not of the type of the integers}}
  %0 = disco.quantize %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xi8>
  return
}

// -----

func.func @dequantize_broadcast(%x: tensor<4xi8>, %s: tensor<3xf32>) {
  // expected-error@+1 {{scale and zero point cannot be broadcast to the operand}}
  %0 = disco.dequantize %x, %s : (tensor<4xi8>, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @dequantize_double(%x: tensor<4xi8>, %s: tensor<f64>) {
  // expected-error@+1 {{takes a scale and makes a tensor of single precision}}
  %0 = disco.dequantize %x, %s : (tensor<4xi8>, tensor<f64>) -> tensor<4xf32>
  return
}

// -----

func.func @dequantize_real(%x: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{takes integers of 8 to 32 bits, not 'f32'}}
  %0 = disco.dequantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return
}

// -----

func.func @lookup_wide(%x: tensor<4xi16>, %t: tensor<256xi8>) {
  // expected-error@+1 {{takes integers of 8 bits, not 'i16'}}
  %0 = disco.lookup %x, %t : (tensor<4xi16>, tensor<256xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @lookup_table(%x: tensor<4xi8>, %t: tensor<255xi8>) {
  // expected-error@+1 {{needs a table of 256 entries of the result's element type}}
  %0 = disco.lookup %x, %t : (tensor<4xi8>, tensor<255xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @lookup_axis(%x: tensor<4xi8>, %t: tensor<4x256xi8>) {
  // expected-error@+1 {{has no axis 1}}
  %0 = disco.lookup %x, %t {axis = 1 : i64} : (tensor<4xi8>, tensor<4x256xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @lookup_rows(%x: tensor<4xi8>, %t: tensor<3x256xi8>) {
  // expected-error@+1 {{needs a table of 256 entries of the result's element type for each index of its axis}}
  %0 = disco.lookup %x, %t {axis = 0 : i64} : (tensor<4xi8>, tensor<3x256xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @lookup_shape(%x: tensor<4xi8>, %t: tensor<256xi8>) {
  // expected-error@+1 {{result and operand differ in shape}}
  %0 = disco.lookup %x, %t : (tensor<4xi8>, tensor<256xi8>) -> tensor<5xi8>
  return
}

// -----

func.func @binary_real(%x: tensor<4xf32>, %y: tensor<4xi8>) {
  // expected-error@+1 {{takes and makes integers of 8 bits, not 'f32'}}
  %0 = disco.quant_binary %x, %y {kind = 0 : i32, lhs_zero = 0 : i64, rhs_zero = 0 : i64, zero = 0 : i64, lhs_factor = 1 : i64, rhs_factor = 1 : i64, shift = 1 : i64, multiplier = 1.0 : f32, low = -128 : i64, high = 127 : i64} : (tensor<4xf32>, tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @binary_kind(%x: tensor<4xi8>, %y: tensor<4xi8>) {
  // expected-error@+1 {{is a sum, a difference or a product, not 'div'}}
  %0 = disco.quant_binary %x, %y {kind = 3 : i32, lhs_zero = 0 : i64, rhs_zero = 0 : i64, zero = 0 : i64, lhs_factor = 1 : i64, rhs_factor = 1 : i64, shift = 1 : i64, multiplier = 1.0 : f32, low = -128 : i64, high = 127 : i64} : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @binary_factors(%x: tensor<4xi8>, %y: tensor<4xi8>) {
  // expected-error@+1 {{its factors or its shift are too large for sums in 32 bits}}
  %0 = disco.quant_binary %x, %y {kind = 0 : i32, lhs_zero = 0 : i64, rhs_zero = 0 : i64, zero = 0 : i64, lhs_factor = 8000000 : i64, rhs_factor = 8000000 : i64, shift = 1 : i64, multiplier = 1.0 : f32, low = -128 : i64, high = 127 : i64} : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @binary_shape(%x: tensor<4xi8>, %y: tensor<4xi8>) {
  // expected-error@+1 {{the result does not have the broadcast shape of the operands}}
  %0 = disco.quant_binary %x, %y {kind = 0 : i32, lhs_zero = 0 : i64, rhs_zero = 0 : i64, zero = 0 : i64, lhs_factor = 1 : i64, rhs_factor = 1 : i64, shift = 1 : i64, multiplier = 1.0 : f32, low = -128 : i64, high = 127 : i64} : (tensor<4xi8>, tensor<4xi8>) -> tensor<5xi8>
  return
}

// -----

func.func @matmul_wide(%a: tensor<2x3xi16>, %b: tensor<3x4xi8>) {
  // expected-error@+1 {{integer arithmetic needs operands of 8 bits}}
  %0 = disco.matmul %a, %b {quant = #disco.quant<xZero = 0, wZero = [], result = i32>} : (tensor<2x3xi16>, tensor<3x4xi8>) -> tensor<2x4xi32>
  return
}

// -----

func.func @matmul_bias(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>, %c: tensor<4xf32>) {
  // expected-error@+1 {{the bias of integer arithmetic must have 32 bits}}
  %0 = disco.matmul %a, %b bias %c {quant = #disco.quant<xZero = 0, wZero = [], result = i32>} : (tensor<2x3xi8>, tensor<3x4xi8>, tensor<4xf32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @matmul_result(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>) {
  // expected-error@+1 {{integer arithmetic makes integers of 8 bits with a multiplier, of 32 without one}}
  %0 = disco.matmul %a, %b {quant = #disco.quant<xZero = 0, wZero = [], result = i8>} : (tensor<2x3xi8>, tensor<3x4xi8>) -> tensor<2x4xi8>
  return
}

// -----

func.func @matmul_zeros(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>) {
  // expected-error@+1 {{needs one multiplier and one zero point of the weights, or as many as rows}}
  %0 = disco.matmul %a, %b {quant = #disco.quant<xZero = 0, wZero = [1, 2], result = i32>} : (tensor<2x3xi8>, tensor<3x4xi8>) -> tensor<2x4xi32>
  return
}

// -----

func.func @matmul_turned(%a: tensor<3x2xi8>, %b: tensor<3x4xi8>) {
  // expected-error@+1 {{integer arithmetic needs its first operand as it is}}
  %0 = disco.matmul %a, %b {trans_a, quant = #disco.quant<xZero = 0, wZero = [], result = i32>} : (tensor<3x2xi8>, tensor<3x4xi8>) -> tensor<2x4xi32>
  return
}

// -----

func.func @matmul_residual(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>, %r: tensor<2x4xi32>) {
  // expected-error@+1 {{integer arithmetic takes no residual}}
  %0 = disco.matmul %a, %b residual %r {quant = #disco.quant<xZero = 0, wZero = [], result = i32>} : (tensor<2x3xi8>, tensor<3x4xi8>, tensor<2x4xi32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @pool_maximum(%x: tensor<1x2x4x4xi8>) {
  // expected-error@+1 {{only an average has integer arithmetic, with a multiplier}}
  %0 = disco.pool %x {kind = 0 : i32, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, quant = #disco.quant<xZero = 0, wZero = [], result = i8, multiplier = dense<1.0> : tensor<1xf32>, yZero = 0, low = -128, high = 127>} : (tensor<1x2x4x4xi8>) -> tensor<1x2x2x2xi8>
  return
}

// -----

func.func @rows(%x: tensor<1x4xi32>) {
  // expected-error@+1 {{has rows along an axis of its operand, whose shape the result has}}
  %y = disco.requantize %x {axis = 2 : i64, quant = #disco.quant<xZero = 0, wZero = [], result = i8, multiplier = dense<0.5> : tensor<1xf32>, yZero = 0, low = -128, high = 127>} : (tensor<1x4xi32>) -> tensor<1x4xi8>
  return
}

// -----

func.func @wide(%x: tensor<1x4xi32>) {
  // expected-error@+1 {{takes integers of 32 bits and makes those of its attribute}}
  %y = disco.requantize %x {axis = 1 : i64, quant = #disco.quant<xZero = 0, wZero = [], result = i8, multiplier = dense<0.5> : tensor<1xf32>, yZero = 0, low = -128, high = 127>} : (tensor<1x4xi32>) -> tensor<1x4xui8>
  return
}

// -----

func.func @multipliers(%x: tensor<1x4xi32>) {
  // expected-error@+1 {{needs a multiplier, or as many as rows, for integers of 8 bits}}
  %y = disco.requantize %x {axis = 1 : i64, quant = #disco.quant<xZero = 0, wZero = [], result = i8, multiplier = dense<[0.5, 0.5]> : tensor<2xf32>, yZero = 0, low = -128, high = 127>} : (tensor<1x4xi32>) -> tensor<1x4xi8>
  return
}
