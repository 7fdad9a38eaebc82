//===- Json.cpp - JSON with a path in every complaint ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Json.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/Printable.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

namespace discoc {

//===- views ---===//

bool JsonView::fault(const std::string &what, const std::string &hint) const {
  size_t n = ++context_->faults;
  if (n <= maxFaults)
    context_->out.push_back({context_->file, path_, what, hint});
  else if (n == maxFaults + 1)
    context_->out.push_back({context_->file, "", "more faults follow", "correct these first"});
  return false;
}

namespace {
/// What a value is, for "is a list, not a string".
const char *kindOf(const ReadJson &value) {
  switch (value.type()) {
  case ReadJson::value_t::object: return "an object";
  case ReadJson::value_t::array: return "a list";
  case ReadJson::value_t::string: return "a string";
  case ReadJson::value_t::boolean: return "true or false";
  case ReadJson::value_t::null: return "null";
  case ReadJson::value_t::number_float: return "a number with a fraction or an exponent";
  default: return "a number";
  }
}

std::string shortened(const std::string &text) { return printable(text, 60); }
} // namespace

bool JsonView::object(std::initializer_list<const char *> required,
                      std::initializer_list<const char *> optional) const {
  if (!value_->is_object())
    return fault(std::string("is ") + kindOf(*value_) + ", not an object");
  bool good = true;
  for (const char *key : required)
    if (!value_->contains(key))
      good = fault(std::string("has no \"") + key + "\"", "add it");
  for (auto it = value_->begin(); it != value_->end(); ++it) {
    auto same = [&](const char *key) { return it.key() == key; };
    if (std::any_of(required.begin(), required.end(), same) ||
        std::any_of(optional.begin(), optional.end(), same))
      continue;
    std::string known;
    for (auto list : {required, optional})
      for (const char *key : list)
        known += (known.empty() ? "" : ", ") + std::string(key);
    good = fault("unknown key \"" + shortened(it.key()) + "\"", "known here: " + known);
  }
  return good;
}

bool JsonView::array() const {
  return value_->is_array() || fault(std::string("is ") + kindOf(*value_) + ", not a list");
}

bool JsonView::array(size_t exactly, const std::string &of) const {
  if (!array())
    return false;
  if (size() == exactly)
    return true;
  return fault("has " + std::to_string(size()) + " elements",
               "give " + std::to_string(exactly) + ": " + of);
}

static std::string step(const std::string &key) {
  bool plain = !key.empty() && key.size() <= 60;
  for (char c : key)
    plain = plain && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '_');
  return plain ? "." + key : "[\"" + shortened(key) + "\"]";
}

JsonView JsonView::member(const std::string &key) const {
  return {value_->at(key), path_ + step(key), context_};
}

JsonView JsonView::element(size_t index) const {
  return {value_->at(index), path_ + "[" + std::to_string(index) + "]", context_};
}

bool JsonView::members(
    const std::function<bool(const std::string &, const JsonView &)> &each) const {
  bool good =
      value_->is_object() || fault(std::string("is ") + kindOf(*value_) + ", not an object");
  if (!good)
    return false;
  for (auto it = value_->begin(); it != value_->end(); ++it)
    good = each(it.key(), JsonView(it.value(), path_ + step(it.key()), context_)) && good;
  return good;
}

bool JsonView::elements(const std::function<bool(size_t, const JsonView &)> &each) const {
  bool good = array();
  if (good)
    for (size_t i = 0; i < size(); ++i)
      good = each(i, element(i)) && good;
  return good;
}

bool JsonView::read(std::string &out) const {
  if (!value_->is_string())
    return fault(std::string("is ") + kindOf(*value_) + ", not a string");
  out = value_->get<std::string>();
  return true;
}

bool JsonView::read(bool &out) const {
  if (!value_->is_boolean())
    return fault(std::string("is ") + kindOf(*value_) + ", not true or false");
  out = value_->get<bool>();
  return true;
}

bool JsonView::read(double &out) const {
  if (!value_->is_number())
    return fault(std::string("is ") + kindOf(*value_) + ", not a number");
  out = value_->get<double>();
  return std::isfinite(out) || fault("is not a finite number");
}

bool JsonView::read(int64_t &out, int64_t least, int64_t most) const {
  if (!value_->is_number_integer())
    return fault(std::string("is ") + kindOf(*value_) + ", not an integer");
  const bool wide =
      value_->is_number_unsigned() && value_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  out = wide ? INT64_MAX : value_->get<int64_t>();
  if (!wide && out >= least && out <= most)
    return true;
  return fault(value_->dump() + " is out of range",
               most == INT64_MAX
                   ? "the least is " + std::to_string(least)
                   : "allowed is " + std::to_string(least) + " to " + std::to_string(most));
}

