// SPDX-License-Identifier: Apache-2.0
//
// Whether the server is an agent, which index.html tells.

export const mode: 'server' | 'agent' = document.documentElement.dataset.mode === 'agent' ? 'agent' : 'server';
