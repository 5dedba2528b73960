// A site for a browser to look at: a real service whose calls a test makes, a
// server that it calls, and `waybill serve`.
import {spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const require = createRequire(`${process.env.WAYBILL_BROWSER_MODULES}/`);
const {chromium} = require('playwright-core');

/// What axe-core is, to be run in a page.
export const axe = require('axe-core').source;

/// Long enough for a slow machine that has more to do.
export const patience = 30_000;

/// The first value of `look` that is true; fails when that takes too long.
export async function eventually(what, look) {
  const deadline = Date.now() + patience;
  for (let last; ; await new Promise(done => setTimeout(done, 30))) {
    try {
      const value = await look();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`not within ${patience} ms: ${what} (${last})`);
  }
}

/// Without what it would say to others.
export const startBrowser = () => chromium.launch({
  executablePath: process.env.WAYBILL_BROWSER,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-sync',
    '--disable-background-networking', '--disable-component-update',
    '--disable-lcd-text', '--no-first-run'],
});

/// A new id of version 7.
export function newId() {
  const hex = Date.now().toString(16).padStart(12, '0')
    + randomBytes(10).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8`
    + `${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

class Program {
  constructor(file, words, env = {}) {
    this.out = '';
    this.err = '';
    this.process = spawn(file, words, {env: {...process.env, ...env}});
    this.ended = once(this.process, 'exit');
    this.process.stdout.on('data', text => { this.out += text; });
    this.process.stderr.on('data', text => { this.err += text; });
    this.process.stdin.on('error', () => {}); // it has ended
  }

  async end(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.ended;
  }
}

export class Site {
  folder = mkdtempSync(join(tmpdir(), 'waybill-browser-'));
  file = join(this.folder, 'plant.db');
  /// How calls for a path are answered: [status, text]; null: not yet.
  answers = new Map();
  waiting = [];

  constructor() {
    this.target = createServer((request, response) => {
      request.resume();
      const answer = () => {
        const [status, text] = this.answers.get(request.url) ?? [200, 'ok'];
        response.writeHead(status, {'Content-Type': 'text/plain'}).end(text);
      };
      if (this.answers.get(request.url) === null) this.waiting.push(answer);
      else answer();
    });
  }

  async startTarget() {
    this.target.listen(0, '127.0.0.1');
    await once(this.target, 'listening');
  }

  startService(words = [], env = {}, input = '-') {
    const {port} = this.target.address() ?? {};
    if (port)
      words = ['--endpoint', `http://127.0.0.1:${port}`, '--breaker-percent',
        '0', '--first-delay', '20ms', '--max-delay', '50ms', '--timeout',
        '30s', '--max-attempts', '3', ...words];
    this.service = new Program(process.env.WAYBILL_SITE_RUNTIME,
                               ['--db', this.file, ...words, input], env);
  }

  /// Makes calls for a path, each committed at once; says their ids.
  call(path, count = 1, more = {}) {
    const ids = Array.from({length: count}, newId);
    for (const id of ids)
      this.service.process.stdin.write(JSON.stringify({
        id, kind: 'ExternalSystem.CachedCall', target_summary: `POST ${path}`,
        source_instance_id: 'Dairy.Line1.Capper', source_node: 'site-a-1', path,
        body: {}, ...more}) + '\n');
    return ids;
  }

  async startServer(...words) {
    const listen = `127.0.0.1:${this.url ? new URL(this.url).port : 0}`;
    const start = () => new Program(
      process.env.WAYBILL_COMMAND,
      ['serve', this.file, '--listen', listen, ...words]);
    this.server = start();
    this.url = await eventually('an address', () => {
      const {out, err, process} = this.server;
      if (process.exitCode !== null) {
        this.server = start(); // there was no store yet
        throw new Error(err);
      }
      return out.match(/^http\S+/)?.[0];
    });
  }

  /// What the command says, in lines of JSON.
  async ask(...words) {
    const program = new Program(process.env.WAYBILL_COMMAND,
                                ['--db', this.file, ...words, '--json']);
    const [code] = await program.ended;
    if (code !== 0) throw new Error(`${words}: ${code} ${program.err}`);
    return program.out.trim().split('\n').map(line => JSON.parse(line));
  }

  json = async path => (await fetch(new URL(`api/v1/${path}`, this.url))).json();

  async isDone(id) {
    const {snapshot} = await this.json(`operations/${id}`);
    return snapshot?.terminal_at;
  }

  async end() {
    await this.server?.end('SIGKILL');
    await this.service?.end('SIGKILL');
    this.target.closeAllConnections();
    this.target.close();
    rmSync(this.folder, {recursive: true});
  }
}
