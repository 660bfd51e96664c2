// SPDX-License-Identifier: Apache-2.0
//
// Property: any answer of a Kubernetes API is read to its end or to an error; a watch stream gives
// the same events however it is cut; and whatever objects come, groups are made of them, with the
// objects of other resources that they name.
// An input is one answer, or several with a byte 0x1e between them. The first byte of each chooses
// the resource.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "scrape/answers/kubernetes/api_messages.h"
#include "scrape/answers/kubernetes/groups.h"

namespace narthex::scrape::kubernetes {
namespace {

constexpr char kSeparator = '\x1e';

std::size_t NumTargets(Resource resource, const Object& object, const ObjectMaps& maps) {
  const config::KubernetesAttachMetadata all = {
      .node = true, .space = true, .deployment = true, .job = true, .cronjob = true};
  std::size_t count = 0;
  for (const config::KubernetesAttachMetadata& attach : {all, config::KubernetesAttachMetadata()}) {
    Related related(maps, attach);
    const auto group = MakeGroup(resource, object, related);
    if (group) count += group->targets.size();
  }
  return count;
}

/// Keys of the objects and how many targets they make, in the stream's order.
std::string Watch(Resource resource, std::string_view stream, std::size_t piece) {
  std::string seen;
  ObjectMaps maps;
  WatchReader reader(resource, [&](const WatchReader::Event& event) {
    seen += event.version + '\n';
    if (event.object == nullptr) return;
    maps[static_cast<std::size_t>(resource)][event.object->Key()] = event.object;
    seen += event.object->Key() + std::to_string(NumTargets(resource, *event.object, maps));
  });
  while (!stream.empty()) {
    const std::size_t size = std::min(piece, stream.size());
    if (!reader.Feed(stream.substr(0, size))) return seen + reader.error()->message;
    stream.remove_prefix(size);
  }
  return seen;
}

/// Adds the objects of an answer that is a list.
void Answer(Resource resource, std::string_view body, ObjectMaps& maps) {
  if (const auto list = ParseList(resource, body)) {
    for (const ObjectPtr& object : list->objects) {
      NX_CHECK(SameForTargets(resource, *object, *object), "an object differs from itself");
      maps[static_cast<std::size_t>(resource)][object->Key()] = object;
    }
  }
  ParseApiError(500, "reason", body);
  FailureKind(body);
  NX_CHECK(Watch(resource, body, body.size()) == Watch(resource, body, 1),
           "the pieces of a stream change what is in it");
}

}  // namespace

void Fuzz(std::string_view input) {
  ObjectMaps maps;
  while (!input.empty()) {
    const auto resource =
        static_cast<Resource>(static_cast<unsigned char>(input[0]) % kNumResources);
    const std::size_t end = std::min(input.find(kSeparator), input.size());
    Answer(resource, input.substr(0, end).substr(std::min<std::size_t>(end, 1)), maps);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  for (std::size_t i = 0; i < kNumResources; ++i) {
    for (const auto& [key, object] : maps[i]) NumTargets(static_cast<Resource>(i), *object, maps);
  }
}

}  // namespace narthex::scrape::kubernetes

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  narthex::scrape::kubernetes::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
