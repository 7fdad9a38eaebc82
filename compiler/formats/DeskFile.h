//===- DeskFile.h - which serial port leads to which board ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/desk.md is the specification.
#ifndef DISCOC_FORMATS_DESKFILE_H
#define DISCOC_FORMATS_DESKFILE_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Manifest.h"

#include <map>
#include <optional>
#include <string>

namespace discoc {

/// Paths of the ports, by rank.
using DeskFile = std::map<int64_t, std::string>;

/// `manifest` has the nodes that the file speaks of.
std::optional<DeskFile> parseDeskFile(const std::string &text, const std::string &file,
                                      const Manifest &manifest, Diagnostics &out);
std::optional<DeskFile> readDeskFile(const std::string &path, const Manifest &manifest,
                                     Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_DESKFILE_H
