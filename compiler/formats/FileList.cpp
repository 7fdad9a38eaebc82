//===- FileList.cpp - files.json: the files that compile wrote into OUT ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/FileList.h"
#include "compiler/formats/Json.h"
#include "compiler/formats/Text.h"

namespace discoc {

static constexpr const char *formatName = "discoc-files";

bool FileList::reaches(const std::string &folder) const {
  const auto next = files.lower_bound(folder + "/");
  return next != files.end() && next->rfind(folder + "/", 0) == 0;
}

std::string toJson(const FileList &list) {
  Json file;
  file["format"] = formatName;
  file["version"] = FileList::version;
  file["files"] = list.files;
  return layOut(file);
}

std::optional<FileList> parseFileList(const std::string &text, const std::string &file,
                                      Diagnostics &diagnostics) {
  std::optional<ReadJson> json = parseJson(text, file, diagnostics);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  const JsonView view(*json, context);
  if (!readHeader(view, formatName, FileList::version) ||
      !view.object({"format", "version", "files"}) || !view.member("files").array())
    return std::nullopt;
  FileList list;
  const bool good = view.member("files").elements([&](size_t, const JsonView &item) {
    std::string name;
    if (!item.read(name))
      return false;
    return list.files.insert(name).second || item.fault("comes twice", "remove one");
  });
  return good ? std::optional(std::move(list)) : std::nullopt;
}

std::optional<FileList> readFileList(const std::string &path, Diagnostics &diagnostics) {
  const std::optional<std::string> text = readText(path, diagnostics);
  return text ? parseFileList(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
