// SPDX-License-Identifier: Apache-2.0
//
// What an agent shows in place of the query page.
import { fill, h } from '../dom';

export function mountAgent(main: HTMLElement): () => void {
  fill(main, h('h1', {}, 'Agent'), h('section', { class: 'card' },
    h('p', {}, 'This server runs as an agent: it scrapes targets and sends their samples on by remote write. ' +
      'It keeps none that could be queried, and evaluates no rules.'),
    h('p', {}, 'See its ', h('a', { href: 'targets' }, 'targets'), ', what it has ',
      h('a', { href: 'service-discovery' }, 'discovered'), ', its ', h('a', { href: 'config' }, 'configuration'),
      ' and its ', h('a', { href: 'status' }, 'status'), '.')));
  return () => {};
}
