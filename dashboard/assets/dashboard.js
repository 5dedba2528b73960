// Reading works without this. It adds keys, copying, one switch for the zone of
// all times, and pages that show by themselves what is new.

// Where the pages are, whatever prefix they are behind.
const root = new URL('../', import.meta.url);

const element = (name, text, properties = {}) => Object.assign(
  document.createElement(name), {textContent: text}, properties);

// -- times --------------------------------------------------------------------

// Each time is in the page as UTC. What is shown of it is written anew in the
// zone that is chosen, as exactly as the server wrote it.

const zoneKey = 'waybill zone';

function rememberedZone() {
  try {
    const zone = localStorage.getItem(zoneKey);
    if (zone) return zone;
  } catch {
    // Nothing may be kept here.
  }
  return document.documentElement.dataset.zone ?? 'local';
}

let zone = rememberedZone();

function inZone(date) {
  const ahead = zone === 'utc' ? 0 : -date.getTimezoneOffset();
  const text = new Date(date.getTime() + ahead * 60_000).toISOString();
  const two = x => String(Math.trunc(Math.abs(x))).padStart(2, '0');
  return {
    day: text.slice(0, 10),
    clock: text.slice(11, 23),
    zone: zone === 'utc' ? 'Z'
      : ` ${ahead < 0 ? '-' : '+'}${two(ahead / 60)}:${two(ahead % 60)}`,
  };
}

const wholeTime = /^\d{4}-\d\d-\d\d ([\d:.]+?)(?:Z| [+-]\d\d:\d\d)$/;
const clockTime = /^\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;

// Ages stay as they are.
function written(text, date) {
  const is = inZone(date);
  const whole = wholeTime.exec(text);
  if (whole) return `${is.day} ${is.clock.slice(0, whole[1].length)}${is.zone}`;
  return clockTime.test(text) ? is.clock.slice(0, text.length) : text;
}

function showTimes(within) {
  for (const each of within.querySelectorAll('time[datetime], [data-time]')) {
    const date = new Date(each.dateTime ?? each.dataset.time);
    each.textContent = written(each.textContent, date);
    if (each.title) each.title = written(each.title, date);
  }
}

const zoneSwitch = element('button', '', {className: 'zone'});

function setZone(to) {
  zone = to;
  const other = zone === 'utc' ? 'local time' : 'UTC';
  zoneSwitch.textContent = zone === 'utc' ? 'UTC' : 'Local time';
  zoneSwitch.title = `Times are in ${zone === 'utc' ? 'UTC' : 'local time'}; `
    + `show them in ${other} (u)`;
  showTimes(document);
}

zoneSwitch.addEventListener('click', () => {
  const to = zone === 'utc' ? 'local' : 'utc';
  try {
    localStorage.setItem(zoneKey, to);
  } catch {
    // Then it holds for this page only.
  }
  setZone(to);
});
// Another tab has switched.
addEventListener('storage', event => {
  if (event.key === zoneKey) setZone(rememberedZone());
});

// A time that is typed without a zone is meant in the one that is shown.
const typedTime = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?$/;
const timeFields = 'input[name$=since]:not([type=hidden])';
addEventListener('submit', event => {
  for (const input of event.target.querySelectorAll(timeFields)) {
    const [, day, clock = '00:00'] = typedTime.exec(input.value.trim()) ?? [];
    const date = new Date(`${day}T${clock}${zone === 'utc' ? 'Z' : ''}`);
    if (!Number.isNaN(date.getTime()))
      input.value = `${day} ${clock}${inZone(date).zone}`;
  }
});

// -- how fresh the page is ----------------------------------------------------

const mark = document.querySelector('.now');
mark.after(zoneSwitch);
setZone(zone);

function setMark(state, text) {
  const now = new Date();
  const span = element('span', `${text} `, {className: `mark ${state}`});
  span.append(element('time', inZone(now).clock.slice(0, 8),
                      {dateTime: now.toISOString()}));
  mark.replaceChildren(span);
}

