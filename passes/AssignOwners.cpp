//===- AssignOwners.cpp - give every tensor its owner map -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Target.h"
#include "passes/Passes.h"
#include "passes/strategies/Strategy.h"
#include "llvm/Support/MathExtras.h"

namespace disco {
#define GEN_PASS_DEF_ASSIGNOWNERS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

/// A message counts its bytes in 32 bits.
static constexpr int64_t kMaxTensorBytes = (int64_t(1) << 31) - 1;

static bool isSupported(RankedTensorType type, bool isStored) {
  int64_t bytes = elementBytes(type.getElementType());
  for (int64_t extent : type.getShape())
    if (llvm::MulOverflow(bytes, extent, bytes) || (bytes > kMaxTensorBytes && !isStored))
      return false;
  return true;
}

static LogicalResult checkSizes(func::FuncOp function) {
  for (Operation &op : function.getBody().front())
    for (Type type : op.getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && !isSupported(tensor, isa<ConstantOp>(op)))
        return op.emitError("makes a tensor of type ")
               << type << ", which is larger than the 2 GiB that discoc supports";
  return success();
}

/// A map is for all nodes, or for those of every stage.
static LogicalResult checkStated(ModuleOp module, const Problem &problem) {
  const std::vector<SmallVector<int64_t>> stages = stageRanksOf(module);
  for (Value tensor : problem.tensors) {
    auto stated = tensor.getDefiningOp()->getAttrOfType<OwnedAttr>(kOwnersAttr);
    if (!stated || stated.getNodes() == problem.nodes)
      continue;
    const bool isOfStages =
        !stages.empty() && llvm::all_of(stages, [&](const SmallVector<int64_t> &ranks) {
          return static_cast<int64_t>(ranks.size()) == stated.getNodes();
        });
    if (!isOfStages)
      return tensor.getDefiningOp()->emitError("the stated owner map is for ")
             << stated.getNodes() << " nodes, not " << problem.nodes;
  }
  return success();
}

/// Who only hands inputs out and outputs in owns nothing, whoever says so.
static LogicalResult checkDispatcher(ModuleOp module, const Problem &problem,
                                     llvm::function_ref<OwnedAttr(Value)> ownersOf) {
  const Roots roots = rootsOf(module);
  for (Value tensor : problem.tensors)
    for (int64_t rank : {roots.input, roots.output})
      if (OwnedAttr owners = ownersOf(tensor);
          owners && owners.getNodes() == problem.nodes && roots.isDispatcher(rank) &&
          !isa<InputOp>(tensor.getDefiningOp()) && !owners.getSet(rank).empty())
        return tensor.getDefiningOp()->emitError("is given to node ")
               << rank
               << ", which computes nothing: [root] of the cluster file says compute = "
                  "false; give it to another node";
  return success();
}

/// Shares that can be dealt: one a node, and not all 0.
static LogicalResult checkShares(ModuleOp module, int64_t nodes, const Strategy &strategy) {
  const Roots roots = rootsOf(module);
  auto shares = module->getAttrOfType<DenseI64ArrayAttr>(kSharesAttr);
  if (!shares)
    return success();
  auto fail = [&](const Twine &why) { return module.emitError("the shares of the nodes ") << why; };
  if (shares.size() != nodes)
    return fail("are ") << shares.size() << " numbers; state one for each of the " << nodes
                        << " nodes";
  if (llvm::any_of(shares.asArrayRef(),
                   [](int64_t share) { return share < 0 || share > kLargestShare; }))
    return fail("have one that is none: state numbers from 0 to ") << kLargestShare;
  if (llvm::all_of(shares.asArrayRef(), [](int64_t share) { return share == 0; }))
    return fail("are all 0: state more than 0 for a node that is to own something");
  for (int64_t rank : {roots.input, roots.output})
    if (roots.isDispatcher(rank) && shares[rank] > 0)
      return fail("give node ") << rank
                                << " something, which computes nothing: [root] of the cluster file "
                                   "says compute = false; state 0 for it";
  if (!strategy.dealsShares())
    return fail("say nothing to this strategy or plan, which decides itself what each node owns; "
                "leave them out");
  if (ownerMapOf(module).value_or(2) != 2)
    return fail("need owner map 2, and map ")
           << *ownerMapOf(module)
           << " is stated, or owner maps or masks that were made for it; leave one of the two out";
  return success();
}

/// The strategy that the module asks for; null after a diagnostic.
static std::unique_ptr<Strategy> strategyOf(ModuleOp module) {
  if (module->hasAttr(kPlanAttr))
    return createGivenPlan();
  auto wanted = module->getAttrOfType<StringAttr>(kStrategyAttr);
  StringRef name = wanted ? wanted.getValue() : StringRef(strategies().front().name);
  std::unique_ptr<Strategy> strategy = createStrategy(name);
  if (!strategy)
    module.emitError("there is no strategy '")
        << name << "'; the strategies are " << strategyNames();
  return strategy;
}

/// What every proposal keeps, whoever made it.
static bool isSound(const Problem &problem, Value tensor, OwnedAttr owners) {
  if (!owners || owners.getNodes() != problem.nodes)
    return false;
  if (OwnedAttr stated = problem.statedFor(tensor); stated && stated != owners)
    return false;
  if (isa<InputOp>(tensor.getDefiningOp()) && problem.nodes > 1 &&
      owners.getSet(problem.root).size() != axisExtent(tensorType(tensor), owners.getAxis()))
    return false;
  auto emitError = [&] { return mlir::emitError(tensor.getLoc()); };
  return succeeded(owners.verifyEncoding(shapeOf(tensor), Type(), emitError));
}

static void applyProposal(const Problem &problem, const Proposal &proposal) {
  for (Value tensor : problem.tensors) {
    Choice choice = proposal.lookup(tensor);
    if (!isSound(problem, tensor, choice.owners))
      llvm::report_fatal_error("a strategy gives a tensor owners that it cannot have");
    Operation *op = tensor.getDefiningOp();
    tensor.setType(withLayout(tensorType(tensor), choice.owners));
    op->removeAttr(kOwnersAttr);
    if (!choice.reason.empty())
      op->setAttr(kReplicatedAttr, StringAttr::get(op->getContext(), choice.reason));
  }
}

/// Whether each node owns the channels that stated masks have it send. Masks for the nodes of a
/// stage are for those of the stage that has the input.
static bool fitsMasks(const Problem &problem, const Proposal &proposal) {
  func::FuncOp function = problem.function;
  const std::vector<SmallVector<int64_t>> stages =
      stageRanksOf(function->getParentOfType<ModuleOp>());
  auto sends = [&](OwnedAttr owners, RouteAttr route) {
    const auto from = static_cast<size_t>(route.getFrom());
    return llvm::any_of(stages, [&](const SmallVector<int64_t> &ranks) {
      return from < ranks.size() && (owners.getSet(ranks[from]).containsAll(route.getSet()) ||
                                     owners.getSet(problem.root).containsAll(route.getSet()));
    });
  };
  for (Operation &op : function.getBody().front()) {
    auto mask = op.getAttrOfType<DictionaryAttr>(kStatedMaskAttr);
    std::optional<Contraction> rule = contractionOf(&op);
    if (!mask || !rule)
      continue;
    OwnedAttr owners = proposal.lookup(op.getOperand(0)).owners;
    if (!owners || owners.getAxis() != rule->inputAxis)
      continue;
    for (auto route : mask.getAs<ArrayAttr>("routes").getAsRange<RouteAttr>())
      if (mask.contains(kMembersAttr) ? !sends(owners, route)
                                      : !owners.getSet(route.getFrom()).containsAll(route.getSet()))
        return false;
  }
  return true;
}

/// Asks a strategy about the nodes that compute; a plan is for all nodes.
static LogicalResult ask(ModuleOp module, Strategy &strategy, const Problem &problem,
                         Proposal &proposal) {
  if (rootsOf(module).compute || module->hasAttr(kPlanAttr))
    return strategy.propose(problem, proposal);
  const SmallVector<int64_t> computing = computingRanks(module);
  if (computing.empty())
    return module.emitError(
        "no node computes: [root] of the cluster file says compute = false, and "
        "there is no other node; add one");
  const Problem part = problem.part(computing);
  Proposal own;
  if (failed(strategy.propose(part, own)))
    return failure();
  proposal = problem.expand(part, own);
  return success();
}

/// Masks that do not say for which default map they were made are for the one that they fit, the
/// first where they fit several, or none: what was trained before there was another stays right.
static LogicalResult propose(ModuleOp module, Problem &problem, Proposal &proposal) {
  std::unique_ptr<Strategy> strategy = strategyOf(module);
  std::optional<int64_t> stated = ownerMapOf(module);
  if (stated && (*stated < 1 || *stated > kLatestOwnerMap))
    return module.emitError("there is no owner map ")
           << *stated << "; the maps have the numbers 1 to " << kLatestOwnerMap;
  if (!strategy || failed(checkShares(module, problem.nodes, *strategy)))
    return failure();
  if (module->hasAttr(kSharesAttr) && !stated) {
    stated = 2;
    module->setAttr(kOwnerMapAttr, Builder(module.getContext()).getI64IntegerAttr(2));
  }
  problem.ownerMap = stated.value_or(1);
  if (failed(ask(module, *strategy, problem, proposal)))
    return failure();
  ArrayAttr stages = strategy->stages();
  if (!stated && !fitsMasks(problem, proposal)) {
    Proposal other;
    problem.ownerMap = 2;
    if (failed(ask(module, *strategy, problem, other)))
      return failure();
    if (fitsMasks(problem, other)) {
      proposal = std::move(other);
      stages = strategy->stages();
      module->setAttr(kOwnerMapAttr, Builder(module.getContext()).getI64IntegerAttr(2));
    }
  }
  if (stages)
    module->setAttr(kStagesAttr, stages);
  return success();
}

namespace {
struct AssignOwnersPass : disco::impl::AssignOwnersBase<AssignOwnersPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function || failed(checkSizes(function)))
      return signalPassFailure();
    int64_t nodes = nodesOf(getOperation());
    FailureOr<std::optional<discoc::Profile>> profile = profileOf(getOperation());
    if (failed(profile))
      return signalPassFailure();
    Problem problem(
        function, nodes, rootsOf(getOperation()).input,
        CostModel(clusterOf(getOperation()), std::move(*profile), speedsOf(getOperation())));
    Proposal proposal;
    ModuleOp module = getOperation();
    auto stated = [&](Value tensor) {
      return tensor.getDefiningOp()->getAttrOfType<OwnedAttr>(kOwnersAttr);
    };
    auto proposed = [&](Value tensor) { return proposal.lookup(tensor).owners; };
    if (failed(checkStated(module, problem)) || failed(checkDispatcher(module, problem, stated)) ||
        failed(propose(module, problem, proposal)) ||
        failed(checkDispatcher(module, problem, proposed)))
      return signalPassFailure();
    applyProposal(problem, proposal);
    numTensors = static_cast<int64_t>(problem.tensors.size());
    numUndivided = llvm::count_if(problem.tensors,
                                  [](Value tensor) { return ownersOf(tensor).getAxis() < 0; });
  }
};
} // namespace
