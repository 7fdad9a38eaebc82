//===- Masks.cpp - stated communication masks ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Masks.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace discoc {

static constexpr const char *formatName = "discoc-masks";
static constexpr Word<Masks::Apply> applyWords[] = {{"check", Masks::Apply::Check},
                                                    {"zero", Masks::Apply::Zero}};

static constexpr Word<Masks::Unlisted> unlistedWords[] = {{"keep", Masks::Unlisted::Keep},
                                                          {"empty", Masks::Unlisted::Empty}};

std::string toJson(const Masks &masks) {
  std::vector<const MaskEntry *> sorted;
  for (const MaskEntry &entry : masks.entries)
    sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const MaskEntry *a, const MaskEntry *b) {
    return std::tie(a->op, a->from, a->to, a) < std::tie(b->op, b->from, b->to, b);
  });
  Json list = Json::array();
  for (const MaskEntry *entry : sorted) {
    Members item(4);
    item("op", entry->op);
    item("from", entry->from);
    item("to", entry->to);
    item("channels", toJson(entry->channels));
    list.push_back(item.json());
  }
  Json file;
  file["format"] = formatName;
  file["version"] = Masks::version;
  file["nodes"] = masks.nodes;
  if (masks.ownerMap > 1)
    file["owner_map"] = masks.ownerMap;
  file["apply"] = wordOf(applyWords, masks.apply);
  if (masks.unlisted != Masks::Unlisted::Keep)
    file["unlisted"] = wordOf(unlistedWords, masks.unlisted);
  file["masks"] = std::move(list);
  return layOut(file);
}

static bool readEntry(const JsonView &view, int64_t nodes, MaskEntry &entry) {
  if (!view.object({"op", "from", "to", "channels"}))
    return false;
  bool good = view.member("op").read(entry.op);
  if (good && entry.op.empty())
    good = view.member("op").fault("is empty", "give the op's name or that of its first output");
  good = view.member("from").read(entry.from, 0, nodes - 1) && good;
  good = view.member("to").read(entry.to, 0, nodes - 1) && good;
  return view.member("channels").read(entry.channels) && good;
}

static bool readBody(const JsonView &view, Masks &masks) {
  bool good = !view.has("apply") || readWord(view.member("apply"), applyWords, masks.apply);
  if (view.has("unlisted"))
    good = readWord(view.member("unlisted"), unlistedWords, masks.unlisted) && good;
  if (view.has("owner_map"))
    good = view.member("owner_map").read(masks.ownerMap, 1, latestOwnerMap) && good;
  std::map<std::tuple<std::string, int64_t, int64_t>, std::string> seen;
  return view.member("masks").elements([&](size_t, const JsonView &item) {
    MaskEntry entry;
    if (!readEntry(item, masks.nodes, entry))
      return false;
    auto [first, fresh] = seen.try_emplace({entry.op, entry.from, entry.to}, item.path());
    if (!fresh)
      return item.fault("op \"" + entry.op + "\", " + std::to_string(entry.from) + " to " +
                            std::to_string(entry.to) + " has an entry already, " + first->second,
                        "keep one of them");
    masks.entries.push_back(std::move(entry));
    return true;
  }) && good;
}

std::optional<Masks> parseMasks(const std::string &text, const std::string &file,
                                std::optional<int64_t> nodes, Diagnostics &diagnostics) {
  return parseStated<Masks>(text, file, nodes, diagnostics, formatName,
                            {"format", "version", "nodes", "masks"},
                            {"apply", "unlisted", "owner_map"}, readBody);
}

std::optional<Masks> readMasks(const std::string &path, std::optional<int64_t> nodes,
                               Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics, maxStatedBytes);
  return text ? parseMasks(*text, path, nodes, diagnostics) : std::nullopt;
}

bool checkMaskEntry(const MaskEntry &entry, size_t index, const IndexSet &owned, int64_t axisSize,
                    const std::string &file, Diagnostics &diagnostics) {
  auto fault = [&](const std::string &what, const std::string &hint) {
    diagnostics.push_back({file, "$.masks[" + std::to_string(index) + "].channels",
                           "op \"" + entry.op + "\": " + what, hint});
    return false;
  };
  if (entry.channels.last() >= axisSize)
    return fault("channel " + std::to_string(entry.channels.last()) +
                     " does not exist, the op's "
                     "input has " +
                     std::to_string(axisSize) + " channels",
                 "count channels along the op's own input axis");
  for (auto [begin, end] : entry.channels.getRanges())
    for (int64_t c = begin; c < end; ++c)
      if (!owned.contains(c))
        return fault("channel " + std::to_string(c) + " is not owned by node " +
                         std::to_string(entry.from),
                     "list global indices of channels that \"from\" owns; `discoc inspect "
                     "--write-owners` writes who owns what");
  return true;
}

} // namespace discoc
