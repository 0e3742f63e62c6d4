
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
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
})();
