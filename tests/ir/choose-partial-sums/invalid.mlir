// Every diagnostic of disco.accumulate.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @axis(%x: tensor<1x4xf32>) {
  // expected-error@+1 {{adds along an axis of its operand}}
  %y = disco.accumulate %x {axis = 2 : i64, rows = []} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @count(%x: tensor<1x4xf32>) {
  // expected-error@+1 {{needs the channels of every addend}}
  %y = disco.accumulate %x {axis = 1 : i64, rows = [#disco.set<0>]} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @shape(%x: tensor<1x4xf32>, %a: tensor<1x2xf32>) {
  // expected-error@+1 {{has an addend of another shape than its channels}}
  %y = disco.accumulate %x, %a {axis = 1 : i64, rows = [#disco.set<0 to 2>]} : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @whole(%x: tensor<1x4xf32>) {
  // expected-error@+1 {{makes what it adds, or requantises integers of 32 bits}}
  %y = disco.accumulate %x {axis = 1 : i64, rows = []} : (tensor<1x4xf32>) -> tensor<1x4xi32>
  return
}

// -----

func.func @multiplier(%x: tensor<1x4xi32>) {
  // expected-error@+1 {{makes what it adds, or requantises integers of 32 bits}}
  %y = disco.accumulate %x {axis = 1 : i64, rows = [], quant = #disco.quant<xZero = 0, wZero = [], result = i8, multiplier = dense<[0.5, 0.5]> : tensor<2xf32>, yZero = 0, low = -128, high = 127>} : (tensor<1x4xi32>) -> tensor<1x4xi8>
  return
}
