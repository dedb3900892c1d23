'use strict';

// The reading: what tools/attention_page.cc writes. Text goes into the page as text alone, never as markup.
const reading = JSON.parse(document.getElementById('reading').textContent);
const byId = (id) => document.getElementById(id);
const layers = reading.layers, heads = reading.heads, asked = reading.question_tokens.length;
const hasHeads = layers > 0 && reading.passages.length > 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);  // strings become text nodes
  return made;
}
const shade = (target, share) => target.style.setProperty('--w', share.toFixed(3));
const number = (value) => String(Number(value.toPrecision(3)));
const quoted = (text) => '“' + text + '”';

// ---- Weights. A part holds one byte a weight, row by row: layer, head, question token.

function unpack(part) {
  const bytes = Uint8Array.from(atob(part.weights), (character) => character.charCodeAt(0));
  return {...part, weight: (row, token) => part.scales[row] * (bytes[row * part.tokens + token] / 255) ** 2};
}
for (const passage of reading.passages) {
  passage.parts = passage.parts.map(unpack);
  passage.words = passage.sentences.flatMap((sentence) => sentence.pieces.filter((piece, i) => i % 2 === 1));
}

// The rows that a choice takes the mean of; null stands for all.
function rowsOf(layer, head, question) {
  const range = (one, count) => (one === null ? [...Array(count).keys()] : [one]);
  return range(layer, layers).flatMap((l) => range(head, heads).flatMap(
    (h) => range(question, asked).map((q) => (l * heads + h) * asked + q)));
}

// Of each word of a passage.
function weightsOf(passage, rows) {
  const weights = new Float64Array(passage.words.length);
  for (const part of passage.parts) {
    for (let token = 0; token < part.tokens; ++token) {
      for (const row of rows) weights[part.first + token] += part.weight(row, token) / rows.length;
    }
  }
  return weights;
}

// What goes elsewhere: to the question itself, and to title and markers. Of several parts, the mean.
function elsewhere(passage, rows) {
  const mean = (name) => passage.parts.reduce((sum, part) => sum + rows.reduce(
    (inner, row) => inner + part[name][row], 0), 0) / (rows.length * Math.max(passage.parts.length, 1));
  return {question: mean('question'), rest: mean('rest')};
}

// ---- The choice, kept in the address: #layer=1&head=3&passage=2&question=4&word=7&shade=start, all counted from 1.

const shades = hasHeads ? ['attention', 'start', 'end'] : [];
const chosen = {layer: null, head: null, passage: 0, question: null, word: null, shade: 'attention'};

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const one = (name, count) => {
    const value = Number(given.get(name));
    return Number.isInteger(value) && value >= 1 && value <= count ? value - 1 : null;
  };
  chosen.layer = one('layer', layers);
  chosen.head = one('head', heads);
  chosen.question = one('question', asked);
  chosen.passage = one('passage', reading.passages.length) ?? 0;
  chosen.word = hasHeads ? one('word', reading.passages[chosen.passage].words.length) : null;
  chosen.shade = shades.includes(given.get('shade')) ? given.get('shade') : 'attention';
}

function writeAddress() {
  const given = new URLSearchParams();
  for (const name of ['layer', 'head', 'passage', 'question', 'word']) {
    if (chosen[name] !== null) given.set(name, chosen[name] + 1);
  }
  if (chosen.shade !== 'attention') given.set('shade', chosen.shade);
  history.replaceState(null, '', '#' + given);
}

function choose(change) {
  if ('passage' in change && change.passage !== chosen.passage) chosen.word = null;
  Object.assign(chosen, change);
  writeAddress();
  draw();
}

// ---- What is drawn once

// A row of radio buttons; `values[i]` is chosen by the i-th of `labels`.
function addChoices(fieldset, name, labels, values) {
  labels.forEach((label, i) => {
    const input = element('input', {type: 'radio', name, value: String(values[i])});
    input.addEventListener('change', () => choose({[name]: values[i]}));
    fieldset.append(element('label', {class: 'choice'}, input, element('span', {}, label)));
  });
  return fieldset;
}

