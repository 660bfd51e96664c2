// SPDX-License-Identifier: Apache-2.0
//
// Shows something that has to be fetched: loading, failed, empty and there look different.
import { ApiError } from './api';
import { type Child, fill, h, refill } from './dom';

export const loading = (what: string): HTMLElement =>
  h('p', { class: 'state loading', role: 'status' }, h('span', { class: 'ember' }), `Loading ${what}…`);

export const empty = (text: string): HTMLElement =>
  h('p', { class: 'state empty', role: 'status' }, text);

export function failed(error: unknown, retry?: () => void): HTMLElement {
  const kind = error instanceof ApiError && error.type !== 'network' && error.type !== 'http'
    ? `${error.type}: ` : '';
  const message = error instanceof Error ? error.message : String(error);
  return h('div', { class: 'state failed', role: 'alert' },
    h('strong', {}, 'Failed. '), h('span', {}, kind + message),
    retry && h('button', { type: 'button', onclick: retry }, 'Try again'));
}

export interface Loader {
  reload(): void;
  stop(): void;
}

/** Showing anew would take the selection away before it is copied. */
function isSelecting(body: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection?.type === 'Range' && body.contains(selection.anchorNode);
}

/**
 * Fetches and shows into `into`. While fetching again the old content stays; when that fails, the
 * failure stands above it.
 * @param refreshMs  how often to fetch again while the page is visible; 0 = only on reload()
 */
export function load<T>(
  into: HTMLElement, what: string, fetchIt: (signal: AbortSignal) => Promise<T>,
  show: (value: T) => Child, refreshMs = 0,
): Loader {
  const notice = h('div');
  const body = h('div');
  fill(into, notice, body);
  let controller: AbortController | null = null;
  let has = false;

  const reload = (): void => {
    controller?.abort();
    const mine = new AbortController();
    controller = mine;
    if (!has) fill(body, loading(what));
    fetchIt(mine.signal).then((value) => {
      if (mine.signal.aborted) return;
      has = true;
      fill(notice);
      refill(body, show(value));
    }).catch((error: unknown) => {
      if (mine.signal.aborted) return;
      if (!has) fill(body);
      fill(notice, failed(error, reload));
    });
  };
  reload();
  const timer = refreshMs > 0
    ? window.setInterval(() => { if (!document.hidden && !isSelecting(body)) reload(); }, refreshMs) : 0;
  return { reload, stop: () => { controller?.abort(); window.clearInterval(timer); } };
}
