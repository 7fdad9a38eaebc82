//===- DataDirectory.h - where the files lie that belong to discoc ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_DATADIRECTORY_H
#define DISCOC_FORMATS_DATADIRECTORY_H

#include <string>

namespace discoc {

/// The folder of this name among the installed data; of a program that lies where the build put
/// it, `inSource` of the source tree. Whether it exists is not looked at.
std::string dataDirectory(const std::string &name, const std::string &inSource);

} // namespace discoc

#endif // DISCOC_FORMATS_DATADIRECTORY_H
