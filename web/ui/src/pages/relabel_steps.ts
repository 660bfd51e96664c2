// SPDX-License-Identifier: Apache-2.0
//
// What each relabelling rule of a pool made of a discovered target, asked for when it is opened.
import { ask } from '../api';
import { fill, h } from '../dom';
import { badge, labelTags } from '../labels';
import type { LabelSet } from '../types';

type Rule = Record<string, string | number | string[]>;
interface Step { rule: Rule; output: LabelSet; keep: boolean }

export function relabelSteps(pool: string, labels: LabelSet): HTMLElement {
  const body = h('div', { class: 'steps' });
  const toggle = async (event: Event): Promise<void> => {
    if (!(event.currentTarget as HTMLDetailsElement).open || body.hasChildNodes()) return;
    fill(body, 'Loading …');
    try {
      // Not as a form, however long it is: the endpoint takes only GET.
      const answer = await ask<{ steps: Step[] }>(
        'targets/relabel_steps', { scrapePool: pool, labels: JSON.stringify(labels) }, undefined, 'GET');
      fill(body, answer.data.steps.length > 0 ? stepList(labels, answer.data.steps) : 'There are no rules.');
    } catch (error) {
      fill(body, h('p', { class: 'error-text' }, (error as Error).message));
    }
  };
  return h('details', { 'data-key': `${pool} ${JSON.stringify(labels)}`, ontoggle: toggle },
    h('summary', {}, 'step by step'), body);
}

function stepList(before: LabelSet, steps: Step[]): HTMLElement {
  return h('ol', {}, steps.map((step, i) => {
    const input = i > 0 ? steps[i - 1]!.output : before;
    const wasKept = i === 0 || steps[i - 1]!.keep;
    return h('li', {}, h('code', {}, ruleText(step.rule)), ' ',
      !wasKept ? badge('not reached', 'unsure') : step.keep ? changes(input, step.output) : badge('dropped', 'bad'));
  }));
}

/** The rule as YAML on one line, without what every rule has. */
function ruleText(rule: Rule): string {
  const usual: Rule = { separator: ';', regex: '(.*)', replacement: '$1', action: 'replace' };
  const parts = Object.entries(rule).filter(([key, value]) => usual[key] !== value)
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? `[${value.join(', ')}]` : JSON.stringify(value)}`);
  return `{${parts.join(', ')}}`;
}

function changes(before: LabelSet, after: LabelSet): HTMLElement {
  const set = Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value));
  const gone = Object.keys(before).filter((key) => !(key in after));
  if (Object.keys(set).length === 0 && gone.length === 0) return badge('no change', 'unsure');
  return h('span', {}, labelTags(set), gone.map((key) => h('span', { class: 'tag gone' }, h('del', {}, key))));
}
