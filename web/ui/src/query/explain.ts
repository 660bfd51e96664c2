// SPDX-License-Identifier: Apache-2.0
//
// What each operator of a query took: a tree table, which the arrow keys move in, open and close.
import { h } from '../dom';
import { formatBytes, formatElapsed } from '../format';
import { empty } from '../load';
import { cpuTimeOf, type Operator, type OperatorRow, operatorRows } from './operators';

const columns: [name: string, title: string, cell: (row: OperatorRow) => string][] = [
  ['Steps', 'For which it was evaluated', ({ operator }) => count(operator.steps)],
  ['Series', 'Rows that it gave', ({ operator }) => count(operator.series)],
  ['Samples', 'In the rows that it gave', ({ operator }) => count(operator.samples)],
  ['Read', 'Samples from the storage', ({ operator }) => count(operator.samplesRead)],
  ['Memory', 'Of the rows that it gave', ({ operator }) => formatBytes(operator.bytes)],
  ['CPU time', 'Of all threads, without the operators below', ({ operator }) => formatElapsed(operator.cpuTime)],
];

const count = (n: number): string => n.toLocaleString('en');

export function explainElement(query: string, root: Operator | undefined): HTMLElement {
  if (!root) return empty('Nothing to explain: the expression is a constant.');
  const rows = operatorRows(query, root);
  const head = h('tr', { role: 'row' }, h('th', { role: 'columnheader', scope: 'col' }, 'Operator'),
    columns.map(([name, title]) => h('th', { role: 'columnheader', scope: 'col', class: 'number', title }, name)),
    h('th', { role: 'columnheader', scope: 'col', class: 'number', title: 'Of the CPU time of all operators' }, 'Share'));
  const lines = rows.map((row, i) => rowElement(row, rows[i + 1]?.parent === i));
  const body = h('tbody', { role: 'rowgroup' }, lines);
  makeTree(body, rows, lines);
  return h('div', { class: 'explain' },
    h('p', { class: 'note' }, `${rows.length} operator${rows.length === 1 ? '' : 's'}, ` +
      `${formatElapsed(cpuTimeOf(rows))} of CPU time. A row is without the operators below, which are … in its text.`),
    h('div', { class: 'scroll' }, h('table', { role: 'treegrid', 'aria-label': 'Operators of the query' },
      h('thead', { role: 'rowgroup' }, head), body)));
}

function rowElement(row: OperatorRow, hasChildren: boolean): HTMLTableRowElement {
  const name = h('td', { role: 'gridcell' },
    h('div', { class: 'operator' }, h('span', { class: 'twist', 'aria-hidden': 'true' }), h('code', {}, row.text)));
  const share = h('td', { role: 'gridcell', class: 'number share', 'data-title': 'Share' }, `${(row.share * 100).toFixed(1)} %`);
  share.style.setProperty('--share', `${row.share * 100}%`);
  const line = h('tr', {
    role: 'row', 'aria-level': row.level, 'aria-expanded': hasChildren && 'true', tabindex: row.level === 1 ? 0 : -1,
  }, name,
    columns.map(([title, , cell]) => h('td', { role: 'gridcell', class: 'number', 'data-title': title }, cell(row))),
    share);
  line.style.setProperty('--depth', String(row.level - 1));
  return line;
}

/** Opening and closing, with the mouse and the keys of a treegrid; Tab goes to one row only. */
function makeTree(body: HTMLElement, rows: OperatorRow[], lines: HTMLTableRowElement[]): void {
  const isOpen = (i: number): boolean => lines[i]?.getAttribute('aria-expanded') === 'true';
  const isClosed = (i: number): boolean => lines[i]?.getAttribute('aria-expanded') === 'false';
  const setOpen = (index: number, open: boolean): void => {
    lines[index]?.setAttribute('aria-expanded', String(open));
    rows.forEach(({ parent }, i) => {  // A parent comes before its children.
      const line = lines[i];
      if (line && parent >= 0) line.hidden = !isOpen(parent) || Boolean(lines[parent]?.hidden);
    });
  };
  const visible = (): number[] => rows.map((_, i) => i).filter((i) => !lines[i]?.hidden);
  const keys: Record<string, (i: number) => number | undefined> = {
    ArrowDown: (i) => visible().find((other) => other > i),
    ArrowUp: (i) => visible().filter((other) => other < i).pop(),
    Home: () => 0,
    End: () => visible().pop(),
    ArrowRight: (i) => {
      if (isClosed(i)) setOpen(i, true);
      else if (isOpen(i)) return i + 1;
      return i;
    },
    ArrowLeft: (i) => {
      if (!isOpen(i)) return rows[i]?.parent;
      setOpen(i, false);
      return i;
    },
    Enter: (i) => {
      if (isOpen(i) || isClosed(i)) setOpen(i, !isOpen(i));
      return i;
    },
  };
  const indexOf = (event: Event): number => lines.findIndex((line) => line.contains(event.target as Node));
  body.addEventListener('keydown', (event) => {
    const key = keys[event.key === ' ' ? 'Enter' : event.key];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    lines[key(indexOf(event)) ?? -1]?.focus();
  });
  body.addEventListener('focusin', (event) => {
    const focused = indexOf(event);
    lines.forEach((line, i) => { line.tabIndex = i === focused ? 0 : -1; });
  });
  body.addEventListener('click', (event) => {
    if (!(event.target as Element).classList.contains('twist')) return;
    keys['Enter']?.(indexOf(event));
  });
}
