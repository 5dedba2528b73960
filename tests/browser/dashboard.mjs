// The dashboard as a person uses it: a browser looks at a real service's store.
// Whatever is waited for may take half a minute; nothing waits for a time.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';

import {axe, eventually, patience, Site, startBrowser} from './site.mjs';

const site = new Site();
let browser;

/// What browsers have complained of since it was last looked at.
const complaints = [];

/// Streams that are open, by page.
const streams = new Map();

async function newContext(options = {}) {
  const context = await browser.newContext(
    {viewport: {width: 1280, height: 800}, timezoneId: 'UTC', ...options});
  context.setDefaultTimeout(patience);
  context.on('console', message => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on('weberror', error => complaints.push(error.error().stack));
  const isStream = request => request.resourceType() === 'eventsource';
  context.on('request', request =>
    isStream(request) && streams.set(request, request.frame().page()));
  for (const end of ['requestfinished', 'requestfailed'])
    context.on(end, request => streams.delete(request));
  context.on('page', page => page.on('close', () => {
    for (const [request, of] of streams)
      if (of === page) streams.delete(request);
  }));
  return context;
}

async function open(path, options) {
  const context = options?.newPage ? options : await newContext(options);
  const page = await context.newPage();
  await page.goto(new URL(path, site.url).href);
  return page;
}

const close = page => page.context().close();

const textOf = (page, selector) => page.locator(selector).first().innerText();
const has = (page, text) => page.locator('main', {hasText: text}).waitFor();

/// The row of an operation, once it is there.
const rowOf = (page, id) => page.locator(`main tr:has(a[href*="${id}"])`).first();

// What has ended, and stands in the lists: one that was refused with a script,
// one that was parked, and enough others for a second page.
const script = '<script>document.title = "taken over"</script>'
  + '<img src=x onerror="document.title = \'taken over\'">';
const known = {};

before(async () => {
  site.answers.set('/refuse', [422, script]);
  site.answers.set('/busy', [503, 'the line is full']);
  site.answers.set('/slow', null);
  await site.startTarget();
  site.startService();
  [known.delivered] = site.call('/orders', 60);
  [known.refused] = site.call('/refuse');
  [known.parked] = site.call('/busy');
  [known.waiting] = site.call('/slow');
  await site.startServer();
  for (const id of [known.delivered, known.refused, known.parked])
    await eventually('the first calls', () => site.isDone(id));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await site.end();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  streams.clear();
  assert.deepEqual(complaints.splice(0), []);
});

// Lists of few rows, which are looked at as all others are.
const pages = () => ['', 'operations?min-retries=1',
  `operations?error=line&open=${known.parked}`, 'operations?kind=none',
  `operations/${known.refused}`, `operations/${known.waiting}`, 'errors',
  'errors?group-by=target', 'stuck?for=1ms', 'stuck', 'targets', 'storage',
  'live?status=failed'];

/// What of a page keeps somebody from using it.
async function barriers(page, options = {}) {
  const tools = await page.context().newCDPSession(page);
  const run = expression => tools.send('Runtime.evaluate',
    {expression, awaitPromise: true, returnByValue: true});
  await run(axe);
  const {result, exceptionDetails} = await run(`axe.run(document,
    ${JSON.stringify({resultTypes: ['violations'], preload: false, ...options})})
    .then(x => x.violations.filter(y =>
        ['serious', 'critical'].includes(y.impact))
      .map(y => y.id + ': ' + y.nodes.map(z => z.target + ' '
        + z.failureSummary).join('\\n')))`);
  assert.equal(exceptionDetails, undefined);
  return result.value;
}

test('each page opens without a complaint, and has no serious barrier, light '
     + 'and dark', async () => {
  const page = await open('');
  for (const path of pages()) {
    await page.emulateMedia({colorScheme: 'light'});
    await page.goto(new URL(path, site.url).href);
    assert.notEqual(await textOf(page, 'h1'), '');
    assert.deepEqual(await barriers(page), [], path);
    const light = await page.evaluate(
      () => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({colorScheme: 'dark'});
    const dark = await page.evaluate(
      () => getComputedStyle(document.body).backgroundColor);
    assert.notEqual(light, dark);
    assert.deepEqual(
      await barriers(page, {runOnly: ['color-contrast']}), [], `${path}, dark`);
  }
});

test('each page fits into 400 px', async () => {
  const page = await open('', {viewport: {width: 400, height: 800}});
  for (const path of pages()) {
    await page.goto(new URL(path, site.url).href);
    assert.equal(
      await page.evaluate(() => document.scrollingElement.scrollWidth), 400,
      path);
  }
});

test('pages can be read, searched and opened without JavaScript', async () => {
  const page = await open('operations', {javaScriptEnabled: false});
  await page.fill('input[name=target]', 'POST /busy');
  await page.press('input[name=target]', 'Enter');
  await page.waitForURL(/target=POST/);
  await rowOf(page, known.parked).locator('a').click();
  await page.waitForURL(/open=/);
  await has(page, 'the line is full');
});

test('what is committed is shown within a second', async () => {
  const context = await newContext();
  const live = await open('live', context);
  const overview = await open('', context);
  const delivered = async () => (await site.json('counts')).counts
    .filter(each => each.status === 'Delivered')
    .reduce((sum, each) => sum + each.operations, 0);
  await eventually('a stream', () => streams.size === 1);
  // Of several times, as the machine may have more to do.
  for (const [page, isShown] of [
    [live, id => live.locator(`tr:has(a[href*="${id}"])`,
                              {hasText: 'Delivered'}).count()],
    [overview, async () => await textOf(
      overview, '.figures div:nth-child(2) dd') === String(await delivered())],
  ]) {
    await eventually('a fast one', async () => {
      const [id] = site.call('/orders');
      const done = await eventually('its end', () => site.isDone(id));
      await eventually('it', () => isShown(id));
      return Date.now() - Date.parse(done) < 1000;
    });
    assert.equal(await page.locator('.now .ok').count(), 1);
  }
});

test('filters are in the address, and the way back leads through them',
     async () => {
  const page = await open('operations');
  const all = await textOf(page, 'h1');
  await page.fill('input[name=error]', 'line is full');
  await page.getByRole('button', {name: 'Filter'}).click();
  await page.waitForURL(/error=line/);
  assert.equal(await textOf(page, 'h1'), '1 operation matches');
  await rowOf(page, known.parked).locator('a').click();
  await page.waitForURL(/open=/);
  assert.match(page.url(), /error=line/);
  await page.reload();
  assert.equal(await page.inputValue('input[name=error]'), 'line is full');
  await page.locator('.detail').waitFor();
  await page.goBack();
  await page.waitForURL(url => !url.search.includes('open='));
  assert.equal(await page.locator('.detail').count(), 0);
  await page.goBack();
  await eventually('all of them', async () => await textOf(page, 'h1') === all);
  // Pages of the list, both ways.
  await page.getByRole('link', {name: 'Older'}).click();
  await page.waitForURL(/cursor=/);
  await page.getByRole('link', {name: 'Newer'}).click();
  await page.waitForURL(/back=true/);
  assert.equal(await page.locator('tbody tr').count(), 50);
});

test('keys do what a mouse does', async () => {
  const context = await newContext({permissions:
    ['clipboard-read', 'clipboard-write']});
  const page = await open('operations', context);
  const press = key => page.keyboard.press(key);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const focused = () => page.evaluate(
    () => document.activeElement.closest('tr')?.dataset.id);
  await press('/');
  await page.keyboard.type('422');
  await press('Enter');
  await page.waitForURL(/error=422/);
  await press('j');
  assert.equal(await focused(), known.refused);
  await press('c');
  await eventually('its id', async () => await clipboard() === known.refused);
  await press('Enter');
  await page.waitForURL(/open=/);
  await page.locator('.detail').waitFor();
  await press('Enter'); // it is still at that row
  await page.waitForURL(url => !url.search.includes('open='));
  await press('j');
  await press('o');
  await page.waitForURL(/operations\/0/);
  await press('?');
  const help = page.getByRole('dialog', {name: 'Keys'});
  await help.waitFor();
  assert.deepEqual(await barriers(page), []);
  await press('Escape');
  await help.waitFor({state: 'hidden'});
  // Rows of the list, down and up, and no key is a command while one types.
  await page.goto(new URL('operations', site.url).href);
  await press('j');
  const first = await focused();
  await press('j');
  assert.notEqual(await focused(), first);
  await press('k');
  assert.equal(await focused(), first);
  await press('/');
  await page.keyboard.type('jo?');
  assert.equal(await page.inputValue('input[name=error]'), 'jo?');
  await press('Escape');
  assert.equal(
    await page.evaluate(() => document.activeElement === document.body), true);
});

test('an operation can be copied as JSON and as a command', async () => {
  const context = await newContext({permissions:
    ['clipboard-read', 'clipboard-write']});
  const page = await open(`operations/${known.parked}`, context);
  const copied = async name => {
    const button = await page.getByRole('button', {name}).elementHandle();
    await button.click();
    await eventually('a copy', async () =>
      await button.innerText() === 'Copied');
    return page.evaluate(() => navigator.clipboard.readText());
  };
  assert.deepEqual(JSON.parse(await copied('Copy as JSON')),
                   await site.json(`operations/${known.parked}/history`));
  assert.equal(await copied('Copy id'), known.parked);
  const command = await copied('Copy as command');
  assert.equal(command,
               `waybill --db ${site.file} history ${known.parked}`);
  const [history] = await site.ask('history', known.parked);
  assert.equal(history.snapshot.status, 'Parked');
});

test('an error that is a script is shown as text', async () => {
  const context = await newContext();
  const live = await open('live', context);
  const [id] = site.call('/refuse');
  await rowOf(live, id).getByText(script).waitFor();
  for (const path of ['', 'operations?status=failed', 'errors?status=failed',
                      `operations?open=${id}`, `operations/${id}`]) {
    const page = await open(path, context);
    await page.locator('main').getByText('<script>document.title').first()
      .waitFor();
    assert.equal(await page.locator('main :is(script, img)').count(), 0);
    assert.doesNotMatch(await page.title(), /taken over/);
    await page.close();
  }
  assert.equal(await live.locator('main :is(script, img)').count(), 0);
});

test('one switch shows all times in UTC or as the clock on the wall', async () => {
  const context = await newContext({timezoneId: 'Asia/Kolkata'});
  const page = await open(`operations/${known.parked}`, context);
  const live = await open('live', context);
  const recorded = page.locator('.facts time').first();
  const at = new Date(await recorded.getAttribute('datetime'));
  const local = new Date(at.getTime() + 5.5 * 3_600_000);
  const text = date => date.toISOString().slice(0, 19).replace('T', ' ');
  // All of a page, with what stands in titles.
  const times = which => which.evaluate(() =>
    [...document.querySelectorAll('main time')].map(each =>
      [each.dateTime, each.textContent, each.title]));
  const areIn = (all, shift) => {
    assert.notEqual(all.length, 0);
    for (const [datetime, shown, title] of all) {
      const date = new Date(new Date(datetime).getTime() + shift);
      const iso = date.toISOString();
      if (/^\d\d:/.test(shown)) assert.equal(shown, iso.slice(11, 23));
      if (title) assert.equal(title.slice(0, 19), text(date));
    }
  };
  assert.equal(await recorded.innerText(), `${text(local)} +05:30`);
  areIn(await times(page), 5.5 * 3_600_000);
  areIn(await times(live), 5.5 * 3_600_000);
  await page.getByRole('button', {name: 'Local time'}).click();
  assert.equal(await recorded.innerText(), `${text(at)}Z`);
  areIn(await times(page), 0);
  // It is remembered, and holds for other tabs and for what comes.
  await live.getByRole('button', {name: 'UTC'}).waitFor();
  const [id] = site.call('/orders');
  await rowOf(live, id).waitFor();
  areIn(await times(live), 0);
  await page.reload();
  assert.equal(await recorded.innerText(), `${text(at)}Z`);
  // The charts' axis too.
  await page.goto(site.url);
  const begin = page.locator('svg [data-time]').first();
  const hour = new Date(await begin.getAttribute('data-time'));
  assert.equal(await begin.textContent(), hour.toISOString().slice(11, 16));
  await page.keyboard.press('u');
  assert.equal(
    await begin.textContent(),
    new Date(hour.getTime() + 5.5 * 3_600_000).toISOString().slice(11, 16));
  // What is typed is meant as what is shown.
  await page.goto(new URL('operations', site.url).href);
  await page.fill('input[name=since]', '2026-01-02 03:04');
  await page.press('input[name=since]', 'Enter');
  await page.waitForURL(/since=/);
  assert.equal(new URL(page.url()).searchParams.get('since'),
               '2026-01-02 03:04 +05:30');
});

test('ten tabs have one stream, and those that nobody sees have none',
     async () => {
  const context = await newContext();
  const paths = ['live', 'live', 'live', '', 'targets', 'storage', 'stuck',
                 'live?status=delivered', `operations/${known.waiting}`, 'live'];
  const tabs = [];
  for (const path of paths) tabs.push(await open(path, context));
  const lives = tabs.filter(each => each.url().includes('live'));
  const allShow = async () => {
    const [id] = site.call('/orders');
    for (const each of lives)
      if (!each.isClosed() && !await each.evaluate(() => document.hidden))
        await rowOf(each, id).waitFor();
  };
  await eventually('a stream', () => streams.size === 1);
  await allShow();
  assert.equal(streams.size, 1);
  // The one that follows is closed: another one does.
  await [...streams.values()][0].close();
  await eventually('another stream', () => streams.size === 1);
  await allShow();
  // It is hidden: it says nothing, and catches up when it is seen.
  const hide = (page, hidden) => page.evaluate(is => {
    Object.defineProperty(document, 'hidden', {configurable: true, value: is});
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  const last = lives.at(-1);
  for (const each of tabs) if (!each.isClosed()) await hide(each, true);
  await eventually('no stream', () => streams.size === 0);
  const [id] = site.call('/orders');
  await eventually('its end', () => site.isDone(id));
  assert.equal(await rowOf(last, id).count(), 0);
  await hide(last, false);
  await rowOf(last, id).waitFor();
  await eventually('a stream again', () => streams.size === 1);
});

test('where there are too many streams, it is asked every few seconds',
     async () => {
  const context = await newContext();
  let refused = 0;
  await context.route(/api\/v1\/watch\?after/, (route, request) => {
    if (request.resourceType() !== 'eventsource') return route.continue();
    ++refused;
    return route.fulfill({status: 503, body: 'enough'});
  });
  const page = await open('live', context);
  await eventually('a refusal', () => refused > 0);
  await rowOf(page, site.call('/orders')[0]).waitFor();
  assert.equal(refused, 1);
  await context.close();
  complaints.splice(0); // of the refusal
});

test('a page outlives the service and the server', async () => {
  const context = await newContext();
  const live = await open('live', context);
  const overview = await open('', context);
  const marked = (page, text) =>
    page.locator('.now', {hasText: text}).waitFor();
  await marked(live, 'Live');
  await marked(overview, 'Live');
  await site.service.end('SIGKILL');
  await marked(live, 'At rest');
  await marked(overview, 'At rest');
  site.startService();
  await marked(live, 'Live');
  await marked(overview, 'Live');
  await rowOf(live, site.call('/orders')[0]).waitFor();
  // Now the one that they are from; the service goes on.
  await site.server.end('SIGKILL');
  await marked(live, 'Stale since');
  await marked(overview, 'Stale since');
  const [id] = site.call('/orders');
  await site.startServer();
  await rowOf(live, id).waitFor();
  await marked(live, 'Live');
  await marked(overview, 'Live');
  await context.close();
  complaints.splice(0); // it could not be reached for a while
});

test('an act is done for a reason, and the history tells of it', async () => {
  await site.server.end();
  await site.startServer('--actions');
  const page = await open('operations?status=parked');
  await page.getByRole('button', {name: 'Requeue all that match…'}).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByRole('button', {name: 'Requeue 1 selected…'}).waitFor();
  for (const path of ['operations?status=parked', 'targets', 'storage']) {
    await page.goto(new URL(path, site.url).href);
    assert.deepEqual(await barriers(page), [], path);
  }
  await page.goto(new URL(`operations/${known.parked}`, site.url).href);
  await page.getByRole('button', {name: 'Requeue…'}).click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  assert.deepEqual(await barriers(page), []);
  site.answers.delete('/busy');
  await page.keyboard.type('the line is empty again');
  await page.keyboard.press('Enter');
  await dialog.getByText('1 of 1 operation requeued').waitFor();
  const {requeue} = await site.json(`operations/${known.parked}`);
  await eventually('its end', () => site.isDone(requeue.requeued_as));
  const [history] = await site.ask('history', requeue.requeued_as);
  assert.equal(history.snapshot.status, 'Delivered');
  assert.match(JSON.stringify(await site.ask('audit')),
               /the line is empty again/);
  await dialog.getByRole('button', {name: 'Close'}).click();
  await has(page, 'requeued as');
});
