//===- ThisHost.cpp - what this machine is --------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/ThisHost.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace discoc {

/// What stands behind the colon of the first line that begins so.
static std::string lineOf(const char *path, const std::string &key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.rfind(key, 0) == 0)
      return line.substr(std::min(line.size(), line.find(':') + 2));
  return "";
}

/// Boards with Linux say what they are in their device tree, a text that ends with a zero.
static std::string deviceTreeModel() {
  std::ifstream file("/proc/device-tree/model");
  std::string text(std::istreambuf_iterator<char>(file), {});
  return text.substr(0, text.find('\0'));
}

std::string processorName() {
  std::string name = lineOf("/proc/cpuinfo", "model name");
  if (name.empty())
    name = deviceTreeModel();
  return name.empty() ? "a processor without a name" : name;
}

/// "32768K".
static int64_t cacheSize(const std::string &text) {
  const int64_t size = std::strtoll(text.c_str(), nullptr, 10);
  const char unit = text.empty() ? ' ' : text.back();
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
}

int64_t lastCacheBytes() {
  int64_t most = 0;
  for (int level = 0; level < 8; ++level) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(level) +
                       "/size");
    std::string text;
    file >> text;
    most = std::max(most, cacheSize(text));
  }
  return most;
}

double loadOfProcessors() {
  double ofMinute = 0;
  return getloadavg(&ofMinute, 1) == 1
             ? ofMinute / std::max(1U, std::thread::hardware_concurrency())
             : 0;
}

} // namespace discoc
