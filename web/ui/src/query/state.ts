// SPDX-License-Identifier: Apache-2.0
//
// The state of the panels and its form in the address of the page: g0.expr, g0.tab, … as
// Prometheus writes them, so that links from alerts and dashboards open the same graph here.
import { formatDuration, formatUtc, parseDuration, parseUtc } from '../format';

export type Density = 'low' | 'medium' | 'high';

export interface PanelState {
  expr: string;
  tab: 'table' | 'graph';
  range: number;          // Seconds.
  end: number | null;     // Unix milliseconds; null = now.
  moment: number | null;  // Time of the table; null = now.
  density: Density;       // How fine the automatic step is.
  step: number | null;    // Seconds; null = automatic.
  stacked: boolean;
  explain: boolean;       // Shows what each operator takes.
}

export const newPanel = (): PanelState => ({
  expr: '', tab: 'table', range: 3600, end: null, moment: null,
  density: 'medium', step: null, stacked: false, explain: false,
});

const maxPanels = 50;

/** Reads "?g0.expr=up&g0.tab=0&g1.expr=…"; unknown and broken values are left out. */
export function readPanels(search: string): PanelState[] {
  const panels: PanelState[] = [];
  for (const [key, value] of new URLSearchParams(search)) {
    const match = /^g(\d+)\.(.+)$/.exec(key);
    const index = Number(match?.[1]);
    if (!match || index >= maxPanels) continue;
    while (panels.length <= index) panels.push(newPanel());
    readField(panels[index] as PanelState, match[2] ?? '', value);
  }
  const used = panels.filter((panel) => panel.expr !== '');
  return used.length > 0 ? used : [newPanel()];
}

function readField(panel: PanelState, field: string, value: string): void {
  switch (field) {
    case 'expr': panel.expr = value; break;
    case 'tab': panel.tab = value === '0' || value === 'graph' ? 'graph' : 'table'; break;
    case 'range_input': panel.range = parseDuration(value) ?? panel.range; break;
    case 'end_input': panel.end = parseUtc(value); break;
    case 'moment_input': panel.moment = parseUtc(value); break;
    case 'step_input': case 'res_step': panel.step = parseDuration(value); break;
    case 'res_density':
      if (value === 'low' || value === 'medium' || value === 'high') panel.density = value;
      break;
    case 'stacked': if (value === '1') panel.stacked = true; break;
    case 'display_mode': if (value === 'stacked') panel.stacked = true; break;
    case 'show_tree': panel.explain = value === '1'; break;
    default: break;
  }
}

export function writePanels(panels: PanelState[]): string {
  const params = new URLSearchParams();
  panels.filter((panel) => panel.expr !== '').forEach((panel, i) => {
    const set = (name: string, value: string): void => params.set(`g${i}.${name}`, value);
    set('expr', panel.expr);
    set('tab', panel.tab);
    if (panel.moment !== null) set('moment_input', formatUtc(panel.moment));
    set('range_input', formatDuration(panel.range));
    if (panel.end !== null) set('end_input', formatUtc(panel.end));
    if (panel.step !== null) set('res_step', formatDuration(panel.step));
    else if (panel.density !== 'medium') set('res_density', panel.density);
    if (panel.step !== null) set('res_type', 'custom');
    if (panel.stacked) set('display_mode', 'stacked');
    if (panel.explain) set('show_tree', '1');
  });
  const text = params.toString();
  return text ? `?${text}` : '';
}

const points: Record<Density, number> = { low: 100, medium: 250, high: 1000 };

/** The step of a graph in seconds, whole milliseconds. */
export function stepOf(panel: PanelState): number {
  if (panel.step !== null) return panel.step;
  const raw = panel.range / points[panel.density];
  return raw >= 1 ? Math.max(1, Math.round(raw)) : Math.max(0.001, Math.round(raw * 1000) / 1000);
}
