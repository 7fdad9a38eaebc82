//===- Profile.cpp - how fast a host is -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Profile.h"
#include "compiler/formats/Json.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace discoc {

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

/// What speed hangs on, as logarithms. Of a contraction: sums a row of weights makes, rows, and
/// how long a sum is. Of anything else: its result.
static std::array<double, 3> shapeOf(const StepWork &work) {
  auto log = [](double value) { return std::log2(std::max(value, 1.0)); };
  const auto elements = static_cast<double>(std::max<int64_t>(work.elements, 1));
  if (work.macs == 0)
    return {log(static_cast<double>(work.bytes)), 0, 0};
  const double depth = static_cast<double>(work.macs) / elements;
  const double bytesOfElement = work.element == "i8" ? 1 : 4;
  const double rows = static_cast<double>(work.weightBytes) / bytesOfElement / depth;
  return {log(elements / std::max(rows, 1.0)), log(rows), log(depth)};
}

/// What a step is so much of.
static double unitsOf(const StepWork &work) {
  return static_cast<double>(std::max<int64_t>(work.macs ? work.macs : work.bytes, 1));
}

/// Nanoseconds of a unit, of the samples of the same kernel: the nearer the more they count.
static std::optional<double> unitNs(const Profile &profile, const StepWork &work, bool cold) {
  const std::array<double, 3> shape = shapeOf(work);
  double sum = 0, weights = 0;
  for (const KernelSample &sample : profile.kernels) {
    if (sample.work.kernel != work.kernel || sample.work.element != work.element ||
        (sample.work.macs == 0) != (work.macs == 0))
      continue;
    const double whole = cold ? sample.coldNs : sample.ns;
    if (whole <= 0)
      continue;
    const std::array<double, 3> other = shapeOf(sample.work);
    double square = 0.01;
    for (size_t i = 0; i < shape.size(); ++i)
      square += (shape[i] - other[i]) * (shape[i] - other[i]);
    const double weight = 1 / (square * square);
    const double ns = std::max(whole - profile.stepNs, 0.0);
    sum += weight * std::log(std::max(ns / unitsOf(sample.work), 1e-6));
    weights += weight;
  }
  if (weights == 0)
    return std::nullopt;
  return std::exp(sum / weights);
}

double Profile::timeOf(const StepWork &work, bool cold) const {
  for (bool as : {cold, !cold})
    if (const std::optional<double> each = unitNs(*this, work, as))
      return stepNs + *each * unitsOf(work);
  const auto each = macNs.find(work.element);
  const double arithmetic = each == macNs.end() ? 0 : each->second * static_cast<double>(work.macs);
  const double memory =
      bytesPerNs > 0 ? static_cast<double>(work.bytes + work.weightBytes) / bytesPerNs : 0;
  return stepNs + std::max(arithmetic, memory);
}

/// Least squares of relative errors, so that small messages count as much as large ones.
static ByteLine lineThrough(const std::vector<TransportSample> &samples,
                            double TransportSample::*time) {
  double weights = 0, bytes = 0, times = 0;
  auto weightOf = [&](const TransportSample &sample) {
    const double ns = std::max(sample.*time, 1.0);
    return 1 / (ns * ns);
  };
  for (const TransportSample &sample : samples) {
    weights += weightOf(sample);
    bytes += weightOf(sample) * static_cast<double>(sample.bytes);
    times += weightOf(sample) * sample.*time;
  }
  if (weights == 0)
    return {};
  const double meanBytes = bytes / weights, meanTime = times / weights;
  double both = 0, square = 0;
  for (const TransportSample &sample : samples) {
    const double off = static_cast<double>(sample.bytes) - meanBytes;
    both += weightOf(sample) * off * (sample.*time - meanTime);
    square += weightOf(sample) * off * off;
  }
  const double byteNs = square > 0 ? std::max(both / square, 0.0) : 0;
  return {std::max(meanTime - byteNs * meanBytes, 0.0), byteNs};
}

static ByteLine lineOver(const Profile &profile, const std::string &transport,
                         double TransportSample::*time) {
  const auto samples = profile.transports.find(transport);
  return samples == profile.transports.end() ? ByteLine() : lineThrough(samples->second, time);
}

ByteLine Profile::wayOver(const std::string &transport) const {
  return lineOver(*this, transport, &TransportSample::ns);
}

ByteLine Profile::processorOver(const std::string &transport) const {
  return lineOver(*this, transport, &TransportSample::processorNs);
}

