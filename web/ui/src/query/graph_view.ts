// SPDX-License-Identifier: Apache-2.0
//
// A range result: the chart and its legend, whose entries switch series on and off.
import { fill, h } from '../dom';
import { seriesElement } from '../labels';
import { empty } from '../load';
import { onSettings } from '../settings';
import type { MatrixRow } from '../types';
import { type Chart, newChart } from './chart';
import { onGrid } from './grid';
import { colourOf } from './palette';

const maxLegend = 100;
const maxSeries = 1000;

export interface GraphOptions {
  start: number;  // Seconds, as the query had them.
  end: number;
  step: number;
  stacked: boolean;
  onZoom(start: number, end: number): void;
}

export interface Graph {
  readonly element: HTMLElement;
  destroy(): void;
}

export function newGraph(rows: MatrixRow[], options: GraphOptions): Graph {
  const data = onGrid(rows.slice(0, maxSeries), options.start, options.end, options.step);
  if (data.labels.length === 0) {
    const why = rows.some((row) => row.histograms?.length)
      ? 'The result has native histograms only. Draw a number of them, for example with ' +
        'histogram_quantile(0.9, …), or read them in the table.'
      : 'The query has no result in this range.';
    return { element: empty(why), destroy: () => undefined };
  }
  const shown = data.labels.map(() => true);
  const place = h('div');
  const legend = h('ul', { class: 'legend', 'aria-label': 'Series' });
  let chart: Chart | null = null;
  const draw = (): void => {
    chart?.destroy();
    chart = newChart(data, { stacked: options.stacked, shown, onZoom: options.onZoom });
    fill(place, chart.element);
  };
  const buttons: HTMLButtonElement[] = [];
  const apply = (): void => {
    shown.forEach((visible, i) => buttons[i]?.setAttribute('aria-pressed', String(visible)));
    if (options.stacked) draw();  // The areas above a hidden one move down.
    else shown.forEach((visible, i) => chart?.show(i, visible));
  };
  const toggle = (index: number, alone: boolean): void => {
    if (alone) {
      const already = shown.every((visible, i) => visible === (i === index));
      shown.forEach((_, i) => { shown[i] = already || i === index; });
    } else {
      shown[index] = !shown[index];
    }
    apply();
  };
  const entry = (index: number): HTMLElement => {
    const swatch = h('span', { class: 'swatch' });
    swatch.style.background = colourOf(index);
    const button = h('button', {
      type: 'button', 'aria-pressed': 'true',
      title: 'Click: hide or show. With Shift or Ctrl: this one alone',
      onclick: (event: MouseEvent) => toggle(index, event.shiftKey || event.ctrlKey || event.metaKey),
      onmouseenter: () => chart?.highlight(index),
      onmouseleave: () => chart?.highlight(null),
    }, swatch, seriesElement(data.labels[index] ?? {}));
    buttons[index] = button;
    return h('li', {}, button);
  };
  draw();
  fill(legend, data.labels.slice(0, maxLegend).map((_, i) => entry(i)));
  const notes: HTMLElement[] = [];
  if (rows.length > maxSeries) notes.push(h('p', { class: 'note' }, `Drawn: the first ${maxSeries} of ${rows.length} series.`));
  if (data.labels.length > maxLegend) {
    notes.push(h('p', { class: 'note' }, `The legend has the first ${maxLegend} of ${data.labels.length} series; the tooltip knows all.`));
  }
  const stop = onSettings(draw);
  return {
    element: h('div', { class: 'graph' }, place, notes, legend),
    destroy: () => { stop(); chart?.destroy(); },
  };
}
