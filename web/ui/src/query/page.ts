// SPDX-License-Identifier: Apache-2.0
//
// /query: any number of panels, kept in the address of the page.
import { fill, h } from '../dom';
import { onSettings } from '../settings';
import { Panel } from './panel';
import { newPanel, readPanels, writePanels } from './state';

export function mountQuery(main: HTMLElement): () => void {
  const list = h('div', { class: 'panels' });
  let panels: Panel[] = [];

  const remember = (): void => {
    const search = writePanels(panels.map((panel) => panel.state));
    if (search !== window.location.search) history.pushState(null, '', `query${search}`);
  };
  const remove = (panel: Panel): void => {
    panels = panels.filter((other) => other !== panel);
    panel.destroy();
    panel.element.remove();
    if (panels.length === 0) add();
    remember();
  };
  const add = (state = newPanel()): Panel => {
    const panel = new Panel(state, remember, remove);
    panels.push(panel);
    list.appendChild(panel.element);
    return panel;
  };
  const open = (): void => {
    for (const panel of panels) panel.destroy();
    panels = [];
    fill(list);
    for (const state of readPanels(window.location.search)) add(state);
  };
  fill(main, h('h1', { class: 'hidden' }, 'Query'), list,
    h('p', {}, h('button', { type: 'button', onclick: () => add().focus() }, 'Add a query')));
  open();
  // On a phone the focus would open the keyboard over the page.
  if (window.matchMedia('(pointer: fine)').matches) panels[0]?.focus();
  window.addEventListener('popstate', open);
  const stop = onSettings(() => panels.forEach((panel) => panel.showTimes()));
  return () => {
    stop();
    window.removeEventListener('popstate', open);
    for (const panel of panels) panel.destroy();
  };
}
