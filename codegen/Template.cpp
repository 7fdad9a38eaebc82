//===- Template.cpp - texts of emitted files with places to fill ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Template.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;
using namespace disco;

namespace {
struct Embedded {
  StringRef name, text;
};
} // namespace

/// The files of codegen/templates.
static constexpr Embedded kTemplates[] = {
#include "codegen/Templates.inc"
};

[[noreturn]] static void fail(StringRef name, StringRef why, StringRef what) {
  report_fatal_error("template '" + name + "' " + why + " '" + what + "'");
}

/// The length of the placeholder that `text` begins with, 0 where it begins with none.
static size_t placeholderLength(StringRef text) {
  if (!text.starts_with("@"))
    return 0;
  size_t end = text.find_if_not([](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }, 1);
  return end != StringRef::npos && end > 1 && text[end] == '@' ? end + 1 : 0;
}

std::string disco::fillText(StringRef text, ArrayRef<TemplateValue> values, StringRef name) {
  std::string filled;
  SmallVector<bool> used(values.size());
  for (bool startsLine = true; !text.empty();) {
    const size_t length = placeholderLength(text);
    if (!length) {
      startsLine = text.front() == '\n';
      filled += text.front();
      text = text.drop_front();
      continue;
    }
    StringRef word = text.slice(1, length - 1);
    const TemplateValue *found = find_if(values, [&](auto &value) { return value.first == word; });
    if (found == values.end())
      fail(name, "has no value for", word);
    used[found - values.begin()] = true;
    text = text.drop_front(length);
    if (startsLine && text.consume_front("\n")) {
      if (!found->second.empty() && found->second.back() != '\n')
        fail(name, "wants whole lines for", word);
    } else {
      startsLine = false;
    }
    filled += found->second;
  }
  for (auto [value, isUsed] : zip(values, used))
    if (!isUsed)
      fail(name, "has no place for", value.first);
  return filled;
}

std::string disco::fillTemplate(StringRef name, ArrayRef<TemplateValue> values) {
  const Embedded *found = find_if(kTemplates, [&](auto &file) { return file.name == name; });
  if (found == std::end(kTemplates))
    fail(name, "is no file of", "codegen/templates");
  return fillText(found->text, values, name);
}
