//===- EmitModel.cpp - model.h and model.cpp of one shard -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitModel.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/Target.h"
#include "compiler/dialect/WireForm.h"
#include "compiler/formats/Printable.h"
#include "passes/BufferPlan.h"
#include "runtime_stub/disco_note.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace disco;

std::string disco::shardPrefix(const EmitOptions &options, int64_t rank) {
  return options.modelName + "_r" + std::to_string(rank);
}

std::string disco::shardScope(StringRef prefix, StringRef buildHash) {
  return (prefix + "_" + buildHash.take_front(kScopeDigits)).str();
}

std::string disco::cString(StringRef text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    // Three octal digits end an escape, whatever follows; trigraphs cannot arise.
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '?') {
      char octal[5];
      snprintf(octal, sizeof(octal), "\\%03o",
               static_cast<unsigned>(static_cast<unsigned char>(c)));
      quoted += octal;
      continue;
    }
    quoted += c;
  }
  return quoted + "\"";
}

/// Names of ONNX may hold anything: a comment ends at the line's end, and no backslash, also none
/// spelt as a trigraph, may join the next line to it.
static std::string commentText(StringRef text) {
  std::string safe;
  for (char c : discoc::printable(text.substr(0, 4 * discoc::maxShownName), discoc::maxShownName))
    safe += c == '\\' ? '%' : c == '?' && !safe.empty() && safe.back() == '?' ? '%' : c;
  return safe;
}

