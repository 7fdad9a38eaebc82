//===- TensorTest.cpp - initialisers: raw, typed, external ----------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Models.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace discoc::importer;
using namespace discoc::importer::testing;
namespace fs = std::filesystem;

namespace {

onnx::TensorProto *addTyped(onnx::ModelProto &model, int type, int64_t count) {
  auto *tensor = model.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(type);
  tensor->add_dims(count);
  return tensor;
}

class ExternalTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "discocXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    outer = pattern;
    dir = outer / "model";
    fs::create_directory(dir);
  }
  void TearDown() override { fs::remove_all(outer); }

  void write(const fs::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  onnx::TensorProto *addExternal(const std::string &location, const std::string &offset,
                                 const std::string &length) {
    auto *tensor = addTyped(proto, onnx::TensorProto::INT32, 2);
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    set(tensor, "location", location);
    set(tensor, "offset", offset);
    set(tensor, "length", length);
    return tensor;
  }
  void set(onnx::TensorProto *tensor, const char *key, const std::string &value) {
    if (value.empty())
      return;
    auto *entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }

  Result readFile() {
    write(dir / "m.onnx", proto.SerializeAsString());
    Result result;
    result.model = readOnnx((dir / "m.onnx").string(), result.errors, options);
    EXPECT_EQ(result.model.has_value(), result.errors.empty());
    return result;
  }

  fs::path outer, dir;
  ReadOptions options;
  onnx::ModelProto proto = reluModel();
};

} // namespace

TEST(Tensor, RawDataIsAView) {
  auto proto = reluModel();
  std::string bytes(4000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 7);
  addRaw(proto.mutable_graph(), "w", {10, 100}, bytes);
  addRaw(proto.mutable_graph(), "v", {}, std::string("\0\0\x80\x3f", 4));
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const Tensor &w = result.model->graph.initializers[0];
  EXPECT_EQ(std::memcmp(w.bytes.data(), bytes.data(), bytes.size()), 0);
  const auto *at = reinterpret_cast<const char *>(w.bytes.data());
  EXPECT_GE(at, result.bytes->data());
  EXPECT_LT(at, result.bytes->data() + result.bytes->size());
  EXPECT_EQ(w.owner, result.bytes);
  EXPECT_EQ(elements<float>(result.model->graph.initializers[1])[0], 1.0f);
}

TEST(Tensor, RawDataOfAttributes) {
  auto proto = emptyModel();
  auto *op = addOp(proto.mutable_graph(), "Constant", "c", {}, {"y"});
  auto *attribute = op->add_attribute();
  attribute->set_name("value");
  attribute->set_type(onnx::AttributeProto::TENSOR);
  attribute->mutable_t()->set_data_type(onnx::TensorProto::INT64);
  attribute->mutable_t()->set_raw_data(std::string("\x2a\0\0\0\0\0\0\0", 8));
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const Attribute *value = result.model->graph.ops[0].findAttribute("value");
  ASSERT_TRUE(value);
  EXPECT_EQ(elements<int64_t>(value->tensors[0])[0], 42);
}

