// SPDX-License-Identifier: Apache-2.0
//
// /rules: the groups with the outcome of their last evaluation.
import { ask } from '../api';
import { fill, h } from '../dom';
import { formatAgo, formatDuration, formatElapsed, parseTime } from '../format';
import { badge, labelTags, linked } from '../labels';
import { empty, load } from '../load';
import type { Rule, RuleGroup } from '../types';

export function mountRules(main: HTMLElement): () => void {
  const body = h('div');
  fill(main, h('h1', {}, 'Rules'), body);
  return load(body, 'the rules',
    async (signal) => (await ask<{ groups: RuleGroup[] }>('rules', {}, signal)).data.groups,
    (groups) => groups.length > 0 ? groups.map(groupElement) : empty('There are no rules. The configuration names them in rule_files.'),
    10000).stop;
}

function groupElement(group: RuleGroup): HTMLElement {
  const bad = group.rules.filter((rule) => rule.health === 'err').length;
  return h('section', { class: 'card' },
    h('h2', {}, group.name, ' ', bad > 0 && badge(`${bad} failing`, 'bad')),
    h('p', { class: 'note' }, `${group.file} · every ${formatDuration(group.interval)} · evaluated ` +
      `${formatAgo(parseTime(group.lastEvaluation))} in ${formatElapsed(group.evaluationTime)}`),
    h('div', { class: 'scroll' }, h('table', { class: 'cards' },
      h('thead', {}, h('tr', {}, ['Rule', 'Health', 'Evaluated', 'Duration'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, group.rules.map(ruleRow)))));
}

export const queryLink = (expr: string): string => `query?${new URLSearchParams({ 'g0.expr': expr, 'g0.tab': 'table' })}`;

function ruleRow(rule: Rule): HTMLElement {
  const kinds = { ok: 'ok', err: 'bad', unknown: 'unsure' } as const;
  const times = rule.type === 'alerting'
    ? [rule.duration > 0 && ` for ${formatDuration(rule.duration)}`,
      (rule.keepFiringFor ?? 0) > 0 && ` keep firing for ${formatDuration(rule.keepFiringFor ?? 0)}`] : [];
  return h('tr', {},
    h('td', { 'data-title': 'Rule' },
      h('div', {}, h('span', { class: 'kind' }, rule.type === 'alerting' ? 'alert ' : 'record '), h('strong', {}, rule.name), times),
      h('a', { href: queryLink(rule.query), class: 'expr' }, h('code', {}, rule.query)),
      Object.keys(rule.labels ?? {}).length > 0 && h('div', {}, labelTags(rule.labels)),
      rule.type === 'alerting' && Object.keys(rule.annotations ?? {}).length > 0 && h('dl', { class: 'annotations' },
        Object.entries(rule.annotations ?? {}).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, linked(v))])),
      rule.lastError && h('p', { class: 'error-text' }, rule.lastError)),
    h('td', { 'data-title': 'Health' }, badge(rule.health === 'err' ? 'error' : rule.health, kinds[rule.health])),
    h('td', { 'data-title': 'Evaluated', class: 'nowrap' }, formatAgo(parseTime(rule.lastEvaluation))),
    h('td', { 'data-title': 'Duration', class: 'nowrap' }, formatElapsed(rule.evaluationTime)));
}