static std::string shapeText(RankedTensorType type) {
  std::string text;
  for (int64_t extent : type.getShape())
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

/// Of the function that is one inference.
static constexpr StringRef kInferParameters =
    "disco_node *node, const void *const *inputs, void *const *outputs";
static constexpr StringRef kUnusedParameters = "  (void)inputs;\n  (void)outputs;\n";

/// Calls of kernels in one function. A compiler inlines many of them, and what it takes grows
/// faster than the function: an inference of 3,000 calls in one took twice the time.
static constexpr int64_t kMostCalls = 50;

/// Whether a contraction of the function sums products of 8 bits.
static bool sumsBytes(func::FuncOp function) {
  return llvm::any_of(function.getBody().front(), [](Operation &op) {
    auto cost = dyn_cast<CostOpInterface>(op);
    return cost && op.hasAttr(kQuantAttr) && cost.getMacs() > 0;
  });
}

/// The last lines of the function that is one inference. `notes`: the ring; empty without one.
static std::string inferEnd(const std::string &notes) {
  if (notes.empty())
    return "  return disco_end(node);\n";
  return "\n  disco_note_begin(" + notes +
         ", DISCO_NOTE_END);\n  if ((error = disco_end(node)) != 0)\n    return error;\n"
         "  disco_note_end(" +
         notes + ");\n  disco_note_close(" + notes + ", began);\n  return 0;\n";
}

ModelEmitter::ModelEmitter(ModuleOp shard, const EmitOptions &options, SpinBounds spins)
    : shard(shard), function(inferOf(shard)), options(options), spins(std::move(spins)),
      rank(shard->getAttrOfType<IntegerAttr>(kRankAttr).getInt()),
      nodes(nodesOf(cast<ModuleOp>(shard->getParentOp()))), prefix(shardPrefix(options, rank)),
      inFlight(inFlightOf(cast<ModuleOp>(shard->getParentOp()))), store(function),
      traced(isTraced(options)) {
  ownLevels =
      usefulLevels(options.cluster.nodes[static_cast<size_t>(rank)].target, sumsBytes(function));
  const bool isOne = ownLevels.size() < 2;
  if (inFlight > 1) {
    emitPieces(isOne);
    return;
  }
  emitOps();
  code.reserve(structs.size() + parts.size() + calls.size() + 4096);
  llvm::raw_string_ostream os(code);
  os << (isOne ? "" : "namespace DISCO_LEVEL_NAME {\n") << structs << parts
     << (isOne ? "static " : "") << "int infer(" << kInferParameters << ") {\n"
     << kUnusedParameters << "  int error = disco_begin(node);\n  if (error)\n    return error;\n"
     << (traced ? "  const uint64_t began = disco_note_open(" + prefix + "_notes);\n" : "")
     << partCalls << calls << inferEnd(traced ? prefix + "_notes" : "") << "}\n"
     << (isOne ? "" : "} // namespace DISCO_LEVEL_NAME\n");
  for (std::string *part :
       {&structs, &parts, &partCalls, &calls}) // these texts are all that is large about a node
    std::string().swap(*part);
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// What was called since the last part becomes a function of its own, which the calls are now.
void ModelEmitter::endPart() {
  const std::string name = "part" + std::to_string(numParts++);
  parts += "[[gnu::noinline]] static int " + name + "(" + kInferParameters.str() + ") {\n" +
           kUnusedParameters.str() + "  (void)node;\n  [[maybe_unused]] int error = 0;\n" + calls +
           "  return 0;\n}\n";
  calls.clear();
  callsBeforePart = numCalls;
  partCalls += "  if ((error = " + name + "(node, inputs, outputs)) != 0)\n    return error;\n";
}

/// A board's compiler aims at size: it gets one function, whose calls it inlines where that is
/// less.
void ModelEmitter::emitOps() {
  const discoc::Board *board = options.cluster.boardOf(rank);
  const bool hasParts = !board || board->isLinux();
  for (auto [index, op] : llvm::enumerate(function.getBody().front())) {
    if (hasParts && numCalls - callsBeforePart >= kMostCalls)
      endPart();
    step = static_cast<int64_t>(index);
    emitOp(&op);
  }
}

void ModelEmitter::emitOp(Operation *op) {
  if (isa<ConstantOp, func::ReturnOp>(op))
    return;
  if (auto input = dyn_cast<InputOp>(op)) {
    emitInput(input);
  } else if (auto state = dyn_cast<StateOp>(op)) {
    emitState(state);
  } else if (auto keep = dyn_cast<KeepOp>(op)) {
    emitKeep(keep);
  } else if (auto send = dyn_cast<SendOp>(op)) {
    emitSend(send);
  } else if (auto recv = dyn_cast<RecvOp>(op)) {
    emitRecv(recv);
  } else if (auto output = dyn_cast<OutputOp>(op)) {
    emitOutput(output);
  } else if (auto post = dyn_cast<PostOp>(op)) {
    check("disco_post(node, " + std::to_string(indexOf(post)) + ", " + arenaAt(post.getBuffer()) +
          ")");
  } else if (auto flush = dyn_cast<FlushOp>(op)) {
    auto flushed = flush.getBuffer().getDefiningOp<SendOp>();
    checkNoted("disco_flush(node, " + std::to_string(indexOf(flushed)) + ")");
  } else if (!isView(op)) {
    emitKernel(op);
  }
}

void ModelEmitter::beginNote() {
  noted += traced;
  if (traced)
    calls += "  disco_note_begin(" + prefix + "_notes, " + std::to_string(step) + ");\n";
}

void ModelEmitter::endNote(bool computed) {
  if (traced)
    calls += (computed ? "  disco_note_computed(" : "  disco_note_end(") + prefix + "_notes);\n";
}

/// A call that fails leaves its note open: that is where the node stood.
void ModelEmitter::checkNoted(StringRef call) {
  beginNote();
  check(call);
  endNote();
}

void ModelEmitter::check(StringRef call) {
  calls += "  if ((error = " + call.str() + ") != 0)\n    return error;\n";
}

static int64_t offsetOf(Value value) {
  Operation *op = value.getDefiningOp();
  return op->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr)
      .asArrayRef()[cast<OpResult>(value).getResultNumber()];
}

std::string ModelEmitter::arenaAt(Value message) const {
  return "arena + " + std::to_string(offsetOf(message));
}

std::string ModelEmitter::pointer(Value value, bool result) {
  if (!value)
    return "nullptr";
  std::string type = storageType(tensorType(value).getElementType());
  std::string cast = "reinterpret_cast<" + std::string(result ? "" : "const ") + type + " *>(";
  // A view of an input or of a constant is that memory.
  Value origin = value;
  while (isView(origin.getDefiningOp()))
    origin = origin.getDefiningOp()->getOperand(0);
  if (auto input = origin.getDefiningOp<InputOp>(); input && !input->hasAttr(kOffsetsAttr))
    return "static_cast<const " + type + " *>(inputs[" + std::to_string(input.getIndex()) + "])";
  if (isConstant(origin))
    return cast + "weights() + " + std::to_string(store.offsetOf(origin)) + ")";
  return cast + "arena + " + std::to_string(offsetOf(value)) + ")";
}

void ModelEmitter::emitComment(Operation *op) {
  Value result = op->getResult(0);
  std::string name = opName(op), type = opDescription(op);
  calls += "\n  // " + (name.empty() ? op->getName().stripDialect().str() : commentText(name));
  calls += type.empty() ? "" : " (" + commentText(type) + ")";
  calls += ": ";
  std::string inputs;
  for (Value operand : op->getOperands())
    if (!isConstant(operand))
      inputs += (inputs.empty() ? "" : ", ") + shapeText(tensorType(operand));
  calls += inputs + " -> " + shapeText(tensorType(result));
  if (LocalAttr local = localOf(result); local && local.getAxis() >= 0) {
    std::string set;
    llvm::raw_string_ostream os(set);
    local.getSet().print(os);
    if (set.size() > 60)
      set = std::to_string(local.getSet().size()) + " channels";
    calls += ", axis " + std::to_string(local.getAxis()) + ": " + set;
  }
  calls += "\n";
}

/// The struct for one call: those of a kernel with the same parameters share it, and so the
/// kernel's code.
std::string ModelEmitter::parameters(const KernelCall &call) {
  ++numCalls;
  std::string members;
  for (const std::string &member : call.members)
    members += "  " + member + "\n";
  std::string fresh = "op" + std::to_string(structNames.size());
  auto [known, isNew] = structNames.try_emplace({call.kernel, members}, fresh);
  if (isNew) {
    used.insert("kernels/" + call.header);
    structs += "struct " + fresh + " {\n" + members + "};\n";
    instances.push_back(call.kernel);
    library = library || call.mayCallLibrary();
  }
  return known->second;
}

/// The first member of a kernel that works in scratch memory: its bytes. On a board's stack they
/// are more where the program is built for another processor.
static void addScratch(KernelCall &call, bool onStack) {
  const std::string bytes = std::to_string(call.scratch);
  call.members.insert(call.members.begin(),
                      "static constexpr int64_t scratch = " +
                          (onStack ? "disco::on_stack(" + bytes + ")" : bytes) + ";");
}

void ModelEmitter::emitKernel(Operation *op) {
  if (!takesItsLayouts(cast<KernelOpInterface>(op)))
    llvm::report_fatal_error("an op is emitted whose tensors lie as no kernel takes them");
  KernelCall call;
  cast<KernelOpInterface>(op).describeKernel(call);
  const bool onStack = call.scratch > 0 && scratchOnStack(function);
  if (call.scratch > 0)
    addScratch(call, onStack);
  std::string name = parameters(call);
  emitComment(op);
  std::string arguments;
  for (auto [i, value] : llvm::enumerate(call.pointers))
    arguments += (i ? ", " : "") + pointer(value, i == 0);
  beginNote();
  if (!call.sources.empty()) {
    std::string type = storageType(tensorType(call.sources.front()).getElementType());
    calls += "  {\n    const " + type + " *const sources[] = {";
    for (auto [i, value] : llvm::enumerate(call.sources))
      calls += (i ? ", " : "") + pointer(value, false);
    calls += "};\n    disco::" + call.kernel + "<" + name + ">(" + arguments + ", sources);\n  }\n";
  } else {
    if (!call.value.empty())
      arguments += ", " + call.value;
    if (call.scratch > 0)
      arguments +=
          onStack ? ", scratch"
                  : ", arena + " +
                        std::to_string(
                            op->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr).asArrayRef().back());
    const std::string text = "disco::" + call.kernel + "<" + name + ">(" + arguments + ");";
    calls += onStack ? "  disco::with_scratch<" + name + ">([&](void *scratch) { " + text + " });\n"
                     : "  " + text + "\n";
  }
  endNote(/*computed=*/true);
  if (nodes > 1)
    check("disco_pump(node)");
}

