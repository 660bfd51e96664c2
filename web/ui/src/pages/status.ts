// SPDX-License-Identifier: Apache-2.0
//
// The pages that show what the server says about itself: status, head, configuration and flags.
import { ask } from '../api';
import { type Child, fill, h } from '../dom';
import { formatBytes, formatTime, parseTime } from '../format';
import { empty, load } from '../load';
import { mode } from '../mode';
import type { NameValue, TsdbStatus } from '../types';

type Facts = Record<string, string | number | boolean>;

function pairTable(rows: [string, Child][]): HTMLElement {
  return h('div', { class: 'scroll' }, h('table', { class: 'facts' }, h('tbody', {},
    rows.map(([name, value]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value))))));
}

const card = (title: string, content: Child): HTMLElement =>
  h('section', { class: 'card' }, h('h2', {}, title), content);

/** "lastConfigTime" as "Last config time". */
function words(name: string): string {
  if (name === name.toUpperCase()) return name;
  const text = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function factRows(facts: Facts): [string, Child][] {
  return Object.entries(facts).map(([name, value]) => {
    const time = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? parseTime(value) : null;
    return [words(name), time === null ? String(value) : formatTime(time)];
  });
}

export function mountStatus(main: HTMLElement): () => void {
  const [build, runtime, managers] = [h('div'), h('div'), h('div')];
  fill(main, h('h1', {}, 'Status'), card('Build', build), card('Runtime', runtime),
    mode === 'server' && card('Alertmanagers', managers),
    h('p', { class: 'note' }, h('a', { href: 'assets/licences.txt' }, 'Licences of what these pages are made of')));
  const facts = (path: string) => async (signal: AbortSignal) => (await ask<Facts>(path, {}, signal)).data;
  const loaders = [
    load(build, 'the build', facts('status/buildinfo'), (data) => pairTable(factRows(data))),
    load(runtime, 'the state of the server', facts('status/runtimeinfo'), (data) => pairTable(factRows(data)), 15000),
  ];
  if (mode === 'server') {
    loaders.push(load(managers, 'the Alertmanagers',
      async (signal) => (await ask<{ activeAlertmanagers: { url: string }[] | null }>('alertmanagers', {}, signal)).data,
      (data) => (data.activeAlertmanagers ?? []).length > 0
        ? h('ul', {}, (data.activeAlertmanagers ?? []).map(({ url }) => h('li', {}, url)))
        : empty('No Alertmanager is configured or found.')));
  }
  return () => loaders.forEach((loader) => loader.stop());
}

export function mountTsdb(main: HTMLElement): () => void {
  const body = h('div');
  fill(main, h('h1', {}, 'Storage'), body);
  return load(body, 'the state of the storage',
    async (signal) => (await ask<TsdbStatus>('status/tsdb', {}, signal)).data,
    (data) => [
      card('Head', pairTable([
        ['Series', data.headStats.numSeries.toLocaleString('en')],
        ['Label pairs', data.headStats.numLabelPairs.toLocaleString('en')],
        ['Chunks', data.headStats.chunkCount.toLocaleString('en')],
        ['Oldest sample', timeOf(data.headStats.minTime)],
        ['Newest sample', timeOf(data.headStats.maxTime)],
      ])),
      h('div', { class: 'columns' },
        ranking('Metrics with most series', data.seriesCountByMetricName),
        ranking('Labels with most values', data.labelValueCountByLabelName),
        ranking('Labels with most memory', data.memoryInBytesByLabelName, formatBytes),
        ranking('Label pairs with most series', data.seriesCountByLabelValuePair)),
    ]).stop;
}

// An empty head has the largest and the smallest time there are.
const timeOf = (ms: number): string => Math.abs(ms) < 8.64e15 ? formatTime(ms) : 'none';

function ranking(title: string, rows: NameValue[] | null, format = (n: number): string => n.toLocaleString('en')): HTMLElement {
  return card(title, (rows ?? []).length === 0 ? empty('None yet.') : h('table', { class: 'facts' }, h('tbody', {},
    (rows ?? []).map(({ name, value }) => h('tr', {}, h('td', {}, h('code', {}, name)), h('td', { class: 'number' }, format(value)))))));
}

export function mountConfig(main: HTMLElement): () => void {
  const body = h('div');
  fill(main, h('h1', {}, 'Configuration'), body);
  return load(body, 'the configuration',
    async (signal) => (await ask<{ yaml: string }>('status/config', {}, signal)).data.yaml,
    (yaml) => yaml.trim() ? [
      h('p', {}, h('button', { type: 'button', onclick: () => void navigator.clipboard?.writeText(yaml) }, 'Copy')),
      h('pre', { class: 'card yaml', tabindex: 0 }, yaml),
    ] : empty('The configuration is empty.')).stop;
}

export function mountFlags(main: HTMLElement): () => void {
  const body = h('div');
  const list = h('div');
  let flags: Record<string, string> = {};
  const search = h('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter', oninput: () => show() });
  const show = (): void => {
    const text = search.value.toLowerCase();
    const rows = Object.entries(flags).filter(([name, value]) => `--${name}=${value}`.toLowerCase().includes(text));
    fill(list, rows.length > 0
      ? pairTable(rows.map(([name, value]) => [`--${name}`, h('code', {}, value)])) : empty('No flag matches.'));
  };
  fill(main, h('h1', {}, 'Command-line flags'), h('div', { class: 'filters' }, search), body);
  return load(body, 'the flags',
    async (signal) => (await ask<Record<string, string>>('status/flags', {}, signal)).data,
    (data) => {
      flags = data;
      show();
      return list;
    }).stop;
}
