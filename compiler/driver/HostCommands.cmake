# SPDX-License-Identifier: Apache-2.0
# The library of the subcommands that look at or run a compiled model. No MLIR here; CLI11, fmt and
# nlohmann-json throw, so it is built with exceptions. Include this file where discocFormats exists.
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(Threads REQUIRED)
find_path(STB_INCLUDE_DIR stb/stb_image.h REQUIRED)

add_library(discocHostCommands STATIC
  ${CMAKE_CURRENT_LIST_DIR}/BoardRun.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Build.cpp
  ${CMAKE_CURRENT_LIST_DIR}/BuildBoards.cpp
  ${CMAKE_CURRENT_LIST_DIR}/BuildCommand.cpp
  ${CMAKE_CURRENT_LIST_DIR}/InprocRun.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Npy.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Picture.cpp
  ${CMAKE_CURRENT_LIST_DIR}/PictureFile.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Process.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Report.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ReportText.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Run.cpp
  ${CMAKE_CURRENT_LIST_DIR}/RunInputs.cpp
  ${CMAKE_CURRENT_LIST_DIR}/RunText.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ShardReport.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ShardRun.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/Wires.cpp)
# What reads images with LLVM's libraries, which are built without RTTI.
if(NOT LLVM_FOUND)
  find_package(LLVM 19.1 REQUIRED CONFIG)
endif()
add_library(discocImages STATIC
  ${CMAKE_CURRENT_LIST_DIR}/Image.cpp
  ${CMAKE_CURRENT_LIST_DIR}/StackBound.cpp)
target_compile_features(discocImages PUBLIC cxx_std_17)
target_include_directories(discocImages PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_include_directories(discocImages SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
target_compile_options(discocImages PRIVATE -fno-rtti)
target_link_libraries(discocImages PUBLIC discocFormats PRIVATE LLVM)
target_compile_features(discocHostCommands PUBLIC cxx_std_17)
target_include_directories(discocHostCommands PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_include_directories(discocHostCommands SYSTEM PRIVATE ${STB_INCLUDE_DIR})
target_link_libraries(discocHostCommands
  PUBLIC discocFormats discocImages
  PRIVATE CLI11::CLI11 fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
target_compile_options(discocHostCommands PRIVATE -fexceptions -frtti)
