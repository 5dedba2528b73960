// Pictures of each page, light and dark, of a store that is in use.
//
// Usage: node screenshots.mjs SAMPLE_STORE FOLDER
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';

import {eventually, Site, startBrowser} from './site.mjs';

const [sampleStore, folder] = process.argv.slice(2);
const site = new Site();
execFileSync(sampleStore, [site.file]);
await site.startTarget();
site.startService();
await site.startServer('--utc');
await eventually('a service', async () =>
  (await site.json('health')).state !== 'at_rest');

// Those that are made now are the newest.
site.answers.set('/erp/receipts', [409, 'receipt 4711 is booked already']);
site.answers.set('/mes/messages', [503, 'mes-app-2 is starting']);
const paths = ['/wms/pallets', '/mes/progress', '/wms/pallets', '/mes/messages',
               '/mes/progress', '/erp/receipts', '/wms/pallets'];
for (const path of [...paths, ...paths.slice(0, 5)]) {
  const [id] = site.call(path);
  await eventually('a call', () => site.isDone(id));
}
const list = async query => (await site.json(`operations?${query}`)).operations;
const [parked] = await list('status=parked&http=503&limit=1');
const rows = await list('status=parked,failed&limit=6');
const all = {
  overview: '',
  operations: 'operations?status=Parked&status=Failed'
    + `&open=${rows.at(2).id}`,
  operation: `operations/${parked.id}`,
  errors: 'errors?finished-since=24h',
  stuck: 'stuck?for=30min',
  targets: 'targets',
  storage: 'storage',
  live: 'live',
};

const browser = await startBrowser();
const heights = {live: 620, operations: 640, operation: 600, errors: 600,
  storage: 640, stuck: 460, targets: 370};
for (const colorScheme of ['light', 'dark']) {
  const context = await browser.newContext({colorScheme, timezoneId: 'UTC'});
  const page = await context.newPage();
  const take = async (name, path, width, height) => {
    await page.setViewportSize({width, height});
    await page.goto(new URL(path, site.url).href);
    await page.locator('.zone').waitFor(); // the script has run
    await page.screenshot({path: join(folder, `${name}-${colorScheme}.png`)});
  };
  for (const [name, path] of Object.entries(all))
    await take(name, path, 1200, heights[name] ?? 720);
  await take('narrow', all.operations, 400, 720);
  await context.close();
}
await browser.close();
await site.end();
