// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "narthex/base/check.h"
#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"

namespace narthex::metrics {
namespace {

constexpr std::int64_t kSummaryWindowNs = 600LL * 1'000'000'000;
constexpr std::size_t kSummaryCapacity = 500;  // As client_golang's buffer; older ones go first.

void AtomicAdd(std::atomic<double>& target, double v) {
  double old = target.load(std::memory_order_relaxed);
  while (!target.compare_exchange_weak(old, old + v, std::memory_order_relaxed)) {
  }
}

}  // namespace

void Gauge::Add(double v) { AtomicAdd(value_, v); }

Histogram::Histogram(std::span<const double> upper_bounds)
    : bounds_(upper_bounds.begin(), upper_bounds.end()),
      counts_(new std::atomic<std::uint64_t>[bounds_.size() + 1]()) {}

void Histogram::Observe(double v) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  AtomicAdd(sum_, v);
}

Histogram::Snapshot Histogram::Collect() const {
  Snapshot snapshot{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    total += counts_[i].load(std::memory_order_relaxed);
    snapshot.cumulative.push_back(total);
  }
  return snapshot;
}

Summary::Summary(std::span<const double> quantiles)
    : quantiles_(quantiles.begin(), quantiles.end()) {}

void Summary::Observe(double v) {
  const std::int64_t now = SystemClock().MonotonicNs();
  MutexLock lock(mutex_);
  ++count_;
  sum_ += v;
  if (quantiles_.empty()) return;
  if (window_.size() < kSummaryCapacity) {
    window_.emplace_back(now, v);
  } else {
    window_[next_] = {now, v};
    next_ = (next_ + 1) % kSummaryCapacity;
  }
}

Summary::Snapshot Summary::Collect() const {
  Snapshot snapshot;
  std::vector<double> values;
  {
    const std::int64_t oldest = SystemClock().MonotonicNs() - kSummaryWindowNs;
    MutexLock lock(mutex_);
    snapshot.count = count_;
    snapshot.sum = sum_;
    for (const auto& [time, value] : window_) {
      if (time >= oldest) values.push_back(value);
    }
  }
  std::sort(values.begin(), values.end());
  for (const double q : quantiles_) {
    double value = std::numeric_limits<double>::quiet_NaN();
    if (!values.empty()) {
      const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
      value = values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
    }
    snapshot.quantiles.emplace_back(q, value);
  }
  return snapshot;
}

namespace {

using Kind = FamilyView::Type;

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
    case Kind::kSummary:
      return "summary";
  }
  return "untyped";
}

// One member is set.
struct Child {
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::unique_ptr<Summary> summary;
  std::function<double()> fn;
};

struct Family {
  Kind kind;
  std::string help;
  std::map<LabelPairs, Child> children;
  std::string list_label;
  std::vector<std::function<GaugeList()>> lists;  // Of gauges told apart by list_label.
};

void AppendEscaped(std::string& out, std::string_view text, bool escape_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && escape_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

// name{labels,extra_name="extra_value"} value
void AppendLine(std::string& out, std::string_view name, std::string_view suffix,
                const LabelPairs& labels, std::string_view extra_name, double extra_value,
                double value) {
  out += name;
  out += suffix;
  if (!labels.empty() || !extra_name.empty()) {
    char separator = '{';
    for (const auto& [label, text] : labels) {
      out += separator;
      out += label;
      out += "=\"";
      AppendEscaped(out, text, true);
      out += '"';
      separator = ',';
    }
    if (!extra_name.empty()) {
      out += separator;
      out += extra_name;
      out += "=\"";
      out += go::FormatFloatG(extra_value);
      out += '"';
    }
    out += '}';
  }
  out += ' ';
  out += go::FormatFloatG(value);
  out += '\n';
}

void AppendHistogram(std::string& out, std::string_view name, const LabelPairs& labels,
                     const Histogram& histogram) {
  const auto snapshot = histogram.Collect();
  for (std::size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    const double bound =
        i < snapshot.bounds.size() ? snapshot.bounds[i] : std::numeric_limits<double>::infinity();
    AppendLine(out, name, "_bucket", labels, "le", bound,
               static_cast<double>(snapshot.cumulative[i]));
  }
  AppendLine(out, name, "_sum", labels, {}, 0, snapshot.sum);
  AppendLine(out, name, "_count", labels, {}, 0, static_cast<double>(snapshot.cumulative.back()));
}

void AppendSummary(std::string& out, std::string_view name, const LabelPairs& labels,
                   const Summary& summary) {
  const auto snapshot = summary.Collect();
  for (const auto& [quantile, value] : snapshot.quantiles) {
    AppendLine(out, name, {}, labels, "quantile", quantile, value);
  }
  AppendLine(out, name, "_sum", labels, {}, 0, snapshot.sum);
  AppendLine(out, name, "_count", labels, {}, 0, static_cast<double>(snapshot.count));
}

double ValueOf(const Child& child) {
  if (child.counter) return static_cast<double>(child.counter->value());
  return child.gauge ? child.gauge->value() : child.fn();
}

void AppendChild(std::string& out, std::string_view name, const LabelPairs& labels,
                 const Child& child) {
  if (child.histogram) {
    AppendHistogram(out, name, labels, *child.histogram);
  } else if (child.summary) {
    AppendSummary(out, name, labels, *child.summary);
  } else {
    AppendLine(out, name, {}, labels, {}, 0, ValueOf(child));
  }
}

void VisitChild(const LabelPairs& labels, const Child& child,
                const std::function<void(const ChildView&)>& visit) {
  if (child.histogram) {
    const auto snapshot = child.histogram->Collect();
    visit({.labels = labels, .histogram = &snapshot});
  } else if (child.summary) {
    const auto snapshot = child.summary->Collect();
    visit({.labels = labels, .summary = &snapshot});
  } else {
    visit({.labels = labels, .value = ValueOf(child)});
  }
}

GaugeList CollectLists(const Family& family) {
  GaugeList all;
  for (const auto& list : family.lists) {
    for (auto& gauge : list()) all.push_back(std::move(gauge));
  }
  std::sort(all.begin(), all.end());
  return all;
}

void AppendLists(std::string& out, std::string_view name, const Family& family) {
  for (const auto& [label_value, value] : CollectLists(family)) {
    AppendLine(out, name, {}, {{family.list_label, label_value}}, {}, 0, value);
  }
}

}  // namespace