TEST(Tensor, TypedFields) {
  auto proto = emptyModel();
  addOp(proto.mutable_graph(), "Relu", "act", {"x"}, {"y"});
  auto *graph = proto.mutable_graph();
  auto add = [&](const char *name, int type) {
    auto *tensor = graph->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    tensor->add_dims(2);
    return tensor;
  };
  using Proto = onnx::TensorProto;
  auto *t = add("f32", Proto::FLOAT);
  t->add_float_data(1.5f), t->add_float_data(-2);
  t = add("f64", Proto::DOUBLE);
  t->add_double_data(1.5), t->add_double_data(-2);
  t = add("i64", Proto::INT64);
  t->add_int64_data(-5), t->add_int64_data(INT64_MAX);
  t = add("i32", Proto::INT32);
  t->add_int32_data(-5), t->add_int32_data(6);
  t = add("i8", Proto::INT8);
  t->add_int32_data(-5), t->add_int32_data(6);
  t = add("f16", Proto::FLOAT16);
  t->add_int32_data(0x3c00), t->add_int32_data(0xbc00);
  t = add("bool", Proto::BOOL);
  t->add_int32_data(0), t->add_int32_data(1);
  t = add("u32", Proto::UINT32);
  t->add_uint64_data(7), t->add_uint64_data(UINT32_MAX);
  t = add("u64", Proto::UINT64);
  t->add_uint64_data(7), t->add_uint64_data(UINT64_MAX);
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const auto &init = result.model->graph.initializers;
  EXPECT_EQ(elements<float>(init[0]), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(elements<double>(init[1]), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(elements<int64_t>(init[2]), (std::vector<int64_t>{-5, INT64_MAX}));
  EXPECT_EQ(elements<int32_t>(init[3]), (std::vector<int32_t>{-5, 6}));
  EXPECT_EQ(elements<int8_t>(init[4]), (std::vector<int8_t>{-5, 6}));
  EXPECT_EQ(elements<uint16_t>(init[5]), (std::vector<uint16_t>{0x3c00, 0xbc00}));
  EXPECT_EQ(elements<uint8_t>(init[6]), (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(elements<uint32_t>(init[7]), (std::vector<uint32_t>{7, UINT32_MAX}));
  EXPECT_EQ(elements<uint64_t>(init[8]), (std::vector<uint64_t>{7, UINT64_MAX}));
}

TEST(Tensor, Faults) {
  using Proto = onnx::TensorProto;
  auto proto = reluModel();
  addTyped(proto, Proto::UINT8, 1)->add_int32_data(300);
  expectError(read(proto), {"initialiser 'w'", "300", "uint8"});

  proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {2, 3}, std::string(20, 'a'));
  expectError(read(proto), {"'w'", "float", "2x3", "24 bytes", "has 20"});

  proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {2, -3}, std::string(20, 'a'));
  expectError(read(proto), {"'w'", "negative dimension", "2x-3"});

  proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {int64_t{1} << 31, int64_t{1} << 31}, "");
  expectError(read(proto), {"'w'", "impossible shape"});

  proto = reluModel(); // 0 x overflow
  addRaw(proto.mutable_graph(), "w", {INT64_MAX, INT64_MAX, 0}, "");
  expectError(read(proto), {"'w'", "impossible shape"});

  proto = reluModel();
  addTyped(proto, Proto::STRING, 1)->add_string_data("a");
  expectError(read(proto), {"'w'", "string tensor"});

  proto = reluModel();
  addTyped(proto, 99, 1);
  expectError(read(proto), {"'w'", "no known element type", "99"});

  proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {1}, "aaaa")->add_float_data(1);
  expectError(read(proto), {"'w'", "twice"});

  proto = reluModel();
  addTyped(proto, Proto::FLOAT, 1)->mutable_segment();
  expectError(read(proto), {"'w'", "segments"});
}

namespace {

/// s is 2x3 with two values.
onnx::SparseTensorProto *addSparse(onnx::ModelProto &proto, const std::vector<int64_t> &indices) {
  auto *sparse = proto.mutable_graph()->add_sparse_initializer();
  sparse->mutable_values()->set_name("s");
  sparse->mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse->mutable_values()->add_dims(2);
  sparse->mutable_values()->add_float_data(5);
  sparse->mutable_values()->add_float_data(7);
  sparse->mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse->mutable_indices()->add_dims(2);
  if (indices.size() == 4)
    sparse->mutable_indices()->add_dims(2);
  for (int64_t index : indices)
    sparse->mutable_indices()->add_int64_data(index);
  sparse->add_dims(2);
  sparse->add_dims(3);
  return sparse;
}

} // namespace

