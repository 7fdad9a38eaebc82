//===- OnnxReader.cpp - reading .onnx files -------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <exception>

using namespace discoc::importer;

namespace {

constexpr int64_t minIrVersion = 3;
/// The newest that says nothing new about what is supported.
constexpr int64_t maxIrVersion = 13;
constexpr const char *notOnnx =
    "check that the path is right, that the download was complete, and that "
    "no Git LFS pointer took its place";

bool readHeader(ReadContext &context, const onnx::ModelProto &proto) {
  Model &model = context.model;
  if (!proto.has_graph())
    return context.error("the model has no graph", notOnnx);
  model.irVersion = proto.ir_version();
  if (model.irVersion < minIrVersion || model.irVersion > maxIrVersion)
    return context.error("the model has IR version " + std::to_string(model.irVersion) +
                             "; supported are " + std::to_string(minIrVersion) + " to " +
                             std::to_string(maxIrVersion),
                         "export it again with a current onnx package");
  model.producerName = proto.producer_name();
  model.producerVersion = proto.producer_version();
  for (const auto &entry : proto.metadata_props()) {
    auto [it, isNew] = model.metadata.emplace(entry.key(), entry.value());
    if (!isNew && it->second != entry.value())
      return context.error("metadata_props has two values for the key " + quote(entry.key()));
  }
  return true;
}

/// Functions whose domain is ONNX's own need no import to be found.
bool checkDefaultOpset(ReadContext &context, const std::string &where,
                       const std::map<std::string, int64_t> &opsets) {
  auto it = opsets.find("");
  if (it == opsets.end())
    return true;
  const ReadOptions &options = context.options;
  if (it->second >= options.minOpset && it->second <= options.maxOpset)
    return true;
  return context.error(where + " uses ONNX opset " + std::to_string(it->second) +
                           "; supported are " + std::to_string(options.minOpset) + " to " +
                           std::to_string(options.maxOpset),
                       it->second > options.maxOpset
                           ? "export it again with a supported opset_version"
                           : "export it again with a supported opset_version, or convert it with "
                             "onnx.version_converter, which knows no Crop, ImageScaler or Affine");
}

/// After functions are inlined every op must be one of ONNX's own.
bool checkDomains(ReadContext &context, const Graph &graph) {
  bool good = true;
  for (const Op &op : graph.ops) {
    for (const Attribute &attribute : op.attributes)
      for (const Graph &inner : attribute.graphs)
        good &= checkDomains(context, inner);
    if ((op.domain.empty() && op.opset != 0) || op.domain == "com.microsoft")
      continue; // of ONNX Runtime's there are a few
    if (op.domain.empty())
      good = context.errorAt(op,
                             "the model does not say which version of ONNX's operators it "
                             "uses: opset_import has no entry for the default domain",
                             "export the model again");
    else
      good = context.errorAt(op,
                             "ops of the domain " + quote(op.domain) +
                                 " are not supported, and the model defines no such function",
                             "export the model with ONNX's own operators only");
  }
  return good;
}

bool readModel(ReadContext &context, std::span<const std::byte> bytes) {
  if (bytes.empty())
    return context.error("the file is empty", notOnnx);
  std::string reason;
  if (!cutRawData(bytes, context.cut, reason))
    return context.error("the file is no ONNX model, or is truncated: " + reason, notOnnx);
  onnx::ModelProto proto;
  if (!proto.ParseFromString(context.cut.rest))
    return context.error("the file is no ONNX model: protobuf cannot parse it", notOnnx);
  context.cut.rest = {};

  Model &model = context.model;
  FunctionMap functions;
  if (!readHeader(context, proto) ||
      !readOpsets(context, proto.opset_import(), "the model", model.opsets) ||
      !checkDefaultOpset(context, "the model", model.opsets) ||
      !readFunctions(context, proto, functions))
    return false;
  for (const auto &[key, function] : functions)
    if (!checkDefaultOpset(context, "function " + quote(function.name), function.opsets))
      return false;
  if (!readGraph(context, proto.graph(), model.graph))
    return false;
  proto.Clear();
  nameOps(model.graph.ops);
  return inlineFunctions(context, functions) && checkDomains(context, model.graph) &&
         checkGraph(context);
}

} // namespace

bool discoc::importer::readOpsets(
    ReadContext &context,
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &protos,
    const std::string &where, std::map<std::string, int64_t> &opsets) {
  for (const auto &entry : protos) {
    auto [it, isNew] = opsets.emplace(normalDomain(entry.domain()), entry.version());
    if (!isNew && it->second != entry.version())
      return context.error(where + " imports two versions of the domain " + quote(entry.domain()) +
                           ": " + std::to_string(it->second) + " and " +
                           std::to_string(entry.version()));
  }
  return true;
}

std::optional<Model>
discoc::importer::readOnnxBytes(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                const std::string &path, const std::string &directory,
                                Diagnostics &errors, const ReadOptions &options) {
  size_t before = errors.size();
  try {
    ReadContext context{errors, options, path, directory, owner, {}, {}, {}, {}, {}, 0};
    context.model.path = path;
    context.model.files.push_back(bytes);
    if (owner)
      context.model.owners.push_back(owner);
    if (readModel(context, bytes) && errors.size() == before)
      return std::move(context.model);
  } catch (const std::exception &exception) {
    // Out of memory, in practice: sizes are checked before they are used.
    errors.push_back({std::string("reading failed: ") + exception.what(), "", path, "", "", 0});
  }
  if (errors.size() == before)
    errors.push_back({"reading failed for an unknown reason", "", path, "", "", 0});
  return std::nullopt;
}

std::optional<Model> discoc::importer::readOnnx(const std::string &path, Diagnostics &errors,
                                                const ReadOptions &options) {
  try {
    std::string reason;
    auto file = MappedFile::open(path, reason);
    if (!file) {
      errors.push_back({"the model " + reason, "check the path", path, "", "", 0});
      return std::nullopt;
    }
    size_t slash = path.rfind('/');
    std::string directory = slash == std::string::npos ? "."
                            : slash == 0               ? "/"
                                                       : path.substr(0, slash);
    return readOnnxBytes(file->bytes(), file, path, directory, errors, options);
  } catch (const std::exception &exception) {
    errors.push_back({std::string("reading failed: ") + exception.what(), "", path, "", "", 0});
    return std::nullopt;
  }
}