struct Registry::Impl {
  Family& FindFamily(Kind kind, std::string_view name, std::string_view help) NX_REQUIRES(mutex) {
    auto it = families.find(name);
    if (it == families.end()) {
      it = families.emplace(std::string(name), Family{kind, std::string(help), {}, {}, {}}).first;
    }
    NX_CHECK(it->second.kind == kind, "metric registered twice with different kinds");
    return it->second;
  }

  Child& Find(Kind kind, std::string_view name, std::string_view help, LabelPairs labels)
      NX_REQUIRES(mutex) {
    return FindFamily(kind, name, help).children[std::move(labels)];
  }

  mutable Mutex mutex;
  std::map<std::string, Family, std::less<>> families NX_GUARDED_BY(mutex);
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::AddCounter(std::string_view name, std::string_view help, LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  Child& child = impl_->Find(Kind::kCounter, name, help, std::move(labels));
  if (!child.counter) child.counter = std::make_unique<Counter>();
  return *child.counter;
}

Gauge& Registry::AddGauge(std::string_view name, std::string_view help, LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  Child& child = impl_->Find(Kind::kGauge, name, help, std::move(labels));
  if (!child.gauge) child.gauge = std::make_unique<Gauge>();
  return *child.gauge;
}

Histogram& Registry::AddHistogram(std::string_view name, std::string_view help,
                                  std::span<const double> upper_bounds, LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  Child& child = impl_->Find(Kind::kHistogram, name, help, std::move(labels));
  if (!child.histogram) child.histogram = std::make_unique<Histogram>(upper_bounds);
  return *child.histogram;
}

Summary& Registry::AddSummary(std::string_view name, std::string_view help,
                              std::span<const double> quantiles, LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  Child& child = impl_->Find(Kind::kSummary, name, help, std::move(labels));
  if (!child.summary) child.summary = std::make_unique<Summary>(quantiles);
  return *child.summary;
}

void Registry::AddGaugeFn(std::string_view name, std::string_view help, std::function<double()> fn,
                          LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  impl_->Find(Kind::kGauge, name, help, std::move(labels)).fn = std::move(fn);
}

void Registry::AddCounterFn(std::string_view name, std::string_view help,
                            std::function<double()> fn, LabelPairs labels) {
  MutexLock lock(impl_->mutex);
  impl_->Find(Kind::kCounter, name, help, std::move(labels)).fn = std::move(fn);
}

void Registry::AddGaugeList(std::string_view name, std::string_view help, std::string_view label,
                            std::function<GaugeList()> fn) {
  MutexLock lock(impl_->mutex);
  Family& family = impl_->FindFamily(Kind::kGauge, name, help);
  NX_CHECK(family.list_label.empty() || family.list_label == label,
           "lists of one metric with different labels");
  family.list_label = label;
  family.lists.push_back(std::move(fn));
}

void Registry::Remove(std::string_view name, const LabelPairs& labels) {
  MutexLock lock(impl_->mutex);
  const auto family = impl_->families.find(name);
  if (family == impl_->families.end()) return;
  family->second.children.erase(labels);
  if (family->second.children.empty() && family->second.lists.empty())
    impl_->families.erase(family);
}

void Registry::Visit(const std::function<bool(const FamilyView&)>& begin_family,
                     const std::function<void(const ChildView&)>& visit_child) const {
  MutexLock lock(impl_->mutex);
  for (const auto& [name, family] : impl_->families) {
    if (!begin_family({name, family.help, family.kind})) continue;
    for (const auto& [labels, child] : family.children) VisitChild(labels, child, visit_child);
    for (const auto& [label_value, value] : CollectLists(family)) {
      const LabelPairs labels = {{family.list_label, label_value}};
      visit_child({.labels = labels, .value = value});
    }
  }
}

void Registry::WriteText(std::string& out) const {
  MutexLock lock(impl_->mutex);
  for (const auto& [name, family] : impl_->families) {
    out += "# HELP ";
    out += name;
    out += ' ';
    AppendEscaped(out, family.help, false);
    out += "\n# TYPE ";
    out += name;
    out += ' ';
    out += KindName(family.kind);
    out += '\n';
    for (const auto& [labels, child] : family.children) AppendChild(out, name, labels, child);
    AppendLists(out, name, family);
  }
}

}  // namespace narthex::metrics
