// Reading works without this. It adds keys, copying, and pages that renew
// themselves while nobody is busy with them.

const renewEvery = 5000;
const busy = () => {
  const at = document.activeElement;
  return (at && at.matches('main input, main button, main a'))
    || !getSelection().isCollapsed;
};

// -- pages that renew themselves ----------------------------------------------

async function renew() {
  if (document.hidden || busy()) return;
  const mark = document.querySelector('.now');
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
    document.title = page.title;
  } catch {
    if (mark.dataset.stale) return;
    mark.dataset.stale = 'true';
    const since = new Date().toTimeString().slice(0, 8);
    const text = document.createElement('span');
    text.className = 'mark degraded';
    text.textContent = `Stale since ${since}`;
    mark.replaceChildren(text);
    return;
  }
  delete mark.dataset.stale;
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
