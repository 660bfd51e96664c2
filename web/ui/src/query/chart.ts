// SPDX-License-Identifier: Apache-2.0
//
// Draws the series of a range query with uPlot: lines or stacked areas, a tooltip for the nearest
// series, and zoom by dragging.
import uPlot from 'uplot';
import { fill, h } from '../dom';
import { formatShort, formatTime } from '../format';
import { seriesElement } from '../labels';
import { getZone } from '../settings';
import type { ChartData } from './grid';
import { areaColourOf, colourOf } from './palette';

function stack(values: (number | null)[][], shown: boolean[]): (number | null)[][] {
  const sum = new Array<number>(values[0]?.length ?? 0).fill(0);
  return values.map((line, k) => shown[k] === false ? line : line.map((value, i) => {
    sum[i] = (sum[i] ?? 0) + (value ?? 0);
    return value === null ? null : sum[i] ?? 0;
  }));
}

/** Indexes of samples without neighbours: a line would not show them. */
function lonely(line: (number | null)[]): number[] {
  const found: number[] = [];
  line.forEach((value, i) => {
    if (value !== null && (line[i - 1] ?? null) === null && (line[i + 1] ?? null) === null) found.push(i);
  });
  return found;
}

// Labels of the time axis by the distance of its ticks, in the form uPlot asks for: the distance in
// seconds, the label, what is added when the year, month, day, hour, minute or second changes, and
// 1 = added to the label. Always 24 hours, largest unit first.
const day = '\n{YYYY}-{MM}-{DD}';
const timeLabels: uPlot.Axis.DynamicValues = [
  [365 * 86400, '{YYYY}', null, null, null, null, null, null, 1],
  [28 * 86400, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
  [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', day, null, day, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', day, null, day, null, null, null, 1],
  [0.001, '{mm}:{ss}.{fff}', day, null, day, null, null, null, 1],
] as unknown as uPlot.Axis.DynamicValues;

export interface Chart {
  readonly element: HTMLElement;
  show(index: number, visible: boolean): void;
  highlight(index: number | null): void;
  destroy(): void;
}

export interface ChartOptions {
  stacked: boolean;
  shown: boolean[];
  onZoom(start: number, end: number): void;  // Seconds.
}

const height = (): number => (window.innerWidth < 640 ? 240 : 380);

export function newChart(data: ChartData, options: ChartOptions): Chart {
  const tooltip = h('div', { class: 'tooltip', hidden: true });
  const element = h('div', { class: 'chart' });
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string): string => css.getPropertyValue(name).trim();
  const lines = options.stacked ? stack(data.values, options.shown) : data.values;
  const axis = {
    stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 }, font: '12px system-ui, sans-serif',
  };
  const plot: uPlot = new uPlot({
    width: 600, height: height(),
    legend: { show: false },
    tzDate: (t) => getZone() === 'utc' ? uPlot.tzDate(new Date(t * 1e3), 'Etc/UTC') : new Date(t * 1e3),
    focus: { alpha: 0.25 },
    cursor: {
      drag: { x: true, y: false, setScale: false },
      focus: { prox: 24 },
      points: { size: 7 },
    },
    scales: { y: { range: (_u, min, max) => yRange(min, max, options.stacked) } },
    axes: [{ ...axis, space: 80, values: timeLabels }, { ...axis, size: 64, values: (_u, ticks) => ticks.map((v) => formatShort(v)) }],
    series: [{}, ...lines.map((line, i): uPlot.Series => ({
      show: options.shown[i] !== false,
      stroke: colourOf(i), width: 1.5, spanGaps: false,
      fill: options.stacked ? areaColourOf(i) : undefined,
      points: { show: false, filter: () => lonely(line) },
    }))],
    bands: options.stacked ? bandsBetween(options.shown) : undefined,
    hooks: {
      setSelect: [(u) => {
        if (u.select.width < 5) return;
        options.onZoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
      }],
      setCursor: [(u) => moveTooltip(u, tooltip, data, lines)],
    },
  }, [data.times, ...lines] as uPlot.AlignedData, element);
  plot.over.appendChild(tooltip);
  const resize = new ResizeObserver(() => {
    if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: height() });
  });
  resize.observe(element);
  return {
    element,
    show: (index, visible) => plot.setSeries(index + 1, { show: visible }),
    highlight: (index) => plot.setSeries(index === null ? null : index + 1, { focus: true }),
    destroy: () => { resize.disconnect(); plot.destroy(); },
  };
}

/** Each visible area ends at the visible one below it. */
function bandsBetween(shown: boolean[]): uPlot.Band[] {
  const visible = shown.flatMap((s, i) => (s ? [i + 1] : []));
  return visible.slice(1).map((series, k) => ({ series: [series, visible[k] ?? series] }));
}

function yRange(min: number | null, max: number | null, fromZero: boolean): [number, number] {
  let low = min ?? 0;
  let high = max ?? 1;
  if (fromZero) {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  if (low === high) {
    const margin = low === 0 ? 1 : Math.abs(low) * 0.5;
    return [low - margin, high + margin];
  }
  const margin = (high - low) * 0.08;
  return [fromZero && low === 0 ? 0 : low - margin, high + margin];
}

function moveTooltip(u: uPlot, tooltip: HTMLElement, data: ChartData, lines: (number | null)[][]): void {
  const { idx, left, top } = u.cursor;
  if (idx === null || idx === undefined || left === undefined || top === undefined || left < 0) {
    tooltip.hidden = true;
    return;
  }
  let best = -1;
  let distance = Infinity;
  lines.forEach((line, i) => {
    const value = line[idx];
    if (value === null || value === undefined || u.series[i + 1]?.show === false) return;
    const d = Math.abs(u.valToPos(value, 'y') - top);
    if (d < distance) {
      distance = d;
      best = i;
    }
  });
  const labels = data.labels[best];
  const value = data.values[best]?.[idx];
  const time = data.times[idx];
  if (!labels || value === null || value === undefined || time === undefined) {
    tooltip.hidden = true;
    return;
  }
  const swatch = h('span', { class: 'swatch' });
  swatch.style.background = colourOf(best);
  fill(tooltip,
    h('div', { class: 'when' }, formatTime(Math.round(time * 1000))),
    h('div', { class: 'what' }, swatch, h('strong', {}, formatShort(value)),
      h('span', { class: 'exact' }, String(value))),
    seriesElement(labels));
  tooltip.hidden = false;
  const width = tooltip.offsetWidth;
  const room = u.over.clientWidth;
  const x = left + 16 + width <= room ? left + 16 : Math.max(0, left - 16 - width);
  tooltip.style.transform = `translate(${x}px, ${Math.max(0, top - tooltip.offsetHeight - 12)}px)`;
}