static std::string partText(PartAttr part) {
  std::string set;
  llvm::raw_string_ostream os(set);
  part.getSet().print(os);
  return commentText(part.getTensor().getValue()) +
         (part.getAxis() < 0 ? ""
                             : ", " + std::to_string(part.getSet().size()) +
                                   (part.getSet().size() == 1 ? " channel" : " channels") +
                                   (set.size() > 60 ? "" : ": " + set));
}

/// An input that has a place in the arena is copied there, unless the caller put it there.
void ModelEmitter::emitInput(InputOp op) {
  if (!op->hasAttr(kOffsetsAttr))
    return;
  int64_t index = op.getIndex();
  std::string place = "arena + " + std::to_string(inputPlaces[index] = offsetOf(op.getResult()));
  std::string from = "inputs[" + std::to_string(index) + "]";
  calls += "\n  // input " + std::to_string(index) + "\n";
  beginNote();
  calls += "  if (" + from + " != " + place + ")\n    memcpy(" + place + ", " + from + ", " +
           std::to_string(byteSize(tensorType(op.getResult()))) + ");\n";
  endNote();
}

bool ModelEmitter::hasInputPlaces() const {
  return !inputPlaces.empty() && inputPlaces.size() == tensorBytes("inputs").size();
}

/// The channels at `positions`, of a tensor that does not lie by rows, by rows.
static void packAny(KernelCall &call, RankedTensorType type, int64_t axis,
                    ArrayRef<int64_t> positions) {
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<std::string> indices, names;
  for (size_t i = 0; i < shape.size(); ++i)
    names.push_back("i" + std::to_string(i));
  indices = names;
  call.use("relayout").type("x_t", type.getElementType());
  if (axis >= 0) {
    shape[axis] = static_cast<int64_t>(positions.size());
    call.table("index", positions);
    indices[axis] = "(ptrdiff_t)index(" + indices[axis] + ")";
  }
  auto sent = RankedTensorType::get(shape, type.getElementType());
  SmallVector<StringRef> parameters(names.begin(), names.end());
  call.constant("rank", type.getRank()).array("shape", shape);
  call.constant("y_elements", sent.getNumElements());
  call.offsets("y_at", parameters, call.offsetText("y", sent, names));
  call.offsets("x_at", parameters, call.offsetText("x", type, indices));
}

