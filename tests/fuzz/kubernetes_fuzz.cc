// SPDX-License-Identifier: Apache-2.0
//
// Property: any answer of a Kubernetes API is read to its end or to an error; a watch stream gives
// the same events however it is cut; and whatever objects come, groups are made of them.
// The first byte chooses the resource.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "scrape/answers/kubernetes/api_messages.h"
#include "scrape/answers/kubernetes/groups.h"

namespace narthex::scrape::kubernetes {
namespace {

std::size_t NumTargets(Resource resource, const Object& object, ObjectMaps& maps) {
  const config::KubernetesAttachMetadata all = {
      .node = true, .space = true, .deployment = true, .job = true, .cronjob = true};
  Related related(maps, all);
  const auto group = MakeGroup(resource, object, related);
  return group ? group->targets.size() : 0;
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

}  // namespace

void Fuzz(std::string_view input) {
  if (input.empty()) return;
  const auto resource = static_cast<Resource>(static_cast<unsigned char>(input[0]) % kNumResources);
  input.remove_prefix(1);
  ObjectMaps maps;
  if (const auto list = ParseList(resource, input)) {
    for (const ObjectPtr& object : list->objects) {
      NX_CHECK(SameForTargets(resource, *object, *object), "an object differs from itself");
      maps[static_cast<std::size_t>(resource)][object->Key()] = object;
      NumTargets(resource, *object, maps);
    }
  }
  ParseApiError(500, "reason", input);
  NX_CHECK(Watch(resource, input, input.size()) == Watch(resource, input, 1),
           "the pieces of a stream change what is in it");
}

}  // namespace narthex::scrape::kubernetes

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  narthex::scrape::kubernetes::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
