// SPDX-License-Identifier: Apache-2.0
//
// Builds DOM nodes. Strings always become text nodes, never HTML.

export type Child = Node | string | number | null | undefined | false | Child[];
type Listener = (event: never) => void;
export type Props = Record<string, string | number | boolean | null | undefined | Listener>;

/** An element: on… functions become listeners, true an empty attribute, false or null none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, props: Props = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) {
      append(parent, child);
    } else if (child instanceof Node) {
      parent.appendChild(child);
    } else if (child !== null && child !== undefined && child !== false) {
      parent.appendChild(document.createTextNode(String(child)));
    }
  }
}

/** Replaces what is inside the parent. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * Like fill, for content that is shown again and again: what the reader has opened (details with a
 * data-key) stays open, and the focus stays where it was.
 */
export function refill(parent: Element, ...children: Child[]): void {
  // What keeps itself up to date is there already.
  if (children.length === 1 && parent.childNodes.length === 1 && children[0] === parent.firstChild) return;
  const open = new Map<string, boolean>();
  for (const details of parent.querySelectorAll<HTMLDetailsElement>('details[data-key]')) {
    open.set(details.dataset.key ?? '', details.open);
  }
  const focusable = (): HTMLElement[] => [...parent.querySelectorAll<HTMLElement>('a, button, summary')];
  const focused = focusable().findIndex((element) => element === document.activeElement);
  fill(parent, ...children);
  for (const details of parent.querySelectorAll<HTMLDetailsElement>('details[data-key]')) {
    details.open = open.get(details.dataset.key ?? '') ?? details.open;
  }
  if (focused >= 0) focusable()[focused]?.focus({ preventScroll: true });
}

/** A small drawing from path data on a 16 × 16 grid, hidden from screen readers. */
export function icon(path: string): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS(space, 'path');
  shape.setAttribute('d', path);
  svg.appendChild(shape);
  return svg;
}
