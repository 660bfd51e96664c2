// SPDX-License-Identifier: Apache-2.0
//
// The frame around the pages: header, navigation, choices, and which page an address means.
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { append, fill, h, icon } from './dom';
import { mode } from './mode';
import { mountAgent } from './pages/agent';
import { mountAlerts } from './pages/alerts';
import { mountDiscovery } from './pages/discovery';
import { mountRules } from './pages/rules';
import { mountConfig, mountFlags, mountStatus, mountTsdb } from './pages/status';
import { mountTargets } from './pages/targets';
import { mountQuery } from './query/page';
import { getTheme, getZone, nextTheme, setTheme, setZone } from './settings';

interface Page {
  title: string;
  mount(main: HTMLElement): () => void;  // Returns what ends the page.
  only?: typeof mode;  // Not there in the other mode.
}

const allPages: Record<string, Page> = {
  agent: { title: 'Agent', mount: mountAgent, only: 'agent' },
  query: { title: 'Query', mount: mountQuery, only: 'server' },
  alerts: { title: 'Alerts', mount: mountAlerts, only: 'server' },
  targets: { title: 'Targets', mount: mountTargets },
  rules: { title: 'Rules', mount: mountRules, only: 'server' },
  'service-discovery': { title: 'Discovery', mount: mountDiscovery },
  status: { title: 'Status', mount: mountStatus },
  'tsdb-status': { title: 'Storage', mount: mountTsdb, only: 'server' },
  config: { title: 'Configuration', mount: mountConfig },
  flags: { title: 'Flags', mount: mountFlags },
};
const pages = Object.fromEntries(Object.entries(allPages).filter(([, page]) => (page.only ?? mode) === mode));
const home = mode === 'agent' ? 'agent' : 'query';
const aliases: Record<string, string> = { graph: 'query', '': home, 'alertmanager-discovery': 'status' };

const siteTitle = document.title;  // As the server wrote it.

const main = h('main', { id: 'main', tabindex: -1 });
const nav = h('nav', { id: 'nav', 'aria-label': 'Pages' });
let unmount: (() => void) | null = null;
let current = '';

function pageName(): string {
  const last = window.location.pathname.split('/').pop() ?? '';
  return pages[last] ? last : aliases[last] ?? '';
}

/** Shows the page of the address; the query page follows its own changes by itself. */
function show(): void {
  const name = pageName();
  if (name === current && name === 'query') return;
  unmount?.();
  unmount = null;
  current = name;
  const page = pages[name];
  document.title = `${page?.title ?? 'Not found'} · ${siteTitle}`;
  for (const link of nav.querySelectorAll('a')) {
    if (link.getAttribute('href') === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  nav.classList.remove('open');
  if (page) unmount = page.mount(main);
  else fill(main, h('h1', {}, 'There is no such page'), h('p', {}, h('a', { href: home }, `To the ${home} page`)));
}

/** Follows links to our own pages without loading everything again. */
function onClick(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const name = (link.getAttribute('href') ?? '').split('?')[0] ?? '';
  if (!pages[name]) return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  if (name === current) current = '';
  show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function choices(): HTMLElement {
  const themeTitles = { auto: 'as the system', light: 'light', dark: 'dark' };
  const theme = h('button', { type: 'button', class: 'quiet', onclick: () => { setTheme(nextTheme()); label(); } });
  const zone = h('button', {
    type: 'button', class: 'quiet', onclick: () => { setZone(getZone() === 'utc' ? 'local' : 'utc'); label(); },
  });
  const icons = {
    auto: 'M8 1.500a6.500 6.500 0 1 0 0 13zM8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0z',
    light: 'M8 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM7.300 0h1.400v2.800H7.300zM7.300 13.200h1.400V16H7.300zM0 7.300h2.800v1.400H0zM13.200 7.300H16v1.400h-2.800z',
    dark: 'M6 1a7.200 7.200 0 1 0 9 9A6.200 6.200 0 0 1 6 1z',
  };
  const label = (): void => {
    fill(theme, icon(icons[getTheme()]));
    theme.title = `Colours: ${themeTitles[getTheme()]}`;
    theme.setAttribute('aria-label', theme.title);
    fill(zone, getZone() === 'utc' ? 'UTC' : 'Local');
    zone.title = `Times: ${getZone() === 'utc' ? 'UTC' : 'local time'}`;
    zone.setAttribute('aria-label', zone.title);
  };
  label();
  return h('div', { class: 'choices' }, zone, theme);
}

/** Where the operator's own pages begin; the server says so when there are some. */
const consoles = document.querySelector<HTMLMetaElement>('meta[name=consoles]')?.content;

function frame(): HTMLElement[] {
  append(nav, Object.entries(pages).map(([name, page]) => h('a', { href: name }, page.title)));
  if (consoles) append(nav, [h('a', { href: consoles }, 'Consoles')]);
  const menu = h('button', {
    type: 'button', class: 'quiet menu', 'aria-label': 'Menu', 'aria-controls': 'nav',
    onclick: () => menu.setAttribute('aria-expanded', String(nav.classList.toggle('open'))),
  }, '☰');
  return [
    h('a', { href: '#main', class: 'skip' }, 'Skip to the content'),
    h('header', {},
      h('a', { href: home, class: 'brand' }, h('img', { src: 'favicon.svg', alt: '', width: 26, height: 26 }),
        mode === 'agent' ? 'Narthex Agent' : 'Narthex'),
      nav, choices(), menu),
    main,
  ];
}

const app = document.getElementById('app');
if (app) fill(app, frame());
document.addEventListener('click', onClick);
window.addEventListener('popstate', show);
show();
