//===- MaskRun.cpp - makes masks for a trained model ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/MaskRun.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/MaskOwners.h"
#include "compiler/driver/MaskText.h"
#include "compiler/driver/ModelPrograms.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Text.h"
#include "compiler/import/OnnxReader.h"
#include "compiler/import/OnnxWriter.h"
#include "compiler/mask/Pieces.h"
#include "compiler/run/RunInputs.h"
#include "compiler/run/Scratch.h"
#include "compiler/verify/VerifyInputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>

namespace fs = std::filesystem;

namespace discoc {

namespace {
class MaskRun {
public:
  explicit MaskRun(const MaskOptions &options)
      : options_(options), model_(options.model), start_(std::chrono::steady_clock::now()),
        programs_(scratch_.path() + "/programs") {}

  int run() {
    const int code = steps();
    activity_.reset();
    fmt::print(stderr, "{}", toString(faults_));
    return code;
  }

private:
  int fault(const std::string &file, const std::string &what, const std::string &hint) {
    faults_.push_back({file, "", what, hint});
    return ExitFault;
  }
  int faultOfModel(const std::string &what, const std::string &hint) {
    return fault(options_.model.model, what, hint);
  }
  int faultOfOp(const mask::Layer &layer, const std::string &what, const std::string &hint) {
    return faultOfModel("op '" + layer.name + "' (" + layer.type + "): " + what, hint);
  }

  int steps();
  int readDivision();
  int checkModel();
  int checkOutput();
  int readInputs();
  int observeAll();
  int observeBatch(int64_t from, int64_t count);
  int noteConstants(const std::string &folder);
  int findFloor();
  int rearrange();
  int choose();
  std::optional<int64_t> latencyWithin(int64_t budget);
  int findBudget(int64_t &budget);
  int adjustAll();
  int adjustLevel(int64_t level);
  int runLevel(int64_t level);
  int writeModel();
  importer::Model wholeModel() const;
  std::vector<float> readFloats(const std::string &path);

