// A cluster of boards and hosts prints as it was written, with and without names for what is said twice.
// RUN: discoc-opt --mlir-print-local-scope %s | discoc-opt --mlir-print-local-scope | FileCheck %s
// RUN: discoc-opt %s | discoc-opt | FileCheck --check-prefix=NAMES %s

// NAMES: #target = #disco.target<
// NAMES: #board = #disco.board<
// NAMES-SAME: target = #target
// NAMES: #cluster = #disco.cluster<
// NAMES-SAME: device = #board
// NAMES-SAME: device = #board
// NAMES: module attributes {disco.cluster = #cluster
#small = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [16384], clock = 1.0e8, cycles = {f32 = 6.5, i8 = 2.5}>
#board = #disco.board<name = "small", reference = "./small", title = "A small one", status = "emulated", target = #small,
    memories = [#disco.memory<name = "flash", kind = "flash", address = 0, size = 1024, holds = ["code", "weights"]>,
                #disco.memory<name = "ram", kind = "ram", address = 4096, size = 512, holds = ["data", "arena", "buffers", "stack"]>],
    ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 1.0e4, latency = 1.0e-3>], stack = 64, toolchain = {}, build = {}, bounds = {}>
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4+avx512vnni"], vector = 32, caches = [], clock = 0.0, cycles = {}>

// CHECK: disco.cluster = #disco.cluster<nodes = [#disco.node<name = "a", address = "", listen = "", device = #disco.board<name = "small"
// CHECK-SAME: clock = 1.000000e+08 : f64, cycles = {f32 = 6.500000e+00 : f64
// CHECK-SAME: levels = ["x86-64-v3", "x86-64-v4+avx512vnni"], vector = 32
// CHECK-SAME: hops = [0, 0, 1, 1, -1, -1]
// CHECK-SAME: #disco.link<ends = [0, 2], kind = "uart", ports = ["uart0", "wire0"], bandwidth = 0.000000e+00 : f64
module attributes {disco.nodes = 3 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "a", address = "", listen = "", device = #board, hops = [-1, -1, 0, 2, 0, 2]>,
             #disco.node<name = "b", address = "", listen = "", device = #board, hops = [0, 2, -1, -1, 0, 2]>,
             #disco.node<name = "c", address = "h:1", listen = "", device = #host, hops = [0, 0, 1, 1, -1, -1]>],
    links = [#disco.link<ends = [0, 2], kind = "uart", ports = ["uart0", "wire0"], bandwidth = 0.0, latency = 0.0>,
             #disco.link<ends = [1, 2], kind = "uart", ports = ["uart0", "wire1"], bandwidth = 0.0, latency = 0.0>]>} {}
