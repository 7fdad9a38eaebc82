// What one inference leaves for the next: text, and one case for every diagnostic.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK-LABEL: @kept
// CHECK: [[A:%.*]] = disco.state {disco.tensor = "a"} : () -> tensor<4xf32>
// CHECK: disco.keep %{{.*}} in [[A]] : (tensor<4xf32>, tensor<4xf32>) -> ()
func.func @kept(%x: tensor<4xf32>) {
  %a = disco.state {disco.tensor = "a"} : () -> tensor<4xf32>
  %0 = disco.binary %x, %a {kind = 0 : i32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  disco.keep %0 in %a : (tensor<4xf32>, tensor<4xf32>) -> ()
  return
}

// -----

func.func @another_shape(%x: tensor<4xf32>) {
  %a = disco.state {disco.tensor = "a"} : () -> tensor<5xf32>
  // expected-error@+1 {{'disco.keep' op keeps a value of another shape or element type than its state}}
  disco.keep %x in %a : (tensor<4xf32>, tensor<5xf32>) -> ()
  return
}

// -----

func.func @no_value() {
  %a = disco.state {disco.tensor = "a"} : () -> tensor<5xf32>
  // expected-error@+1 {{'disco.keep' op has 0 values for 1 states}}
  "disco.keep"(%a) {operandSegmentSizes = array<i32: 0, 1>} : (tensor<5xf32>) -> ()
  return
}

// -----

func.func @read_later(%x: tensor<4xf32>) {
  %a = disco.state {disco.tensor = "a"} : () -> tensor<4xf32>
  // expected-error@+1 {{'disco.keep' op overwrites a state that is read later, or keeps a view of one}}
  disco.keep %x in %a : (tensor<4xf32>, tensor<4xf32>) -> ()
  %0 = disco.binary %x, %a {kind = 0 : i32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  disco.output %0 {name = "y", index = 0 : i64} : (tensor<4xf32>) -> ()
  return
}