  const MaskOptions &options_;
  ModelOptions model_; ///< with the owners as they are by now
  const std::chrono::steady_clock::time_point start_;
  std::optional<Activity> activity_;
  Diagnostics faults_;
  Scratch scratch_;
  ModelPrograms programs_;
  std::optional<ModelDivision> division_;
  std::optional<mask::Masker> masker_;
  std::optional<MovedOwners> moved_;
  std::optional<mask::Pieces> pieces_;
  importer::Model result_;                           ///< with the weights as they are by now
  std::map<std::string, importer::ValueInfo> known_; ///< types and shapes of one inference
  std::vector<importer::Tensor> constants_;          ///< what depends on shapes alone
  std::map<std::string, std::string> files_;         ///< of the changed model, by tensor
  ModelPrograms::Files inputs_;
  int64_t samples_ = 0;
  int64_t floor_ = 0; ///< bytes that cross whatever masks leave out
  bool random_ = false;
};

int MaskRun::steps() {
  activity_.emplace("mask");
  if (scratch_.path().empty())
    return fault("the temporary directory", "cannot be made", "set TMPDIR");
  std::error_code error;
  fs::create_directories(scratch_.path() + "/programs", error);
  for (auto step :
       {&MaskRun::checkOutput, &MaskRun::readDivision, &MaskRun::checkModel, &MaskRun::observeAll,
        &MaskRun::rearrange, &MaskRun::choose, &MaskRun::adjustAll, &MaskRun::writeModel})
    if (const int code = (this->*step)())
      return code;
  return ExitSuccess;
}

//===----------------------------------------------------------------------===//
// Before anything is run
//===----------------------------------------------------------------------===//

int MaskRun::checkOutput() {
  const fs::path folder = fs::path(options_.out).parent_path();
  std::error_code error;
  if (!folder.empty() && !fs::is_directory(folder, error))
    return fault(options_.out, "its folder is not there", "make it, or name another file");
  if (fs::is_directory(options_.out, error))
    return fault(options_.out, "is a folder", "name a file");
  return ExitSuccess;
}

int MaskRun::readDivision() {
  division_ = divideModel(options_.model);
  if (!division_)
    return ExitFault;
  model_.nodes = division_->owners.nodes;
  if (model_.nodes < 2)
    return fault(options_.model.cluster, "has one node: nothing crosses", "give it more");
  if (options_.latency && !division_->latencyNs)
    return fault(options_.model.cluster, "does not say how fast all of its links are",
                 "state the bandwidth of every link that nodes use");
  return ExitSuccess;
}

/// By name, since the ops are many: all that compute with quantised values.
static bool isQuantised(const std::string &type) {
  return type.find("Quantize") != std::string::npos || type.find("QLinear") == 0 ||
         type == "QGemm" || type.find("Integer") != std::string::npos;
}

int MaskRun::checkModel() {
  const importer::Model &model = division_->model;
  for (const importer::Op &op : model.graph.ops)
    if (isQuantised(op.type))
      return faultOfModel("op '" + op.name + "' (" + op.type + ") is quantised",
                          "mask the float32 model first, and quantise what comes out");
  for (const char *key : {metadataMasks, metadataOwners})
    if (auto entry = model.metadata.find(key); entry != model.metadata.end()) {
      Diagnostics ignored;
      const auto owners = parseOwners(entry->second, key, std::nullopt, ignored);
      const auto masks = parseMasks(entry->second, key, std::nullopt, ignored);
      const int64_t nodes = owners ? owners->nodes : masks ? masks->nodes : model_.nodes;
      if (nodes != model_.nodes)
        return faultOfModel(fmt::format("its metadata entry {} is for {} nodes, not for {}", key,
                                        nodes, model_.nodes),
                            "mask the model from before, or for as many nodes");
    }
  result_ = model;
  const size_t threads =
      options_.threads ? options_.threads : std::max(1u, std::thread::hardware_concurrency());
  if (std::none_of(division_->contractions.begin(), division_->contractions.end(),
                   mask::Masker::readsOthers))
    return faultOfModel(
        "no op reads channels of another node, so there is nothing to mask",
        "`discoc inspect` shows who owns what; state other owner maps with --owners");
  masker_.emplace(model.graph, division_->contractions, model_.nodes, threads);
  pieces_.emplace(model.graph, masker_->ops());
  std::erase_if(masker_->parts(), [&](const mask::Masker::Part &part) {
    return pieces_->levelOf(part.layer.op) < 1; // of constants
  });
  for (const mask::Masker::Part &part : masker_->parts())
    if (!mask::readWeights(model.graph, part.layer).allFinite())
      return faultOfOp(part.layer, "its weights are not finite numbers",
                       "train the model again, or repair them");
  if (masker_->bytes() == 0 && !masker_->whole().empty())
    return faultOfModel("no op that reads channels of another node can be masked: " +
                            masker_->whole().front().first + ": " + masker_->whole().front().second,
                        "store its weights as float32 constants");
  return options_.bytes ? findFloor() : ExitSuccess;
}

/// Compiles with masks that leave out all that they can.
int MaskRun::findFloor() {
  Masks none = masker_->masks(division_->owners.ownerMap);
  none.apply = Masks::Apply::Zero;
  for (MaskEntry &entry : none.entries)
    entry.channels = {};
  ModelOptions options = model_;
  options.masks = scratch_.path() + "/none.json";
  if (!writeText(options.masks, toJson(none), faults_))
    return ExitFault;
  const std::optional<ModelDivision> least = divideModel(options);
  if (!least)
    return ExitFault;
  floor_ = least->exchangedBytes;
  if (*options_.bytes >= floor_)
    return ExitSuccess;
  return fault(
      "--bytes",
      fmt::format("{} bytes an inference cannot be met: {} cross that no mask leaves out",
                  *options_.bytes, floor_),
      fmt::format("give at least {}; `discoc inspect` shows by layer what crosses", floor_));
}

//===----------------------------------------------------------------------===//
// The model as it is
//===----------------------------------------------------------------------===//

static importer::ValueInfo nameAlone(const std::string &name) {
  importer::ValueInfo info;
  info.name = name;
  return info;
}

/// With all outputs that something is to be known of.
importer::Model MaskRun::wholeModel() const {
  importer::Model whole = result_;
  whole.metadata.erase(metadataMasks);
  whole.metadata.erase(metadataOwners);
  std::set<std::string> shown(pieces_->shapes().begin(), pieces_->shapes().end());
  for (int64_t level = 0; level < pieces_->count(); ++level)
    for (const std::string &name : pieces_->outputsOf(level))
      shown.insert(name);
  for (const mask::Masker::Part &part : const_cast<mask::Masker &>(*masker_).parts()) {
    shown.insert(part.layer.input);
    shown.insert(part.layer.output);
  }
  for (const importer::ValueInfo &input : whole.graph.inputs)
    shown.erase(input.name);
  whole.graph.outputs.clear();
  for (const std::string &name : shown)
    whole.graph.outputs.push_back(nameAlone(name));
  return whole;
}

static importer::ValueInfo infoOf(const ManifestTensor &tensor) {
  importer::ValueInfo info;
  info.name = tensor.name;
  info.type = elementInfo(tensor.type)->type;
  info.hasShape = true;
  for (int64_t extent : tensor.shape)
    info.dims.push_back({extent, ""});
  return info;
}

static std::vector<int64_t> shapeOf(const importer::ValueInfo &info) {
  std::vector<int64_t> shape;
  for (const importer::Dim &dim : info.dims)
    shape.push_back(dim.size);
  return shape;
}

int MaskRun::readInputs() {
  const Manifest &manifest = programs_.manifest();
  std::optional<Preprocess> preprocess = manifest.preprocess;
  if (!options_.preprocess.empty() && !(preprocess = readPreprocess(options_.preprocess, faults_)))
    return ExitFault;
  random_ = options_.calibration.empty();
  if (random_) {
    hideProgress();
    fmt::print(stderr, "warning: no --calibration: the errors on random inputs say little of those "
                       "on real ones; give some that the model was made for\n");
    samples_ = options_.samples;
    const std::vector<Array> arrays = randomInputs(manifest, samples_, options_.seed, false);
    for (size_t i = 0; i < arrays.size(); ++i) {
      inputs_.emplace_back(manifest.inputs[i].name,
                           fmt::format("{}/random{}.npy", scratch_.path(), i));
      if (!writeNpy(inputs_.back().second, arrays[i], faults_))
        return ExitFault;
    }
    return ExitSuccess;
  }
  std::vector<std::string> arguments = options_.calibration;
  for (std::string &argument : arguments)
    if (manifest.inputs.size() == 1 && argument.rfind(manifest.inputs[0].name + "=", 0) != 0)
      argument = manifest.inputs[0].name + "=" + argument;
  const auto inputs = collectInputs(arguments, manifest, preprocess, scratch_.path(), faults_);
  if (!inputs)
    return ExitFault;
  inputs_ = inputs->files;
  samples_ = inputs->count;
  return ExitSuccess;
}

std::vector<float> MaskRun::readFloats(const std::string &path) {
  const std::optional<Array> array = readNpy(path, faults_);
  if (!array || array->type != ElementType::F32)
    return {};
  std::vector<float> values(array->data.size() / sizeof(float));
  std::memcpy(values.data(), array->data.data(), values.size() * sizeof(float));
  return values;
}

/// Tensors of `count` inferences from the `from`th on, in a file of their own.
static bool cut(const std::string &file, const std::string &to, int64_t all, int64_t from,
                int64_t count, Diagnostics &faults) {
  std::optional<Array> array = readNpy(file, faults);
  if (!array)
    return false;
  const auto size = static_cast<ptrdiff_t>(array->data.size()) / all;
  array->data = {array->data.begin() + from * size, array->data.begin() + (from + count) * size};
  if (array->shape.empty())
    array->shape = {count};
  else
    array->shape[0] = array->shape[0] / all * count;
  return writeNpy(to, *array, faults);
}

int MaskRun::noteConstants(const std::string &folder) {
  const Manifest &manifest = programs_.manifest();
  for (size_t i = 0; i < manifest.outputs.size(); ++i) {
    const ManifestTensor &output = manifest.outputs[i];
    if (pieces_->shapes().count(output.name) == 0)
      continue;
    std::optional<Array> values = readNpy(programs_.outputFileOf(folder, i), faults_);
    if (!values)
      return ExitRun;
    importer::Tensor tensor;
    tensor.name = output.name;
    tensor.type = values->type;
    tensor.dims = output.shape;
    auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(output.elements()) *
                                                          elementInfo(output.type)->bits / 8);
    std::memcpy(bytes->data(), values->data.data(), bytes->size());
    tensor.bytes = *bytes;
    tensor.owner = std::move(bytes);
    constants_.push_back(std::move(tensor));
  }
  return ExitSuccess;
}

/// A few inferences at a time: what they make is large.
int MaskRun::observeBatch(int64_t from, int64_t count) {
  const std::string folder = scratch_.path() + "/whole";
  ModelPrograms::Files inputs, tensors;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    inputs.emplace_back(inputs_[i].first, fmt::format("{}/batch{}.npy", scratch_.path(), i));
    if (!cut(inputs_[i].second, inputs.back().second, samples_, from, count, faults_))
      return ExitFault;
  }
  if (const int code = programs_.run(inputs, count, folder, faults_))
    return code;
  if (from == 0)
    if (const int code = noteConstants(folder))
      return code;
  std::map<std::string, std::string> files;
  for (const auto &[name, file] : inputs)
    files[name] = file;
  for (size_t i = 0; i < programs_.manifest().outputs.size(); ++i)
    files[programs_.manifest().outputs[i].name] = programs_.outputFileOf(folder, i);
  for (mask::Masker::Part &part : masker_->parts()) {
    const std::vector<float> input = readFloats(files.at(part.layer.input));
    const std::vector<float> output = readFloats(files.at(part.layer.output));
    if (input.empty() || output.empty())
      return faultOfOp(part.layer, "what it reads or makes is not float32", "");
    const size_t in = input.size() / static_cast<size_t>(count);
    const size_t out = output.size() / static_cast<size_t>(count);
    for (int64_t i = 0; i < count; ++i)
      masker_->observe(part, from + i, input.data() + in * static_cast<size_t>(i),
                       output.data() + out * static_cast<size_t>(i));
  }
  std::error_code error;
  fs::remove_all(folder, error);
  return ExitSuccess;
}

