// SPDX-License-Identifier: Apache-2.0
//
// The pages' functions that need no browser:  node units.mjs FOLDER_WITH_SRC_AND_ESBUILD
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

// settings.ts asks the browser for these when it is loaded.
const nothing = { addEventListener: () => undefined };
globalThis.window = { location: { href: 'http://x/query' }, matchMedia: () => nothing };
globalThis.document = { documentElement: { dataset: {} } };

const root = resolve(process.argv[2] ?? '.');
const esbuild = createRequire(join(root, 'package.json'))('esbuild');
const built = await esbuild.build({
  stdin: {
    contents: `export * from './src/format'; export * from './src/query/state';
      export { setZone } from './src/settings'; export { onGrid } from './src/query/grid';
      export { errorPlace } from './src/query/error_place'; export { operatorRows } from './src/query/operators';`,
    resolveDir: root,
  },
  bundle: true, write: false, format: 'esm', platform: 'node', preserveSymlinks: true,
});
const ui = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);

let checks = 0;
function same(got, want, what) {
  assert.deepEqual(got, want, what);
  checks += 1;
}

for (const [text, seconds] of [
  ['5m', 300], ['1h30m', 5400], ['1.5', 1.5], ['90', 90], ['100ms', 0.1], ['1w', 604800], ['2y', 63072000],
  ['', null], ['0', null], ['-5m', null], ['5', 5], ['5x', null], ['m', null], ['1h 30m', null],
]) same(ui.parseDuration(text), seconds, `parseDuration(${text})`);

for (const [seconds, text] of [
  [0, '0s'], [1, '1s'], [90, '1m30s'], [3600, '1h'], [0.014, '14ms'], [1.5, '1s500ms'], [86400 * 7, '1w'],
  [86400 * 8, '8d'], [14, '14s'],
]) same(ui.formatDuration(seconds), text, `formatDuration(${seconds})`);

for (const [labels, text] of [
  [{}, '{}'], [{ __name__: 'up' }, 'up'], [{ __name__: 'up', job: 'a"b' }, 'up{job="a\\"b"}'],
  [{ job: 'a' }, '{job="a"}'], [{ __name__: 'http.requests', 'the job': 'a' }, '{"http.requests", "the job"="a"}'],
]) same(ui.formatSeries(labels), text);

for (const [value, text] of [
  [0, '0'], [1234, '1.234k'], [-2.5e6, '-2.5M'], [0.25, '0.25'], [1e-7, '1.000e-7'], [3e9, '3G'], [Infinity, 'Infinity'],
]) same(ui.formatShort(value), text, `formatShort(${value})`);

ui.setZone('utc');
same(ui.toInputTime(Date.UTC(2026, 10, 20, 12, 3, 4)), '2026-11-20T12:03:04');
same(ui.fromInputTime('2026-11-20T12:03:04'), Date.UTC(2026, 10, 20, 12, 3, 4));
same(ui.fromInputTime(''), null);
same(ui.parseUtc('2026-11-20 12:03:04'), Date.UTC(2026, 10, 20, 12, 3, 4));
same(ui.parseUtc('yesterday'), null);
same(ui.parseTime('0001-01-01T00:00:00Z'), null, 'never');

// Links as Prometheus's alerts (old) and its present pages (new) have them.
const [old] = ui.readPanels('?g0.expr=up%20%3D%3D%200&g0.tab=0&g0.range_input=2h&g0.stacked=1&g0.end_input=2026-11-20%2012:00:00&g0.step_input=30');
same([old.expr, old.tab, old.range, old.stacked, old.end, old.step],
  ['up == 0', 'graph', 7200, true, Date.UTC(2026, 10, 20, 12), 30]);
const present = ui.readPanels('?g0.expr=a&g0.tab=table&g1.expr=b&g1.tab=graph&g1.res_type=auto&g1.res_density=high&g1.display_mode=stacked');
same(present.map((p) => [p.expr, p.tab, p.density, p.stacked]), [['a', 'table', 'medium', false], ['b', 'graph', 'high', true]]);
same(ui.readPanels('?g0.expr=x&g0.tab=1')[0].tab, 'table');
for (const search of ['', '?g0.tab=1', '?gx.expr=1', '?g99999999.expr=up', '?other=1']) same(ui.readPanels(search).length, 1, search);
const written = ui.writePanels(present);
same(ui.readPanels(written), present, 'what is written reads back');
same(ui.writePanels([ui.newPanel()]), '');

for (const [range, density, step] of [[3600, 'medium', 14], [3600, 'high', 4], [60, 'medium', 0.24], [0.01, 'high', 0.001]]) {
  same(ui.stepOf({ ...ui.newPanel(), range, density }), step);
}

const grid = ui.onGrid([
  { metric: { a: '1' }, values: [[100, '1'], [120, 'NaN'], [130, '-2.5'], [140, '+Inf']] },
  { metric: { a: '2' }, histograms: [[100, { count: '1', sum: '1' }]] },
], 100, 140, 10);
same(grid.times, [100, 110, 120, 130, 140]);
same(grid.values, [[1, null, null, -2.5, null]]);
same(ui.onGrid([], 0.1, 0.4, 0.1).times.length, 4, 'no step is lost to rounding');

for (const [message, place] of [
  ['invalid parameter "query": 1:5: parse error: unexpected end of input', { line: 1, column: 5 }],
  ['3:12: parse error: x', { line: 3, column: 12 }], ['no place', null], ['took 1:5', null],
]) same(ui.errorPlace(message), place);

const operator = (start, end, cpuTime, ...children) => ({ type: 'call', position: { start, end }, cpuTime, children });
const rowsOf = (query, root) => ui.operatorRows(query, root).map((row) => [row.text, row.level, row.parent, row.share]);
same(rowsOf('sum(a) / (b{c="é"} + d)', operator(0, 24, 1,
  operator(0, 6, 1, operator(4, 5, 0)), operator(10, 23, 0, operator(10, 19, 2), operator(22, 23, 0)))),
[['… / (…)', 1, -1, 0.25], ['sum(…)', 2, 0, 0.25], ['a', 3, 1, 0], ['… + …', 2, 0, 0], ['b{c="é"}', 3, 3, 0.5], ['d', 3, 3, 0]],
'positions are in bytes');
same(rowsOf('up', operator(0, 2, 0, operator(0, 2, 0), operator(5, 9, 0))),
  [['call', 1, -1, 0], ['up', 2, 0, 0], ['call', 2, 0, 0]], 'places that are none');
same(ui.readPanels('?g0.expr=x&g0.show_tree=1')[0].explain, true);
const explained = [{ ...ui.newPanel(), expr: 'x', explain: true }];
same(ui.readPanels(ui.writePanels(explained)), explained);

console.log(`${checks} checks`);
