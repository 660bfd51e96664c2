// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/sandbox_fs.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/tsdb/inspect/inspect_fixture.h"

namespace narthex::tsdb::testing {
namespace {

class SandboxFsTest : public ::testing::Test {
 protected:
  SandboxFsTest() {
    std::filesystem::create_directories(dir_ + "/wal");
    std::ofstream(dir_ + "/wal/00000000") << "old";
    before_ = StateOf(dir_);
  }
  ~SandboxFsTest() override { EXPECT_EQ(StateOf(dir_), before_); }

  void Write(const std::string& path, const std::string& text, OpenMode mode) {
    auto file = fs_.OpenWritable(path, mode);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->Append(AsBytes(text)));
    ASSERT_TRUE((*file)->Close());
  }
  std::string Names(const std::string& path) {
    std::string names;
    const auto entries = fs_.ListDir(path).value();
    for (const auto& entry : entries) names += entry.name + ' ';
    return names;
  }

  const narthex::testing::TempDir data_;
  const narthex::testing::TempDir sandbox_;
  const std::string dir_ = data_.path() + "/data";
  inspect::SandboxFs fs_{SystemFs(), dir_, sandbox_.path()};
  std::map<std::string, std::string> before_;
};

TEST_F(SandboxFsTest, WritesElsewhere) {
  const std::string old = dir_ + "/wal/00000000";
  Write(dir_ + "/wal/00000001", "new", OpenMode::kCreate);
  EXPECT_EQ(Names(dir_ + "/wal"), "00000000 00000001 ");
  EXPECT_EQ(fs_.ReadFile(dir_ + "/wal/00000001").value(), "new");
  Write(old, " and more", OpenMode::kAppend);
  EXPECT_EQ(fs_.ReadFile(old).value(), "old and more");
  EXPECT_EQ(AsText(fs_.Map(old).value()->bytes()), "old and more");
  Write(old, "!", OpenMode::kAppend);
  EXPECT_EQ(fs_.FileSize(old).value(), 13U);
  Write(old, "x", OpenMode::kCreate);
  EXPECT_EQ(fs_.ReadFile(old).value(), "x");
}

TEST_F(SandboxFsTest, RemovesAndRenamesForItselfOnly) {
  const std::string old = dir_ + "/wal/00000000";
  ASSERT_TRUE(fs_.Rename(old, old + ".corrupt"));
  EXPECT_EQ(Names(dir_ + "/wal"), "00000000.corrupt ");
  EXPECT_FALSE(fs_.Exists(old));
  EXPECT_EQ(fs_.ReadFile(old).error().code(), Code::kNotFound);
  EXPECT_EQ(fs_.ReadFile(old + ".corrupt").value(), "old");
  ASSERT_TRUE(fs_.Remove(old + ".corrupt"));
  EXPECT_EQ(Names(dir_ + "/wal"), "");
  EXPECT_FALSE(fs_.Remove(old));
  Write(old, "again", OpenMode::kCreate);
  EXPECT_EQ(Names(dir_ + "/wal"), "00000000 ");
  ASSERT_TRUE(fs_.RemoveAll(dir_ + "/wal"));
  EXPECT_FALSE(fs_.Exists(dir_ + "/wal"));
  EXPECT_FALSE(fs_.ListDir(dir_ + "/wal"));
  ASSERT_TRUE(fs_.CreateDirs(dir_ + "/wal"));
  EXPECT_EQ(Names(dir_ + "/wal"), "");
  EXPECT_EQ(Names(dir_), "wal ");
}

// The way of files that are replaced whole: the temporary name is used again and again.
TEST_F(SandboxFsTest, ReplacesAFileTwice) {
  const std::string file = dir_ + "/meta.json";
  for (const std::string text : {"one", "two"}) {
    ASSERT_TRUE(WriteFileAtomically(fs_, file, AsBytes(text)));
    EXPECT_EQ(fs_.ReadFile(file).value(), text);
  }
  ASSERT_TRUE(fs_.Link(file, dir_ + "/linked"));
  ASSERT_TRUE(fs_.Remove(file));
  EXPECT_EQ(fs_.ReadFile(dir_ + "/linked").value(), "two");
}

TEST_F(SandboxFsTest, CreatesFolders) {
  ASSERT_TRUE(fs_.CreateDirs(dir_ + "/a/b"));
  EXPECT_EQ(Names(dir_), "a wal ");
  EXPECT_EQ(Names(dir_ + "/a"), "b ");
  EXPECT_TRUE(fs_.Exists(dir_ + "/a/b"));
}

TEST_F(SandboxFsTest, RefusesToWriteOutsideTheFolder) {
  const std::string outside = data_.path() + "/other";
  EXPECT_EQ(fs_.OpenWritable(outside, OpenMode::kCreate).error().code(), Code::kInternal);
  EXPECT_EQ(fs_.CreateDirs(outside).error().code(), Code::kInternal);
  EXPECT_EQ(fs_.Remove(outside).error().code(), Code::kInternal);
  EXPECT_EQ(fs_.Rename(dir_ + "/wal/00000000", outside).error().code(), Code::kInternal);
}

}  // namespace
}  // namespace narthex::tsdb::testing