TEST(Tensor, SparseOnesBecomeDense) {
  for (const std::vector<int64_t> &indices : {std::vector<int64_t>{1, 5}, {0, 1, 1, 2}}) {
    auto proto = reluModel();
    addSparse(proto, indices);
    Result result = read(proto);
    ASSERT_TRUE(result.model) << result.text();
    const Tensor &tensor = result.model->graph.initializers[0];
    EXPECT_EQ(tensor.dims, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(elements<float>(tensor), (std::vector<float>{0, 5, 0, 0, 0, 7}));
  }
}

TEST(Tensor, SparseFaults) {
  auto proto = reluModel();
  addSparse(proto, {1, 6});
  expectError(read(proto), {"'s'", "sparse", "index 6", "outside the shape 2x3"});
  proto = reluModel();
  addSparse(proto, {1, -1});
  expectError(read(proto), {"'s'", "index -1"});
  proto = reluModel();
  addSparse(proto, {1, 2, 3});
  expectError(read(proto), {"'s'", "needs 16 bytes"});
  proto = reluModel();
  addSparse(proto, {1, 2})->mutable_values()->clear_dims();
  expectError(read(proto), {"'s'"});
  proto = reluModel();
  addSparse(proto, {1, 2})->set_dims(0, int64_t{1} << 40);
  expectError(read(proto), {"'s'", "more than 1024 MB"});
}

TEST_F(ExternalTest, IsAView) {
  write(dir / "w.bin", std::string("\1\0\0\0\2\0\0\0\3\0\0\0", 12));
  addExternal("w.bin", "4", "8");
  Result result = readFile();
  ASSERT_TRUE(result.model) << result.text();
  EXPECT_EQ(elements<int32_t>(result.model->graph.initializers[0]), (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(result.model->files.size(), 2u);
}

TEST_F(ExternalTest, LengthMayBeMissing) {
  write(dir / "w.bin", std::string(12, '\1'));
  addExternal("./w.bin", "", "");
  EXPECT_TRUE(readFile().model);
}

TEST_F(ExternalTest, OffsetsBeyondTwoGiB) {
  write(dir / "w.bin", "");
  fs::resize_file(dir / "w.bin", (int64_t{5} << 30) + 8); // sparse on disk
  {
    std::fstream file(dir / "w.bin", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(int64_t{5} << 30);
    file.write("\7\0\0\0\x8\0\0\0", 8);
  }
  addExternal("w.bin", std::to_string(int64_t{5} << 30), "8");
  Result result = readFile();
  ASSERT_TRUE(result.model) << result.text();
  EXPECT_EQ(elements<int32_t>(result.model->graph.initializers[0]), (std::vector<int32_t>{7, 8}));
}

TEST_F(ExternalTest, MustExistAndSuffice) {
  addExternal("w.bin", "", "8");
  expectError(readFile(), {"'w'", "'w.bin'", "not there"});
  write(dir / "w.bin", "1234567");
  expectError(readFile(), {"'w'", "has only 7", "truncated"});
  proto = reluModel();
  addExternal("w.bin", "18446744073709551615", "8");
  expectError(readFile(), {"'w'", "has only 7"});
  proto = reluModel();
  addExternal("w.bin", "-1", "8");
  expectError(readFile(), {"'w'", "bad offset"});
  proto = reluModel();
  addExternal("", "0", "8");
  expectError(readFile(), {"'w'", "without a location"});
  proto = reluModel();
  addExternal("w.bin", "0", "4");
  expectError(readFile(), {"'w'", "needs 8 bytes", "has 4"});
  fs::create_directory(dir / "d");
  proto = reluModel();
  addExternal("d", "0", "8");
  expectError(readFile(), {"'w'", "regular file"});
}

TEST_F(ExternalTest, StaysInTheDirectory) {
  write(outer / "secret", std::string(8, 's'));
  addExternal((outer / "secret").string(), "", "8");
  expectError(readFile(), {"'w'", "absolute path"});
  proto = reluModel();
  addExternal("../secret", "", "8");
  expectError(readFile(), {"'w'", "outside the model's directory"});
  proto = reluModel();
  addExternal("sub/../../secret", "", "8");
  expectError(readFile(), {"'w'", "outside the model's directory"});
}

TEST_F(ExternalTest, LinksAreFollowedOnlyWhenAsked) {
  write(outer / "secret", std::string(8, 's'));
  write(dir / "w.bin", std::string(8, 'w'));
  fs::create_symlink(outer / "secret", dir / "link");
  fs::create_symlink("w.bin", dir / "inside");
  fs::create_directory_symlink(outer, dir / "up");
  fs::create_hard_link(outer / "secret", dir / "hard");
  for (const auto &[location, reason] : {std::pair{"link", "is a symbolic link"},
                                         {"inside", "is a symbolic link"},
                                         {"up/secret", "is a symbolic link"},
                                         {"hard", "a hard link"}}) {
    proto = reluModel();
    addExternal(location, "", "8");
    expectError(readFile(), {"'w'", reason, "--follow-links"});
    options.followLinks = true;
    Result followed = readFile();
    EXPECT_TRUE(followed.model) << location << followed.text();
    options.followLinks = false;
  }
  // What is outside by its name stays refused.
  options.followLinks = true;
  proto = reluModel();
  addExternal("../secret", "", "8");
  expectError(readFile(), {"'w'", "outside the model's directory"});
}

TEST_F(ExternalTest, TheModelItselfMayBeALink) {
  write(dir / "w.bin", std::string(8, 'w'));
  addExternal("w.bin", "", "8");
  ASSERT_TRUE(readFile().model);
  fs::rename(dir / "m.onnx", outer / "blob");
  fs::create_symlink(outer / "blob", dir / "m.onnx");
  Diagnostics errors;
  EXPECT_TRUE(readOnnx((dir / "m.onnx").string(), errors));
}

TEST_F(ExternalTest, FifosAndDevicesWaitForNobody) {
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  addExternal("fifo", "", "8");
  expectError(readFile(), {"'w'", "not a regular file"});
}

TEST_F(ExternalTest, KeepsWhatItCheckedWhenTheFileIsExchanged) {
  write(dir / "w.bin", std::string(8, 'w'));
  write(outer / "secret", std::string(8, 's'));
  addExternal("w.bin", "", "8");
  Result result = readFile();
  ASSERT_TRUE(result.model) << result.text();
  fs::remove(dir / "w.bin");
  fs::create_symlink(outer / "secret", dir / "w.bin");
  EXPECT_EQ(std::to_integer<char>(result.model->graph.initializers[0].bytes[0]), 'w');
  EXPECT_EQ(std::to_integer<char>(result.model->externalFiles.at("w.bin")[0]), 'w');
}

TEST_F(ExternalTest, NeedsADirectory) {
  addExternal("w.bin", "", "8");
  expectError(read(proto), {"'w'", "not in a directory"});
}
