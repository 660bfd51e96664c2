// SPDX-License-Identifier: Apache-2.0
//
// One expression with its table and its graph.
import { type Answer, ApiError, ask } from '../api';
import { fill, h } from '../dom';
import { formatElapsed } from '../format';
import { empty, failed, loading } from '../load';
import type { MatrixRow, QueryData } from '../types';
import { graphControls, tableControls } from './controls';
import { type Editor, newEditor } from './editor';
import { errorPlace } from './error_place';
import { explainElement } from './explain';
import { type Graph, newGraph } from './graph_view';
import type { Operator } from './operators';
import { type PanelState, stepOf } from './state';
import { tableElement } from './table_view';

/** What an answer has beside the result when it is asked for. */
interface Explained { explain?: Operator }

export class Panel {
  readonly element: HTMLElement;
  private readonly editor: Editor;
  private readonly controls = h('div');
  private readonly status = h('p', { class: 'query-status', role: 'status' });
  private readonly notices = h('div', { class: 'notices' });
  private readonly explained = h('div');
  private readonly result = h('div', { class: 'result' });
  private readonly tabs: Record<PanelState['tab'], HTMLButtonElement>;
  private readonly runButton: HTMLButtonElement;
  private readonly explainButton: HTMLButtonElement;
  private controller: AbortController | null = null;
  private graph: Graph | null = null;

  /**
   * @param changed  called when something changed that the address of the page shows
   */
  constructor(readonly state: PanelState, private readonly changed: () => void, remove: (panel: Panel) => void) {
    this.editor = newEditor(state.expr, () => this.run(), () => this.editor.clearError());
    this.tabs = { table: this.tab('table', 'Table'), graph: this.tab('graph', 'Graph') };
    this.runButton = h('button', { type: 'button', class: 'primary', onclick: () => this.run() }, 'Run');
    this.explainButton = h('button', {
      type: 'button', class: 'toggle', 'aria-pressed': String(state.explain),
      title: 'Show what each operator of the query takes', onclick: () => this.toggleExplain(),
    }, 'Explain');
    this.element = h('section', { class: 'panel', 'aria-label': 'Query' },
      h('div', { class: 'query-bar' }, h('div', { class: 'editor' }, this.editor.element), this.runButton, this.explainButton,
        h('button', { type: 'button', class: 'quiet', 'aria-label': 'Remove this query', title: 'Remove this query', onclick: () => remove(this) }, '×')),
      h('div', { class: 'panel-head' },
        h('div', { class: 'tabs', role: 'tablist' }, this.tabs.table, this.tabs.graph), this.status),
      this.controls, this.notices, this.explained, this.result);
    this.showControls();
    if (state.expr) void this.execute();
    else fill(this.result, empty('Type an expression and press Enter.'));
  }

  focus(): void {
    this.editor.focus();
  }

  /** Shows times anew after a change of the time zone; what is typed stays. */
  showTimes(): void {
    this.showControls();
    if (this.state.tab === 'table') void this.execute();  // A graph follows by itself.
  }

  destroy(): void {
    this.controller?.abort();
    this.graph?.destroy();
    this.editor.destroy();
  }