function numbered(count) {
  return [['mean', ...Array.from({length: count}, (_, i) => String(i + 1))], [null, ...Array(count).keys()]];
}

function drawHeader() {
  document.title = reading.question;
  byId('question').textContent = reading.question;
  byId('answer').textContent = reading.answer;
  if (reading.short_answer !== null) {
    byId('short-answer').append('Short answer: ', element('b', {}, reading.short_answer));
    byId('short-answer').hidden = false;
  }
  const notice = reading.passages.length === 0 ? 'No passage was read: there is nothing to show.' :
    layers === 0 ? 'The reader that answered weighs whole sentences and has no attention over words. ' +
      'Sentences are shaded by their weight; a trained reader (--reader FILE) shows words, layers and heads.' : '';
  byId('notice').textContent = notice;
  byId('notice').hidden = notice === '';
}

function drawRanking() {
  const bar = (weight) => {
    const inner = element('span');
    shade(inner, Math.min(Math.max(weight, 0), 1));
    return element('span', {class: 'bar'}, inner);
  };
  const row = (tag, kind, first, weight, place) => element(tag, {class: 'rank ' + kind}, first, bar(weight),
    element('span', {class: 'number'}, weight.toFixed(3)), element('span', {class: 'place'}, place));
  reading.passages.forEach((passage, i) => {
    const input = element('input', {type: 'radio', name: 'passage', value: String(i)});
    input.addEventListener('change', () => choose({passage: i}));
    byId('ranking').append(row('label', '', input, passage.weight, placeOf(passage)));
  });
  byId('ranking').append(row('div', 'none', element('span'), reading.none, 'none of these'));
}

const placeOf = (passage) => passage.document + ':' + passage.begin + '-' + passage.end;

function drawToolbar() {
  byId('toolbar').hidden = byId('map-section').hidden = !hasHeads;
  if (!hasHeads) return;
  const choices = [['Layer', 'layer', ...numbered(layers)], ['Head', 'head', ...numbered(heads)],
    ['Shade words by', 'shade', shades, shades]];
  for (const [legend, name, labels, values] of choices) {
    byId('choices').append(addChoices(element('fieldset', {}, element('legend', {}, legend)), name, labels, values));
  }
  addChoices(byId('question-tokens'), 'question', ['mean', ...reading.question_tokens],
    [null, ...Array(asked).keys()]);
  [...byId('question-tokens').querySelectorAll('.choice')].forEach((choice, i) => {
    choice.addEventListener('pointerenter', () => shadeWords(i === 0 ? null : i - 1));
    choice.addEventListener('pointerleave', () => shadeWords(chosen.question));
  });
  byId('passages-hint').textContent = 'Words are shaded by what the chosen question token attends to (hover over another to see ' +
    'its own), sentences by their weight; the short answer is underlined. Arrow keys move from word to word.';
}

const words = [];  // [passage][word], the spans

function drawPassage(passage, p) {
  const greatest = Math.max(...reading.passages.flatMap((other) => other.sentences.map((s) => s.weight)), 1e-9);
  const card = element('article', {class: 'passage', 'aria-label': 'Passage ' + (p + 1)},
    element('h3', {}, String(p + 1), element('span', {class: 'place'}, placeOf(passage) + ' ',
      element('span', {class: 'title'}, passage.title)), element('span', {class: 'number'}, passage.weight.toFixed(3))));
  words.push([]);
  for (const sentence of passage.sentences) {
    const text = element('span', {class: 'text'});
    sentence.pieces.forEach((piece, i) => text.append(i % 2 === 0 ? piece : makeWord(piece, p)));
    shade(text, sentence.weight / greatest);
    card.append(element('div', {class: 'sentence'},
      element('span', {class: 'number', title: 'weight of the sentence'}, sentence.weight.toFixed(3)), text));
  }
  byId('passages').append(card);
}

