// SPDX-License-Identifier: Apache-2.0
//
// /targets: what is scraped, by pool.
import { ask } from '../api';
import { type Child, fill, h, refill } from '../dom';
import { formatAgo, formatElapsed, parseTime } from '../format';
import { badge, labelTags } from '../labels';
import { empty, load } from '../load';
import type { ActiveTarget, Targets } from '../types';

export function mountTargets(main: HTMLElement): () => void {
  const list = h('div');
  let targets: ActiveTarget[] = [];
  const query = new URLSearchParams(window.location.search);
  const search = h('input', {
    type: 'search', placeholder: 'Filter by label, address or error', 'aria-label': 'Filter',
    value: query.get('search') ?? '', oninput: () => show(),
  });
  const health = h('select', { 'aria-label': 'Health', onchange: () => show() },
    ['all', 'up', 'down', 'unknown'].map((value) =>
      h('option', { value, selected: query.get('health') === value }, value === 'all' ? 'any health' : value)));
  const show = (): void => {
    refill(list, targetList(targets, search.value, health.value));
    const params = new URLSearchParams();
    if (search.value) params.set('search', search.value);
    if (health.value !== 'all') params.set('health', health.value);
    const text = params.toString();
    history.replaceState(null, '', `targets${text ? `?${text}` : ''}`);
  };
  const body = h('div');
  fill(main, h('h1', {}, 'Targets'), h('div', { class: 'filters' }, search, health), body);
  const loader = load(body, 'the targets',
    async (signal) => (await ask<Targets>('targets', { state: 'active' }, signal)).data,
    (data) => {
      targets = data.activeTargets;
      show();
      return list;
    }, 5000);
  return loader.stop;
}

function matches(target: ActiveTarget, text: string, health: string): boolean {
  if (health !== 'all' && target.health !== health) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const labels = Object.entries(target.labels).map(([k, v]) => `${k}="${v}"`);
  const all = [target.scrapePool, target.scrapeUrl, target.lastError, ...labels].join(' ').toLowerCase();
  return words.every((word) => all.includes(word));
}

function targetList(targets: ActiveTarget[], text: string, health: string): Child {
  if (targets.length === 0) return empty('There are no targets. Does the configuration have scrape_configs?');
  const found = targets.filter((target) => matches(target, text, health));
  if (found.length === 0) return empty(`None of the ${targets.length} targets matches the filter.`);
  const pools = new Map<string, ActiveTarget[]>();
  for (const target of found) {
    const pool = pools.get(target.scrapePool) ?? [];
    pool.push(target);
    pools.set(target.scrapePool, pool);
  }
  return [...pools].map(([pool, members]) => poolElement(pool, members));
}

function poolElement(pool: string, targets: ActiveTarget[]): HTMLElement {
  const up = targets.filter((target) => target.health === 'up').length;
  return h('section', { class: 'card' },
    h('h2', {}, pool, ' ', badge(`${up} / ${targets.length} up`, up === targets.length ? 'ok' : 'bad')),
    h('div', { class: 'scroll' }, h('table', { class: 'cards' },
      h('thead', {}, h('tr', {}, ['Endpoint', 'Health', 'Labels', 'Last scrape', 'Duration']
        .map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, targets.map(targetRow)))));
}

/** Only web addresses become links: a target's address is not under our control. */
function endpoint(target: ActiveTarget): HTMLElement {
  return /^https?:\/\//.test(target.globalUrl)
    ? h('a', { href: target.globalUrl, rel: 'noreferrer' }, target.scrapeUrl)
    : h('span', {}, target.scrapeUrl);
}

function targetRow(target: ActiveTarget): HTMLElement {
  const kinds = { up: 'ok', down: 'bad', unknown: 'unsure' } as const;
  return h('tr', {},
    h('td', { 'data-title': 'Endpoint' }, endpoint(target),
      target.lastError && h('p', { class: 'error-text' }, target.lastError)),
    h('td', { 'data-title': 'Health' }, badge(target.health, kinds[target.health])),
    h('td', { 'data-title': 'Labels' }, labelTags(target.labels),
      h('details', { 'data-key': `${target.scrapePool} ${target.scrapeUrl}` }, h('summary', {}, 'before relabelling'), labelTags(target.discoveredLabels))),
    h('td', { 'data-title': 'Last scrape', class: 'nowrap' }, formatAgo(parseTime(target.lastScrape))),
    h('td', { 'data-title': 'Duration', class: 'nowrap' }, formatElapsed(target.lastScrapeDuration)));
}
