// SPDX-License-Identifier: Apache-2.0
//
// A matrix as the chart wants it: one time for each step, and a column for each series.
import { parseValue } from '../format';
import type { LabelSet, MatrixRow } from '../types';

export interface ChartData {
  times: number[];                  // Seconds, one per step.
  values: (number | null)[][];      // One row per series, null where it has no sample.
  labels: LabelSet[];
}

/** Puts the samples on the grid of steps, so that gaps stay gaps. */
export function onGrid(rows: MatrixRow[], start: number, end: number, step: number): ChartData {
  const count = Math.floor((end - start) / step + 1e-6) + 1;
  const times = Array.from({ length: count }, (_, i) => start + i * step);
  const floats = rows.filter((row) => row.values && row.values.length > 0);
  const values = floats.map((row) => {
    const line: (number | null)[] = new Array<number | null>(count).fill(null);
    for (const [t, text] of row.values ?? []) {
      const value = parseValue(text);
      const i = Math.round((t - start) / step);
      if (i >= 0 && i < count && Number.isFinite(value)) line[i] = value;
    }
    return line;
  });
  return { times, values, labels: floats.map((row) => row.metric) };
}
