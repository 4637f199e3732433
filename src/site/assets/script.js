// What is nicer with a script: copying commands, the answer to "is my kernel ready?", and a filter for long matrices.
// Every page is whole without it.

/** @param {string} name @param {Record<string, string>} attributes @param {...(Node | string)} children */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

async function copy(text) {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Pages that come over plain HTTP have no clipboard of their own.
  const area = make('textarea', { class: 'hidden', readonly: '' });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

for (const command of document.querySelectorAll('.command')) {
  const code = command.querySelector('code');
  const button = make('button', { type: 'button' }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await copy(code.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'Selected';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  });
  command.classList.add('can-copy');
  command.append(button);
}

/** What `ready.json` has; undefined where it can't be read, as from a file:// address. */
let known;

async function readKnown(address) {
  known ??= fetch(address).then((response) => (response.ok ? response.json() : undefined));
  try {
    return await known;
  } catch {
    known = undefined;
    return undefined;
  }
}

const TONES = {
  good: ['published', 'in-tree'],
  soon: ['built', 'building', 'queued'],
  bad: ['failed'],
  ours: ['broken'],
};

function toneOf(verdict) {
  return Object.keys(TONES).find((tone) => TONES[tone].includes(verdict)) ?? 'off';
}

/** A release among the words of what was pasted: `uname -a` will do. */
function releaseIn(text, kernels) {
  return text.split(/\s+/).find((word) => Object.hasOwn(kernels, word));
}

function answerFor(entry, modules, verdicts, top) {
  const list = [...entry.verdicts].flatMap((letter, at) =>
    letter === '-' ? [] : [{ module: modules[at], verdict: verdicts[letter] }],
  );
  const wanted = list.filter(({ verdict }) => toneOf(verdict) !== 'off');
  const good = wanted.filter(({ verdict }) => toneOf(verdict) === 'good').length;
  const isBad = wanted.some(({ verdict }) => toneOf(verdict) === 'bad' || toneOf(verdict) === 'ours');
  const [tone, text] =
    wanted.length === 0
      ? ['off', 'No: nothing is built for this kernel.']
      : good === wanted.length
        ? ['good', good === 1 ? 'Yes: its module is ready.' : `Yes: all ${good} modules are ready.`]
        : [isBad ? 'bad' : 'soon', `${good === 0 ? 'Not yet' : 'In part'}: ${good} of ${wanted.length} modules are ready.`];
  const missing = wanted
    .filter(({ verdict }) => toneOf(verdict) !== 'good')
    .map(({ module, verdict }) =>
      make('li', {}, make('span', { class: `badge ${toneOf(verdict)}` }, `${module}: ${verdict}`)),
    );
  return [
    make('p', { class: `answer ${tone}` }, make('strong', {}, text)),
    ...(missing.length > 0 ? [make('ul', { 'aria-label': 'Not ready' }, ...missing)] : []),
    make('p', {}, make('a', { href: top + entry.path }, `Everything about this kernel on ${entry.architecture}`)),
  ];
}

for (const form of document.querySelectorAll('form[data-ready]')) {
  const input = form.querySelector('input');
  const result = form.querySelector('.result');
  const { ready, top, index } = form.dataset;
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === '') {
      input.focus();
      return;
    }
    const data = await readKnown(ready);
    if (data === undefined) {
      // The index has a line for every kernel, under the kernel's name.
      location.href = `${index}#${encodeURIComponent(text.split(/\s+/).find((word) => /^\d+\./.test(word)) ?? text)}`;
      return;
    }
    const release = releaseIn(text, data.kernels);
    result.replaceChildren(
      ...(release === undefined
        ? [
            make(
              'p',
              { class: 'answer off' },
              make('strong', {}, 'This kernel is not known here.'),
              ' It is none of the suites that are published, or newer than the last look at them.',
            ),
          ]
        : data.kernels[release].flatMap((entry) => answerFor(entry, data.modules, data.verdicts, top))),
    );
  });
}

const matrix = document.querySelector('.matrix tbody');
if (matrix !== null && matrix.rows.length > 12) {
  const input = make('input', { type: 'search', id: 'filter', placeholder: 'Filter modules', 'aria-label': 'Filter modules' });
  input.addEventListener('input', () => {
    const text = input.value.trim().toLowerCase();
    for (const row of matrix.rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(text);
    }
  });
  matrix.closest('.scroll').before(make('div', { class: 'filter' }, input));
}
