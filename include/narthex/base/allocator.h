// SPDX-License-Identifier: Apache-2.0
//
// Settings of the process's allocator (mimalloc), where its own do not suit a server.
#pragma once

namespace narthex {

/// Has it keep what was freed for a second before the system gets the pages back. By itself it
/// waits for some milliseconds, which is less than the time between two scrapes of a thread, so
/// that each one's buffers were new pages: seven page faults a scrape, a fifth of its CPU.
/// The environment's settings (MIMALLOC_…) come first. Call it once, at the start of a server.
void TuneAllocator();

}  // namespace narthex
