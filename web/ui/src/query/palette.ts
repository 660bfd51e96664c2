// SPDX-License-Identifier: Apache-2.0
//
// Colours of the lines: first a picked set that is told apart on light and dark, then hues a golden
// angle apart.
const picked = [
  '#d9622b', '#3f8f5f', '#3b7dc4', '#b58a12', '#8d5fc2', '#c2407a',
  '#2a9aa0', '#7f9a2c', '#a0603a', '#6673d1', '#cf4b47', '#5f8a86',
];

const hue = (index: number): number => Math.round((index * 137.508) % 360);

export const colourOf = (index: number): string => picked[index] ?? `hsl(${hue(index)} 55% 52%)`;

/** The same, a third as strong, for areas. */
export function areaColourOf(index: number): string {
  const solid = picked[index];
  return solid ? `${solid}55` : `hsl(${hue(index)} 55% 52% / 33%)`;
}
