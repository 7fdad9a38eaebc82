//===- import_ir.cpp - prints the IR of an ONNX file ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// `import_ir FILE [--input-shape NAME=AxB]... [--pin NAME=SIZE]... [--nodes N] [--generic |
// --quiet]`. Prints the module, or the diagnostics, one a line. Exit status: 0 imported, 1
// diagnostics.
//
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Disco.h"
#include "compiler/import/Import.h"
#include "compiler/import/OnnxReader.h"
#include "mlir/IR/AsmState.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace discoc::importer;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("FILE"));
static cl::list<std::string> shapes("input-shape", cl::desc("NAME=AxB"));
static cl::list<std::string> pins("pin", cl::desc("NAME=SIZE"));
static cl::opt<int64_t> nodes("nodes", cl::init(0), cl::desc("set disco.nodes"));
static cl::opt<bool> generic("generic",
                             cl::desc("print ops in MLIR's generic form, without locations"));
static cl::opt<bool> quiet("quiet", cl::desc("print nothing but diagnostics"));

static std::map<std::string, std::vector<int64_t>> parse(const cl::list<std::string> &list) {
  std::map<std::string, std::vector<int64_t>> map;
  for (const std::string &entry : list) {
    auto [name, text] = llvm::StringRef(entry).rsplit('=');
    llvm::SmallVector<llvm::StringRef> parts;
    text.split(parts, 'x');
    for (llvm::StringRef part : parts) {
      int64_t size = 0;
      (void)part.getAsInteger(10, size);
      map[name.str()].push_back(size);
    }
  }
  return map;
}

static int fail(const Diagnostics &errors) {
  for (const Diagnostic &error : errors)
    llvm::errs() << "error: " << error.str() << "\n";
  return 1;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "prints the IR of an ONNX file\n");
  Diagnostics errors;
  ReadOptions options;
  options.minOpset = 6;
  std::optional<Model> model = readOnnx(file, errors, options);
  if (!model)
    return fail(errors);
  std::map<std::string, int64_t> pinned;
  for (const auto &[name, sizes] : parse(pins))
    pinned[name] = sizes.front();
  if (!pinDimensions(*model, pinned, parse(shapes), errors))
    return fail(errors);
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module = disco::importModel(context, *model, errors);
  if (!module)
    return fail(errors);
  if (nodes > 0)
    (*module)->setAttr(disco::kNodesAttr, mlir::OpBuilder(&context).getI64IntegerAttr(nodes));
  if (generic)
    module->print(llvm::outs(), mlir::OpPrintingFlags().printGenericOpForm());
  else if (!quiet)
    module->print(llvm::outs(), mlir::OpPrintingFlags().enableDebugInfo());
  return 0;
}