/// The kernel that packs a part of a message.
static KernelCall packOf(Value input, PartAttr part) {
  RankedTensorType type = tensorType(input);
  IndexSet present = localOf(input).getSet();
  SmallVector<int64_t> positions;
  part.getSet().forEach([&](int64_t channel) { positions.push_back(present.positionOf(channel)); });
  KernelCall call;
  if (physicalOf(type)) {
    packAny(call, type, part.getAxis(), positions);
    return call;
  }
  int64_t outer = 1, axis = part.getAxis();
  for (int64_t i = 0; i < axis; ++i)
    outer *= type.getDimSize(i);
  int64_t extent = axisExtent(type, axis);
  call.use("pack").type("x_t", type.getElementType()).constant("outer", outer);
  call.constant("x_extent", extent).constant("extent", static_cast<int64_t>(positions.size()));
  call.constant("inner", extent == 0 ? 0 : type.getNumElements() / outer / extent)
      .table("index", positions);
  return call;
}

/// Where a message is packed: in its place of the mailbox, where its data goes by one, so that
/// nothing copies it there. A board has no mailboxes; a small message is copied as quickly, whole,
/// as it is packed there channel by channel.
std::string ModelEmitter::emitPlace(SendOp op, unsigned index) {
  constexpr int64_t leastBytes = 8192;
  if (isBare(nodeOf(function)) || op.getBuffer().getType().getBytes() < leastBytes)
    return arenaAt(op.getBuffer());
  const std::string place = "message" + std::to_string(index);
  calls += "  unsigned char *const " + place + " = disco_place_or(node, " + std::to_string(index) +
           ", " + arenaAt(op.getBuffer()) + ");\n";
  return place;
}