bool JsonView::read(IndexSet &out) const {
  out = IndexSet();
  if (!array())
    return false;
  for (size_t i = 0; i < size(); ++i) {
    const JsonView item = element(i);
    int64_t first = 0, last = 0;
    if (item.isArray()) {
      if (!item.array(2, "the first and the last channel") ||
          !item.element(0).read(first, 0, maxIndex) || !item.element(1).read(last, 0, maxIndex))
        return false;
      if (last < first)
        return item.fault("the range ends before it begins", "write [first, last]");
    } else {
      if (!item.read(first, 0, maxIndex))
        return false;
      last = first;
    }
    if (out.append(first, last + 1))
      continue;
    if (out.contains(first))
      return item.fault("channel " + std::to_string(first) + " is listed twice",
                        "name every channel once");
    return item.fault("channel " + std::to_string(first) + " comes after " +
                          std::to_string(out.last()),
                      "list channels in rising order");
  }
  return true;
}

//===- reading ---===//

namespace {
/// nlohmann keeps the last of two equal keys and says nothing; we say it. And values are counted. A
/// look of its own: parsing with a callback takes time with the square of an array's length.
class Watch {
public:
  explicit Watch(int64_t most) : most_(most) {}
  bool start_object(size_t) {
    open_.emplace_back();
    return count();
  }
  bool end_object() {
    open_.pop_back();
    return count();
  }
  bool key(std::string &name) {
    if (found.empty() && !open_.back().insert(name).second)
      found = name;
    return count();
  }
  bool start_array(size_t) { return count(); }
  bool end_array() { return count(); }
  bool null() { return count(); }
  bool boolean(bool) { return count(); }
  bool number_integer(int64_t) { return count(); }
  bool number_unsigned(uint64_t) { return count(); }
  bool number_float(double, const std::string &) { return count(); }
  bool string(std::string &) { return count(); }
  bool binary(ReadJson::binary_t &) { return count(); }
  /// Parsing says it again, as an exception.
  static bool parse_error(size_t, const std::string &, const ReadJson::exception &) {
    return false;
  }

  std::string found;

private:
  bool count() {
    if (++count_ > most_)
      throw std::length_error("it has more than " + std::to_string(most_) + " values");
    return true;
  }

  const int64_t most_;
  int64_t count_ = 0;
  std::vector<std::set<std::string>> open_;
};
} // namespace

/// Reading recurses nowhere, but writing and our own readers may.
static bool tooDeep(const std::string &text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"')
      inString = true;
    else if (c == '[' || c == '{') {
      if (++depth > maxDepth)
        return true;
    } else if (c == ']' || c == '}')
      --depth;
  }
  return false;
}

std::optional<ReadJson> parseJson(const std::string &text, const std::string &file,
                                  Diagnostics &out, const JsonBounds &bounds) {
  auto refuse = [&](const std::string &what, const char *hint) {
    out.push_back({file, "", what, hint});
    return std::nullopt;
  };
  if (text.size() > static_cast<size_t>(bounds.bytes))
    return refuse("is larger than " + std::to_string(bounds.bytes >> 20) + " MiB",
                  "is this the right file?");
  if (tooDeep(text))
    return refuse("is nested more than " + std::to_string(maxDepth) + " deep",
                  "is this the right file?");
  try {
    Watch watch(bounds.values);
    ReadJson::sax_parse(text, &watch);
    ReadJson value = ReadJson::parse(text);
    if (watch.found.empty())
      return value;
    return refuse("an object has the key \"" + shortened(watch.found) + "\" twice",
                  "keep one of them");
  } catch (const std::length_error &error) {
    return refuse(std::string("is too large: ") + error.what(), "is this the right file?");
  } catch (const ReadJson::parse_error &error) {
    size_t end = std::min(error.byte, text.size());
    size_t line = 1 + static_cast<size_t>(
                          std::count(text.begin(), text.begin() + static_cast<long>(end), '\n'));
    std::string what = error.what();
    size_t colon = what.rfind("syntax error");
    out.push_back({file, "line " + std::to_string(line),
                   "is not JSON: " + (colon == std::string::npos ? what : what.substr(colon)), ""});
  } catch (const std::exception &error) {
    out.push_back({file, "", std::string("is not JSON: ") + error.what(), ""});
  }
  return std::nullopt;
}

bool readHeader(const JsonView &view, const char *format, int64_t version) {
  std::string found;
  int64_t v = 0;
  if (!view.json().is_object())
    return view.fault("is not an object", std::string("a ") + format + " file is one");
  if (!view.has("format"))
    return view.fault("has no \"format\"",
                      std::string("a file of this kind says \"format\": \"") + format + "\"");
  if (!view.member("format").read(found))
    return false;
  if (found != format)
    return view.member("format").fault("is \"" + shortened(found) + "\"",
                                       std::string("expected is \"") + format + "\"");
  if (!view.has("version"))
    return view.fault("has no \"version\"", "this discoc knows " + std::to_string(version));
  if (!view.member("version").read(v))
    return false;
  if (v == version)
    return true;
  const std::string known = "this discoc knows only version " + std::to_string(version);
  return view.member("version").fault(
      "is " + std::to_string(v),
      v > version ? known + "; it was written by a newer discoc: read it with that one, or make it "
                            "again with this one"
                  : known + "; make the file again");
}

