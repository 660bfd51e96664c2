// SPDX-License-Identifier: Apache-2.0
//
// Kills a process that appends, compacts, opens or closes a database at a random moment, opens the
// folder again and looks for every sample of every commit that had returned; round after round.
//
//   crash_test [--rounds N] [--seed N] [--late] [--dir FOLDER]
//
// --late adds out-of-order samples. Ends with 1 and the first difference when something is missing,
// doubled or was never written; the folder is kept then.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/tsdb/db.h"
#include "tests/crash/workload.h"
#include "tests/support/temp_dir.h"

namespace narthex::crash {
namespace {

constexpr int kRoundsPerFolder = 8;
constexpr int kMaxLead = 8;  // Commits that a writer may be ahead of the slowest one.
constexpr int kMaxRunMs = 250;

struct Options {
  int rounds = 200;
  unsigned seed = 1;
  bool late = false;
  std::string dir;  // Empty: a temporary one.
};

// What the killed process leaves behind in memory shared with its parent.
struct Shared {
  std::array<std::atomic<std::int64_t>, kWriters> acknowledged;
  std::atomic<bool> failed;
};

Shared& NewShared() {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    std::exit(2);
  }
  return *new (memory) Shared{};
}

tsdb::DbOptions DbOptionsOf(const Options& options) {
  tsdb::DbOptions db;
  db.min_block_duration_ms = kBlockRangeMs;
  db.retention_ms = 0;
  db.wal_segment_bytes = 16 * 32 * 1024;
  db.wal_sync_interval_ms = 20;
  db.reload_interval_ms = 30;
  if (options.late) db.out_of_order_window_ms = kLateWindowMs;
  return db;
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "crash: %s\n", what.c_str());
  _exit(1);
}

void Write(tsdb::Db& db, const Options& options, int writer, std::int64_t first,
           const std::atomic<bool>& stop, Shared& shared) {
  for (std::int64_t number = first; !stop.load(); ++number) {
    const auto slowest = [&] {
      std::int64_t least = INT64_MAX;
      for (const auto& last : shared.acknowledged) least = std::min(least, last.load());
      return std::max(least, first - 1);
    };
    while (number > slowest() + kMaxLead && !stop.load()) std::this_thread::yield();
    auto appender = db.NewAppender();
    if (auto status = AppendCommit(*appender, writer, number, options.late); !status) {
      Die("append: " + status.error().message());
    }
    if (auto status = appender->Commit(); !status) Die("commit: " + status.error().message());
    shared.acknowledged[static_cast<std::size_t>(writer)].store(number);
  }
}

// The process that is killed. Ends by itself only when it is to close the database.
[[noreturn]] void RunWriters(const Options& options, const std::string& dir, std::int64_t first,
                             std::optional<int> close_after_ms, Shared& shared) {
  metrics::Registry registry;
  auto db = tsdb::Db::Open(dir, DbOptionsOf(options), SystemFs(), SystemClock(), registry);
  if (!db) Die("open: " + db.error().message());
  (*db)->StartBackground();
  std::atomic<bool> stop{false};
  std::array<std::thread, kWriters> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers[static_cast<std::size_t>(writer)] =
        std::thread([&, writer] { Write(**db, options, writer, first, stop, shared); });
  }
  if (close_after_ms) {
    usleep(static_cast<useconds_t>(*close_after_ms) * 1000);
    stop = true;
  }
  for (auto& writer : writers) writer.join();
  if (auto status = (*db)->Close(); !status) Die("close: " + status.error().message());
  _exit(0);
}

// In a process of its own, so that it can also end without closing.
[[noreturn]] void RunVerifier(const Options& options, const std::string& dir, bool close,
                              const Expected& expected) {
  metrics::Registry registry;
  auto db = tsdb::Db::Open(dir, DbOptionsOf(options), SystemFs(), SystemClock(), registry);
  if (!db) Die("open after the kill: " + db.error().message());
  {
    const auto querier = (*db)->NewQuerier(model::kMinTime, model::kMaxTime);
    if (!querier) Die("query: " + querier.error().message());
    const auto samples = Verify(**querier, expected);
    if (!samples) Die(samples.error().message());
  }
  if (close) {
    if (auto status = (*db)->Close(); !status) Die("close: " + status.error().message());
  }
  _exit(0);
}

