//===- JsonParts.h - parts that several files share; only inside discocFormats ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_JSONPARTS_H
#define DISCOC_FORMATS_JSONPARTS_H

#include "compiler/formats/Json.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Preprocess.h"

namespace discoc {

/// A preprocess file is also a member of a manifest.
Json partToJson(const Preprocess &preprocess);
std::optional<Preprocess> partFromJson(const JsonView &view);

/// The members "axis" and "owners" of an object, the latter with a set for each node.
bool readMap(const JsonView &view, int64_t nodes, OwnerMap &map);

/// numpy's word for an element type.
bool readType(const JsonView &view, std::string &type);

} // namespace discoc

#endif // DISCOC_FORMATS_JSONPARTS_H