function isStale() {
  if (mark.dataset.stale) return;
  mark.dataset.stale = 'true';
  setMark('degraded', 'Stale since');
}

// -- pages that renew themselves ----------------------------------------------

const renewEvery = 5000;
const leastBetween = 500;
const usualBetween = 2000; // where there is always something new
const busy = () => {
  const at = document.activeElement;
  return (at && at.matches('main input, main button, main a'))
    || document.querySelector('dialog[open]') !== null
    || !getSelection().isCollapsed;
};

let between = leastBetween;
let renewableAt = 0;
let isRenewing = false;
let isWantedAgain = false;

async function renew() {
  if (document.hidden || busy()) return;
  if (isRenewing) {
    isWantedAgain = true; // the answer may be older than what is new
    return;
  }
  isRenewing = true;
  isWantedAgain = false;
  const began = Date.now();
  try {
    const answer = await fetch(location.href, {headers: {Accept: 'text/html'}});
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(),
                                                 'text/html');
    const fresh = page.querySelector('main');
    if (!fresh || busy()) return;
    showTimes(page);
    const main = document.querySelector('main');
    main.toggleAttribute('data-renew', fresh.hasAttribute('data-renew'));
    main.replaceChildren(...fresh.childNodes);
    mark.replaceChildren(...page.querySelector('.now').childNodes);
    delete mark.dataset.stale;
    document.title = page.title;
    addCopying();
    // For whoever adds to the page.
    document.dispatchEvent(new Event('waybill:renewed'));
  } catch {
    isStale();
  } finally {
    isRenewing = false;
    const wasQuiet = began - renewableAt > usualBetween;
    between = wasQuiet ? leastBetween : Math.min(2 * between, usualBetween);
    // What takes the server long is asked for less often.
    const took = Date.now() - began;
    renewableAt = began + Math.min(Math.max(between, 20 * took), renewEvery);
    if (isWantedAgain) renewSoon();
  }
}

let soon;
function renewSoon() {
  soon ??= setTimeout(() => {
    soon = undefined;
    renewIfItDoes();
  }, Math.max(0, renewableAt - Date.now()));
}

function renewIfItDoes() {
  if (document.querySelector('main[data-renew]')) renew();
}

// -- copying ------------------------------------------------------------------

const copy = text => navigator.clipboard?.writeText(text);

// Of a link what it leads to, of others what they say.
async function copyOf(source) {
  if (!source.href) return copy(source.dataset.text ?? source.textContent);
  const text = fetch(source.href).then(answer => {
    if (!answer.ok) throw new Error(answer.status);
    return answer.text();
  });
  // Some browsers let one copy only while the click is handled.
  return navigator.clipboard.write([new ClipboardItem({
    'text/plain': text.then(x => new Blob([x], {type: 'text/plain'})),
  })]);
}

function addCopying() {
  if (!navigator.clipboard) return;
  for (const each of [...document.querySelectorAll('[data-copy]')].reverse()) {
    const button = element('button', each.dataset.copy);
    button.addEventListener('click', async () => {
      button.textContent = await copyOf(each).then(() => 'Copied',
                                                   () => 'Not copied');
      setTimeout(() => { button.textContent = each.dataset.copy; }, 2000);
    });
    document.querySelector('.acts')?.prepend(button);
  }
}

addCopying();

// -- keys ---------------------------------------------------------------------

// Those that lead somewhere.
const rows = () =>
  [...document.querySelectorAll('main .rows > tbody > tr:not(.detail)')]
    .filter(row => row.querySelector('a'));

// Where the keys are: it has the focus, had it, or was opened or closed.
let lastRow = document.querySelector('tr.open')
  ?? document.getElementById(location.hash.slice(1))?.closest('tr');
