// SPDX-License-Identifier: Apache-2.0
#include "narthex/remote/read_storage.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "narthex/config/config.h"
#include "narthex/proto/remote_read.h"
#include "narthex/storage/merge.h"
#include "narthex/storage/querier.h"
#include "src/remote/read_endpoint.h"

namespace narthex::remote {
namespace {

using model::TimestampMs;

/// What a section says about questions to its server.
struct Section {
  std::shared_ptr<ReadEndpoint> endpoint;
  std::vector<model::Matcher> required{};  // Each has to be in a selector.
  model::Labels external{};                // Become matchers, and are taken off the answers.
  bool read_recent = false;
};

proto::ReadHints MakeHints(const storage::SelectHints& hints) {
  return {.step_ms = hints.step_ms,
          .range_ms = hints.range_ms,
          .start_ms = hints.start_ms,
          .end_ms = hints.end_ms,
          .func = hints.func,
          .grouping = hints.grouping,
          .by = hints.by};
}

class RemoteQuerier final : public storage::Querier {
 public:
  RemoteQuerier(std::shared_ptr<const Section> section, TimestampMs mint, TimestampMs maxt)
      : section_(std::move(section)), mint_(mint), maxt_(maxt) {}

  Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                     const storage::SelectHints& hints,
                                                     std::stop_token stop) const override {
    if (!HasRequired(matchers)) return storage::MergeSeriesSets({});
    proto::ReadQuery query{.start_ms = mint_, .end_ms = maxt_};
    for (const model::Matcher& matcher : matchers) {
      query.matchers.push_back(proto::FromMatcher(matcher));
    }
    AnswerScope scope{.mint = mint_, .maxt = maxt_};
    for (const auto& [name, value] : section_->external) {
      // Who names the label wants to say the value, too.
      const auto names = [&name = name](const model::Matcher& m) { return m.name() == name; };
      if (std::any_of(matchers.begin(), matchers.end(), names)) continue;
      query.matchers.push_back(proto::FromMatcher(model::Matcher::Equal(name, value)));
      scope.without.emplace_back(name);
    }
    query.has_hints = true;
    query.hints = MakeHints(hints);
    auto set = section_->endpoint->Read(query, std::move(scope), hints.deadline_ns, stop);
    if (set || set.error().code() == Code::kCancelled) return set;
    return Fail(std::move(set).error().Wrap("remote_read"));
  }

  // There is no such question in the protocol.
  Result<std::vector<std::string>> LabelValues(std::string_view, std::span<const model::Matcher>,
                                               std::size_t, std::stop_token) const override {
    return Fail(Code::kUnavailable, "not implemented");
  }
  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher>, std::size_t,
                                              std::stop_token) const override {
    return Fail(Code::kUnavailable, "not implemented");
  }

 private:
  bool HasRequired(std::span<const model::Matcher> matchers) const {
    const auto& required = section_->required;
    return std::all_of(required.begin(), required.end(), [&](const model::Matcher& r) {
      return std::find(matchers.begin(), matchers.end(), r) != matchers.end();
    });
  }

  const std::shared_ptr<const Section> section_;
  const TimestampMs mint_, maxt_;
};

class RemoteQueryable final : public storage::Queryable {
 public:
  RemoteQueryable(Section section, std::function<TimestampMs()> local_start)
      : section_(std::make_shared<const Section>(std::move(section))),
        local_start_(std::move(local_start)) {}

  Result<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs mint,
                                                       TimestampMs maxt) override {
    if (!section_->read_recent) {
      const TimestampMs start = local_start_();
      if (mint > start) return std::unique_ptr<storage::Querier>();
      maxt = std::min(maxt, start);
    }
    return std::make_unique<RemoteQuerier>(section_, mint, maxt);
  }

 private:
  const std::shared_ptr<const Section> section_;
  const std::function<TimestampMs()> local_start_;
};

}  // namespace

struct ReadStorage::Impl {
  using Endpoints = std::map<std::string, std::shared_ptr<ReadEndpoint>>;  // By fingerprint.

  /// Those of the configuration; such as there are already are taken over.
  Result<Endpoints> MakeEndpoints(const config::Config& config) const;

  Clock& clock;
  metrics::Registry& registry;
  const ReadStorageOptions options;
  const std::shared_ptr<ReadBudget> budget = std::make_shared<ReadBudget>();
  Endpoints endpoints{};
};

Result<ReadStorage::Impl::Endpoints> ReadStorage::Impl::MakeEndpoints(
    const config::Config& config) const {
  Endpoints made;
  std::set<std::string_view> shown;
  for (const config::RemoteReadConfig& section : config.remote_read) {
    // Secrets do not tell two sections apart, as in Prometheus.
    if (!shown.insert(section.shown).second) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("duplicate remote read configs are not allowed, found duplicate for "
                              "URL: {}",
                              ShownUrl(section)));
    }
    std::shared_ptr<ReadEndpoint>& place = made[section.fingerprint];
    if (const auto known = endpoints.find(section.fingerprint); known != endpoints.end()) {
      place = known->second;
      continue;
    }
    NX_ASSIGN_OR_RETURN(net::HttpClientOptions client, options.client_options(section.http));
    place = std::make_shared<ReadEndpoint>(section, std::move(client), budget, clock, registry);
  }
  return made;
}

ReadStorage::ReadStorage(Clock& clock, metrics::Registry& registry, ReadStorageOptions options)
    : impl_(new Impl{.clock = clock, .registry = registry, .options = std::move(options)}) {
  impl_->budget->max_answer_bytes = impl_->options.max_answer_bytes;
  impl_->budget->max_total_bytes = impl_->options.max_total_bytes;
}

ReadStorage::~ReadStorage() = default;

Status ReadStorage::Check(const config::Config& config) const {
  NX_RETURN_IF_ERROR(impl_->MakeEndpoints(config));
  return {};
}

Result<ReadStorage::Queryables> ReadStorage::Apply(const config::Config& config) {
  NX_ASSIGN_OR_RETURN(impl_->endpoints, impl_->MakeEndpoints(config));
  Queryables queryables;
  for (const config::RemoteReadConfig& from : config.remote_read) {
    Section section{.endpoint = impl_->endpoints.at(from.fingerprint),
                    .read_recent = from.read_recent};
    for (const auto& [name, value] : from.required_matchers) {
      section.required.push_back(model::Matcher::Equal(name, value));
    }
    if (from.filter_external_labels) section.external = config.global.external_labels;
    queryables.push_back(
        std::make_shared<RemoteQueryable>(std::move(section), impl_->options.local_start));
  }
  return queryables;
}

std::size_t ReadStorage::held_bytes() const { return impl_->budget->held; }

}  // namespace narthex::remote