function makeWord(text, p) {
  const index = words[p].length;
  const passage = reading.passages[p];
  const answer = passage.answer !== null && index >= passage.answer[0] && index < passage.answer[1];
  const word = element('span', {class: answer ? 'word answer' : 'word', tabindex: index === 0 ? '0' : '-1',
    'data-passage': p, 'data-word': index}, text);
  words[p].push(word);
  return word;
}

// ---- What changes with the choice

let shown = [];  // [passage][word]: the weights that words are shaded by

function shadeWords(question) {
  if (!hasHeads) return;
  const rows = rowsOf(chosen.layer, chosen.head, question);
  shown = reading.passages.map((passage) => (chosen.shade === 'attention' ? weightsOf(passage, rows) : passage[chosen.shade + 's']));
  const greatest = Math.max(...shown.map((weights) => weights.reduce((a, b) => Math.max(a, b), 0)), 1e-12);
  shown.forEach((weights, p) => weights.forEach((weight, i) => {
    words[p][i].dataset.weight = number(weight);
    shade(words[p][i], weight / greatest);
  }));
}

function drawMap() {
  const passage = reading.passages[chosen.passage];
  const at = chosen.word ?? 0, row = chosen.question ?? 0;
  const rows = Array.from({length: asked}, (_, q) => rowsOf(chosen.layer, chosen.head, q));
  const weights = rows.map((of) => weightsOf(passage, of));
  const greatest = Math.max(...weights.map((of) => of.reduce((a, b) => Math.max(a, b), 0)), 1e-12);
  const isAnswer = (t) => passage.answer !== null && t >= passage.answer[0] && t < passage.answer[1];
  const head = element('tr', {}, element('td'), ...['passage', 'question', 'rest'].map(
    (name) => element('th', {scope: 'col', class: 'share'}, name)));
  passage.words.forEach((word, t) => head.append(element('th', {scope: 'col'},
    element('span', {class: isAnswer(t) ? 'answer' : ''}, word))));
  const body = element('tbody');
  reading.question_tokens.forEach((token, q) => {
    const other = elsewhere(passage, rows[q]);
    const line = element('tr', {class: q === chosen.question ? 'chosen' : ''}, element('th', {scope: 'row'}, token));
    for (const share of [Math.max(1 - other.question - other.rest, 0), other.question, other.rest])
      line.append(element('td', {class: 'share'}, (100 * share).toFixed(0) + ' %'));
    weights[q].forEach((weight, t) => {
      const here = q === chosen.question && t === chosen.word;
      const cell = element('td', {class: here ? 'cell chosen' : 'cell', tabindex: q === row && t === at ? '0' : '-1', 'data-weight': number(weight),
        'data-question': q, 'data-word': t, 'aria-label': `${token}, ${passage.words[t]}: ${number(weight)}`});
      shade(cell, weight / greatest);
      line.append(cell);
    });
    body.append(line);
  });
  byId('map').replaceChildren(element('table', {role: 'grid', 'aria-labelledby': 'map-title'}, element('thead', {}, head), body));
  byId('map-greatest').textContent = number(greatest);
  byId('map-title').textContent = `Question × passage ${chosen.passage + 1}, ${headName()}`;
}

const headName = () => (chosen.layer === null ? 'mean of the layers' : 'layer ' + (chosen.layer + 1)) + ', ' +
  (chosen.head === null ? 'mean of the heads' : 'head ' + (chosen.head + 1));

// What the readout and the tip say of a word, seen from a question token (null: their mean).
function describe(question, p, t) {
  const passage = reading.passages[p];
  const from = question === null ? 'the question' : quoted(reading.question_tokens[question]);
  const weight = weightsOf(passage, rowsOf(chosen.layer, chosen.head, question))[t];
  return `${from} → ${quoted(passage.words[t])} ${number(weight)} (${headName()}); ` +
    `start ${number(passage.starts[t])}, end ${number(passage.ends[t])}`;
}

