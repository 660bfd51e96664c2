// SPDX-License-Identifier: Apache-2.0
//
// /rules: the groups with the outcome of their last evaluation.
import { ask } from '../api';
import { fill, h } from '../dom';
import { formatAgo, formatDuration, formatElapsed, parseTime } from '../format';
import { type Row, keyedList } from '../keyed';
import { badge, labelTags, linked } from '../labels';
import { empty, load } from '../load';
import type { AlertingRule, Rule, RuleGroup, RulePage } from '../types';

const groupsPerRequest = '200';
const groupsPerPage = 50;
const kinds = { ok: 'ok', err: 'bad', unknown: 'unsure' } as const;

/** All groups; many are asked for piece by piece, so that no answer gets too large. */
async function askGroups(signal: AbortSignal): Promise<RuleGroup[]> {
  const groups: RuleGroup[] = [];
  let token = '';
  do {
    const params = { exclude_alerts: 'true', group_limit: groupsPerRequest, ...(token && { group_next_token: token }) };
    const { data } = await ask<RulePage>('rules', params, signal);
    groups.push(...data.groups);
    token = data.groupNextToken ?? '';
  } while (token !== '');
  return groups;
}

export function mountRules(main: HTMLElement): () => void {
  const query = new URLSearchParams(window.location.search);
  let groups: RuleGroup[] = [];
  let most = groupsPerPage;
  const search = h('input', {
    type: 'search', placeholder: 'Filter by name, group or file', 'aria-label': 'Filter',
    value: query.get('search') ?? '', oninput: () => filterBy(),
  });
  const health = h('select', { 'aria-label': 'Health', onchange: () => filterBy() },
    ['all', 'ok', 'err', 'unknown'].map((value) => h('option', { value, selected: query.get('health') === value },
      value === 'all' ? 'any health' : value === 'err' ? 'error' : value)));
  const list = h('div');
  const showGroups = keyedList<RuleGroup>(list, (group) => `${group.file};${group.name}`, groupRow);
  const rest = h('div');
  const filterBy = (): void => {
    most = groupsPerPage;
    show();
    const params = new URLSearchParams();
    if (search.value) params.set('search', search.value);
    if (health.value !== 'all') params.set('health', health.value);
    const text = params.toString();
    history.replaceState(null, '', `rules${text ? `?${text}` : ''}`);
  };
  const show = (): void => {
    const found = matching(groups, search.value, health.value);
    showGroups(found.slice(0, most));
    fill(rest, groups.length === 0 ? empty('There are no rules. The configuration names them in rule_files.')
      : found.length === 0 ? empty('No rule matches the filter.')
        : found.length > most && h('p', {}, `${most} of ${found.length} groups. `,
          h('button', { type: 'button', onclick: () => { most += groupsPerPage; show(); } }, 'Show more')));
  };
  const content = h('div', {}, list, rest);
  const body = h('div');
  fill(main, h('h1', {}, 'Rules'), h('div', { class: 'filters' }, search, health), body);
  return load(body, 'the rules', askGroups, (value) => {
    groups = value;
    show();
    return content;
  }, 10000).stop;
}

/** The groups with those of their rules that the filter lets through. */
function matching(groups: RuleGroup[], text: string, health: string): RuleGroup[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && health === 'all') return groups;
  const fits = (group: RuleGroup, rule: Rule): boolean => {
    const all = `${rule.name} ${group.name} ${group.file}`.toLowerCase();
    return (health === 'all' || rule.health === health) && words.every((word) => all.includes(word));
  };
  return groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => fits(group, rule)) }))
    .filter((group) => group.rules.length > 0);
}

function groupRow(group: RuleGroup): Row<RuleGroup> {
  const failing = h('span');
  const note = h('p', { class: 'note' });
  const body = h('tbody');
  const showRules = keyedList<Rule>(body, ruleKey, ruleRow);
  return {
    element: h('section', { class: 'card' },
      h('h2', {}, group.name, ' ', failing), note,
      h('div', { class: 'scroll' }, h('table', { class: 'cards' },
        h('thead', {}, h('tr', {}, ['Rule', 'Health', 'Evaluated', 'Duration'].map((text) => h('th', { scope: 'col' }, text)))),
        body))),
    update: (now) => {
      const bad = now.rules.filter((rule) => rule.health === 'err').length;
      fill(failing, bad > 0 && badge(`${bad} failing`, 'bad'));
      note.textContent = `${now.file} · every ${formatDuration(now.interval)} · evaluated ` +
        `${formatAgo(parseTime(now.lastEvaluation))} in ${formatElapsed(now.evaluationTime)}`;
      showRules(now.rules);
    },
  };
}

export const queryLink = (expr: string): string => `query?${new URLSearchParams({ 'g0.expr': expr, 'g0.tab': 'table' })}`;

/** " for 5m keep firing for 10m", as far as the rule says so. */
export function holdText(rule: AlertingRule): string {
  const keep = rule.keepFiringFor ?? 0;
  return (rule.duration > 0 ? ` for ${formatDuration(rule.duration)}` : '') +
    (keep > 0 ? ` keep firing for ${formatDuration(keep)}` : '');
}

/** All of a rule but when and how long it was evaluated. */
const ruleKey = (rule: Rule): string => JSON.stringify({ ...rule, lastEvaluation: '', evaluationTime: 0 });

function ruleRow(rule: Rule): Row<Rule> {
  const evaluated = h('td', { 'data-title': 'Evaluated', class: 'nowrap' });
  const duration = h('td', { 'data-title': 'Duration', class: 'nowrap' });
  return {
    element: h('tr', {},
      h('td', { 'data-title': 'Rule' },
        h('div', {}, h('span', { class: 'kind' }, rule.type === 'alerting' ? 'alert ' : 'record '), h('strong', {}, rule.name),
          rule.type === 'alerting' && holdText(rule)),
        h('a', { href: queryLink(rule.query), class: 'expr' }, h('code', {}, rule.query)),
        Object.keys(rule.labels ?? {}).length > 0 && h('div', {}, labelTags(rule.labels)),
        rule.type === 'alerting' && Object.keys(rule.annotations ?? {}).length > 0 && h('dl', { class: 'annotations' },
          Object.entries(rule.annotations ?? {}).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, linked(v))])),
        rule.lastError && h('p', { class: 'error-text' }, rule.lastError)),
      h('td', { 'data-title': 'Health' }, badge(rule.health === 'err' ? 'error' : rule.health, kinds[rule.health])),
      evaluated, duration),
    update: (now) => {
      evaluated.textContent = formatAgo(parseTime(now.lastEvaluation));
      duration.textContent = formatElapsed(now.evaluationTime);
    },
  };
}
