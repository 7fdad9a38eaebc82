# SPDX-License-Identifier: Apache-2.0
# How the compiler's own libraries and tools are built.
#
# MLIR comes without exceptions, so code that sees its headers is compiled without them; libraries that
# wrap something that throws (ONNX, JSON, TOML) are MLIR-free targets of their own.

set(DISCOC_WARNINGS -Wall -Wextra -Wno-unused-parameter)

# One precompiled header for every target that sees MLIR.
function(discoc_add_library name)
  add_library(${name} STATIC ${ARGN})
  discoc_use_mlir(${name})
endfunction()

function(discoc_use_mlir name)
  target_compile_options(${name} PRIVATE ${DISCOC_WARNINGS} -fno-exceptions)
  target_include_directories(${name} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  # Headers are named by their path from the top.
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  if(TARGET discocPch AND NOT name STREQUAL discocPch)
    target_precompile_headers(${name} REUSE_FROM discocPch)
    target_link_libraries(${name} PRIVATE discocPch)
  endif()
endfunction()