int MaskRun::observeAll() {
  constexpr int64_t batch = 8;
  activity_->at("the whole model");
  if (const int code = programs_.compile(wholeModel(), faults_))
    return code;
  if (const int code = readInputs())
    return code;
  if (samples_ < 4)
    return fault("--calibration",
                 fmt::format("{} inputs are too few: a quarter is held out", samples_),
                 "give at least 4");
  if (const int code = programs_.build(faults_))
    return code;
  const Manifest &manifest = programs_.manifest();
  for (const std::vector<ManifestTensor> *tensors : {&manifest.inputs, &manifest.outputs})
    for (const ManifestTensor &tensor : *tensors)
      known_[tensor.name] = infoOf(tensor);
  masker_->begin(samples_);
  for (mask::Masker::Part &part : masker_->parts()) {
    part.layer.inputShape = shapeOf(known_.at(part.layer.input));
    part.layer.outputShape = shapeOf(known_.at(part.layer.output));
  }
  for (int64_t from = 0; from < samples_; from += batch) {
    activity_->count("what layers read, input", from + 1, samples_);
    if (const int code = observeBatch(from, std::min(batch, samples_ - from)))
      return code;
  }
  for (const mask::Masker::Part &part : masker_->parts())
    if (!mask::Masker::isFinite(part))
      return faultOfOp(part.layer, "what it computes of the calibration inputs is not finite",
                       "give inputs as the model takes them; see --preprocess");
  return ExitSuccess;
}

