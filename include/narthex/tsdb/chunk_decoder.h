// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/typed_samples.h"

namespace narthex::tsdb {

/// Appends all samples of the chunk. Errors: kCorruption. Thread safety: any thread.
Status DecodeChunk(const storage::EncodedChunk& chunk, storage::TypedSamples& out);

/// Appends the samples with mint ≤ t ≤ maxt as queries want them: histograms with float counts, and
/// no finer than what is computed with. For chunks of others: any bytes are safe to pass, and take
/// some 100 MiB at most; what the histograms mean is not checked (histogram_check.h).
/// @param encoding  Prometheus's byte
/// Errors: kCorruption, also for a chunk of histograms that is larger than any should be; then
/// `out` is as before.
Status DecodeColumns(std::uint8_t encoding, std::string_view bytes, model::TimestampMs mint,
                     model::TimestampMs maxt, storage::SampleColumns& out);

}  // namespace narthex::tsdb
