// SPDX-License-Identifier: Apache-2.0
//
// A native histogram in the table: its count and sum, and on demand its buckets with bars.
import { h } from '../dom';
import type { Bucket, HistogramValue } from '../types';

function boundary([rule, low, high]: Bucket): string {
  return `${rule === 1 || rule === 3 ? '[' : '('}${low}, ${high}${rule === 0 || rule === 3 ? ']' : ')'}`;
}

export function histogramElement(value: HistogramValue): HTMLElement {
  const buckets = value.buckets ?? [];
  const most = Math.max(...buckets.map((b) => Number(b[3])), Number.MIN_VALUE);
  const rows = buckets.map((bucket) => h('tr', {},
    h('td', {}, boundary(bucket)),
    h('td', { class: 'number' }, bucket[3]),
    h('td', { class: 'bar' },
      h('meter', { min: 0, max: most, value: Number(bucket[3]), 'aria-hidden': 'true' }))));
  return h('details', { class: 'histogram' },
    h('summary', {}, `count ${value.count}, sum ${value.sum}, ${buckets.length} buckets`),
    h('table', {}, h('tbody', {}, rows)));
}
