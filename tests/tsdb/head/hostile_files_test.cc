// SPDX-License-Identifier: Apache-2.0
//
// Files of the head that somebody made to do harm, or that are damaged more than once.
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/histogram_pool.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {
namespace {

namespace files = std::filesystem;

// A few bytes must not take gigabytes.
TEST(HostileFilesTest, SnapshotWithTheHighestNumberOfHistograms) {
  narthex::testing::TempDir dir;
  const std::string path = dir.path() + "/snapshot";
  for (const std::uint32_t count : {0U, 1U, 2U, 0xffffffffU}) {
    auto out = SnapshotWriter::Create(SystemFs(), path);
    ASSERT_TRUE(out);
    out->Begin(SnapshotSection::kSeries);
    out->Write(std::vector<std::uint8_t>(sizeof(MemSeries)));
    out->Begin(SnapshotSection::kHistograms);
    out->WriteValue(count);
    ASSERT_TRUE(out->Finish());
    const auto in = SnapshotReader::Open(SystemFs(), path);
    ASSERT_TRUE(in);
    HistogramPool pool;
    EXPECT_EQ(pool.Load(*in).has_value(), count <= 1) << count;
  }
}

}  // namespace
}  // namespace narthex::tsdb
