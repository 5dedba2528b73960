// What operators do from the pages: a part of them with `serve --actions` only.
// The server has written what can be done where, hidden; this shows it, asks
// for a reason, counts what is meant, and has it done in steps. Nothing is done
// that this has not said before.

const api = new URL('../api/v1/', import.meta.url);
const mostListed = 500;
const mostFailuresListed = 10_000;
const stepsASecond = 4;
const mostInStep = 256;

async function post(verb, body) {
  let answer;
  try {
    answer = await fetch(new URL(verb, api), {
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error('waybill serve does not answer; what it was asked may be '
      + 'done all the same');
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? `HTTP ${answer.status}`);
  return said;
}

function make(name, properties = {}, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}

const counted = (n, what) =>
  `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

// A name is remembered, so that it is typed once.
const nameKey = 'waybill who';
function rememberedName(value) {
  try {
    if (value !== undefined) localStorage.setItem(nameKey, value);
    return localStorage.getItem(nameKey) ?? '';
  } catch {
    return '';
  }
}

// -- what is said of what was done --------------------------------------------

const words = {
  requeued: 'requeued',
  already_requeued: 'was requeued before',
  not_found: 'not there: purged or never recorded',
  in_flight: 'has not finished: attempts follow by themselves',
  delivered: 'Delivered; there is nothing to try again',
  discarded: 'Discarded; its payload is gone',
  no_payload: 'has no payload; there is nothing to send',
  expired: 'expired: its sender wants no attempt any more',
  overloaded: 'no room',
  id_is_taken: 'its new id is taken',
  applied: 'discarded',
  payload_discarded: 'stays as it is; its payload is gone',
  already_terminal: 'had finished already, and stays so',
};
const isDone = outcome =>
  ['requeued', 'applied', 'payload_discarded'].includes(outcome);

// How many by outcome, and each one: those that were not done come first, and
// take the places of others.
class Outcomes {
  constructor() {
    this.element = make('div', {className: 'outcomes'});
    this.totals = make('p');
    this.body = make('tbody');
    this.list = make('table', {hidden: true},
      make('thead', {}, make('tr', {}, make('th', {className: 'w-id',
        textContent: 'id'}), make('th', {textContent: 'outcome'}))), this.body);
    this.rest = make('p', {className: 'soft'});
    this.element.append(this.totals, this.list, this.rest);
    this.counts = new Map();
    this.seen = 0;
    this.listed = 0;
    this.failed = 0; // of those that are listed
  }

  get done() {
    let sum = 0;
    for (const [outcome, n] of this.counts) if (isDone(outcome)) sum += n;
    return sum;
  }

  take(results) {
    for (const each of results) {
      this.seen += 1;
      this.counts.set(each.outcome, (this.counts.get(each.outcome) ?? 0) + 1);
      if (isDone(each.outcome) ? this.listed < mostListed
        : this.failed < mostFailuresListed) this.add(each);
    }
    this.totals.textContent = [...this.counts]
      .map(([outcome, n]) => `${n.toLocaleString('en')} ${words[outcome]
        ?? outcome}`).join(' · ');
    const others = this.seen - this.listed;
    this.rest.textContent = others
      ? `${counted(others, 'other')}, not listed here` : '';
  }

  add(each) {
    this.listed += 1;
    this.list.hidden = false;
    const link = id => make('a', {
      className: 'id', title: id, textContent: `${id.slice(0, 8)}…${id.slice(-6)}`,
      href: new URL(`../operations/${encodeURIComponent(id)}`, import.meta.url),
    });
    const said = make('td', {className: 'wrap'},
      words[each.outcome] ?? each.outcome);
    if (each.status) said.append(` (${each.status})`);
    if (each.reason) said.append(`: ${each.reason}`);
    if (each.successor) said.append(' as ', link(each.successor));
    const row = make('tr', {}, make('td', {}, link(each.id)), said);
    if (isDone(each.outcome)) return this.body.append(row);
    this.body.prepend(row);
    this.failed += 1;
    if (this.listed > mostListed && this.listed > this.failed) {
      this.body.lastElementChild.remove();
      this.listed -= 1;
    }
  }
}

// -- the dialog ---------------------------------------------------------------

// One act: its dialog asks, counts, does, tells. What the verbs differ in is
// given: `fields` besides reason and name, `count` and `act`, which go on until
// `run.stopped`.
class Act {
  constructor({title, lead, label, fields = [], count, act}) {
    Object.assign(this, {count, act, label});
    this.stopped = false;
    this.changed = false;
    this.running = false;
    this.reason = make('input', {name: 'reason', required: true,
      maxLength: 1000, autocomplete: 'off', autofocus: true});
    this.name = make('input', {name: 'who', maxLength: 70,
      autocomplete: 'name', value: rememberedName(),
      placeholder: 'for the audit'});
    this.said = make('p', {className: 'said'});
    this.said.setAttribute('role', 'status');
    this.progress = make('progress', {hidden: true});
    this.progress.setAttribute('aria-label', 'How far it has come');
    this.go = make('button', {className: 'go', textContent: label});
    this.leave = make('button', {type: 'button', textContent: 'Cancel'});
    this.results = make('div');
    const heading = make('h2', {id: 'act-title', textContent: title});
    this.form = make('form', {},
      heading, make('p', {className: 'soft', textContent: lead}), ...fields,
      make('label', {}, 'Reason', this.reason),
      make('label', {}, 'Your name', this.name),
      this.said, this.progress, this.results,
      make('div', {className: 'acts'}, this.go, this.leave));
    this.dialog = make('dialog', {className: 'act'}, this.form);
    this.dialog.setAttribute('aria-labelledby', heading.id);
  }

  show() {
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      this.run();
    });
    this.leave.addEventListener('click', () => this.end());
    this.dialog.addEventListener('cancel', event => {
      event.preventDefault();
      this.end();
    });
    this.dialog.addEventListener('close', () => {
      if (this.running) { // browsers close it whatever is said to cancel
        this.dialog.showModal();
        this.leave.focus();
        return this.end();
      }
      this.stopped = true;
      this.dialog.remove();
      if (this.changed) location.reload();
    });
    // Keys of the page below are none here. Esc is not left to the browser,
    // which asks once only whether it may close the dialog.
    this.dialog.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      this.end();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.reason.focus();
    if (this.count) this.look();
  }

  // What runs ends after its step; else the dialog does.
  end() {
    if (!this.running) return this.dialog.close();
    this.stopped = true;
    this.leave.setAttribute('aria-disabled', true); // it keeps the focus
    this.say('Stopping after this step…');
  }

  say(text, isWrong = false) {
    this.said.textContent = text;
    this.said.classList.toggle('wrong', isWrong);
  }

  get common() {
    const who = this.name.value.trim();
    return {reason: this.reason.value.trim(), ...(who && {who})};
  }

  // Counts what is meant; only then it can be done. The last count holds.
  async look() {
    const turn = this.turn = (this.turn ?? 0) + 1;
    this.go.disabled = true;
    try {
      const due = await this.count(text => turn === this.turn && this.say(text),
        () => turn !== this.turn || !this.dialog.open);
      if (turn !== this.turn || !due) return;
      this.due = due;
      this.say(due.text);
      this.go.textContent = due.label;
      this.go.disabled = due.count === 0;
    } catch (error) {
      if (turn === this.turn) this.say(error.message, true);
    }
  }

  // What was counted is not what is meant any more.
  forget() {
    this.turn = (this.turn ?? 0) + 1;
    this.go.disabled = true;
  }

  async run() {
    if (this.running || this.go.disabled) return;
    if (!this.reason.value.trim()) return this.say('A reason is needed', true);
    rememberedName(this.name.value.trim());
    this.running = true;
    this.go.hidden = true;
    for (const each of this.form.querySelectorAll('input, select'))
      each.disabled = true;
    this.leave.textContent = 'Stop';
    this.leave.focus();
    this.progress.hidden = false;
    this.say('…');
    try {
      await this.act(this);
    } catch (error) {
      this.changed = true;
      this.say(`${this.so_far ?? ''}${error.message}`, true);
    }
    this.running = false;
    this.progress.hidden = true;
    this.leave.removeAttribute('aria-disabled');
    this.leave.textContent = 'Close';
    this.leave.focus();
  }

  goesOn(done, of) {
    this.changed = true;
    if (of) Object.assign(this.progress, {max: of, value: Math.min(done, of)});
  }
}

const pause = ms => new Promise(done => setTimeout(done, ms));

// -- requeue and discard ------------------------------------------------------

const bulk = {
  requeue: {
    name: 'Requeue', done: 'requeued',
    lead: 'Each becomes a new operation with the old payload and idempotency '
      + 'key; the old one stays as it is.',
  },
  discard: {
    name: 'Discard', done: 'discarded',
    lead: 'What is in flight becomes Discarded; what is parked or failed stays '
      + 'so, but its payload is gone for good.',
  },
};

function actOnThese(verb, ids) {
  const {name, done, lead} = bulk[verb];
  const label = `${name} ${counted(ids.length, 'operation')}`;
  new Act({
    title: label, lead, label,
    async act(run) {
      const outcomes = new Outcomes();
      run.results.replaceChildren(outcomes.element);
      const said = await post(verb, {ids, ...run.common});
      run.goesOn();
      outcomes.take(said.results);
      run.say(`${outcomes.done} of ${counted(ids.length, 'operation')} ${done}`,
        outcomes.done < outcomes.seen);
    },
  }).show();
}

function filterOf(text) {
  const filter = {};
  for (const [name, value] of new URLSearchParams(text))
    (filter[name] ??= []).push(value);
  return filter;
}

// What is not meant: by it a step knows what came after the count.
const later = filter => (filter.status ?? []).join().toLowerCase().split(',')
  .every(each => ['parked', 'failed'].includes(each.trim()))
  ? 'finishes' : 'is recorded';

function actOnMatching(verb, text) {
  const {name, done, lead} = bulk[verb];
  const filter = filterOf(text);
  const rate = make('input', {name: 'rate', type: 'number', min: 0,
    max: 100000, value: 50, required: true});
  const isPaced = verb === 'requeue';
  new Act({
    title: `${name} all that match`,
    lead: `${lead} Filter: ${[...new URLSearchParams(text)]
      .map(([field, value]) => `${field} ${value}`).join(', ')}`,
    label: name,
    fields: isPaced ? [make('label', {}, 'A second (0: as fast as it goes)',
      rate)] : [],
    async count(tell, isOver) {
      let due = 0;
      let said = {};
      do {
        said = await post(verb, {filter, dry_run: true,
          ...(said.bound && {bound: said.bound, cursor: said.next_cursor})});
        due += said.count;
        tell(`Counted ${due.toLocaleString('en')} so far…`);
        if (isOver()) return undefined;
      } while (said.next_cursor);
      return {count: due, bound: said.bound,
        text: due ? `${counted(due, 'operation')} would be ${done}; what `
          + `${later(filter)} later is left alone` : 'Nothing can be done to what matches',
        label: `${name} ${counted(due, 'operation')}`};
    },
    async act(run) {
      const outcomes = new Outcomes();
      run.results.replaceChildren(outcomes.element);
      const {count, bound} = run.due;
      const speed = isPaced ? Number(rate.value) : 0;
      const limit = speed ? Math.min(Math.max(
        Math.floor(speed / stepsASecond), 1), mostInStep) : mostInStep;
      let act;
      let cursor;
      do {
        const begin = Date.now();
        const said = await post(verb, {filter, bound, limit, ...run.common,
          ...(act && {act}), ...(cursor && {cursor})});
        ({act, next_cursor: cursor} = said);
        outcomes.take(said.results);
        run.goesOn(outcomes.seen, count);
        const sofar = `${outcomes.done.toLocaleString('en')} of `
          + `${counted(count, 'operation')} ${done}`;
        run.so_far = `${sofar}; then: `;
        if (!run.stopped) run.say(sofar);
        if (cursor && speed && !run.stopped)
          await pause(Math.max(0,
            said.results.length / speed * 1000 - (Date.now() - begin)));
      } while (cursor && !run.stopped);
      run.say(`${cursor ? 'Stopped: ' : ''}${outcomes.done.toLocaleString('en')}`
        + ` of ${counted(count, 'operation')} ${done}`,
      outcomes.done < outcomes.seen);
    },
  }).show();
}

// -- targets and old operations -----------------------------------------------

const reached = {
  pause: {applied: 'Paused: no attempt begins until it is resumed',
    unchanged: 'It was paused already'},
  resume: {applied: 'It goes on, slowly at first',
    unchanged: 'It was not paused'},
};

function actOnTarget(verb, target) {
  const name = verb === 'pause' ? 'Pause' : 'Resume';
  new Act({
    title: `${name} ${target}`, label: name,
    lead: verb === 'pause' ? 'Calls are taken meanwhile, attempts that have '
      + 'begun end, times to live run on.' : 'Attempts begin again.',
    async act(run) {
      const said = await post(verb, {target, ...run.common});
      run.goesOn();
      const by = said.outcome === 'unchanged' && said.pause
        ? `, by ${said.pause.who}: ${said.pause.reason}` : '';
      run.say((reached[verb][said.outcome] ?? said.outcome) + by);
    },
  }).show();
}

function purge() {
  const age = make('input', {name: 'older_than', value: '30d', required: true,
    placeholder: '30d, or 2026-11-23'});
  const status = make('select', {name: 'status'},
    make('option', {value: '', textContent: 'finished, however'}),
    ...['Delivered', 'Parked', 'Failed', 'Discarded'].map(each =>
      make('option', {textContent: each})));
  const payload = make('input', {type: 'checkbox', name: 'with_payload'});
  const meant = () => ({
    older_than: age.value.trim(), with_payload: payload.checked,
    ...(status.value && {status: [status.value]})});
  const dialog = new Act({
    title: 'Purge old operations', label: 'Purge',
    lead: 'Deletes operations that finished before a time, with their '
      + 'histories, for good.',
    fields: [
      make('label', {}, 'Finished before', age),
      make('label', {}, 'Status', status),
      make('label', {className: 'choice'}, payload,
        'those whose payloads are kept, and no others'),
    ],
    async count() {
      const said = await post('purge', {...meant(), dry_run: true});
      const many = `${said.complete ? '' : 'more than '}`
        + counted(said.count, 'operation');
      return {...said, count: said.complete ? said.count : Infinity,
        text: said.count ? `${many} would be deleted` : said.complete
          ? 'Nothing finished before that'
          : 'There is not the time to count what would be deleted',
        label: said.count ? `Purge ${many}` : 'Purge'};
    },
    async act(run) {
      let act;
      let cursor;
      let deleted = 0;
      // The time that was counted with, not one that moves on.
      const body = {...meant(), older_than: run.due.older_than, ...run.common};
      do {
        const said = await post('purge',
          {...body, ...(act && {act}), ...(cursor && {cursor})});
        ({act, next_cursor: cursor} = said);
        deleted += said.deleted;
        run.goesOn(deleted, Number.isFinite(run.due.count) && run.due.count);
        run.so_far = `${counted(deleted, 'operation')} deleted; then: `;
        if (!run.stopped) run.say(`${counted(deleted, 'operation')} deleted`);
      } while (cursor && !run.stopped);
      run.say(`${cursor ? 'Stopped: ' : ''}${counted(deleted, 'operation')} `
        + 'deleted');
    },
  });
  for (const each of [age, status, payload])
    each.addEventListener('change', () => dialog.look());
  // Enter must not purge what was counted with another age.
  age.addEventListener('input', () => dialog.forget());
  dialog.show();
}

// -- what is there to be clicked ----------------------------------------------

const boxes = () => [...document.querySelectorAll('input[data-select]')];
const selected = () => boxes().filter(box => box.checked)
  .map(box => box.dataset.select);

function showSelection() {
  const n = selected().length;
  for (const each of document.querySelectorAll('[data-selection]')) {
    each.disabled = n === 0;
    each.textContent
      = `${bulk[each.dataset.act].name} ${n ? `${n} ` : ''}selected…`;
  }
  for (const box of boxes())
    box.closest('tr').classList.toggle('chosen', box.checked);
  const all = document.querySelector('[data-select-all]');
  if (all) all.textContent = n > 0 && n === boxes().length
    ? 'Select none' : 'Select all on this page';
}

function reveal() {
  for (const each of document.querySelectorAll(
    'main [data-act], main [data-select], main [data-select-all]'))
    each.hidden = false;
}

document.addEventListener('click', event => {
  const all = event.target.closest?.('[data-select-all]');
  if (all) {
    const some = selected().length < boxes().length;
    for (const box of boxes()) box.checked = some;
    return showSelection();
  }
  const button = event.target.closest?.('main [data-act]');
  if (!button) return;
  const {act, id, filter, target, selection} = button.dataset;
  if (act === 'purge') purge();
  else if (target !== undefined) actOnTarget(act, target);
  else if (filter !== undefined) actOnMatching(act, filter);
  else if (selection !== undefined) actOnThese(act, selected());
  else if (id !== undefined) actOnThese(act, [id]);
});

document.addEventListener('change', event => {
  if (event.target.matches('input[data-select]')) showSelection();
});

document.addEventListener('keydown', event => {
  if (event.key !== 'x' || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey
      || event.target.matches('input:not([type=checkbox]), textarea, select'))
    return;
  const box = document.querySelector('tr.at input[data-select]');
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  showSelection();
});

// Pages that renew themselves have them anew.
new MutationObserver(reveal).observe(document.querySelector('main'),
  {childList: true});
reveal();
// Some browsers remember which buttons could be pressed.
showSelection();
