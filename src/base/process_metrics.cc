// SPDX-License-Identifier: Apache-2.0
//
// The process_* metrics of Prometheus's client libraries, from /proc/self.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/base/process_memory.h"

namespace narthex {

ResidentBytes ReadResidentBytes() {
  ResidentBytes resident;
  const auto text = SystemFs().ReadFile("/proc/self/status");
  if (!text) return resident;
  const auto bytes = [&](const char* name) {
    const auto at = text->find(name);
    unsigned long long kib = 0;
    if (at == std::string::npos || std::sscanf(text->c_str() + at, "%*[^:]: %llu kB", &kib) != 1) {
      return std::uint64_t{0};
    }
    return std::uint64_t{kib} * 1024;
  };
  resident.anonymous = bytes("RssAnon");
  resident.files = bytes("RssFile") + bytes("RssShmem");
  return resident;
}

}  // namespace narthex

namespace narthex::metrics {
namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Field 0 of /proc/self/statm is the address space, field 1 the resident set, both in pages.
double MemoryBytes(int field) {
  const auto text = SystemFs().ReadFile("/proc/self/statm");
  long pages[2] = {0, 0};
  if (!text || std::sscanf(text->c_str(), "%ld %ld", &pages[0], &pages[1]) != 2) return 0;
  return static_cast<double>(pages[field]) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFiles() {
  const auto entries = SystemFs().ListDir("/proc/self/fd");
  return entries ? static_cast<double>(entries->size()) : 0;
}

double MaxFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void AddProcessMetrics(Registry& registry) {
  registry.AddCounterFn("process_cpu_seconds_total",
                        "Total user and system CPU time spent in seconds.", CpuSeconds);
  registry.AddGaugeFn("process_virtual_memory_bytes", "Virtual memory size in bytes.",
                      [] { return MemoryBytes(0); });
  registry.AddGaugeFn("process_resident_memory_bytes", "Resident memory size in bytes.",
                      [] { return MemoryBytes(1); });
  registry.AddGaugeFn("process_open_fds", "Number of open file descriptors.", OpenFiles);
  registry.AddGaugeFn("process_max_fds", "Maximum number of open file descriptors.", MaxFiles);
  registry
      .AddGauge("process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.")
      .Set(static_cast<double>(SystemClock().NowMs()) / 1000);
}

}  // namespace narthex::metrics
