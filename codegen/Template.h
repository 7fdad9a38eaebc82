//===- Template.h - texts of emitted files with places to fill --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_TEMPLATE_H
#define DISCOC_CODEGEN_TEMPLATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <utility>

namespace disco {

using TemplateValue = std::pair<llvm::StringRef, std::string>;

/// The text with every `@name@` replaced by its value. A placeholder that has a line to itself
/// stands for whole lines, or none: its value ends with a line's end, or is empty. A placeholder
/// without a value and a value without a placeholder end the compiler: `name` is what it calls the
/// text then.
std::string fillText(llvm::StringRef text, llvm::ArrayRef<TemplateValue> values,
                     llvm::StringRef name);

/// The same of a file of codegen/templates, by its path there without ".in".
std::string fillTemplate(llvm::StringRef name, llvm::ArrayRef<TemplateValue> values);

} // namespace disco

#endif // DISCOC_CODEGEN_TEMPLATE_H
