// SPDX-License-Identifier: Apache-2.0
//
// Starts a server that scrapes itself, with a folder of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Calls check until it gives something true. Throws when that takes longer than limitMs. */
export async function until(what, limitMs, check) {
  const deadline = Date.now() + limitMs;
  let last = '';
  while (Date.now() < deadline) {
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      last = `: ${error.message}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${limitMs / 1000} s: ${what}${last}`);
}

const configuration = (port, agent) => `global:
  scrape_interval: 1s
  evaluation_interval: 1s
${agent ? '' : 'rule_files: [rules.yml]'}
scrape_configs:
- job_name: self
  static_configs:
  - targets: ['127.0.0.1:${port}']
    labels: {note: '<b>bold</b>'}
- job_name: relabelled
  static_configs:
  - targets: ['127.0.0.1:1']
  relabel_configs:
  - {target_label: place, replacement: there}
  - {source_labels: [place], regex: there, action: drop}
  - {action: labeldrop, regex: place}
`;

const rules = `groups:
- name: browser
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: AlwaysFiring
    expr: vector(1)
- name: states
  rules:
  - alert: Waiting
    expr: vector(7e6)
    for: 3d
    keep_firing_for: 2h
    annotations: {page: 'https://example.org/waiting'}
  - alert: Broken
    expr: vector(1) or label_replace(vector(2), "a", "b", "", "")
    labels: {a: ''}
  - alert: Quiet
    expr: vector(1) < 0
`;

/**
 * @param agent  run it as an agent
 * @return {{url: string, log: () => string, stop: () => Promise<void>}}
 */
export async function startServer(binary, agent = false) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-browser-'));
  const port = await freePort();
  writeFileSync(join(folder, 'config.yml'), configuration(port, agent));
  writeFileSync(join(folder, 'rules.yml'), rules);
  const child = spawn(binary, [
    `--config.file=${join(folder, 'config.yml')}`,
    ...(agent ? ['--agent', `--storage.agent.path=${join(folder, 'data')}`]
      : [`--storage.tsdb.path=${join(folder, 'data')}`]),
    `--web.listen-address=127.0.0.1:${port}`,
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => { log = (log + data).slice(-20000); });
  const ended = new Promise((resolve) => {
    child.on('exit', resolve);
    child.on('error', (error) => { log += error.message; resolve(-1); });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 15000);
    await ended;
    clearTimeout(killer);
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until('the server is ready', 20000, async () => (await fetch(`${url}/-/ready`)).ok);
    await until('the first scrape', 20000, async () => {
      const ask = async (path) => (await (await fetch(`${url}/api/v1/${path}`)).json()).data;
      if (agent) return (await ask('targets')).activeTargets.some((target) => target.health === 'up');
      return (await ask('query?query=up')).result.some((row) => row.value[1] === '1');
    });
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${log}`);
  }
  return { url, log: () => log, stop };
}
