// SPDX-License-Identifier: Apache-2.0
//
// node test.mjs NARTHEX_BINARY WORK_FOLDER CHROMIUM     (see run.sh)
//
// With BASE_URL in the environment a running server is used; it has to know `up` of itself.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startServer } from './server.mjs';

const [binary, work, browserPath] = process.argv.slice(2);
const { chromium } = createRequire(join(work, 'package.json'))('playwright-core');
const limitMs = 15000;

const tests = [];
const test = (name, run) => tests.push({ name, run });

function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Puts an expression into the first editor and runs it with Enter. */
async function runQuery(page, expression) {
  const editor = page.locator('.cm-content').first();
  await editor.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(expression);
  await page.keyboard.press('Escape');  // Closes the list of proposals.
  await page.keyboard.press('Enter');
}

test('a query shows its value in the table', async (page, url) => {
  await page.goto(`${url}/query`);
  await page.getByText('Type an expression').waitFor();
  await runQuery(page, 'up');
  const row = page.locator('.results tbody tr', { hasText: 'instance="127.0.0.1:' }).first();
  await row.waitFor();
  await page.locator('.results tbody td.value', { hasText: /^1$/ }).first().waitFor();
  check(new URL(page.url()).searchParams.get('g0.expr') === 'up', `the address is ${page.url()}`);
  await page.locator('.query-status', { hasText: /series in/ }).waitFor();
});

test('the graph draws its series', async (page, url) => {
  await page.goto(`${url}/query?g0.expr=up&g0.tab=1`);
  await page.locator('.results').waitFor();
  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.locator('.chart canvas').waitFor();
  // The colour of a line must be somewhere on the canvas; lines may cover each other.
  await page.waitForFunction(() => {
    const canvas = document.querySelector('.chart canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const isDrawn = (swatch) => {
      const [r, g, b] = getComputedStyle(swatch).backgroundColor.match(/\d+/g).map(Number);
      let pixels = 0;
      for (let i = 0; i < data.length; i += 4) {
        const away = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
        if (away < 40 && data[i + 3] > 150) pixels += 1;
      }
      return pixels > 3;
    };
    return [...document.querySelectorAll('.legend .swatch')].some(isDrawn);
  });
  check(new URL(page.url()).searchParams.get('g0.tab') === 'graph', `the address is ${page.url()}`);
  const entry = page.locator('.legend button').first();
  await entry.click();
  check(await entry.getAttribute('aria-pressed') === 'false', 'the legend does not switch off');
});

test('dragging over the graph zooms into it', async (page, url) => {
  await page.goto(`${url}/query?g0.expr=time()&g0.tab=graph&g0.range_input=1h`);
  const over = page.locator('.u-over');
  await over.waitFor();
  const box = await over.boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.5, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, y, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => !location.search.includes('range_input=1h'));
  const params = new URL(page.url()).searchParams;
  check(/^1[45]m/.test(params.get('g0.range_input')), `the range is ${params.get('g0.range_input')}`);
  check(params.get('g0.end_input') !== null, 'the end is not in the address');
  await page.locator('.chart canvas').waitFor();
});

