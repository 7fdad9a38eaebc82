//===- npy_test.cpp - reading and writing .npy files ----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "npy_file.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

std::string path() { return testing::TempDir() + "npy_test_" + std::to_string(getpid()) + ".npy"; }

std::string header(const std::string &dictionary, char version = 1) {
  std::string s = "\x93NUMPY";
  s += version;
  s += '\0';
  s += static_cast<char>(dictionary.size() & 255);
  s += static_cast<char>(dictionary.size() >> 8);
  if (version > 1)
    s += std::string(2, '\0');
  return s + dictionary;
}

// The message of reading a file with these bytes; empty when it was read.
std::string readError(const std::string &bytes, disco_npy *kept = nullptr) {
  std::ofstream(path(), std::ios::binary) << bytes;
  char error[400] = "";
  disco_npy a;
  bool ok = disco_npy_read(path().c_str(), &a, error, sizeof error);
  EXPECT_EQ(ok, !*error);
  if (ok && kept)
    *kept = a;
  else if (ok)
    disco_npy_free(&a);
  remove(path().c_str());
  std::string text = error;
  return ok ? "" : text.substr(text.find(": ") + 2);
}

TEST(Npy, RoundTripOfEveryType) {
  const disco_type all[] = {DISCO_F32, DISCO_U8,   DISCO_I8,  DISCO_U16, DISCO_I16, DISCO_I32,
                            DISCO_I64, DISCO_BOOL, DISCO_F16, DISCO_F64, DISCO_U32, DISCO_U64};
  char error[400];
  const std::vector<std::vector<uint64_t>> shapes = {{}, {5}, {2, 3}, {1, 2, 3, 4}, {0}, {3, 0, 2}};
  for (disco_type type : all)
    for (const std::vector<uint64_t> &shape : shapes) {
      uint64_t n = disco_type_size(type);
      for (uint64_t d : shape)
        n *= d;
      std::string data(n, '\1');
      ASSERT_EQ(write_npy(path(), type, shape, data.data(), n), "");
      disco_npy a;
      ASSERT_TRUE(disco_npy_read(path().c_str(), &a, error, sizeof error)) << error;
      EXPECT_EQ(a.type, type);
      EXPECT_EQ(std::vector<uint64_t>(a.dims, a.dims + a.rank), shape);
      ASSERT_EQ(a.bytes, n);
      EXPECT_TRUE(n == 0 || memcmp(a.data, data.data(), n) == 0);
      disco_npy_free(&a);
    }
  remove(path().c_str());
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const std::string f = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(readError(header(f + "   \n") + std::string(8, 'x')), "");
  EXPECT_EQ(readError(header(f, 2) + std::string(8, 'x')), "");
  EXPECT_EQ(readError(header(f, 3) + std::string(8, 'x')), "");
  EXPECT_EQ(readError(header("{\"shape\": (2, 1), 'descr':'<f4','fortran_order':False}") +
                      std::string(8, 'x')),
            "");
  EXPECT_EQ(readError(header("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}") +
                      std::string(8, 'x')),
            "");
  EXPECT_EQ(readError(header("{'descr': '<f4', 'fortran_order': False, 'shape': ()}") +
                      std::string(4, 'x')),
            "");
}

TEST(Npy, SaysWhatIsWrong) {
  auto dictionary = [](const char *descr, const char *order, const char *shape) {
    return header(std::string("{'descr': ") + descr + ", 'fortran_order': " + order +
                  ", 'shape': " + shape + "}");
  };
  const std::string two(8, 'x');
  EXPECT_EQ(readError(""), "not a .npy file");
  EXPECT_EQ(readError("PK\3\4 a zip file"), "not a .npy file");
  EXPECT_EQ(readError(std::string("\x93NUMPY\x07\x00\x00\x00", 10)),
            "unknown version of the .npy format");
  EXPECT_EQ(readError(header("{}").substr(0, 9)), "the file ends in its header");
  EXPECT_EQ(readError(header("{}").substr(0, 11)), "the file ends in its header");
  EXPECT_EQ(readError(header("{}")), "the header lacks a key");
  EXPECT_EQ(readError(header("[]")), "the header is no dictionary");
  EXPECT_EQ(readError(dictionary("'>f4'", "False", "(2,)") + two).substr(0, 10), "big-endian");
  EXPECT_EQ(readError(dictionary("'|O'", "False", "(2,)") + two), "unsupported element type");
  EXPECT_EQ(readError(dictionary("'<c8'", "False", "(1,)") + two), "unsupported element type");
  EXPECT_EQ(readError(dictionary("[('a', '<f4')]", "False", "(2,)") + two),
            "a string is missing in the header");
  EXPECT_EQ(readError(dictionary("'<f4'", "True", "(2, 1)") + two),
            "the array is in Fortran order; save it with numpy.ascontiguousarray");
  EXPECT_EQ(readError(dictionary("'<f4'", "0", "(2,)") + two),
            "fortran_order is neither True nor False");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(2)") + two), "the shape is no tuple");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(-2,)") + two), "a dimension is negative");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(99999999999999999999,)") + two),
            "a dimension is too large");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(4294967296, 4294967296)") + two),
            "the array is too large");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)") + two),
            "too many dimensions");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(3,)") + two),
            "the file is shorter than its shape says");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(1,)") + two),
            "the file is longer than its shape says");
  EXPECT_EQ(readError(header("{'descr': '<f4', 'descr': '<f4'}")),
            "the header has an unexpected key");
  EXPECT_EQ(readError(header("{'descr': '<f4', 'x': 1}")), "the header has an unexpected key");
  EXPECT_EQ(readError(dictionary("'<f4'", "False", "(2,)").substr(0, 30)),
            "the file ends in its header");
  EXPECT_EQ(readError(dictionary("'|b1'", "False", "(2,)") + "\1\2"), "a bool is neither 0 nor 1");
  char error[400];
  disco_npy a;
  EXPECT_FALSE(disco_npy_read("/nowhere/x.npy", &a, error, sizeof error));
  EXPECT_STREQ(error, "/nowhere/x.npy: No such file or directory");
  EXPECT_FALSE(disco_npy_read("/", &a, error, sizeof error));
  EXPECT_EQ(write_npy("/nowhere/x.npy", DISCO_F32, {}, "abcd", 4),
            "/nowhere/x.npy: cannot be written: No such file or directory");
}