std::string disco::titleOf(SendOp op, PartAttr part) {
  return "\n  // to node " + std::to_string(op.getTo()) + (part.getRoot() ? " (root): " : ": ") +
         partText(part);
}

void ModelEmitter::emitSend(SendOp op) {
  if (const WireForm form = WireForm::of(op); !form.isPlain())
    return emitCompressed(op, form);
  const unsigned index = indexOf(op);
  if (isSentInPlace(op)) {
    calls += titleOf(op, cast<PartAttr>(op.getParts()[0])) + "; as it lies there\n";
    return checkNoted("disco_send(node, " + std::to_string(index) + ", " + arenaAt(op.getBuffer()) +
                      ")");
  }
  beginNote();
  const std::string place = emitPacked(op, "");
  check("disco_send(node, " + std::to_string(index) + ", " + place + ")");
  endNote();
}

/// Packs the parts of a message; returns where: there, or in the message's place.
std::string ModelEmitter::emitPacked(SendOp op, const std::string &there) {
  std::string place = there;
  int64_t distance = 0;
  for (auto [input, part] : llvm::zip(op.getInputs(), op.getParts().getAsRange<PartAttr>())) {
    KernelCall call = packOf(input, part);
    calls += titleOf(op, part) + "\n";
    if (place.empty())
      place = emitPlace(op, indexOf(op));
    calls += "  disco::" + call.kernel + "<" + parameters(call) + ">(reinterpret_cast<" +
             storageType(tensorType(input).getElementType()) + " *>(" + place +
             (distance ? " + " + std::to_string(distance) : "") + "), " + pointer(input, false) +
             ");\n";
    distance += part.getSet().size() * channelBytes(tensorType(input), part.getAxis());
  }
  return place;
}

void ModelEmitter::emitRecv(RecvOp op) {
  auto post = op.getBuffer().getDefiningOp<PostOp>();
  for (auto part : op.getParts().getAsRange<PartAttr>())
    calls += "\n  // from node " + std::to_string(post.getFrom()) +
             (part.getRoot() ? " (root): " : ": ") + partText(part) + "\n";
  const std::string wait = "disco_wait(node, " + std::to_string(indexOf(post)) + ")";
  const WireForm form = WireForm::of(op);
  if (form.isPlain())
    return checkNoted(wait);
  beginNote();
  check(wait);
  emitExpanded(op, form);
  endNote();
}

/// A session begins with zeros, and so does what follows a reset.
void ModelEmitter::emitState(StateOp op) {
  calls += "\n  // state " + commentText(tensorName(op)) + ": " + shapeText(tensorType(op)) +
           "\n  if (node->sequence == node->reset_after + 1u)\n    memset(arena + " +
           std::to_string(offsetOf(op)) + ", 0, " + std::to_string(byteSize(tensorType(op))) +
           ");\n";
}

void ModelEmitter::emitKeep(KeepOp op) {
  beginNote();
  for (auto [value, state] : llvm::zip(op.getValues(), op.getStates()))
    calls += "\n  // state " + commentText(tensorName(state)) + " of the next inference\n" +
             "  memcpy(arena + " + std::to_string(offsetOf(state)) + ", " + pointer(value, false) +
             ", " + std::to_string(byteSize(tensorType(state))) + ");\n";
  endNote();
}

void ModelEmitter::emitOutput(OutputOp op) {
  calls +=
      "\n  // output " + commentText(op.getName()) + ": " + shapeText(tensorType(op.getX())) + "\n";
  beginNote();
  calls += "  memcpy(outputs[" + std::to_string(op.getIndex()) + "], " + pointer(op.getX(), false) +
           ", " + std::to_string(byteSize(tensorType(op.getX()))) + ");\n";
  endNote();
}