//===----------------------------------------------------------------------===//
// Masks and weights
//===----------------------------------------------------------------------===//

/// Gives channels to the nodes to which they say most. The bytes of all features stay what they
/// were; those that no mask leaves out may be others.
int MaskRun::rearrange() {
  activity_->at("rearranging channels");
  const int64_t bytes = masker_->bytes();
  if (options_.defaultOwners || !(moved_ = moveOwners(*division_, *masker_)))
    return ExitSuccess;
  model_.owners = scratch_.path() + "/owners.json";
  if (!writeText(model_.owners, toJson(moved_->owners), faults_))
    return ExitFault;
  std::optional<ModelDivision> division = divideModel(model_);
  if (!division)
    return faultOfModel("does not compile with its channels rearranged",
                        "this is a fault of discoc; --default-owners leaves them where they are");
  division->exchangedBytes = division_->exchangedBytes;
  division->latencyNs = division_->latencyNs;
  division_ = std::move(division);
  masker_->redivide(division_->contractions);
  if (masker_->bytes() != bytes)
    return faultOfModel("exchanges other bytes with its channels rearranged",
                        "this is a fault of discoc; --default-owners leaves them where they are");
  return options_.bytes ? findFloor() : ExitSuccess;
}

/// Predicted, with what is read at most so many bytes; nothing after errors.
std::optional<int64_t> MaskRun::latencyWithin(int64_t budget) {
  Masks masks = masker_->masksWithin(budget, division_->owners.ownerMap);
  masks.apply = Masks::Apply::Zero;
  ModelOptions options = model_;
  options.masks = scratch_.path() + "/within.json";
  if (!writeText(options.masks, toJson(masks), faults_))
    return std::nullopt;
  const std::optional<ModelDivision> division = divideModel(options);
  return division ? division->latencyNs : std::nullopt;
}

