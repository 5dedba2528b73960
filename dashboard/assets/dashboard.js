// Reading works without this. It adds keys, copying, and pages that renew
// themselves while nobody is busy with them.

const renewEvery = 5000;
const busy = () => {
  const at = document.activeElement;
  return (at && at.matches('main input, main button, main a'))
    || !getSelection().isCollapsed;
};

// -- how fresh the page is ----------------------------------------------------

const mark = document.querySelector('.now');
const clock = () => new Date().toTimeString().slice(0, 8);

function setMark(state, text) {
  const span = document.createElement('span');
  span.className = `mark ${state}`;
  span.textContent = text;
  mark.replaceChildren(span);
}

function isStale() {
  if (mark.dataset.stale) return;
  mark.dataset.stale = 'true';
  setMark('degraded', `Stale since ${clock()}`);
}

// What the server says of the service stays, unless that is well.
const firstMark = [...mark.childNodes];
const isLive = mark.querySelector('.ok') !== null;

function isFresh() {
  delete mark.dataset.stale;
  if (isLive) setMark('ok', `Live ${clock()}`);
  else mark.replaceChildren(...firstMark);
}

// -- pages that renew themselves ----------------------------------------------

async function renew() {
  if (document.hidden || busy()) return;
  try {
    const answer = await fetch(location.href, {headers: {Accept: 'text/html'}});
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(),
                                                 'text/html');
    const fresh = page.querySelector('main');
    if (!fresh || busy()) return;
    document.querySelector('main').replaceChildren(...fresh.childNodes);
    addCopying();
    if (!fresh.hasAttribute('data-renew')) clearInterval(renewing);
    mark.replaceChildren(...page.querySelector('.now').childNodes);
    delete mark.dataset.stale;
    document.title = page.title;
  } catch {
    isStale();
  }
}

const renewing = document.querySelector('main[data-renew]')
  ? setInterval(renew, renewEvery) : undefined;

// -- copying ------------------------------------------------------------------

const copy = text => navigator.clipboard && navigator.clipboard.writeText(text);

function addCopying() {
  if (!navigator.clipboard) return;
  for (const each of document.querySelectorAll('[data-copy]')) {
    const button = document.createElement('button');
    button.textContent = 'Copy id';
    button.addEventListener('click', () => copy(each.textContent));
    document.querySelector('.acts')?.prepend(button);
  }
}

addCopying();

// -- keys ---------------------------------------------------------------------

const rows = () => [...document.querySelectorAll('tr[data-id]')];
let at = rows().findIndex(row => row.classList.contains('open'));

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  all[at]?.classList.remove('at');
  at = Math.min(Math.max(at + by, 0), all.length - 1);
  all[at].classList.add('at');
  all[at].querySelector('a').focus({preventScroll: true});
  all[at].scrollIntoView({block: 'nearest'});
}

const keys = {
  '/': () => document.querySelector('input[name=error]')?.focus(),
  j: () => move(1),
  k: () => move(-1),
  o: () => {
    const row = rows()[at];
    if (row) location.href = `operations/${row.dataset.id}`;
  },
  c: () => rows()[at] && copy(rows()[at].dataset.id),
};

if (rows().length > 0) document.querySelector('.keys').hidden = false;

document.addEventListener('keydown', event => {
  const typing = event.target.matches('input, textarea, select');
  if (event.key === 'Escape') {
    if (typing) event.target.blur();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = Object.hasOwn(keys, event.key) && keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// -- live ---------------------------------------------------------------------

// One tab of this browser follows the store, and tells the others; those that
// nobody sees do nothing, and catch up when they are looked at.

const mostRows = 500;
const pollEvery = 5000;

function makeRow(step, offset) {
  const row = document.createElement('tr');
  const cell = (classes, ...content) => {
    const td = row.insertCell();
    td.className = classes;
    td.setAttribute('role', 'cell');
    td.append(...content);
    return td;
  };
  const element = (name, text, properties = {}) => Object.assign(
    document.createElement(name), {textContent: text}, properties);
  const cut = text => text ? [element('span', text, {title: text})] : [];
  row.setAttribute('role', 'row');
  const at = new Date(Date.parse(step.at) + offset).toISOString();
  cell('p3', element('time', at.slice(11, 23), {title: step.at}));
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

function follow(table) {
  const body = table.tBodies[0];
  const offset = Number(table.dataset.offset) * 1000;
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

  let cursor = table.dataset.live;
  let last = Number(table.dataset.last);
  let paused = false;
  let held = [];
  let catching = null; // what the others say meanwhile
  let isBehind = true; // until catching up has come to the end
  let again; // when it is tried again

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
  button.addEventListener('click', () => {
    // While rows are held back by a selection, it shows them.
    if (!paused && held.length) show();
    else paused = !paused;
    if (!paused) show();
    label();
  });

  function take(reply) {
    if (reply.gap && reply.gap.to > last) held.push(makeGapRow());
    for (const step of reply.transitions) {
      if (step.number <= last) continue;
      last = step.number;
      if (isWanted(step)) held.push(makeRow(step, offset));
    }
    if (reply.gap) last = Math.max(last, reply.gap.to);
    cursor = reply.next;
    if (held.length > mostRows) held.splice(0, held.length - mostRows);
    if (!paused && !body.contains(document.activeElement)
        && getSelection().isCollapsed)
      show();
    label();
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

  // All that has been committed since, in pages. What the others say meanwhile
  // goes on from there, but only if that is the end.
  async function catchUp() {
    if (catching) return;
    clearTimeout(again);
    catching = [];
    isBehind = true;
    let wait = 0;
    try {
      for (let pages = 0; isBehind && pages < 50; ++pages) {
        const answer = await fetch(
          `api/v1/watch?wait=0s&limit=1000&after=${encodeURIComponent(cursor)}`);
        if (answer.status === 400) return startOver();
        if (!answer.ok) throw new Error(answer.status);
        const reply = await answer.json();
        take(reply);
        isBehind = reply.transitions.length > 0;
      }
    } catch {
      isStale();
      wait = pollEvery;
    }
    const said = catching;
    catching = null;
    if (!isBehind) said.forEach(take);
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

  const name = `waybill ${new URL('.', location.href).pathname}`;
  const others = new BroadcastChannel(name);
  others.onmessage = event => {
    if (document.hidden) return;
    if (catching) catching.push(event.data);
    else if (!isBehind) take(event.data);
  };

  let giveUp; // being, or wanting to be, the one that follows
  function openStream(done) {
    const stream = new EventSource(
      `api/v1/watch?after=${encodeURIComponent(cursor)}`);
    stream.onopen = isFresh;
    stream.onmessage = event => {
      const reply = JSON.parse(event.data);
      take(reply);
      others.postMessage(reply);
    };
    stream.addEventListener('over', () => {
      stream.close();
      startOver();
    });
    stream.onerror = () => {
      isStale();
      if (stream.readyState === EventSource.CLOSED) {
        done();
        poll(true); // there are as many streams as there may be
      }
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
    giveUp?.();
    giveUp = undefined;
    if (!document.hidden) lead();
  };
  document.addEventListener('visibilitychange', look);
  label();
  look();
}

const live = document.querySelector('[data-live]');
if (live) follow(live);
