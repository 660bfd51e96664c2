// SPDX-License-Identifier: Apache-2.0
//
// What the reader chose and the browser keeps: colours and time zone.

export type Theme = 'auto' | 'light' | 'dark';
export type Zone = 'local' | 'utc';

const listeners = new Set<() => void>();

function stored<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
  try {
    const value = localStorage.getItem(`narthex.${key}`);
    return allowed.find((a) => a === value) ?? otherwise;
  } catch {
    return otherwise;  // Storage may be switched off; then choices last as long as the page.
  }
}

const themes = ['auto', 'light', 'dark'] as const;
const zones = ['local', 'utc'] as const;
let theme: Theme = stored('theme', themes, 'auto');
let zone: Zone = stored('zone', zones, 'local');

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`narthex.${key}`, value);
  } catch {
    // See stored().
  }
  for (const listener of listeners) listener();
}

function applyTheme(): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export const getTheme = (): Theme => theme;
export const getZone = (): Zone => zone;

export function setTheme(value: Theme): void {
  theme = value;
  applyTheme();
  keep('theme', value);
}

export function setZone(value: Zone): void {
  zone = value;
  keep('zone', value);
}

/** Calls back when a choice changes, or the system's colours do. @return stops it */
export function onSettings(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function nextTheme(): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'auto';
}

window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const listener of listeners) listener();
});
applyTheme();
