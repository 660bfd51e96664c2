// SPDX-License-Identifier: Apache-2.0
//
// The result of an instant query as a table.
import { type Child, fill, h } from '../dom';
import { formatTime } from '../format';
import { seriesElement } from '../labels';
import { empty } from '../load';
import type { LabelSet, MatrixRow, QueryData, VectorRow } from '../types';
import { histogramElement } from './histogram';

// More rows make the browser slow, and nobody reads them all.
const maxRows = 1000;

export function tableElement(data: QueryData): HTMLElement {
  switch (data.resultType) {
    case 'vector':
      return rowsElement(data.result, (row: VectorRow) => [row.metric, vectorValue(row)]);
    case 'matrix':
      return rowsElement(data.result, (row: MatrixRow) => [row.metric, matrixValues(row)]);
    default:
      return h('table', { class: 'results' }, h('tbody', {}, h('tr', {},
        h('th', { scope: 'row' }, data.resultType),
        h('td', { class: 'number value' }, data.result[1]))));
  }
}

function vectorValue(row: VectorRow): Child {
  return row.histogram ? histogramElement(row.histogram[1]) : row.value?.[1] ?? '';
}

function matrixValues(row: MatrixRow): Child {
  const floats = (row.values ?? []).map(([t, v]) => ({ t, what: v as Child }));
  const histograms = (row.histograms ?? []).map(([t, v]) => ({ t, what: histogramElement(v) as Child }));
  return [...floats, ...histograms].sort((a, b) => a.t - b.t).map(({ t, what }) =>
    h('div', { class: 'sample' }, what, h('span', { class: 'at' }, ` @ ${formatTime(t * 1000)}`)));
}

function rowsElement<T>(rows: T[], cells: (row: T) => [LabelSet, Child]): HTMLElement {
  if (rows.length === 0) return empty('The query has no result: nothing matches at this time.');
  const body = h('tbody');
  const show = (count: number): void => fill(body, rows.slice(0, count).map((row) => {
    const [labels, value] = cells(row);
    return h('tr', {}, h('td', {}, seriesElement(labels)), h('td', { class: 'number value' }, value));
  }));
  show(maxRows);
  const table = h('table', { class: 'results' },
    h('thead', {}, h('tr', {},
      h('th', { scope: 'col' }, 'Series'), h('th', { scope: 'col', class: 'number' }, 'Value'))), body);
  if (rows.length <= maxRows) return h('div', { class: 'scroll' }, table);
  const more = h('p', { class: 'note' }, `The first ${maxRows} of ${rows.length} series. `,
    h('button', { type: 'button', onclick: () => { show(rows.length); more.remove(); } }, 'Show all'));
  return h('div', { class: 'scroll' }, more, table);
}
