// SPDX-License-Identifier: Apache-2.0
//
// The server's metrics about itself: counters, gauges, histograms and summaries in a registry that
// prints the text exposition format.
//
//   auto& appended = registry.AddCounter("prometheus_tsdb_head_samples_appended_total", "Total …");
//   appended.Add();
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/mutex.h"

namespace narthex::metrics {

/// Label names and values of one child, in the order they are printed.
using LabelPairs = std::vector<std::pair<std::string, std::string>>;

/// Thread safety of the four kinds: any thread.
class Counter {
 public:
  void Add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double v) { value_.store(v, std::memory_order_relaxed); }
  void Add(double v);
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::span<const double> upper_bounds);
  void Observe(double v);

  struct Snapshot {
    std::vector<double> bounds;             // Without +Inf.
    std::vector<std::uint64_t> cumulative;  // One more than bounds.
    double sum = 0;
  };
  Snapshot Collect() const;

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;  // Per bucket, not cumulative.
  std::atomic<double> sum_{0};
};

/// Quantiles over the last ten minutes, as client_golang's Summary with its default window.
class Summary {
 public:
  explicit Summary(std::span<const double> quantiles = {});
  void Observe(double v);

  struct Snapshot {
    std::vector<std::pair<double, double>> quantiles;  // Quantile, value; NaN without observations.
    std::uint64_t count = 0;
    double sum = 0;
  };
  Snapshot Collect() const;

 private:
  const std::vector<double> quantiles_;
  mutable Mutex mutex_;
  std::vector<std::pair<std::int64_t, double>> window_ NX_GUARDED_BY(mutex_);  // Time ns, value.
  std::size_t next_ NX_GUARDED_BY(mutex_) = 0;
  std::uint64_t count_ NX_GUARDED_BY(mutex_) = 0;
  double sum_ NX_GUARDED_BY(mutex_) = 0;
};

/// Label values with the values of their gauges.
using GaugeList = std::vector<std::pair<std::string, double>>;

/// What one metric says now. Views are valid during a visit.
struct FamilyView {
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram, kSummary };
  std::string_view name;
  std::string_view help;
  Type type = Type::kGauge;
};
struct ChildView {
  std::span<const std::pair<std::string, std::string>> labels;
  double value = 0;                                // Of counters and gauges.
  const Histogram::Snapshot* histogram = nullptr;  // Of histograms, …
  const Summary::Snapshot* summary = nullptr;      // … and of summaries.
};

/// Owns all metrics. Asking twice for the same name and labels gives the same object; asking for
/// a name with another kind is a bug and aborts. Returned references live as long as the registry.
/// Thread safety: any thread.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& AddCounter(std::string_view name, std::string_view help, LabelPairs labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, LabelPairs labels = {});
  Histogram& AddHistogram(std::string_view name, std::string_view help,
                          std::span<const double> upper_bounds, LabelPairs labels = {});
  Summary& AddSummary(std::string_view name, std::string_view help,
                      std::span<const double> quantiles = {}, LabelPairs labels = {});

  /// A gauge or counter whose value is asked for when printed. `fn` must stay callable until
  /// the registry ends, or until Remove of the same name and labels.
  void AddGaugeFn(std::string_view name, std::string_view help, std::function<double()> fn,
                  LabelPairs labels = {});
  void AddCounterFn(std::string_view name, std::string_view help, std::function<double()> fn,
                    LabelPairs labels = {});

  /// Gauges of one label whose values are asked for together, once for each printing. Several
  /// lists may share a name and then a label. `fn` must stay callable until the registry ends.
  void AddGaugeList(std::string_view name, std::string_view help, std::string_view label,
                    std::function<GaugeList()> fn);

  /// Forgets a child; nothing happens when there is none.
  void Remove(std::string_view name, const LabelPairs& labels);

  /// Calls begin_family for each family, sorted by name, and then visit_child for each of its
  /// children; not when begin_family gave false. They must not call the registry.
  void Visit(const std::function<bool(const FamilyView&)>& begin_family,
             const std::function<void(const ChildView&)>& visit_child) const;

  /// All families sorted by name in text format 0.0.4 (https://prometheus.io/docs/instrumenting/
  /// exposition_formats/), appended to out.
  void WriteText(std::string& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Adds process_* metrics (CPU, memory, file descriptors, start time) read from /proc when printed.
void AddProcessMetrics(Registry& registry);

}  // namespace narthex::metrics