function currentRow() {
  const all = rows();
  const focused = document.activeElement?.closest('tr');
  return [focused, lastRow].find(row => row && all.includes(row));
}

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const from = all.indexOf(currentRow());
  lastRow?.classList.remove('at');
  lastRow = all[Math.min(Math.max(from + by, 0), all.length - 1)];
  lastRow.classList.add('at');
  lastRow.querySelector('a').focus({preventScroll: true});
  lastRow.scrollIntoView({block: 'nearest'});
}

// What has the focus goes by the browser's own rules.
function openRow() {
  if (!document.activeElement?.matches('a, button, summary'))
    currentRow()?.querySelector('a').click();
}

const keys = {
  '/': ['filter', () => (document.querySelector('main input[name=error]')
    ?? document.querySelector('main form input:not([type=hidden])'))?.focus()],
  j: ['next row', () => move(1)],
  k: ['row before', () => move(-1)],
  Enter: ['open it, or close it', openRow],
  o: ["the operation's page", () => {
    const id = currentRow()?.dataset.id;
    if (id) location.href = new URL(`operations/${id}`, root);
  }],
  c: ['copy its id', () => {
    const id = currentRow()?.dataset.id;
    if (id) copy(id);
  }],
  p: ['pause what is live, go on',
    () => document.querySelector('[data-live-acts] button')?.click()],
  u: ['times in UTC, in local time', () => zoneSwitch.click()],
  '?': ['these keys', showHelp],
};

let help;
function showHelp() {
  if (!help) {
    help = element('dialog', '', {className: 'help'});
    help.setAttribute('aria-labelledby', 'help-title');
    const list = element('dl', '', {className: 'facts'});
    const all = {
      ...keys,
      ...(document.querySelector('[data-select]') && {x: ['select it']}),
      Escape: ['leave a field, or this'],
    };
    for (const [key, [meaning]] of Object.entries(all)) {
      const term = document.createElement('dt');
      term.append(element('kbd', key === 'Escape' ? 'Esc' : key));
      list.append(term, element('dd', meaning));
    }
    const close = element('button', 'Close');
    close.addEventListener('click', () => help.close());
    help.append(element('h2', 'Keys', {id: 'help-title'}), list, close);
    document.body.append(help);
  }
  help.showModal();
}

const helpButton = element('button', '', {className: 'keys'});
helpButton.append(element('kbd', '?'), ' keys');
helpButton.addEventListener('click', showHelp);
document.querySelector('footer').prepend(helpButton);