bool readNodes(const JsonView &view, std::optional<int64_t> expected, int64_t &nodes) {
  if (!view.read(nodes, 1, maxNodes))
    return false;
  if (!expected || nodes == *expected)
    return true;
  return view.fault("the file is for " + std::to_string(nodes) + " nodes, the cluster has " +
                        std::to_string(*expected),
                    "compile with -n " + std::to_string(nodes) + " or give another file");
}

std::optional<std::vector<std::string>> parseLabels(const std::string &text,
                                                    const std::string &file, Diagnostics &out) {
  std::optional<ReadJson> value = parseJson(text, file, out);
  if (!value)
    return std::nullopt;
  JsonView::Context context{file, out};
  std::vector<std::string> labels;
  bool good = JsonView(*value, context).elements([&](size_t, const JsonView &item) {
    labels.emplace_back();
    return item.read(labels.back());
  });
  return good ? std::optional(labels) : std::nullopt;
}

//===- writing ---===//

Json toJson(const IndexSet &set) {
  Json list = Json::array();
  for (auto [begin, end] : set.getRanges()) {
    if (end > begin + 2) {
      list.push_back(Json::array({begin, end - 1}));
      continue;
    }
    for (int64_t i = begin; i < end; ++i)
      list.push_back(i);
  }
  return list;
}

namespace {
/// All beyond ASCII as \uNNNN: exact, and safe to show.
std::string compact(const Json &value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

void appendText(std::string &out, const std::string &text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (plain)
    out.append(1, '"').append(text).append(1, '"');
  else
    out += compact(Json(text));
}

void appendLeaf(std::string &out, const Json &value) {
  if (value.is_string())
    appendText(out, value.get_ref<const std::string &>());
  else if (value.is_number_integer() && !value.is_number_unsigned())
    out += std::to_string(value.get<int64_t>());
  else
    out += compact(value);
}

/// Appends value as `{"a": 1, "b": [1, 2]}`. False, with a part of it appended, when the text would
/// become longer than `most`.
bool appendLine(std::string &out, const Json &value, size_t most) {
  if (!value.is_structured()) {
    appendLeaf(out, value);
    return out.size() <= most;
  }
  out += value.is_object() ? '{' : '[';
  const char *sep = "";
  for (auto it = value.begin(); it != value.end(); ++it, sep = ", ") {
    out += sep;
    if (value.is_object()) {
      appendText(out, it.key());
      out += ": ";
    }
    if (!appendLine(out, *it, most))
      return false;
  }
  out += value.is_object() ? '}' : ']';
  return out.size() <= most;
}

/// Appends value to out; `column` is where it starts, for the line's width.
void append(std::string &out, const Json &value, size_t indent, size_t column) {
  constexpr size_t width = 100;
  const bool open = value.is_structured() && !value.empty();
  const size_t start = out.size(), room = column < width ? width - column - 1 : 0;
  if (appendLine(out, value, open ? start + room : std::string::npos))
    return;
  out.resize(start);
  const std::string pad(indent + 2, ' ');
  if (value.is_object()) {
    const char *sep = "{\n";
    for (auto it = value.begin(); it != value.end(); ++it) {
      out += sep + pad;
      const size_t before = out.size();
      appendText(out, it.key());
      out += ": ";
      append(out, it.value(), indent + 2, pad.size() + out.size() - before);
      sep = ",\n";
    }
    out += "\n" + std::string(indent, ' ') + "}";
    return;
  }
  // Lists of short things (channels) fill lines, others go one a line.
  bool fill = true;
  for (const Json &item : value)
    fill = fill && (!item.is_structured() ||
                    (item.is_array() && item.size() <= 2 && (item.empty() || item[0].is_number())));
  size_t at = 0;
  std::string text;
  out += "[";
  for (const Json &item : value) {
    text.clear();
    append(text, item, indent + 2, pad.size());
    if (at > 0)
      out += ",";
    if (at == 0 || !fill || at + text.size() + 2 > width) {
      out += "\n" + pad;
      at = pad.size();
    } else {
      out += " ";
      ++at;
    }
    out += text;
    at += text.size() + 1;
  }
  out += "\n" + std::string(indent, ' ') + "]";
}
} // namespace

std::string layOut(const Json &value) {
  std::string out;
  append(out, value, 0, 0);
  return out + "\n";
}

std::string layOutItem(const Json &value) {
  std::string out;
  append(out, value, 4, 4);
  return out;
}

std::string layOut(const Json &before, const char *key,
                   const std::vector<const std::string *> &items, const Json &after) {
  std::string out = "{";
  const char *sep = "\n  ";
  auto addMember = [&](const std::string &name) {
    out += sep;
    const size_t start = out.size();
    appendText(out, name);
    out += ": ";
    sep = ",\n  ";
    return 2 + out.size() - start; // columns
  };
  for (const auto &member : before.items())
    append(out, member.value(), 2, addMember(member.key()));
  addMember(key);
  out += "[";
  const char *comma = "\n    ";
  for (const std::string *item : items) {
    out.append(comma).append(*item);
    comma = ",\n    ";
  }
  out += items.empty() ? "]" : "\n  ]";
  for (const auto &member : after.items())
    append(out, member.value(), 2, addMember(member.key()));
  return out + "\n}\n";
}

} // namespace discoc