/// The most bytes with which an inference takes no longer than is wanted, to a hundredth of all.
int MaskRun::findBudget(int64_t &budget) {
  const double wanted = *options_.latency * 1e6;
  const std::optional<int64_t> least = latencyWithin(0);
  if (!least)
    return ExitFault;
  if (static_cast<double>(*least) > wanted)
    return fault("--latency",
                 fmt::format("{:g} ms cannot be met: with no masked channel sent at all an "
                             "inference takes {:.3f} ms, by prediction",
                             *options_.latency, static_cast<double>(*least) / 1e6),
                 "allow more, or take other nodes and links: `discoc inspect --what-if` compares");
  if (static_cast<double>(*division_->latencyNs) <= wanted) {
    budget = masker_->bytes();
    return ExitSuccess;
  }
  budget = 0;
  for (int64_t over = masker_->bytes(), step = over / 100; over - budget > step;) {
    const int64_t middle = budget + (over - budget) / 2;
    const std::optional<int64_t> latency = latencyWithin(middle);
    if (!latency)
      return ExitFault;
    (static_cast<double>(*latency) <= wanted ? budget : over) = middle;
  }
  return ExitSuccess;
}

int MaskRun::choose() {
  activity_->at("choosing what is sent");
  const auto all = static_cast<double>(masker_->bytes());
  int64_t budget = options_.density ? static_cast<int64_t>(std::floor(*options_.density * all))
                   : options_.bytes ? *options_.bytes - floor_
                                    : 0;
  masker_->rank();
  if (options_.latency)
    if (const int code = findBudget(budget))
      return code;
  masker_->choose(budget);
  return ExitSuccess;
}

int MaskRun::adjustLevel(int64_t level) {
  for (mask::Masker::Part &part : masker_->parts()) {
    if (pieces_->levelOf(part.layer.op) != level)
      continue;
    const std::vector<float> input = readFloats(files_.at(part.layer.input));
    const size_t size = input.size() / static_cast<size_t>(samples_);
    if (size == 0)
      return ExitRun;
    for (int64_t i = 0; i < samples_; ++i)
      masker_->observe(part, i, input.data() + size * static_cast<size_t>(i), nullptr);
    const mask::Matrix old = mask::readWeights(division_->model.graph, part.layer);
    const mask::Matrix weights = masker_->adjust(part, old, level == 1);
    if (weights != old)
      mask::writeWeights(result_.graph, part.layer, weights);
    part.fitOutputs.resize(0, 0);
    part.heldOutputs.resize(0, 0);
  }
  return ExitSuccess;
}

