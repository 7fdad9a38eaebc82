//===- Toml.cpp - bounds on TOML before the library reads it ---===//
// SPDX-License-Identifier: Apache-2.0
//
// toml++ recurses by the parts of a key and by nested lists, when it reads and when it lets go. So
// both are counted first, by a scan that knows of TOML only where strings and comments are. Nor
// does it see what is not ASCII elsewhere, for which TOML has no use and its tables have gaps.
#include "compiler/formats/Toml.h"
#include "compiler/formats/Limits.h"

#include <algorithm>

namespace discoc {

namespace {
class Scan {
public:
  explicit Scan(const std::string &text) : text_(text) {}

  /// What there is too much of; empty when all is within bounds.
  std::string run() {
    const size_t mark = text_.compare(0, 3, "\xef\xbb\xbf") == 0 ? 3 : 0; // of UTF-8
    for (at_ = mark; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n')
        ++line_;
      if ((c == '"' || c == '\'') && isWithinWord())
        return "has a quotation mark within a word";
      if (c == '"' || c == '\'')
        skipString(c);
      else if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
      else if (std::string what = count(c); !what.empty())
        return what;
    }
    return "";
  }
  int64_t line() const { return line_; }

private:
  /// Where the library, which looks ahead to a value's end, would not see a string begin.
  bool isWithinWord() const {
    return at_ > 0 && std::string(" \t\r\n=,[{.").find(text_[at_ - 1]) == std::string::npos &&
           static_cast<unsigned char>(text_[at_ - 1]) < 0x80;
  }

  std::string count(char c) {
    if (static_cast<unsigned char>(c) >= 0x80)
      return "has characters beyond ASCII outside of strings and comments";
    if (c == '.')
      ++parts_;
    else if (c == '=' || c == ',' || c == '\n' || c == '[' || c == ']' || c == '{' || c == '}')
      parts_ = 1;
    if (c == '[' || c == '{')
      ++depth_;
    else if ((c == ']' || c == '}') && depth_ > 0)
      --depth_;
    if (parts_ > maxKeyParts)
      return "has a key of more than " + std::to_string(maxKeyParts) + " parts";
    return depth_ > maxDepth ? "is nested more than " + std::to_string(maxDepth) + " deep" : "";
  }

  /// Leaves at_ on the string's last character. One that does not end ends with its line, or with
  /// the text when it has three quotation marks; the library says what is wrong with it.
  void skipString(char quote) {
    const bool three = text_.compare(at_, 3, std::string(3, quote)) == 0;
    at_ += three ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        if (!three)
          return;
      }
      if (c == '\\' && quote == '"' && at_ + 1 < text_.size())
        line_ += text_[++at_] == '\n';
      else if (c == quote && (!three || text_.compare(at_, 3, std::string(3, quote)) == 0))
        break;
    }
    at_ += three ? 2 : 0;
    // Two more quotation marks are the last of such a string's own.
    for (int more = 0; three && more < 2 && at_ + 1 < text_.size() && text_[at_ + 1] == quote;
         ++more)
      ++at_;
  }

  const std::string &text_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int parts_ = 1, depth_ = 0;
};
} // namespace

std::optional<Diagnostic> tooMuchToml(const std::string &text, const std::string &file) {
  if (text.size() > static_cast<size_t>(maxTomlBytes))
    return Diagnostic{file, "", "is larger than " + std::to_string(maxTomlBytes >> 20) + " MiB",
                      "is this the right file?"};
  Scan scan(text);
  const std::string what = scan.run();
  if (what.empty())
    return std::nullopt;
  return Diagnostic{file, "line " + std::to_string(scan.line()), what,
                    "write strings in quotation marks, and names plainly, or see whether this is "
                    "the right file"};
}

} // namespace discoc
