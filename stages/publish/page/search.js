
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const search = byId('search');
  const list = byId('list');
  const parts = (text) => text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  const rows = [...list.children].map((row, place) => {
    const name = row.querySelector('.name').textContent.toLowerCase();
    const rest = [row.querySelector('.type').textContent, row.querySelector('p')?.textContent || ''].join(' ').toLowerCase();
    return { row, place, name, rest, names: parts(name), all: [...new Set([...parts(name), ...parts(rest)])] };
  });

  // mistakes is how many letters have to be changed, left out, added or swapped so that a word is how a text begins; more
  // than most: too many.
  const mistakes = (word, text, most) => {
    let before = [], last = Array.from({ length: text.length + 1 }, (_, i) => i);
    for (let i = 1; i <= word.length; i++) {
      const row = [i];
      for (let j = 1; j <= text.length; j++) {
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (word[i - 1] !== text[j - 1]));
        if (i > 1 && j > 1 && word[i - 1] === text[j - 2] && word[i - 2] === text[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
      }
      if (Math.min(...row) > most) return most + 1;
      before = last;
      last = row;
    }
    return Math.min(...last.slice(Math.max(0, word.length - most)));
  };

  const known = new Map();

  // score is how well a package matches a word, better where it is less; Infinity: not at all.
  const score = (entry, word) => {
    if (entry.names.includes(word)) return 0;
    if (entry.names.some((part) => part.startsWith(word))) return 1;
    if (entry.name.includes(word)) return 2;
    if (entry.rest.includes(word)) return 3;
    const most = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
    if (!most) return Infinity;
    const least = (texts) => Math.min(Infinity, ...texts.map((text) => {
      const key = `${word} ${text}`; // packages share most of their words
      if (!known.has(key)) known.set(key, mistakes(word, text, most));
      return known.get(key);
    }));
    const inName = least(entry.names);
    if (inName <= most) return 3 + inName;
    const inRest = least(entry.all);
    return inRest <= most ? 6 + inRest : Infinity;
  };

  const filter = () => {
    const words = parts(search.value);
    for (const entry of rows) entry.score = words.reduce((sum, word) => sum + (sum === Infinity ? 0 : score(entry, word)), 0);
    const shown = rows.filter((entry) => entry.score < Infinity).sort((a, b) => a.score - b.score || a.place - b.place);
    list.replaceChildren(...shown.map((entry) => entry.row));
    byId('count').textContent = words.length ? `${shown.length} of ${rows.length} packages` : `${rows.length} packages`;
    byId('nothing').hidden = shown.length > 0;
  };
  const link = () => {
    const at = new URL(location.href);
    if (search.value) at.searchParams.set('q', search.value); else at.searchParams.delete('q');
    history.replaceState(null, '', at);
  };
  search.addEventListener('input', () => { filter(); link(); });
  byId('clear').addEventListener('click', () => { search.value = ''; filter(); link(); search.focus(); });
  search.form.addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });
  search.form.hidden = false;
  search.value = new URL(location.href).searchParams.get('q') || '';
  filter();
})();