//===----------------------------------------------------------------------===//
// The files
//===----------------------------------------------------------------------===//

void ModelEmitter::emitBanner(std::string &text, StringRef what) const {
  text += "// " + what.str() + " of node " + std::to_string(rank) + " of " + std::to_string(nodes) +
          ", model " + commentText(options.modelFile) + ".\n";
  text += "// Written by discoc " + options.compilerVersion + "; model sha256 " +
          options.modelSha256 + ".\n";
  text += "// Settings:";
  for (auto &[key, value] : options.settings)
    text += " " + commentText(key) + "=" + commentText(value);
  text += "\n";
}

std::string disco::guarded(StringRef guard, StringRef name, StringRef buildHash, StringRef text) {
  std::string value = ("0x" + buildHash.take_front(kScopeDigits) + "u").str();
  return ("#ifndef " + guard + "\n#define " + guard + " " + value + "\n" + text + "\n#elif " +
          guard + " != " + value + "\n#error \"two programs have the name " + name +
          ": compile one of them with --name\"\n#endif // " + guard + "\n")
      .str();
}

std::string ModelEmitter::header(StringRef buildHash, StringRef runtime) const {
  std::string text, upper = StringRef(prefix).upper();
  std::string label = buildHash.take_front(kScopeDigits).str() + "\")";
  text +=
      "\n#include \"runtime/disco.h\"\n" +
      std::string(!traced                        ? ""
                  : options.cluster.isBare(rank) ? "#include \"runtime/disco_note.h\"\n"
                                                 : "#include \"runtime/host/trace.h\"\n") +
      "\n#if DISCO_RUNTIME_VERSION != " + runtime.str() +
      "\n#error \"runtime/disco.h of another version of discoc was included before\"\n#endif\n\n";
  text += "// Bytes of static memory for activations and messages, and of weights.\n";
  text += "#define " + upper + "_ARENA_BYTES " + std::to_string(arenaBytes()) + "u\n";
  text += "#define " + upper + "_WEIGHT_BYTES " + std::to_string(store.bytes()) + "u\n\n";
  if (hasInputPlaces())
    text += "// Inputs that the caller puts there need not be copied; each inference overwrites "
            "them.\nextern \"C\" DISCO_HIDDEN void *const " +
            prefix + "_inputs[] __asm__(\"" + prefix + "_inputs_" + label + ";\n\n";
  text += "// The shard: its inputs and outputs (on the root only), its messages, and infer, one "
          "inference. What uses it\n// links by a name with a hash of the build, and so never to "
          "another program of the same name.\n";
  text += "extern \"C\" DISCO_PUBLIC const disco_program " + prefix + "_program __asm__(\"" +
          prefix + "_program_" + label + ";\n";
  if (traced)
    text += std::string("\n// Where it notes when its steps begin and end, once ") +
            (options.cluster.isBare(rank)
                 ? "it points to a ring (runtime/disco_note.h);\n// disco_note_clock is then to be "
                   "defined, where runtime/board/notes.cpp does not do it.\n"
                 : "disco_trace_open has opened it.\n") +
            "extern \"C\" DISCO_HIDDEN disco_notes *" + prefix + "_notes __asm__(\"" + prefix +
            "_notes_" + label + ";\n#define " + upper + "_NOTES " +
            std::to_string(noteCapacity(options, rank, noted)) + "u // that are kept, the latest\n";
  std::string banner;
  emitBanner(banner, "Interface");
  return banner + guarded(upper + "_MODEL_H", prefix, buildHash, text);
}

static std::string tensorInfo(StringRef name, RankedTensorType type, StringRef dims) {
  return "    {" + cString(name) + ", static_cast<disco_type>(" +
         std::to_string(static_cast<int32_t>(elementInfo(type.getElementType()).type)) + "), " +
         std::to_string(type.getRank()) + ", " + dims.str() + ", " +
         std::to_string(byteSize(type)) + "},\n";
}

int64_t ModelEmitter::noteBytes() const {
  return traced ? static_cast<int64_t>(
                      disco_notes_bytes(static_cast<uint32_t>(noteCapacity(options, rank, noted))))
                : 0;
}

