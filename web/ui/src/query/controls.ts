// SPDX-License-Identifier: Apache-2.0
//
// The inputs of a panel: evaluation time for the table; range, end, step and stacking for the graph.
import { h } from '../dom';
import { formatDuration, fromInputTime, parseDuration, toInputTime } from '../format';
import { type Density, type PanelState, stepOf } from './state';

const ranges = [
  '1m', '5m', '15m', '30m', '1h', '2h', '6h', '12h', '1d', '2d', '1w', '2w', '4w', '8w', '1y', '2y',
].map((text) => parseDuration(text) ?? 0);

const button = (label: string, title: string, onclick: () => void): HTMLButtonElement =>
  h('button', { type: 'button', title, 'aria-label': title, onclick }, label);

const named = (name: string, ...content: (Node | string)[]): HTMLElement =>
  h('div', { class: 'control', role: 'group', 'aria-label': name }, content);

/** A time with steps back and forth; empty means now. */
function timeInput(
  name: string, value: number | null, stepMs: number, set: (ms: number | null) => void,
): HTMLElement {
  const input = h('input', {
    type: 'datetime-local', step: 1, 'aria-label': name, value: value === null ? '' : toInputTime(value),
    onchange: () => set(fromInputTime(input.value)),
  });
  const move = (by: number): void => set((value ?? Date.now()) + by);
  return named(name,
    button('‹', `${name}: earlier`, () => move(-stepMs)), input,
    button('›', `${name}: later`, () => move(stepMs)),
    h('button', {
      type: 'button', class: 'toggle', 'aria-pressed': String(value === null), 'aria-label': `${name}: now`,
      onclick: () => set(null),
    }, 'now'));
}

export function tableControls(state: PanelState, changed: () => void): HTMLElement {
  return h('div', { class: 'controls' },
    timeInput('Evaluation time', state.moment, state.range * 500, (ms) => {
      state.moment = ms;
      changed();
    }));
}

export function graphControls(state: PanelState, changed: () => void): HTMLElement {
  const density = (['low', 'medium', 'high'] as Density[]).map((value) =>
    h('option', { value, selected: state.step === null && state.density === value }, `auto, ${value}`));
  const stepInput = h('input', {
    type: 'text', size: 7, 'aria-label': 'Step', placeholder: formatDuration(stepOf(state)),
    value: state.step === null ? '' : formatDuration(state.step),
    onchange: () => {
      state.step = parseDuration(stepInput.value);
      changed();
    },
  });
  const select = h('select', {
    'aria-label': 'Resolution',
    onchange: () => {
      state.density = select.value as Density;
      state.step = null;
      changed();
    },
  }, density, state.step !== null && h('option', { value: 'custom', selected: true }, 'as typed'));
  const stacked = h('button', {
    type: 'button', 'aria-pressed': String(state.stacked), class: 'toggle',
    onclick: () => {
      state.stacked = !state.stacked;
      changed();
    },
  }, 'Stacked');
  return h('div', { class: 'controls' },
    rangeInput(state, changed),
    timeInput('End time', state.end, state.range * 500, (ms) => {
      state.end = ms;
      changed();
    }),
    named('Step', h('span', { class: 'caption' }, 'Step'), stepInput, select), stacked);
}

function rangeInput(state: PanelState, changed: () => void): HTMLElement {
  const set = (seconds: number): void => {
    state.range = seconds;
    changed();
  };
  const input = h('input', {
    type: 'text', size: 5, 'aria-label': 'Range', value: formatDuration(state.range),
    onchange: () => {
      const seconds = parseDuration(input.value);
      input.classList.toggle('invalid', seconds === null);
      if (seconds !== null) set(seconds);
    },
  });
  return named('Range', h('span', { class: 'caption' }, 'Range'),
    button('−', 'Shorter range', () => set([...ranges].reverse().find((r) => r < state.range) ?? state.range)),
    input,
    button('+', 'Longer range', () => set(ranges.find((r) => r > state.range) ?? state.range)));
}
