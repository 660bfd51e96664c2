// SPDX-License-Identifier: Apache-2.0
//
// /alerts: the alerting rules, the loudest first.
import { ask } from '../api';
import { type Child, fill, h, refill } from '../dom';
import { formatAgo, parseTime } from '../format';
import { badge, labelTags, linked } from '../labels';
import { empty, load } from '../load';
import type { Alert, AlertingRule, RuleGroup } from '../types';
import { holdText, queryLink } from './rules';

const kinds = { firing: 'bad', pending: 'warn', inactive: 'ok', unknown: 'unsure' } as const;
const order = ['firing', 'pending', 'inactive', 'unknown'];

type Placed = AlertingRule & { group: string; file: string };

export function mountAlerts(main: HTMLElement): () => void {
  const body = h('div');
  const list = h('div');
  let rules: Placed[] = [];
  const search = h('input', { type: 'search', placeholder: 'Filter by name or label', 'aria-label': 'Filter', oninput: () => show() });
  const state = h('select', { 'aria-label': 'State', onchange: () => show() },
    ['any state', ...order].map((value) => h('option', { value }, value)));
  const show = (): void => refill(list, ruleList(rules, search.value.toLowerCase(), state.value));
  fill(main, h('h1', {}, 'Alerts'), h('div', { class: 'filters' }, search, state), body);
  return load(body, 'the alerts',
    async (signal) => (await ask<{ groups: RuleGroup[] }>('rules', { type: 'alert' }, signal)).data.groups,
    (groups) => {
      rules = groups.flatMap((group) => group.rules.filter((rule): rule is AlertingRule => rule.type === 'alerting')
        .map((rule) => ({ ...rule, group: group.name, file: group.file })));
      rules.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
      show();
      return list;
    }, 5000).stop;
}

function ruleList(rules: Placed[], text: string, state: string): Child {
  if (rules.length === 0) return empty('There are no alerting rules.');
  const found = rules.filter((rule) => (state === 'any state' || rule.state === state) &&
    [rule.name, JSON.stringify(rule.labels ?? {}), ...(rule.alerts ?? []).map((a) => JSON.stringify(a.labels))]
      .some((t) => t.toLowerCase().includes(text)));
  return found.length > 0 ? found.map(ruleElement) : empty('No alerting rule matches the filter.');
}

function ruleElement(rule: Placed): HTMLElement {
  const alerts = rule.alerts ?? [];
  return h('details', { class: `card alert-${rule.state}`, open: rule.state === 'firing', 'data-key': `${rule.file} ${rule.group} ${rule.name} ${rule.query} ${rule.state}` },
    h('summary', {}, badge(rule.state, kinds[rule.state]), ' ', h('strong', {}, rule.name),
      alerts.length > 0 && ` (${alerts.length})`, holdText(rule)),
    h('p', { class: 'note' }, `${rule.group} · ${rule.file}`),
    rule.lastError && h('p', { class: 'error-text' }, rule.lastError),
    h('p', {}, h('a', { href: queryLink(rule.query), class: 'expr' }, h('code', {}, rule.query))),
    h('div', {}, labelTags(rule.labels)),
    alerts.length === 0 ? h('p', { class: 'note' }, 'No alert is active.')
      : h('div', { class: 'scroll' }, h('table', { class: 'cards' },
        h('thead', {}, h('tr', {}, ['Labels', 'State', 'Active since', 'Value'].map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, alerts.map(alertRow)))));
}

/** Without the exponent that the API always writes. */
function valueText(value: string): string {
  const number = Number(value);
  return Number.isNaN(number) ? value : String(number);
}

function alertRow(alert: Alert): HTMLElement {
  return h('tr', {},
    h('td', { 'data-title': 'Labels' }, labelTags(alert.labels),
      Object.entries(alert.annotations).map(([key, value]) => h('p', { class: 'annotation' }, h('span', { class: 'caption' }, key), ' ', linked(value)))),
    h('td', { 'data-title': 'State' }, badge(alert.state, kinds[alert.state])),
    h('td', { 'data-title': 'Active since', class: 'nowrap' }, formatAgo(parseTime(alert.activeAt ?? '')),
      alert.keepFiringSince && h('p', { class: 'note' }, `kept firing since ${formatAgo(parseTime(alert.keepFiringSince))}`)),
    h('td', { 'data-title': 'Value', class: 'number', title: alert.value }, valueText(alert.value)));
}