int64_t ModelEmitter::arenaBytes() const { return disco::arenaBytes(shard); }

/// The model's inputs or outputs where this node is given, or returns, them; else null.
ArrayAttr ModelEmitter::tensorsHere(StringRef kind) const {
  auto module = cast<ModuleOp>(shard->getParentOp());
  const Roots roots = rootsOf(module);
  return rank == (kind == "inputs" ? roots.input : roots.output)
             ? module->getAttrOfType<ArrayAttr>(("disco." + kind).str())
             : ArrayAttr();
}

std::vector<int64_t> ModelEmitter::tensorBytes(StringRef kind) const {
  std::vector<int64_t> bytes;
  if (ArrayAttr list = tensorsHere(kind))
    for (auto entry : list.getAsRange<DictionaryAttr>())
      bytes.push_back(byteSize(cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue())));
  return bytes;
}

void ModelEmitter::emitTensorInfos(std::string &text) const {
  for (StringRef kind : {"inputs", "outputs"}) {
    ArrayAttr list = tensorsHere(kind);
    if (!list || list.empty())
      continue;
    std::string infos;
    for (auto [i, entry] : llvm::enumerate(list.getAsRange<DictionaryAttr>())) {
      auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
      std::string dims = "nullptr";
      if (type.getRank() > 0) {
        dims = kind.str() + std::to_string(i) + "_dims";
        text += "static const uint64_t " + dims + "[] = {";
        for (auto [d, extent] : llvm::enumerate(type.getShape()))
          text += (d ? ", " : "") + std::to_string(extent);
        text += "};\n";
      }
      infos += tensorInfo(entry.getAs<StringAttr>("name").getValue(), type, dims);
    }
    text += "static const disco_tensor_info " + kind.str() + "_info[] = {\n" + infos + "};\n";
  }
}

/// The tables of the program; the body of the namespace that is the program's own.
void ModelEmitter::emitTables(std::string &text) const {
  // The linker scripts of boards place the section.
  const discoc::Board *board = options.cluster.boardOf(rank);
  const StringRef section =
      board && !board->isLinux() ? "__attribute__((section(\".bss.disco_arena\"))) " : "";
  text += levelArena(ownLevels, std::max<int64_t>(arenaBytes(), 1), section) +
          "\n[[maybe_unused]] static inline const unsigned char *weights() {\n  return "
          "reinterpret_cast<const unsigned char *>(words);\n}\n\n";
  text += code;
  text += "\n";
  if (ownLevels.size() > 1)
    text +=
        "#if DISCO_LEVEL == 0\n" +
        (inFlight > 1 ? levelChoice(ownLevels, {"What inferences are made of",
                                                "const disco_piece *", "pieces", "", ""})
                      : levelChoice(ownLevels, {"One inference", "int ", "infer",
                                                kInferParameters.str(), "node, inputs, outputs"})) +
        "\n";
  if (!messages.empty()) {
    const bool haveForms =
        llvm::any_of(messages, [](const Message &message) { return message.form != 0; });
    text += !spins.empty() ? "// id, peer, incoming, bytes, form, how long a wait may spin, us\n"
            : haveForms    ? "// id, peer, incoming, bytes, form\n"
                           : "// id, peer, incoming, bytes\n";
    text += "static const disco_message messages[] = {\n";
    for (const Message &message : messages) {
      auto spin = message.incoming ? spins.find(message.id) : spins.end();
      text += "    {" + std::to_string(message.id) + ", " + std::to_string(message.peer) + ", " +
              (message.incoming ? "1" : "0") + ", " + std::to_string(message.bytes);
      if (message.form || spin != spins.end())
        text += ", " + std::to_string(message.form);
      text += (spin == spins.end() ? "" : ", " + std::to_string(spin->second)) + "},\n";
    }
    text += "};\n";
  }
  emitTensorInfos(text);
  emitFlight(text);
}

