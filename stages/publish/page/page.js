
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const search = byId('search');
  const text = (element) => (element ? ` ${element.textContent}` : '').replace(/\s+/g, ' ').toLowerCase();
  const rows = [...byId('list').children].map((row) => ({
    row, summary: text(row.querySelector('summary')), versions: text(row.querySelector('.versions')),
  }));

  // Every word has to be in the name, a version or the type. What matches only by
  // a version of another snapshot is opened, to show it.
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of rows) {
      const { row, summary, versions } = entry;
      const match = words.every((word) => summary.includes(word) || versions.includes(word));
      const older = match && !words.every((word) => summary.includes(word));
      const details = row.querySelector('details');
      if (older !== Boolean(entry.opened)) {
        details.open = older;
        entry.opened = older;
      }
      row.hidden = !match;
      shown += match;
    }
    byId('count').textContent = words.length ? `${shown} of ${rows.length} packages` : `${rows.length} packages`;
    byId('nothing').hidden = shown > 0;
  };
  search.addEventListener('input', filter);
  byId('clear').addEventListener('click', () => { search.value = ''; filter(); search.focus(); });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });

  // The clipboard API exists only on https and localhost.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) {
      try { return await navigator.clipboard.writeText(text); } catch { /* not permitted: the old way */ }
    }
    const area = document.createElement('textarea');
    area.value = text;
    area.readOnly = true;
    area.className = 'spoken';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (!done) throw new Error('the browser does not let this page copy');
  };
  for (const command of document.querySelectorAll('.command')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', `Copy: ${command.textContent}`);
    button.addEventListener('click', async () => {
      try {
        await copy(command.querySelector('code').textContent);
        button.textContent = 'Copied';
        byId('copied').textContent = 'Copied to the clipboard';
      } catch {
        button.textContent = 'Failed';
        byId('copied').textContent = 'Could not copy; select the text instead';
      }
      button.focus();
      setTimeout(() => { button.textContent = 'Copy'; byId('copied').textContent = ''; }, 2000);
    });
    command.append(button);
  }

  // A link to a package opens it, even when the search hides it.
  const reveal = () => {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const found = rows.find(({ row }) => row.id === id);
    if (!found) return;
    if (found.row.hidden) { search.value = ''; filter(); }
    found.row.querySelector('details').open = true;
    found.row.querySelector('summary').focus({ preventScroll: true });
    found.row.scrollIntoView();
  };
  window.addEventListener('hashchange', reveal);

  document.querySelector('.search').hidden = false;
  filter();
  reveal();
})();