  private tab(name: PanelState['tab'], title: string): HTMLButtonElement {
    return h('button', {
      type: 'button', role: 'tab', 'aria-selected': String(this.state.tab === name),
      tabindex: this.state.tab === name ? 0 : -1,
      onclick: () => this.selectTab(name),
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
        const other = name === 'table' ? 'graph' : 'table';
        this.selectTab(other);
        this.tabs[other].focus();
      },
    }, title);
  }

  private selectTab(name: PanelState['tab']): void {
    if (this.state.tab === name) return;
    this.state.tab = name;
    this.clearResult();
    this.refresh();
  }

  private toggleExplain(): void {
    this.state.explain = !this.state.explain;
    this.explainButton.setAttribute('aria-pressed', String(this.state.explain));
    this.changed();
    if (this.state.explain) void this.execute();
    else fill(this.explained);
  }

  /** Takes the text of the editor and asks the server. */
  private run(): void {
    this.state.expr = this.editor.text().trim();
    this.refresh();
  }

  /** After a change of the state: shows it in the address and asks again. */
  private refresh(): void {
    for (const [name, button] of Object.entries(this.tabs)) {
      button.setAttribute('aria-selected', String(name === this.state.tab));
      button.tabIndex = name === this.state.tab ? 0 : -1;
    }
    this.showControls();
    this.changed();
    void this.execute();
  }

  private showControls(): void {
    const make = this.state.tab === 'table' ? tableControls : graphControls;
    fill(this.controls, make(this.state, () => this.refresh()));
  }

  private clearResult(): void {
    this.graph?.destroy();
    this.graph = null;
    fill(this.result);
  }

  private async execute(): Promise<void> {
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    if (!this.state.expr) {
      this.clearResult();
      fill(this.notices);
      fill(this.explained);
      fill(this.status);
      fill(this.result, empty('Type an expression and press Enter.'));
      return;
    }
    const started = performance.now();
    this.element.setAttribute('aria-busy', 'true');
    if (!this.result.hasChildNodes() || this.result.querySelector('.state')) fill(this.result, loading('the result'));
    fill(this.status, 'Running…');
    try {
      await (this.state.tab === 'table' ? this.fetchTable(controller) : this.fetchGraph(controller));
      if (controller.signal.aborted) return;
      const count = this.result.dataset.series ?? '0';
      fill(this.status, `${count} series in ${formatElapsed((performance.now() - started) / 1000)}`);
    } catch (error) {
      if (controller.signal.aborted) return;
      this.showError(error);
    }
    this.element.removeAttribute('aria-busy');
  }

  /** The parameters that the table and the graph have in common. */
  private asked(): Record<string, string> {
    return { query: this.state.expr, ...(this.state.explain && { explain: 'true' }) };
  }

  private async fetchTable(controller: AbortController): Promise<void> {
    const time = (this.state.moment ?? Date.now()) / 1000;
    const answer = await ask<QueryData & Explained>('query', { ...this.asked(), time: time.toFixed(3) }, controller.signal);
    if (controller.signal.aborted) return;
    this.showNotices(answer);
    this.clearResult();
    this.showExplained(answer.data);
    const { data } = answer;
    const many = data.resultType === 'vector' || data.resultType === 'matrix';
    this.result.dataset.series = String(many ? data.result.length : 1);
    fill(this.result, tableElement(data));
  }

  private async fetchGraph(controller: AbortController): Promise<void> {
    const step = stepOf(this.state);
    const end = (this.state.end ?? Date.now()) / 1000;
    // The last step is the end itself: what was scraped just now shows up.
    const start = end - Math.floor(this.state.range / step) * step;
    const answer = await ask<{ result: MatrixRow[] } & Explained>('query_range', {
      ...this.asked(), start: start.toFixed(3), end: end.toFixed(3), step: String(step),
    }, controller.signal);
    if (controller.signal.aborted) return;
    this.showNotices(answer);
    this.clearResult();
    this.showExplained(answer.data);
    this.result.dataset.series = String(answer.data.result.length);
    this.graph = newGraph(answer.data.result, {
      start: Number(start.toFixed(3)), end, step, stacked: this.state.stacked,
      onZoom: (from, to) => {
        this.state.range = Math.max(1, Math.round(to - from));
        this.state.end = Math.round(to * 1000);
        this.refresh();
      },
    });
    fill(this.result, this.graph.element);
  }

  private showExplained(data: Explained): void {
    fill(this.explained, this.state.explain && explainElement(this.state.expr, data.explain));
  }

  private showNotices(answer: Answer<unknown>): void {
    this.editor.clearError();
    fill(this.notices,
      answer.warnings.map((text) => h('p', { class: 'notice warning' }, h('strong', {}, 'Warning. '), text)),
      answer.infos.map((text) => h('p', { class: 'notice info' }, h('strong', {}, 'Info. '), text)));
  }

  private showError(error: unknown): void {
    this.clearResult();
    fill(this.notices);
    fill(this.explained);
    fill(this.status);
    fill(this.result, failed(error, error instanceof ApiError && error.type !== 'bad_data' ? () => this.run() : undefined));
    const message = error instanceof Error ? error.message : '';
    const place = errorPlace(message);
    if (place) this.editor.markError(place.line, place.column, message);
  }
}