document.addEventListener('keydown', event => {
  const dialog = document.querySelector('dialog[open]');
  if (dialog) {
    if (event.key === '?' && dialog === help) help.close();
    return;
  }
  const typing = event.target.matches(
    'input:not([type=checkbox]), textarea, select');
  if (event.key === 'Escape') {
    document.activeElement.blur(); // then the page shows what is new again
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = Object.hasOwn(keys, event.key) && keys[event.key][1];
  if (!act) return;
  if (event.key !== 'Enter') event.preventDefault();
  act();
});

// -- what is new in the store -------------------------------------------------

// One tab of this browser follows the store, and tells the others; those that
// nobody sees do nothing, and catch up when they are looked at.

const pollEvery = 5000;
const streamAgainAfter = 60_000;

/// Calls `take` with what a stream or other tabs say.
/// @param cursor where to begin; empty: from now on.
/// @param seesEach whether no step may be missed, not even those that were
///        committed while nobody looked; if not, `take` hears that there are
///        some.
function follow({cursor, seesEach, take, isFresh}) {
  let said = null; // by other tabs, while this one catches up
  let isBehind = true; // until catching up has come to the end
  let again; // when it is tried again

  function hear(reply) {
    cursor = reply.next;
    take(reply);
    isFresh();
  }

  // Another store: its page, as soon as it can be read.
  async function startOver() {
    for (;;) {
      try {
        if ((await fetch(location.href)).ok) return location.reload();
      } catch {
        // Nobody is there yet.
      }
      isStale();
      await new Promise(done => setTimeout(done, pollEvery));
    }
  }

  const watchUrl = query =>
    new URL(`api/v1/watch?${new URLSearchParams(query)}`, root);

  // All that has been committed since, in pages. What the others say meanwhile
  // goes on from there, but only if that is the end.
  async function catchUp() {
    if (said) return;
    clearTimeout(again);
    said = [];
    isBehind = true;
    let wait = 0;
    try {
      for (let pages = 0; isBehind && pages < 50; ++pages) {
        const answer = await fetch(watchUrl({
          wait: '0s', limit: 1000, ...(seesEach && {after: cursor})}));
        if (answer.status === 400) return startOver();
        if (!answer.ok) throw new Error(answer.status);
        const reply = await answer.json();
        hear(reply);
        isBehind = reply.transitions.length > 0;
      }
    } catch {
      isStale();
      wait = pollEvery;
    }
    const heard = said;
    said = null;
    if (!isBehind) heard.forEach(hear);
    else if (!document.hidden) again = setTimeout(catchUp, wait);
  }

  let polling;
  function poll(on) {
    clearInterval(polling);
    if (on) polling = setInterval(catchUp, pollEvery);
  }

  if (!navigator.locks || !window.BroadcastChannel) {
    const look = () => {
      poll(!document.hidden);
      if (!document.hidden) catchUp();
    };
    document.addEventListener('visibilitychange', look);
    look();
    return;
  }

  const name = `waybill ${root.pathname}`;
  const others = new BroadcastChannel(name);
  others.onmessage = event => {
    if (document.hidden) return;
    if (said) said.push(event.data);
    else if (!isBehind) hear(event.data);
  };

  let giveUp; // being, or wanting to be, the one that follows
  let streamAgain;
  function openStream(done) {
    const stream = new EventSource(watchUrl(cursor && {after: cursor}));
    stream.onopen = isFresh;
    stream.onmessage = event => {
      const reply = JSON.parse(event.data);
      hear(reply);
      others.postMessage(reply);
    };
    stream.addEventListener('over', () => {
      stream.close();
      startOver();
    });
    stream.onerror = () => {
      isStale();
      if (stream.readyState !== EventSource.CLOSED) return;
      // There are as many streams as there may be, or a proxy says no.
      done();
      poll(true);
      streamAgain = setTimeout(look, streamAgainAfter);
    };
    return stream;
  }

  async function lead() {
    const control = new AbortController();
    giveUp = () => control.abort();
    await catchUp();
    try {
      await navigator.locks.request(name, {signal: control.signal}, () =>
        new Promise(done => {
          const stream = openStream(done);
          giveUp = () => {
            stream.close();
            done();
          };
        }));
    } catch {
      // It was hidden before its turn came.
    }
  }

  const look = () => {
    poll(false);
    clearTimeout(streamAgain);
    giveUp?.();
    giveUp = undefined;
    if (!document.hidden) lead();
  };
  document.addEventListener('visibilitychange', look);
  look();
}

// -- the page that shows each step --------------------------------------------

const mostRows = 500;

function makeRow(step) {
  const row = document.createElement('tr');
  const cell = (classes, ...content) => {
    const td = row.insertCell();
    td.className = classes;
    td.setAttribute('role', 'cell');
    td.append(...content);
    return td;
  };
  const cut = text => text ? [element('span', text, {title: text})] : [];
  row.setAttribute('role', 'row');
  const at = inZone(new Date(step.at));
  cell('p3', element('time', at.clock, {
    dateTime: step.at, title: `${at.day} ${at.clock}${at.zone}`}));
  cell('p1', element('span', step.status,
                     {className: `mark ${step.status.toLowerCase()}`}));
  const id = element('a', '', {
    className: 'id', title: step.id,
    href: `operations/${encodeURIComponent(step.id)}`});
  id.append(element('i', `${step.id.slice(0, 8)}…`), step.id.slice(-6));
  cell('p2', id);
  cell('p4', ...cut(step.last_error));
  cell('num wide', step.http_status ?? '');
  cell('num wide', step.retry_count || element('span', '·',
                                               {className: 'soft'}));
  cell('soft p5', ...cut(step.kind));
  return row;
}

function makeGapRow() {
  const row = document.createElement('tr');
  row.className = 'gap';
  row.setAttribute('role', 'row');
  const td = row.insertCell();
  td.className = 'soft p4';
  td.colSpan = 7;
  td.setAttribute('role', 'cell');
  td.textContent = 'steps that are not kept';
  return row;
}

function showSteps(table) {
  const body = table.tBodies[0];
  const asked = new URLSearchParams(location.search);
  // Each parameter may be a list with commas, and the words of the command.
  const meant = {
    'in-flight': ['submitted', 'retrying'],
    finished: ['delivered', 'parked', 'failed', 'discarded'],
  };
  const statuses = new Set(asked.getAll('status')
    .flatMap(list => list.toLowerCase().split(','))
    .flatMap(word => meant[word] ?? [word]).filter(word => word));
  const kinds = new Set(asked.getAll('kind').filter(kind => kind));
  const isWanted = step =>
    (!statuses.size || statuses.has(step.status.toLowerCase()))
    && (!kinds.size || kinds.has(step.kind));

  let last = Number(table.dataset.last);
  let paused = false;
  let held = [];

  // Pausing, and what waits meanwhile.
  const button = document.createElement('button');
  document.querySelector('[data-live-acts]').append(button);
  const show = () => {
    const fresh = held.splice(0);
    if (fresh.length) document.querySelector('[data-empty]')?.remove();
    body.prepend(...fresh.reverse());
    while (body.rows.length > mostRows) body.lastElementChild.remove();
  };
  const label = () => {
    const waiting = held.length ? `${held.length} new` : '';
    button.textContent = paused ? `Go on${waiting && `: ${waiting}`}`
      : waiting || 'Pause';
    button.setAttribute('aria-pressed', paused);
  };
  const isFree = () => !paused && !body.contains(document.activeElement)
    && getSelection().isCollapsed;
  button.addEventListener('click', () => {
    // While rows are held back by a selection, it shows them.
    if (!paused && held.length) show();
    else paused = !paused;
    if (!paused) show();
    label();
  });
  body.addEventListener('focusout', () => setTimeout(() => {
    if (isFree()) show();
    label();
  }));
  label();

  function take(reply) {
    if (reply.gap && reply.gap.to > last) held.push(makeGapRow());
    for (const step of reply.transitions) {
      if (step.number <= last) continue;
      last = step.number;
      if (isWanted(step)) held.push(makeRow(step));
    }
    if (reply.gap) last = Math.max(last, reply.gap.to);
    if (held.length > mostRows) held.splice(0, held.length - mostRows);
    if (isFree()) show();
    label();
  }

  // How the service is, which no step tells.
  const words = {at_rest: ['rest', 'At rest'], ok: ['ok', 'Live']};
  async function askHealth() {
    if (document.hidden || mark.dataset.stale) return;
    try {
      const {state} = await (await fetch(new URL('api/v1/health', root))).json();
      setMark(...words[state] ?? [state, state]);
    } catch {
      isStale();
    }
  }
  setInterval(askHealth, renewEvery);

  follow({cursor: table.dataset.live, seesEach: true, take, isFresh() {
    if (!mark.dataset.stale) return;
    delete mark.dataset.stale;
    askHealth();
  }});
}

const steps = document.querySelector('table[data-live]');
if (steps) {
  showSteps(steps);
} else if (document.querySelector('main[data-renew]')) {
  setInterval(renewIfItDoes, renewEvery);
  document.addEventListener('visibilitychange', renewIfItDoes);
  follow({
    cursor: '',
    seesEach: false,
    take: reply => reply.transitions.length && renewSoon(),
    isFresh: () => mark.dataset.stale && renewSoon(),
  });
}