template <typename Child>
pid_t Fork(const Child& child) {
  const pid_t pid = fork();
  if (pid < 0) {
    std::perror("fork");
    std::exit(2);
  }
  if (pid == 0) child();
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

class Test {
 public:
  explicit Test(const Options& options) : options_(options), random_(options.seed) {}

  int Run(const std::string& root) {
    for (int round = 0; round < options_.rounds; ++round) {
      if (round % kRoundsPerFolder == 0) {
        if (!dir_.empty()) (void)SystemFs().RemoveAll(dir_);
        dir_ = fmt::format("{}/{}", root, round / kRoundsPerFolder);
        expected_.clear();
        next_ = 1;
      }
      if (!Round()) {
        std::fprintf(stderr, "crash: round %d, seed %u; the folder is %s\n", round, options_.seed,
                     dir_.c_str());
        return 1;
      }
    }
    std::printf("crash: %d rounds, %lld commits, %d kills while writing, nothing lost\n",
                options_.rounds, static_cast<long long>(commits_), kills_);
    return 0;
  }

 private:
  bool Round() {
    for (auto& last : shared_.acknowledged) last = next_ - 1;
    const int run_ms = static_cast<int>(random_() % kMaxRunMs);
    std::optional<int> close_after_ms;
    if (random_() % 4 == 0) close_after_ms = run_ms - static_cast<int>(random_() % 20);
    if (close_after_ms && *close_after_ms < 0) close_after_ms = 0;
    const pid_t pid = Fork([&] { RunWriters(options_, dir_, next_, close_after_ms, shared_); });
    usleep(static_cast<useconds_t>(run_ms) * 1000);
    kill(pid, SIGKILL);
    const int status = WaitFor(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return false;
    kills_ += WIFSIGNALED(status);
    Note();
    const bool close = random_() % 2 == 0;
    const int verified = WaitFor(Fork([&] { RunVerifier(options_, dir_, close, expected_); }));
    return WIFEXITED(verified) && WEXITSTATUS(verified) == 0;
  }

  // The commit after the last acknowledged one may be there, in part even.
  void Note() {
    std::int64_t furthest = next_ - 1;
    for (int writer = 0; writer < kWriters; ++writer) {
      const auto last = shared_.acknowledged[static_cast<std::size_t>(writer)].load();
      for (auto number = next_; number <= last; ++number) {
        Expect(writer, number, options_.late, true, expected_);
        ++commits_;
      }
      Expect(writer, last + 1, options_.late, false, expected_);
      furthest = std::max(furthest, last);
    }
    next_ = furthest + 2;
  }

  const Options options_;
  std::mt19937 random_;
  Shared& shared_ = NewShared();
  std::string dir_;
  Expected expected_;
  std::int64_t next_ = 1;  // First commit of the coming round.
  std::int64_t commits_ = 0;
  int kills_ = 0;
};

std::optional<Options> Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--late") {
      options.late = true;
    } else if (i + 1 < argc && flag == "--rounds") {
      options.rounds = std::atoi(argv[++i]);
    } else if (i + 1 < argc && flag == "--seed") {
      options.seed = static_cast<unsigned>(std::atoi(argv[++i]));
    } else if (i + 1 < argc && flag == "--dir") {
      options.dir = argv[++i];
    } else {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace
}  // namespace narthex::crash

int main(int argc, char** argv) {
  using narthex::crash::Test;
  const auto options = narthex::crash::Parse(argc, argv);
  if (!options || options->rounds <= 0) {
    std::fprintf(stderr, "usage: crash_test [--rounds N] [--seed N] [--late] [--dir FOLDER]\n");
    return 2;
  }
  narthex::log::Configure(narthex::log::Level::kError, narthex::log::Format::kLogfmt);
  if (!options->dir.empty()) return Test(*options).Run(options->dir);
  narthex::testing::TempDir temporary;
  const int code = Test(*options).Run(temporary.path());
  if (code != 0) std::exit(code);  // Without the folder's destructor: it is evidence.
  return 0;
}
