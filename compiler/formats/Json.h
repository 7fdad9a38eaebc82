//===- Json.h - JSON with a path in every complaint; only inside discocFormats ---===//
// SPDX-License-Identifier: Apache-2.0
//
// nlohmann-json throws. Everything here catches, and hands faults on as
// diagnostics, so that no exception leaves the library.
#ifndef DISCOC_FORMATS_JSON_H
#define DISCOC_FORMATS_JSON_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/IndexSet.h"
#include "compiler/formats/Limits.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace discoc {

/// For writing: keys in the order in which they are added.
using Json = nlohmann::ordered_json;
/// For reading: finding a key in a hostile object with a million must be quick.
using ReadJson = nlohmann::json;

/// One value of a file that is being read, with the path that led to it.
/// The getters complain when the value is of another kind and return false;
/// after maxFaults complaints of one file the rest are counted only.
class JsonView {
public:
  struct Context {
    std::string file;
    Diagnostics &out;
    size_t faults = 0;
  };
  static constexpr size_t maxFaults = 20;

  JsonView(const ReadJson &value, Context &context)
      : value_(&value), path_("$"), context_(&context) {}

  const std::string &path() const { return path_; }
  const ReadJson &json() const { return *value_; }
  bool isArray() const { return value_->is_array(); }
  size_t size() const { return value_->size(); }

  /// Always false, so that a reader can `return view.fault(...)`.
  bool fault(const std::string &what, const std::string &hint = "") const;

  /// An object that has all of `required` and otherwise only `optional`.
  bool object(std::initializer_list<const char *> required,
              std::initializer_list<const char *> optional = {}) const;
  bool array() const;
  bool array(size_t exactly, const std::string &of) const;

  bool has(const char *key) const { return value_->is_object() && value_->contains(key); }
  JsonView member(const std::string &key) const;
  JsonView element(size_t index) const;
  /// Calls back for each member, sorted by key; false when any call was.
  bool members(const std::function<bool(const std::string &, const JsonView &)> &each) const;
  bool elements(const std::function<bool(size_t, const JsonView &)> &each) const;

  bool read(std::string &out) const;
  bool read(bool &out) const;
  bool read(double &out) const; ///< finite
  bool read(int64_t &out, int64_t least = 0,
            int64_t most = std::numeric_limits<int64_t>::max()) const;
  bool read(IndexSet &out) const; ///< [3, [8, 15]], rising

private:
  JsonView(const ReadJson &value, std::string path, Context *context)
      : value_(&value), path_(std::move(path)), context_(context) {}
  const ReadJson *value_;
  std::string path_;
  Context *context_;
};

/// A name of a word of an enum; the table's first column is what files say.
template <class E> struct Word {
  const char *text;
  E value;
};
template <class E, size_t n>
bool readWord(const JsonView &view, const Word<E> (&words)[n], E &out) {
  std::string text, all;
  if (!view.read(text))
    return false;
  for (const Word<E> &w : words) {
    if (text == w.text) {
      out = w.value;
      return true;
    }
    all += std::string(all.empty() ? "\"" : ", \"") + w.text + "\"";
  }
  return view.fault("unknown word \"" + text + "\"", "use one of " + all);
}
template <class E, size_t n> const char *wordOf(const Word<E> (&words)[n], E value) {
  for (const Word<E> &w : words)
    if (w.value == value)
      return w.text;
  return "";
}

/// How much of a JSON text is read: what files take in memory is bounded by both.
struct JsonBounds {
  int64_t bytes, values; ///< every key counts as a value, too
};
/// What users and models state.
constexpr JsonBounds statedBounds{maxStatedBytes, 8 << 20};
/// What discoc itself wrote; of 1,024 nodes it is large.
constexpr JsonBounds writtenBounds{maxFileBytes, 32 << 20};

/// Parses text; doubled keys are faults.
std::optional<ReadJson> parseJson(const std::string &text, const std::string &file,
                                  Diagnostics &out, const JsonBounds &bounds = statedBounds);

/// "format" and "version", which every file starts with. Files of a newer version are refused by
/// its number.
bool readHeader(const JsonView &view, const char *format, int64_t version);

/// "nodes" of a file, against -n.
bool readNodes(const JsonView &view, std::optional<int64_t> expected, int64_t &nodes);

Json toJson(const IndexSet &set);

/// Adds members to an object that is known not to have them: nothing is looked for.
class Members {
public:
  explicit Members(size_t most) { object_.reserve(most); }
  template <class T> void operator()(const char *key, T &&value) {
    object_.emplace_back(std::piecewise_construct, std::forward_as_tuple(key),
                         std::forward_as_tuple(std::forward<T>(value)));
  }
  Json json() { return Json(std::move(object_)); }

private:
  Json::object_t object_;
};

/// Text of a file: what fits into a line of 100 columns stays on one.
std::string layOut(const Json &value);

/// The text of one value of a list that is a member of a file's object.
std::string layOutItem(const Json &value);
/// Text of a file that is an object: the members of `before`, a list of many items whose texts are
/// made already, the members of `after`. The same as if all were one value, for less memory.
std::string layOut(const Json &before, const char *key,
                   const std::vector<const std::string *> &items, const Json &after);

} // namespace discoc

#endif // DISCOC_FORMATS_JSON_H