test('the choice of colours and time zone is kept', async (page, url) => {
  await page.goto(`${url}/status`);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await background();
  await page.emulateMedia({ colorScheme: 'light' });
  check(await background() !== dark, 'the system\'s dark mode changes nothing');
  await page.getByRole('button', { name: 'Colours: as the system' }).click();
  await page.getByRole('button', { name: 'Colours: light' }).click();
  check(await background() === dark, 'the switch to dark changes nothing');
  await page.getByRole('button', { name: 'Times: local time' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Colours: dark' }).waitFor();
  await page.getByRole('button', { name: 'Times: UTC' }).waitFor();
});

test('discovery shows what each relabelling rule does', async (page, url) => {
  await page.goto(`${url}/service-discovery`);
  await page.locator('section', { hasText: 'relabelled' }).locator('summary', { hasText: 'Labels' }).click();
  await page.locator('summary', { hasText: 'step by step' }).first().click();
  const steps = page.locator('.steps li');
  await steps.first().waitFor();
  check(await steps.count() === 3, `there are ${await steps.count()} steps`);
  await steps.nth(0).locator('.tag', { hasText: 'place="there"' }).waitFor();
  await steps.nth(1).getByText('dropped').waitFor();
  await steps.nth(2).getByText('not reached').waitFor();
});

test('a page says when the server is gone, and comes back', async (page, url) => {
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.goto(`${url}/flags`);
  await page.locator('.state.failed', { hasText: 'does not answer' }).waitFor();
  await page.unroute('**/api/v1/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.facts').waitFor();
  check(await page.locator('.state.failed').count() === 0, 'the failure is still shown');
});

test('a link to a graph opens it, and the way back works', async (page, url) => {
  await page.goto(`${url}/graph?g0.expr=vector(42)&g0.tab=1`);
  await page.locator('.results td.value', { hasText: /^42$/ }).waitFor();
  check(new URL(page.url()).pathname.endsWith('/query'), `not sent on: ${page.url()}`);
  await runQuery(page, 'vector(43)');
  await page.locator('.results td.value', { hasText: /^43$/ }).waitFor();
  await page.goBack();
  await page.locator('.results td.value', { hasText: /^42$/ }).waitFor();
});

test('a query is explained operator by operator', async (page, url) => {
  await page.goto(`${url}/query?g0.expr=sum(up) %2B scalar(count(up))`);
  await page.locator('.results').waitFor();
  const tree = page.getByRole('treegrid', { name: 'Operators of the query' });
  check(await tree.count() === 0, 'explained without being asked');
  await page.getByRole('button', { name: 'Explain' }).click();
  await tree.waitFor();
  const texts = async () => (await tree.locator('tbody tr:visible code').allTextContents()).join(' | ');
  const all = '… + … | sum(…) | up | scalar(…) | count(…) | up';
  check(await texts() === all, `the operators are ${await texts()}`);
  const cells = await tree.locator('tbody tr').nth(2).locator('td').allTextContents();
  check(cells[2] === '1' && cells[4] === '1', `up gives and reads a series: ${cells.join(', ')}`);
  const shares = (await tree.locator('.share[role=gridcell]').allTextContents()).map(parseFloat);
  const sum = shares.reduce((a, b) => a + b);
  check(Math.abs(sum - 100) < 1, `the shares are ${sum} % together`);
  check(new URL(page.url()).searchParams.get('g0.show_tree') === '1', `the address is ${page.url()}`);

  await tree.locator('tbody tr').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowLeft');
  check(await texts() === all.replace(' | up | s', ' | s'), `sum is closed: ${await texts()}`);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  check(await texts() === '… + …', `all is closed: ${await texts()}`);
  await page.keyboard.press('Enter');
  await page.keyboard.press('End');
  check(await page.locator('tr:focus code').textContent() === 'up', 'End is not the last row');
  await page.keyboard.press('ArrowLeft');
  check(await page.locator('tr:focus code').textContent() === 'count(…)', 'the way up is another one');
  await tree.locator('.twist').nth(1).click();
  check(await texts() === all, `sum is open again: ${await texts()}`);

  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.locator('.chart canvas').waitFor();
  await tree.waitFor();
  check(await tree.locator('tbody tr').nth(2).locator('td').nth(1).textContent() !== '1', 'the steps are not the graph\'s');
  await runQuery(page, '42');
  await page.locator('.explain, .state.empty', { hasText: 'is a constant' }).waitFor();
  await page.getByRole('button', { name: 'Explain' }).click();
  check(await page.locator('.explain, .state.empty').count() === 0, 'the explanation stays');
});

test('a broken query names the place of the error', async (page, url) => {
  await page.goto(`${url}/query`);
  await runQuery(page, 'up +');
  await page.locator('.state.failed', { hasText: '1:5: parse error' }).waitFor();
  await page.locator('.cm-lintRange-error, .cm-lintPoint-error').first().waitFor();
});

test('an empty result is told apart', async (page, url) => {
  await page.goto(`${url}/query`);
  await runQuery(page, 'no_such_metric_at_all');
  await page.locator('.state.empty', { hasText: 'no result' }).waitFor();
});

test('metric names are proposed', async (page, url) => {
  await page.goto(`${url}/query`);
  await page.locator('.cm-content').click();
  await page.keyboard.type('scrape_dur');
  await page.locator('.cm-tooltip-autocomplete li', { hasText: 'scrape_duration_seconds' }).waitFor();
  await page.keyboard.press('Tab');
  await page.locator('.cm-content', { hasText: 'scrape_duration_seconds' }).waitFor();
});

test('the target is up, and its labels are text', async (page, url) => {
  await page.goto(`${url}/targets`);
  await page.locator('.badge.ok', { hasText: /^up$/ }).first().waitFor();
  check(await page.locator('main b').count() === 0, 'a label became HTML');
  await page.getByRole('searchbox').fill('matches nothing');
  await page.locator('.state.empty').waitFor();
});

test('every page shows its content', async (page, url) => {
  const pages = {
    alerts: '.card, .state.empty', rules: '.card, .state.empty', 'service-discovery': '.card',
    status: '.facts', 'tsdb-status': '.facts', config: '.yaml', flags: '.facts',
  };
  for (const [name, selector] of Object.entries(pages)) {
    await page.goto(`${url}/${name}`);
    await page.locator(`main ${selector}`.replaceAll(', ', ', main ')).first().waitFor();
    const failed = await page.locator('.state.failed').allTextContents();
    check(failed.length === 0, `/${name}: ${failed.join(' ')}`);
  }
  const licences = await page.request.get(`${url}/assets/licences.txt`);
  check(licences.ok() && (await licences.text()).includes('uplot'), 'the licences are not there');
});

test('rules are evaluated, and the alert fires', async (page, url) => {
  await page.goto(`${url}/rules`);
  await page.locator('tr', { hasText: 'job:up:sum' }).locator('.badge.ok').waitFor();
  await page.goto(`${url}/alerts`);
  await page.locator('.alert-firing tbody .badge', { hasText: 'firing' }).first().waitFor();
});

test('the alerts page tells what each rule is at', async (page, url) => {
  await page.goto(`${url}/alerts`);
  const rule = (name) => page.locator('main details', { hasText: name });
  const waiting = rule('Waiting');
  await waiting.locator('summary', { hasText: 'for 3d keep firing for 2h' }).click();
  await waiting.getByText('states · ').waitFor();
  await waiting.locator('td', { hasText: /^7000000$/ }).waitFor();
  await waiting.locator('a', { hasText: 'https://example.org/waiting' }).waitFor();
  await waiting.locator('tbody .badge', { hasText: 'pending' }).waitFor();
  await rule('Broken').locator('summary').click();
  await rule('Broken').locator('.error-text', { hasText: 'same labelset' }).waitFor();
  const state = page.getByRole('combobox', { name: 'State' });
  await state.selectOption('pending');
  check(await page.locator('main details').count() === 1, 'not only the pending rule is shown');
  await state.selectOption('inactive');
  await rule('Quiet').waitFor();
  check(await rule('Waiting').count() === 0, 'the pending rule is still shown');
  await state.selectOption('unknown');
  await page.locator('.state.empty', { hasText: 'No alerting rule matches' }).waitFor();
  await state.selectOption('any state');
  await page.getByRole('searchbox').fill('alwaysf');
  await page.locator('main details').first().waitFor();
  check(await page.locator('main details').count() === 1, 'the filter by name lets others through');
});

test('the rules page filters, and rows that have not changed stay', async (page, url) => {
  await page.goto(`${url}/rules`);
  const row = page.locator('tr', { hasText: 'Broken' });
  await row.locator('.badge.bad', { hasText: 'error' }).waitFor();
  await row.locator('.error-text', { hasText: 'same labelset' }).waitFor();
  const quiet = page.locator('tr', { hasText: 'Quiet' });
  await quiet.evaluate((element) => { element.dataset.mine = 'yes'; });
  await quiet.locator('td').nth(3).evaluate((element) => { element.textContent = 'old'; });
  // The page asks anew at its own pace.
  await page.waitForFunction(() => document.querySelector('tr[data-mine]')?.children[3].textContent !== 'old');
  check(await page.locator('tr[data-mine]').count() === 1, 'the row was made anew');
  await page.getByRole('combobox', { name: 'Health' }).selectOption('err');
  check(await page.locator('tbody tr').count() === 1, 'not only the failing rule is shown');
  check(new URL(page.url()).searchParams.get('health') === 'err', `the address is ${page.url()}`);
  await page.goto(`${url}/rules?search=states+quiet`);
  await quiet.waitFor();
  check(await page.locator('tbody tr').count() === 1, 'the filter of the address is not used');
  await page.getByRole('searchbox').fill('no such rule');
  await page.locator('.state.empty', { hasText: 'No rule matches' }).waitFor();
});

test('many groups come in several answers and are shown piece by piece', async (page, url) => {
  const group = (i) => ({
    name: `g${i}`, file: 'f', interval: 60, limit: 0, evaluationTime: 0, lastEvaluation: '0001-01-01T00:00:00Z',
    rules: [{ type: 'recording', name: `r${i}`, query: 'up', health: 'unknown', evaluationTime: 0, lastEvaluation: '0001-01-01T00:00:00Z' }],
  });
  const asked = [];
  await page.route('**/api/v1/rules?*', (route) => {
    const params = new URL(route.request().url()).searchParams;
    asked.push(params.get('group_next_token'));
    check(params.get('exclude_alerts') === 'true', 'the alerts are asked for, too');
    const from = Number(params.get('group_next_token') ?? 0);
    const groups = Array.from({ length: 40 }, (_, i) => group(from + i));
    route.fulfill({ json: { status: 'success', data: { groups, ...(from < 80 && { groupNextToken: String(from + 40) }) } } });
  });
  await page.goto(`${url}/rules`);
  await page.getByText('50 of 120 groups.').waitFor();
  check(asked.slice(0, 3).join() === ',40,80', `asked for ${asked.join()}`);
  await page.getByRole('button', { name: 'Show more' }).click();
  check(await page.locator('section.card').count() === 100, 'not twice as many groups');
  await page.getByRole('searchbox').fill('r119');
  await page.locator('section.card', { hasText: 'g119' }).waitFor();
  check(await page.locator('section.card').count() === 1, 'the filter does not reach all groups');
});

test('a phone sees no sideways scrolling, and the menu opens', async (page, url) => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const [address, content] of [
    ['query?g0.expr=up', '.results'], ['query?g0.expr=sum(up)&g0.show_tree=1', '.explain'], ['query?g0.expr=up&g0.tab=0', '.chart canvas'], ['targets', '.badge'],
  ]) {
    await page.goto(`${url}/${address}`);
    await page.locator(content).first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wide <= 0, `/${address} is ${wide} pixels too wide`);
  }
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('link', { name: 'Query' }).last().click();
  await page.locator('.cm-content').waitFor();
});