/// What later levels see, and nothing that they do not.
int MaskRun::runLevel(int64_t level) {
  const std::vector<std::string> outputs = pieces_->outputsOf(level);
  if (outputs.empty())
    return ExitSuccess;
  if (const int code =
          programs_.compile(pieces_->make(result_, level, known_, constants_), faults_))
    return code;
  if (const int code = programs_.build(faults_))
    return code;
  ModelPrograms::Files inputs;
  for (const std::string &name : pieces_->inputsOf(level))
    inputs.emplace_back(name, files_.at(name));
  const std::string folder = fmt::format("{}/level{}", scratch_.path(), level);
  if (const int code = programs_.run(inputs, samples_, folder, faults_))
    return code;
  for (size_t i = 0; i < programs_.manifest().outputs.size(); ++i)
    files_[programs_.manifest().outputs[i].name] = programs_.outputFileOf(folder, i);
  std::set<std::string> later;
  for (int64_t next = level + 1; next < pieces_->count(); ++next)
    for (const std::string &name : pieces_->inputsOf(next))
      later.insert(name);
  std::error_code error;
  for (const auto &[name, file] : files_) // the user's own stay
    if (later.count(name) == 0 && file.rfind(scratch_.path() + "/", 0) == 0)
      fs::remove(file, error);
  return ExitSuccess;
}

int MaskRun::adjustAll() {
  activity_->at("");
  for (const auto &[name, file] : inputs_)
    files_[name] = file;
  Activity adjusting("weights");
  for (int64_t level = 0; level < pieces_->count(); ++level) {
    adjusting.count("level", level + 1, pieces_->count());
    if (const int code = adjustLevel(level))
      return code;
    if (level + 1 < pieces_->count())
      if (const int code = runLevel(level))
        return code;
  }
  return ExitSuccess;
}

//===----------------------------------------------------------------------===//
// The masked model
//===----------------------------------------------------------------------===//

int MaskRun::writeModel() {
  result_.metadata[metadataMasks] = toJson(masker_->masks(division_->owners.ownerMap));
  result_.metadata[metadataOwners] = toJson(division_->owners);
  const std::string part = options_.out + ".part";
  const Unfinished unfinished(part);
  std::vector<importer::Diagnostic> errors;
  if (!importer::writeOnnx(result_, part, errors)) {
    for (const importer::Diagnostic &one : errors)
      faults_.push_back({"", "", one.str(), ""});
    return ExitFault;
  }
  // What is said of it is what compile makes of it.
  ModelOptions masked;
  masked.model = part;
  masked.nodes = model_.nodes;
  masked.cluster = options_.model.cluster;
  masked.profile = options_.model.profile;
  masked.strategy = options_.model.strategy;
  const std::optional<ModelDivision> after = divideModel(masked);
  std::error_code error;
  if (!after) {
    fs::remove(part, error);
    return faultOfModel("the masked model does not compile", "this is a fault of discoc");
  }
  fs::rename(part, options_.out, error);
  if (error) {
    fs::remove(part, error);
    return fault(options_.out, "cannot be written", "");
  }
  MaskSummary summary;
  summary.model = options_.model.model;
  summary.output = options_.out;
  summary.nodes = model_.nodes;
  summary.samples = samples_;
  summary.held = samples_ / 4;
  summary.random = random_;
  for (const mask::Masker::Part &each : masker_->parts())
    summary.layers.push_back(each.result);
  summary.whole = masker_->whole();
  summary.moved = moved_;
  summary.bytesBefore = division_->exchangedBytes;
  summary.bytesAfter = after->exchangedBytes;
  summary.latencyBefore = division_->latencyNs;
  summary.latencyAfter = after->latencyNs;
  summary.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  activity_.reset();
  fmt::print("{}", options_.json ? maskJson(summary) : maskText(summary));
  return ExitSuccess;
}
} // namespace

int runMask(const MaskOptions &options) { return MaskRun(options).run(); }

} // namespace discoc
