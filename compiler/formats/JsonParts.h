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

/// A file that states something for so many nodes: what all of them begin with, then `read`, which
/// is given the whole and what it is read into, and says whether it is sound.
template <class T, class Read>
std::optional<T> parseStated(const std::string &text, const std::string &file,
                             std::optional<int64_t> nodes, Diagnostics &diagnostics,
                             const char *format, std::initializer_list<const char *> required,
                             std::initializer_list<const char *> optional, Read read) {
  std::optional<ReadJson> json = parseJson(text, file, diagnostics);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  const JsonView view(*json, context);
  T stated;
  const bool good = readHeader(view, format, T::version) && view.object(required, optional) &&
                    readNodes(view.member("nodes"), nodes, stated.nodes) && read(view, stated);
  return good ? std::optional(std::move(stated)) : std::nullopt;
}

/// numpy's word for an element type.
bool readType(const JsonView &view, std::string &type);

} // namespace discoc

#endif // DISCOC_FORMATS_JSONPARTS_H