// The shape and the elements that the file holds now.
std::pair<std::vector<uint64_t>, std::vector<float>> held() {
  disco_npy a;
  char error[400] = "";
  EXPECT_TRUE(disco_npy_read(path().c_str(), &a, error, sizeof error)) << error;
  std::vector<float> v(a.bytes / 4);
  memcpy(v.data(), a.data, a.bytes);
  disco_npy_free(&a);
  return {std::vector<uint64_t>(a.dims, a.dims + a.rank), v};
}

TEST(Npy, StacksAreWholeAfterEveryArray) {
  using Shape = std::vector<uint64_t>;
  using Values = std::vector<float>;
  const uint64_t dims[] = {1, 2};
  const std::string name = path();
  char error[400] = "";
  disco_npy_stack s;
  std::ofstream(name) << "old";
  ASSERT_TRUE(disco_npy_stack_open(&s, name.c_str(), DISCO_F32, 2, dims, 8, error, sizeof error));
  Values all;
  for (uint64_t i = 0; i < 12; ++i) {
    const float pair[] = {static_cast<float>(i), 0.5f};
    ASSERT_TRUE(disco_npy_stack_put(&s, i, pair, error, sizeof error)) << error;
    all.insert(all.end(), pair, pair + 2);
    EXPECT_EQ(held(), std::pair(Shape({i + 1, 2}), all));
  }
  const float again[] = {-1, -2};
  ASSERT_TRUE(disco_npy_stack_put(&s, 3, again, error, sizeof error));
  all[6] = -1;
  all[7] = -2;
  EXPECT_EQ(held(), std::pair(Shape({12, 2}), all));
  ASSERT_TRUE(disco_npy_stack_keep(&s, 2, 3, error, sizeof error));
  ASSERT_TRUE(disco_npy_stack_close(&s, error, sizeof error));
  EXPECT_EQ(held(), std::pair(Shape({3, 2}), Values(all.begin() + 4, all.begin() + 10)));
  remove(name.c_str());
}

TEST(Npy, StacksWithoutAnArrayAndOfScalars) {
  const std::string name = path();
  char error[400] = "";
  disco_npy_stack s;
  std::ofstream(name) << "old";
  ASSERT_TRUE(
      disco_npy_stack_open(&s, name.c_str(), DISCO_F32, 0, nullptr, 4, error, sizeof error));
  ASSERT_TRUE(disco_npy_stack_close(&s, error, sizeof error));
  std::string kept;
  std::ifstream(name) >> kept;
  EXPECT_EQ(kept, "old");
  EXPECT_NE(access((name + ".part").c_str(), F_OK), 0);
  const float one = 1;
  for (bool scalar : {false, true}) {
    ASSERT_TRUE(
        disco_npy_stack_open(&s, name.c_str(), DISCO_F32, 0, nullptr, 4, error, sizeof error));
    s.scalar = scalar;
    ASSERT_TRUE(disco_npy_stack_put(&s, 0, &one, error, sizeof error)) << error;
    ASSERT_TRUE(disco_npy_stack_close(&s, error, sizeof error));
    EXPECT_EQ(held().first.size(), scalar ? 0u : 1u);
  }
  remove(name.c_str());
  ASSERT_TRUE(
      disco_npy_stack_open(&s, "/nowhere/x.npy", DISCO_F32, 0, nullptr, 4, error, sizeof error));
  EXPECT_FALSE(disco_npy_stack_put(&s, 0, &one, error, sizeof error));
  EXPECT_TRUE(disco_npy_stack_close(&s, nullptr, 0));
  EXPECT_STREQ(error, "/nowhere/x.npy: cannot be written: No such file or directory");
}

TEST(Npy, DamagedFilesDoNoHarm) {
  std::string good = header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n") +
                     std::string(24, 'x');
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::string s = good;
    for (int k = 0, n = 1 + static_cast<int>(random() % 4); k < n; ++k)
      s[random() % s.size()] = static_cast<char>(random());
    if (random() % 4 == 0)
      s.resize(random() % s.size());
    readError(s);
  }
}

TEST(Npy, FilesThatAreNoneAreRefusedAtOnce) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  for (const std::string &file : {path(), std::string("/dev/zero")}) {
    char error[400] = "";
    disco_npy a;
    EXPECT_FALSE(disco_npy_read(file.c_str(), &a, error, sizeof error));
    EXPECT_NE(strstr(error, "not a regular file"), nullptr) << error;
  }
  remove(path().c_str());
}

} // namespace
