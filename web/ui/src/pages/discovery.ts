// SPDX-License-Identifier: Apache-2.0
//
// /service-discovery: which targets were found, and what relabelling made of them.
import { ask } from '../api';
import { fill, h } from '../dom';
import { badge, labelTags } from '../labels';
import { empty, load } from '../load';
import type { LabelSet, Targets } from '../types';

const maxDropped = 100;  // Of one pool; there may be very many.

export function mountDiscovery(main: HTMLElement): () => void {
  const body = h('div');
  fill(main, h('h1', {}, 'Service discovery'), body);
  return load(body, 'the discovered targets',
    async (signal) => (await ask<Targets>('targets', { state: 'any' }, signal)).data, pools).stop;
}

interface Step {
  rule: Record<string, string | number | string[]>;
  output: LabelSet;
  keep: boolean;
}

/** What each rule makes of the labels; asked for when it is opened. */
function relabelSteps(pool: string, labels: LabelSet | undefined): HTMLElement {
  const body = h('div');
  let asked = false;
  const open = (event: Event): void => {
    if (asked || !(event.currentTarget as HTMLDetailsElement).open) return;
    asked = true;
    load(body, 'the steps', async (signal) => (await ask<{ steps: Step[] }>('targets/relabel_steps',
      { scrapePool: pool, labels: JSON.stringify(labels ?? {}) }, signal, true)).data.steps, showSteps);
  };
  return h('details', { class: 'steps', ontoggle: open }, h('summary', {}, 'Step by step'), body);
}

function showSteps(steps: Step[]): HTMLElement {
  if (steps.length === 0) return empty('This pool has no rules.');
  // Behind the rule that drops a target nothing happens any more.
  const end = steps.findIndex((step) => !step.keep);
  const shown = end < 0 ? steps : steps.slice(0, end + 1);
  return h('ol', {}, shown.map((step) => h('li', {},
    h('code', {}, Object.entries(step.rule).map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')),
    h('div', {}, step.keep ? labelTags(step.output) : badge('dropped', 'unsure')))));
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
          active.map((t) => h('tr', {},
            h('td', {}, labelTags(t.discoveredLabels), relabelSteps(name, t.discoveredLabels)), h('td', {}, labelTags(t.labels)))),
          dropped.slice(0, maxDropped).map((t) => h('tr', {},
            h('td', {}, labelTags(t.discoveredLabels), relabelSteps(name, t.discoveredLabels)),
            h('td', {}, badge('dropped', 'unsure')))))))));
  });
}
