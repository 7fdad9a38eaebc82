//===- DeskRun.h - hands inputs to real boards, and hears them --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_DESKRUN_H
#define DISCOC_RUN_DESKRUN_H

#include "compiler/run/ShardRun.h"

namespace discoc {

/// As runShards(), for boards that have been flashed: `request.on` says which serial port leads to
/// which. Nothing is started here: a board asks for its command line when it begins, and begins
/// again a second after its end.
RunResult runOnDesk(const RunRequest &request, const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_DESKRUN_H