/// What disco_program says.
std::string ModelEmitter::programFields(StringRef scope, StringRef buildHash,
                                        uint32_t weightsCrc) const {
  auto infos = [&](StringRef kind) {
    size_t count = tensorBytes(kind).size();
    return (count ? (scope + "::" + kind + "_info").str() : std::string("nullptr")) + ", " +
           std::to_string(count);
  };
  std::string text = cString(options.modelName) + ", " + std::to_string(rank) + ", " +
                     std::to_string(nodes) + ",\n    {";
  for (size_t i = 0; i < 16; ++i)
    text += (i ? ", 0x" : "0x") + buildHash.substr(2 * i, 2).str();
  text += "},\n    " + (messages.empty() ? std::string("nullptr") : scope.str() + "::messages") +
          ", " + std::to_string(messages.size()) + ",\n    " + infos("inputs") + ",\n    " +
          infos("outputs") + ",\n    " + std::to_string(arenaBytes()) + ", " +
          std::to_string(store.bytes()) + ",\n    " +
          (inFlight > 1 ? "disco_infer" : scope.str() + "::infer") + ",\n    " +
          (store.bytes() ? scope.str() + "::words" : std::string("nullptr")) + ", ";
  llvm::raw_string_ostream(text) << llvm::format_hex(weightsCrc, 10) << "u";
  const int64_t forms = formsOf(cast<ModuleOp>(shard->getParentOp()));
  if (inFlight == 1 && forms > 1)
    text += ",\n    1, " + std::to_string(forms);
  if (inFlight > 1)
    text += ",\n    " + std::to_string(inFlight) + ", " + std::to_string(forms) +
            ", disco_flight_submit, disco_flight_collect, &" + scope.str() + "::flight";
  return text;
}

std::string ModelEmitter::source(StringRef buildHash, uint32_t weightsCrc) const {
  std::string text, scope = shardScope(prefix, buildHash);
  text.reserve(code.size() + 32 * messages.size() + 4096);
  std::string label = prefix + "_program_" + buildHash.take_front(kScopeDigits).str();
  emitBanner(text, "The program");
  text += "#include \"model.h\"\n\n// The kernels' namespace: this program's own, unless several "
          "are one translation unit.\n" +
          levelHead(ownLevels, scope);
  if (ownLevels.size() > 1 && ownLevels.front().arch == "aarch64")
    text += "#if defined(__linux__)\n#include <sys/auxv.h>\n#endif\n";
  for (const std::string &header : used)
    text += "#include \"runtime/" + header + "\"\n";
  text += "#include <string.h>\n\n";
  text += "namespace " + scope + " DISCO_HIDDEN {\n\nextern const uint32_t words[] __asm__(\"" +
          scope + "_weights\"); // those of weights.*\n\n";
  emitTables(text);
  text += (ownLevels.size() > 1 ? "#endif // DISCO_LEVEL == 0\n" : "") +
          ("\n} // namespace " + scope + "\n\n");
  if (ownLevels.size() > 1)
    text += "#if DISCO_LEVEL == 0\n";
  if (hasInputPlaces()) {
    std::string places;
    for (auto [index, offset] : inputPlaces)
      places += (places.empty() ? "" : ", ") + scope + "::arena + " + std::to_string(offset);
    text += "extern \"C\" void *const " + prefix + "_inputs[] = {" + places + "};\n\n";
  }
  if (traced)
    text += "disco_notes *" + prefix + "_notes = nullptr;\n\n";
  text += "extern \"C\" const disco_program " + prefix + "_program = {\n    " +
          programFields(scope, buildHash, weightsCrc) + "};\n\n";
  // Two programs of one name cannot be linked statically: the second name of both is the same.
  text += "// By its plain name, for dlsym, and so that two programs of one name do not link.\n"
          "extern \"C\" DISCO_PUBLIC const disco_program " +
          scope + "_plain __asm__(\"" + prefix + "_program\")\n    __attribute__((alias(\"" +
          label + "\")));\n";
  if (ownLevels.size() > 1)
    text += "#endif // DISCO_LEVEL == 0\n#undef DISCO_LEVEL\n#undef DISCO_LEVEL_NAME\n";
  return text;
}