test('an agent has pages of its own', async (page) => {
  if (process.env.BASE_URL) return;
  const agent = await startServer(binary, true);
  try {
    await page.goto(agent.url);
    await page.locator('main', { hasText: 'runs as an agent' }).waitFor();
    check(new URL(page.url()).pathname === '/agent', `the address is ${page.url()}`);
    const links = await page.locator('#nav a').allTextContents();
    check(links.join() === 'Agent,Targets,Discovery,Status,Configuration,Flags', links.join());
    await page.locator('#nav a', { hasText: 'Targets' }).click();
    await page.locator('.badge.ok', { hasText: /^up$/ }).first().waitFor();
    await page.locator('#nav a', { hasText: 'Status' }).click();
    await page.locator('main .facts').first().waitFor();
    const failed = await page.locator('.state.failed').allTextContents();
    check(failed.length === 0, `/status: ${failed.join(' ')}`);
  } finally {
    await agent.stop();
  }
});

async function runTests(browser, url) {
  let failures = 0;
  for (const { name, run } of tests) {
    const context = await browser.newContext();  // Nothing stored goes from test to test.
    const page = await context.newPage();
    page.setDefaultTimeout(limitMs);
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    try {
      await run(page, url);
      check(errors.length === 0, `script errors: ${errors.join('; ')}`);
      console.log(`ok    ${name}`);
    } catch (error) {
      failures += 1;
      const shot = join(work, `failed-${name.replace(/[^a-z]+/gi, '-')}.png`);
      await page.screenshot({ path: shot }).catch(() => undefined);
      console.log(`FAIL  ${name}\n      ${error.message.replaceAll('\n', '\n      ')}\n      ${shot}`);
    }
    await context.close();
  }
  return failures;
}

const server = process.env.BASE_URL
  ? { url: process.env.BASE_URL, log: () => '', stop: async () => undefined }
  : await startServer(binary);
let failures = 1;
try {
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    failures = await runTests(browser, server.url);
  } finally {
    await browser.close();
  }
} finally {
  await server.stop();
}
if (failures > 0) console.log(`${failures} of ${tests.length} failed\n${server.log()}`);
process.exit(failures > 0 ? 1 : 0);