Profile nominalProfile(int64_t vectorBytes) {
  constexpr double clockGHz = 2;
  constexpr int64_t floatBytes = 4;
  const double macsPerNs =
      clockGHz * static_cast<double>(std::max<int64_t>(vectorBytes / floatBytes, 1));
  Profile profile;
  profile.host = "a nominal core";
  profile.macNs = {{"f32", 1 / macsPerNs}, {"i8", 1 / (2 * macsPerNs)}};
  profile.stepNs = 500;
  profile.bytesPerNs = 10;
  profile.messageNs = 10'000;
  profile.messageByteNs = 0.5;
  profile.spinNs = 50'000;
  profile.wakeNs = 30'000;
  return profile;
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

static constexpr const char *formatName = "discoc-profile";

/// The numbers of a profile, each with its key.
template <class P> static auto numbersOf(P &profile) {
  return std::array{std::pair{"step_ns", &profile.stepNs},
                    std::pair{"memory_bytes_per_ns", &profile.bytesPerNs},
                    std::pair{"message_ns", &profile.messageNs},
                    std::pair{"message_byte_ns", &profile.messageByteNs},
                    std::pair{"spin_ns", &profile.spinNs},
                    std::pair{"wake_ns", &profile.wakeNs}};
}

template <class W> static auto countsOf(W &work) {
  return std::array{std::pair{"macs", &work.macs}, std::pair{"elements", &work.elements},
                    std::pair{"bytes", &work.bytes}, std::pair{"weight_bytes", &work.weightBytes}};
}

static Json toJson(const KernelSample &sample) {
  Json entry{{"kernel", sample.work.kernel}, {"element", sample.work.element}};
  for (auto [key, value] : countsOf(sample.work))
    entry[key] = *value;
  entry["ns"] = sample.ns;
  entry["cold_ns"] = sample.coldNs;
  return entry;
}

std::string toJson(const Profile &profile) {
  Json file{{"format", formatName},         {"version", Profile::version},
            {"compiler", profile.compiler}, {"host", profile.host},
            {"target", profile.target},     {"cache_bytes", profile.cacheBytes}};
  for (auto [key, value] : numbersOf(profile))
    file[key] = *value;
  file["mac_ns"] = Json::object();
  for (const auto &[element, ns] : profile.macNs)
    file["mac_ns"][element] = ns;
  file["kernels"] = Json::array();
  for (const KernelSample &sample : profile.kernels)
    file["kernels"].push_back(toJson(sample));
  file["transports"] = Json::object();
  for (const auto &[name, samples] : profile.transports) {
    Json list = Json::array();
    for (const TransportSample &sample : samples)
      list.push_back(
          {{"bytes", sample.bytes}, {"ns", sample.ns}, {"processor_ns", sample.processorNs}});
    file["transports"][name] = std::move(list);
  }
  return layOut(file);
}

/// A time is no less than nothing, and less than a day.
static bool readNs(const JsonView &view, double &ns) {
  constexpr double most = 86'400e9;
  return view.read(ns) && ((ns >= 0 && ns <= most) ||
                           view.fault("is no time", "nanoseconds, from 0 to those of a day"));
}

static bool readSample(const JsonView &view, KernelSample &sample) {
  if (!view.object(
          {"kernel", "element", "macs", "elements", "bytes", "weight_bytes", "ns", "cold_ns"}))
    return false;
  bool good = view.member("kernel").read(sample.work.kernel) &&
              view.member("element").read(sample.work.element);
  for (auto [key, value] : countsOf(sample.work))
    good = view.member(key).read(*value) && good;
  return readNs(view.member("ns"), sample.ns) && readNs(view.member("cold_ns"), sample.coldNs) &&
         good;
}

static bool readTransport(const JsonView &view, std::vector<TransportSample> &samples) {
  return view.array() && view.elements([&](size_t, const JsonView &item) {
    const int64_t before = samples.empty() ? -1 : samples.back().bytes;
    TransportSample &sample = samples.emplace_back();
    return item.object({"bytes", "ns", "processor_ns"}) &&
           item.member("bytes").read(sample.bytes) && readNs(item.member("ns"), sample.ns) &&
           readNs(item.member("processor_ns"), sample.processorNs) &&
           (sample.bytes > before ||
            item.member("bytes").fault("is no more than that before", "sort samples by bytes"));
  });
}

static bool readBody(const JsonView &view, Profile &profile) {
  if (!readHeader(view, formatName, Profile::version) ||
      !view.object({"format", "version", "compiler", "host", "target", "cache_bytes", "step_ns",
                    "memory_bytes_per_ns", "message_ns", "message_byte_ns", "spin_ns", "wake_ns",
                    "mac_ns", "kernels", "transports"}))
    return false;
  bool good = view.member("compiler").read(profile.compiler) &&
              view.member("host").read(profile.host) &&
              view.member("target").read(profile.target) &&
              view.member("cache_bytes").read(profile.cacheBytes);
  for (auto [key, value] : numbersOf(profile))
    good = readNs(view.member(key), *value) && good;
  good = view.member("mac_ns").members([&](const std::string &element, const JsonView &item) {
    return readNs(item, profile.macNs[element]);
  }) && good;
  good = view.member("kernels").array() &&
         view.member("kernels").elements([&](size_t, const JsonView &item) {
           return readSample(item, profile.kernels.emplace_back());
         }) &&
         good;
  return view.member("transports").members([&](const std::string &name, const JsonView &item) {
    return readTransport(item, profile.transports[name]);
  }) && good;
}

std::optional<Profile> parseProfile(const std::string &text, const std::string &file,
                                    Diagnostics &diagnostics) {
  const std::optional<ReadJson> json = parseJson(text, file, diagnostics);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  Profile profile;
  if (!readBody(JsonView(*json, context), profile))
    return std::nullopt;
  return profile;
}

std::optional<Profile> readProfile(const std::string &path, Diagnostics &diagnostics) {
  const std::optional<std::string> text = readText(path, diagnostics, maxStatedBytes);
  return text ? parseProfile(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
