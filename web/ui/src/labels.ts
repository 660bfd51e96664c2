// SPDX-License-Identifier: Apache-2.0
//
// Label sets as elements.
import { type Child, h } from './dom';
import type { LabelSet } from './types';

/** name{a="b"} with the parts marked for colour. */
export function seriesElement(labels: LabelSet): HTMLElement {
  const pairs = Object.entries(labels).filter(([key]) => key !== '__name__');
  const children: Child[] = [h('span', { class: 'metric' }, labels['__name__'] ?? '')];
  if (pairs.length > 0 || !labels['__name__']) {
    children.push('{');
    pairs.forEach(([key, value], i) => children.push(
      i > 0 && ', ', h('span', { class: 'label' }, h('span', { class: 'key' }, key), '=',
        h('span', { class: 'val' }, JSON.stringify(value)))));
    children.push('}');
  }
  return h('code', { class: 'series' }, children);
}

/** Small tags, one for each label. */
export function labelTags(labels: LabelSet | undefined, leaveOut: string[] = []): HTMLElement {
  return h('span', { class: 'tags' }, Object.entries(labels ?? {})
    .filter(([key]) => !leaveOut.includes(key))
    .map(([key, value]) => h('span', { class: 'tag' },
      h('span', { class: 'key' }, key), '=', h('span', { class: 'val' }, JSON.stringify(value)))));
}

/** An annotation: an address becomes a link. */
export const linked = (text: string): Child =>
  /^https?:\/\/[^\s]+$/.test(text) ? h('a', { href: text, rel: 'noopener noreferrer' }, text) : text;

export const badge = (text: string, kind: string): HTMLElement =>
  h('span', { class: `badge ${kind}` }, text);
