// The translation unit that carries the precompiled header; see CMakeLists.txt.
// SPDX-License-Identifier: Apache-2.0
