// SPDX-License-Identifier: Apache-2.0
//
// /service-discovery: which targets were found, and what relabelling made of them.
import { ask } from '../api';
import { fill, h } from '../dom';
import { badge, labelTags } from '../labels';
import { empty, load } from '../load';
import type { Targets } from '../types';
import { relabelSteps } from './relabel_steps';

const maxDropped = 100;  // Of one pool; there may be very many.

export function mountDiscovery(main: HTMLElement): () => void {
  const body = h('div');
  fill(main, h('h1', {}, 'Service discovery'), body);
  return load(body, 'the discovered targets',
    async (signal) => (await ask<Targets>('targets', { state: 'any' }, signal)).data, pools).stop;
}

function pools(targets: Targets): HTMLElement[] | HTMLElement {
  const names = [...new Set([
    ...targets.activeTargets.map((t) => t.scrapePool), ...Object.keys(targets.droppedTargetCounts ?? {}),
  ])].sort();
  if (names.length === 0) return empty('Nothing was discovered.');
  return names.map((name) => {
    const active = targets.activeTargets.filter((t) => t.scrapePool === name);
    const dropped = targets.droppedTargets.filter((t) => t.scrapePool === name);
    const droppedCount = targets.droppedTargetCounts?.[name] ?? dropped.length;
    return h('section', { class: 'card' },
      h('h2', {}, name, ' ', badge(`${active.length} kept`, 'ok'), ' ', badge(`${droppedCount} dropped`, 'unsure')),
      h('details', { 'data-key': name }, h('summary', {}, 'Labels'), h('div', { class: 'scroll' }, h('table', { class: 'cards' },
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Discovered'), h('th', { scope: 'col' }, 'Target'))),
        h('tbody', {},
          active.map((t) => h('tr', {}, h('td', {}, labelTags(t.discoveredLabels)),
            h('td', {}, labelTags(t.labels), relabelSteps(name, t.discoveredLabels)))),
          dropped.slice(0, maxDropped).map((t) => h('tr', {},
            h('td', {}, labelTags(t.discoveredLabels)),
            h('td', {}, badge('dropped', 'unsure'), relabelSteps(name, t.discoveredLabels)))))))));
  });
}
