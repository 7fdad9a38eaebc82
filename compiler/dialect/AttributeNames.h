//===- AttributeNames.h - the names of attributes ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Every attribute that is looked up by its name, on whatever op or module it is.
#ifndef DISCOC_DIALECT_ATTRIBUTENAMES_H
#define DISCOC_DIALECT_ATTRIBUTENAMES_H

#include "llvm/ADT/StringRef.h"

namespace disco {

//===----------------------------------------------------------------------===//
// Of ops
//===----------------------------------------------------------------------===//

/// The ONNX name of an op's result.
inline constexpr llvm::StringLiteral kTensorAttr = "disco.tensor";
/// The division rule of an op as text, for people and tests: no stage reads it.
inline constexpr llvm::StringLiteral kDivisionAttr = "disco.division";
/// A stated owner map of an op's result.
inline constexpr llvm::StringLiteral kOwnersAttr = "disco.owners";
/// A stated mask of a contraction.
inline constexpr llvm::StringLiteral kStatedMaskAttr = "disco.stated_mask";
/// Of a contraction: which channels each ordered pair of nodes reads.
inline constexpr llvm::StringLiteral kMaskAttr = "mask";
/// Of a contraction some of whose columns are summed elsewhere: its mask before.
inline constexpr llvm::StringLiteral kFullMaskAttr = "disco.full_mask";
/// Of a part of a contraction: the channels of its buffer that the columns of its weights read.
inline constexpr llvm::StringLiteral kChannelsAttr = "channels";
/// Of a part of a contraction that reads a received tensor under the channel names that it had
/// before it was renamed: those names, one a column.
inline constexpr llvm::StringLiteral kOriginsAttr = "disco.origins";
/// Of what a node computes of a grouped convolution: how many groups the whole one has. Weights
/// number their columns within a group.
inline constexpr llvm::StringLiteral kGroupsAttr = "disco.groups";
/// The scalar function that follows a sum.
inline constexpr llvm::StringLiteral kActAttr = "act";
/// How an op computes with integers.
inline constexpr llvm::StringLiteral kQuantAttr = "quant";
/// Of ops with several optional operands: how many there are of each.
inline constexpr llvm::StringLiteral kSegmentsAttr = "operandSegmentSizes";
/// Of an op whose result travels as something else than features: the kind of its routes.
inline constexpr llvm::StringLiteral kRouteKindAttr = "disco.route_kind";
/// Of an op that every node computes on purpose: why, for the report.
inline constexpr llvm::StringLiteral kReplicatedAttr = "disco.replicated";
/// What would travel for a reader if every contraction read all channels.
inline constexpr llvm::StringLiteral kDenseBytesAttr = "disco.dense_bytes";
inline constexpr llvm::StringLiteral kDenseMessagesAttr = "disco.dense_messages";
/// Of an op that is folded only to know its value now, whatever its size.
inline constexpr llvm::StringLiteral kEvaluatedAttr = "disco.evaluated";
/// Of ops of constants alone that are not folded, until the import is done: a unit, or the value
/// once somebody had to know it.
inline constexpr llvm::StringLiteral kOfConstantsAttr = "disco.of_constants";
/// The kernel that computes an op of a shard, where there are several.
inline constexpr llvm::StringLiteral kKernelAttr = "disco.kernel";
/// Of an op of a planned shard: the arena offsets of its results, and then of its scratch memory.
inline constexpr llvm::StringLiteral kOffsetsAttr = "disco.offsets";

//===----------------------------------------------------------------------===//
// Of the model's module: how it is compiled
//===----------------------------------------------------------------------===//

/// Name, file and hash of the model, and the compiler's version.
inline constexpr llvm::StringLiteral kModelAttr = "disco.model";
/// What was asked for beside the model, by name.
inline constexpr llvm::StringLiteral kSettingsAttr = "disco.settings";
/// The classes' names.
inline constexpr llvm::StringLiteral kLabelsAttr = "disco.labels";
/// What becomes of pictures before they are inputs.
inline constexpr llvm::StringLiteral kPreprocessAttr = "disco.preprocess";
/// Of an input that is taken as pixels: the element type that the model states.
inline constexpr llvm::StringLiteral kModelTypeAttr = "disco.model_type";
/// For how many nodes.
inline constexpr llvm::StringLiteral kNodesAttr = "disco.nodes";
/// The node that is given the inputs.
inline constexpr llvm::StringLiteral kRootAttr = "disco.root";
/// The node that returns the outputs, where that is another one.
inline constexpr llvm::StringLiteral kOutputAtAttr = "disco.output_at";
/// For which cluster a module is compiled: its nodes and links (Target.h).
inline constexpr llvm::StringLiteral kClusterAttr = "disco.cluster";
/// Who chooses axes and owners: the name of a strategy.
inline constexpr llvm::StringLiteral kStrategyAttr = "disco.strategy";
/// By which default map channels are dealt that nothing states; none: by map 1, but for masks that
/// only map 2 fits.
inline constexpr llvm::StringLiteral kOwnerMapAttr = "disco.owner_map";
/// The choices themselves, when they are given: a list of dictionaries, one a tensor.
inline constexpr llvm::StringLiteral kPlanAttr = "disco.plan";
/// How tensors lie in memory: the name of a layout. None: by rows.
inline constexpr llvm::StringLiteral kLayoutAttr = "disco.layout";
/// No node sums for another.
inline constexpr llvm::StringLiteral kFeaturesOnlyAttr = "disco.features_only";
/// Each sum has one order, whatever the number of nodes.
inline constexpr llvm::StringLiteral kExactOrderAttr = "disco.exact_order";
/// What kernels are chosen for: "memory" where that is not speed.
inline constexpr llvm::StringLiteral kOptimizeAttr = "disco.optimize";
/// How many inferences a node may have begun and not ended; none: one.
inline constexpr llvm::StringLiteral kInFlightAttr = "disco.in_flight";
/// Of a stated mask: its nodes are those of every stage, counted within it.
inline constexpr llvm::StringLiteral kMembersAttr = "members";
/// The stages of a pipeline, in order: a list of dictionaries with the ranks of its `nodes`, and
/// `from`, the op with which its stretch of layers begins; "": that is to be found.
inline constexpr llvm::StringLiteral kStagesAttr = "disco.stages";
/// Those who are given the inputs and return the outputs own nothing.
inline constexpr llvm::StringLiteral kDispatcherAttr = "disco.dispatcher";
/// As what f32 features travel: "f16" or "i8".
inline constexpr llvm::StringLiteral kWireAttr = "disco.wire";
inline constexpr llvm::StringLiteral kCompressAttr = "disco.compress";

//===----------------------------------------------------------------------===//
// Of the model's module: what the undivided program was
//===----------------------------------------------------------------------===//

inline constexpr llvm::StringLiteral kInputsAttr = "disco.inputs";
inline constexpr llvm::StringLiteral kOutputsAttr = "disco.outputs";
inline constexpr llvm::StringLiteral kTensorsAttr = "disco.tensors";
inline constexpr llvm::StringLiteral kMasksAttr = "disco.masks";
inline constexpr llvm::StringLiteral kLayersAttr = "disco.layers";

//===----------------------------------------------------------------------===//
// Of a shard's module
//===----------------------------------------------------------------------===//

/// Which node it is for.
inline constexpr llvm::StringLiteral kRankAttr = "disco.rank";
/// Bytes of its arena.
inline constexpr llvm::StringLiteral kArenaBytesAttr = "disco.arena_bytes";
/// The largest sum of bytes that live at the same time.
inline constexpr llvm::StringLiteral kLiveBytesAttr = "disco.live_bytes";

} // namespace disco

#endif // DISCOC_DIALECT_ATTRIBUTENAMES_H