function draw() {
  for (const input of document.querySelectorAll('input[type=radio]'))
    input.checked = input.value === String(chosen[input.name]);
  document.querySelectorAll('.passage').forEach((card, p) => card.classList.toggle('chosen', p === chosen.passage));
  if (!hasHeads) return;
  shadeWords(chosen.question);
  drawMap();
  byId('readout').textContent = chosen.word === null ? 'Point at a word or a cell to see its weight.' :
    describe(chosen.question, chosen.passage, chosen.word);
}

// ---- Pointer and keyboard, over words and cells alike

// {question, passage, word} of a word or a cell, or null.
function placeAt(target) {
  const found = target instanceof Element ? target.closest('[data-word]') : null;
  if (found === null || !hasHeads) return null;
  const {question, passage, word} = found.dataset;
  return {found, question: question === undefined ? chosen.question : Number(question),
    passage: passage === undefined ? chosen.passage : Number(passage), word: Number(word)};
}

let tipped = null;  // the place that the tip is of

function hideTip() {
  tipped = null;
  byId('tip').hidden = true;
}

function showTip(place) {
  tipped = place;
  const tip = byId('tip'), box = place.found.getBoundingClientRect();
  tip.textContent = describe(place.question, place.passage, place.word);
  tip.hidden = false;
  const left = Math.min(box.left, innerWidth - tip.offsetWidth - 8);
  const below = box.bottom + 8 + tip.offsetHeight < innerHeight;
  tip.style.left = Math.max(left, 8) + 'px';
  tip.style.top = (below ? box.bottom + 8 : box.top - tip.offsetHeight - 8) + 'px';
}

document.addEventListener('pointerover', (event) => {
  const place = placeAt(event.target);
  if (place === null) return hideTip();
  showTip(place);
  if ('question' in place.found.dataset && chosen.shade === 'attention') shadeWords(place.question);
});
byId('map').addEventListener('pointerleave', () => shadeWords(chosen.question));
document.addEventListener('focusin', (event) => {
  const place = placeAt(event.target);
  if (place === null) return hideTip();
  showTip(place);
  byId('readout').textContent = byId('tip').textContent;
});
document.addEventListener('scroll', () => {
  if (tipped !== null && tipped.found === document.activeElement) showTip(tipped);
  else hideTip();
}, {capture: true, passive: true});

// Chooses a word or a cell and puts the focus on what then stands for it: the map is drawn anew.
function focusOn(place) {
  const inMap = 'question' in place.found.dataset;
  choose({question: place.question, passage: place.passage, word: place.word});
  const target = inMap ? byId('map').querySelector(`[data-question="${place.question}"][data-word="${place.word}"]`)
    : words[place.passage][place.word];
  for (const word of inMap ? [] : words[place.passage]) word.tabIndex = word === target ? 0 : -1;
  target.focus();
  target.scrollIntoView({block: 'nearest', inline: 'nearest'});
}

document.addEventListener('click', (event) => {
  const place = placeAt(event.target);
  if (place !== null) focusOn(place);
});

document.addEventListener('keydown', (event) => {
  const place = placeAt(event.target);
  if (event.key === 'Escape') hideTip();
  if (place === null || event.ctrlKey || event.altKey || event.metaKey) return;
  const last = reading.passages[place.passage].words.length - 1;
  const inMap = 'question' in place.found.dataset;
  const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: inMap ? [-1, 0] : [0, -1],
    ArrowDown: inMap ? [1, 0] : [0, 1], Home: [0, -last], End: [0, last], Enter: [0, 0], ' ': [0, 0]}[event.key];
  if (step === undefined) return;
  event.preventDefault();
  if (inMap) place.question = Math.min(Math.max(place.question + step[0], 0), asked - 1);
  place.word = Math.min(Math.max(place.word + step[1], 0), last);
  focusOn(place);
});

// ---- Start

// What the address says, its cell in view.
function openAddress() {
  readAddress();
  draw();
  const cell = byId('map').querySelector('.chosen.cell');
  if (cell !== null) cell.scrollIntoView({block: 'nearest', inline: 'center'});
}

drawHeader();
drawRanking();
drawToolbar();
reading.passages.forEach(drawPassage);
openAddress();
window.addEventListener('hashchange', openAddress);
