// SPDX-License-Identifier: Apache-2.0
//
// Durations, times, label sets and numbers as people and PromQL write them.
import { getZone } from './settings';
import type { LabelSet } from './types';

const unitSeconds: Record<string, number> = {
  ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000,
};

/** "1h30m" or plain seconds as seconds; null when it is neither or not positive. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) > 0 ? Number(trimmed) : null;
  if (!/^((\d+)(ms|[smhdwy]))+$/.test(trimmed)) return null;
  let seconds = 0;
  for (const [, count, unit] of trimmed.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    seconds += Number(count) * (unitSeconds[unit ?? ''] ?? 0);
  }
  return seconds > 0 ? seconds : null;
}

/** Seconds as "1h30m", exact to the millisecond. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds * 1000);
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of ['w', 'd', 'h', 'm', 's', 'ms']) {
    const size = Math.round((unitSeconds[unit] ?? 1) * 1000);
    const count = Math.floor(rest / size);
    // Weeks only when nothing is left over: 8d reads better than 1w1d.
    if (count > 0 && (unit !== 'w' || rest % size === 0)) {
      text += `${count}${unit}`;
      rest -= count * size;
    }
  }
  return text;
}

/** A measured time: "1.23 ms", "4.5 s". */
export function formatElapsed(seconds: number): string {
  if (seconds >= 60) return formatDuration(Math.round(seconds));
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  if (seconds >= 0.001 || seconds === 0) return `${(seconds * 1000).toFixed(1)} ms`;
  return `${(seconds * 1e6).toFixed(0)} µs`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** "2026-11-20 12:30:00" in UTC, the form of times in the address of a page. */
export function formatUtc(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** The reverse of formatUtc; null when it is no time. */
export function parseUtc(text: string): number | null {
  const ms = Date.parse(`${text.trim().replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** The value of a datetime-local input, in the zone the reader chose. */
export function toInputTime(ms: number): string {
  if (getZone() === 'utc') return new Date(ms).toISOString().slice(0, 19);
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}` +
    `T${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function fromInputTime(text: string): number | null {
  if (!text) return null;
  const ms = getZone() === 'utc' ? Date.parse(`${text}Z`) : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export function formatTime(ms: number): string {
  return toInputTime(ms).replace('T', ' ') + (getZone() === 'utc' ? ' UTC' : '');
}

/** An RFC 3339 time as milliseconds; null for Go's zero time, which means never. */
export function parseTime(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms <= Date.parse('0001-01-02T00:00:00Z') ? null : ms;
}

export function formatAgo(ms: number | null): string {
  if (ms === null) return 'never';
  const seconds = (Date.now() - ms) / 1000;
  if (Math.abs(seconds) < 1) return 'now';
  const text = formatDuration(Math.round(Math.abs(seconds)));
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const quote = (text: string): string => JSON.stringify(text);

/** A series as PromQL writes it: name{a="b"}; names that need it in quotes. */
export function formatSeries(labels: LabelSet): string {
  const name = labels['__name__'] ?? '';
  const pairs = Object.entries(labels)
    .filter(([key]) => key !== '__name__')
    .map(([key, value]) => `${plainName.test(key) ? key : quote(key)}=${quote(value)}`);
  if (name && !plainMetric.test(name)) return `{${[quote(name), ...pairs].join(', ')}}`;
  if (!name || pairs.length > 0) return `${name}{${pairs.join(', ')}}`;
  return name;
}

/** A number for an axis or a tooltip: 12.5k, 3.2M, 1.5e-7. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0) return String(value);
  for (const [limit, unit] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (size >= limit * 1e6) break;
    if (size >= limit) return `${Number((value / limit).toPrecision(5))}${unit}`;
  }
  return size < 1e-3 || size >= 1e18 ? value.toPrecision(4) : String(Number(value.toPrecision(5)));
}

export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || unit === 'GiB') return `${Number(value.toFixed(1))} ${unit}`;
    value /= 1024;
  }
  return `${bytes} B`;
}

/** The sample values "+Inf", "-Inf" and "NaN" too. */
export function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
