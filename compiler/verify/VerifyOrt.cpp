//===- VerifyOrt.cpp - ONNX Runtime through its C interface ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/VerifyOrt.h"

#include <cstring>
#include <dlfcn.h>

namespace discoc {

namespace {
/// Places in the table of version 1 of the interface, in the order of onnxruntime_c_api.h.
enum Slot : size_t {
  GetErrorMessage = 2,
  CreateEnv = 3,
  CreateSession = 7,
  Run = 9,
  CreateSessionOptions = 10,
  SetSessionLogSeverityLevel = 22,
  SetSessionGraphOptimizationLevel = 23,
  SetIntraOpNumThreads = 24,
  CreateTensorWithDataAsOrtValue = 49,
  GetTensorMutableData = 51,
  GetTensorElementType = 60,
  GetDimensionsCount = 61,
  GetDimensions = 62,
  GetTensorTypeAndShape = 65,
  CreateCpuMemoryInfo = 69,
  ReleaseEnv = 92,
  ReleaseStatus = 93,
  ReleaseMemoryInfo = 94,
  ReleaseSession = 95,
  ReleaseValue = 96,
  ReleaseTensorTypeAndShapeInfo = 99,
  ReleaseSessionOptions = 100,
};
struct ApiBase {
  const void *const *(*getApi)(uint32_t version);
  const char *(*getVersion)();
};
constexpr int errorsOnly = 3, optimiseNothing = 0, optimiseAll = 99;
} // namespace

struct OrtSession::Impl {
  const void *const *table = nullptr;
  std::string library;
  void *environment = nullptr, *options = nullptr, *session = nullptr, *memory = nullptr;

  ~Impl() {
    release(ReleaseSession, session);
    release(ReleaseSessionOptions, options);
    release(ReleaseMemoryInfo, memory);
    release(ReleaseEnv, environment);
  }

  /// A function that returns a status: null when all is well.
  template <class... Arguments> bool call(Diagnostics &out, Slot slot, Arguments... arguments) {
    using Function = void *(*)(Arguments...);
    void *status = reinterpret_cast<Function>(const_cast<void *>(table[slot]))(arguments...);
    if (!status)
      return true;
    using GetMessage = const char *(*)(void *);
    const char *text =
        reinterpret_cast<GetMessage>(const_cast<void *>(table[GetErrorMessage]))(status);
    out.push_back({library, "", std::string("ONNX Runtime says: ") + text, ""});
    release(ReleaseStatus, status);
    return false;
  }

  void release(Slot slot, void *object) {
    using Function = void (*)(void *);
    if (object && table)
      reinterpret_cast<Function>(const_cast<void *>(table[slot]))(object);
  }

  bool load(Diagnostics &out) {
    // It stays loaded: its threads may outlive the session.
    void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      out.push_back({library, "", std::string("cannot be loaded: ") + dlerror(),
                     "name libonnxruntime.so.1, such as that of the npm package onnxruntime-node"});
      return false;
    }
    using GetBase = const ApiBase *(*)();
    const auto getBase = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
    table = getBase ? getBase()->getApi(1) : nullptr;
    if (!table)
      out.push_back({library, "", "is not ONNX Runtime: it has no OrtGetApiBase", ""});
    return table != nullptr;
  }

  bool openSession(const std::string &model, bool optimise, Diagnostics &out) {
    return call(out, CreateEnv, errorsOnly, "discoc", &environment) &&
           call(out, CreateCpuMemoryInfo, 0, 0, &memory) &&
           call(out, CreateSessionOptions, &options) &&
           call(out, SetSessionLogSeverityLevel, options, errorsOnly) &&
           call(out, SetSessionGraphOptimizationLevel, options,
                optimise ? optimiseAll : optimiseNothing) &&
           call(out, SetIntraOpNumThreads, options, 1) &&
           call(out, CreateSession, environment, model.c_str(), options, &session);
  }

  bool makeTensor(const Array &array, void **value, Diagnostics &out) {
    static uint8_t nothing;
    void *data = array.data.empty() ? &nothing : const_cast<uint8_t *>(array.data.data());
    return call(out, CreateTensorWithDataAsOrtValue, memory, data, array.data.size(),
                array.shape.data(), array.shape.size(), static_cast<int>(array.type), value);
  }

  bool readTensor(void *value, Array &array, Diagnostics &out) {
    void *info = nullptr, *data = nullptr;
    int type = 0;
    size_t rank = 0;
    if (!call(out, GetTensorTypeAndShape, value, &info))
      return false;
    bool good =
        call(out, GetTensorElementType, info, &type) && call(out, GetDimensionsCount, info, &rank);
    array.shape.resize(rank);
    good = good && call(out, GetDimensions, info, array.shape.data(), rank) &&
           call(out, GetTensorMutableData, value, &data);
    release(ReleaseTensorTypeAndShapeInfo, info);
    const ElementInfo *element = elementInfo(static_cast<ElementType>(type));
    const bool known = element && element->name;
    if (good && !known)
      out.push_back({library, "", "returned elements of type " + std::to_string(type), ""});
    if (!good || !known)
      return false;
    array.type = element->type;
    array.data.resize(static_cast<size_t>(array.count() * element->bytes()));
    if (!array.data.empty())
      std::memcpy(array.data.data(), data, array.data.size());
    return true;
  }
};

OrtSession::~OrtSession() = default;

std::unique_ptr<OrtSession> OrtSession::open(const std::string &library, const std::string &model,
                                             bool optimise, Diagnostics &out) {
  std::unique_ptr<OrtSession> session(new OrtSession);
  session->impl_ = std::make_unique<Impl>();
  session->impl_->library = library;
  const bool good = session->impl_->load(out) && session->impl_->openSession(model, optimise, out);
  return good ? std::move(session) : nullptr;
}

std::optional<std::vector<Array>> OrtSession::run(const std::vector<std::string> &inputNames,
                                                  const std::vector<Array> &inputs,
                                                  const std::vector<std::string> &outputNames,
                                                  Diagnostics &out) {
  std::vector<void *> values(inputs.size() + 1), results(outputNames.size() + 1);
  std::vector<const char *> ins(inputs.size() + 1), outs(outputNames.size() + 1);
  bool good = true;
  for (size_t i = 0; good && i < inputs.size(); ++i) {
    ins[i] = inputNames[i].c_str();
    good = impl_->makeTensor(inputs[i], &values[i], out);
  }
  for (size_t i = 0; i < outputNames.size(); ++i)
    outs[i] = outputNames[i].c_str();
  void *defaults = nullptr;
  good = good && impl_->call(out, Run, impl_->session, defaults, ins.data(), values.data(),
                             inputs.size(), outs.data(), outputNames.size(), results.data());
  std::vector<Array> arrays(outputNames.size());
  for (size_t i = 0; good && i < arrays.size(); ++i)
    good = impl_->readTensor(results[i], arrays[i], out);
  for (void *value : values)
    impl_->release(ReleaseValue, value);
  for (void *value : results)
    impl_->release(ReleaseValue, value);
  return good ? std::optional(std::move(arrays)) : std::nullopt;
}

} // namespace discoc
