
'use strict';
(() => {
  // How long ago: a page that nobody writes anew is to be seen to be old.
  const units = [['day', 86400], ['hour', 3600], ['minute', 60]];
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  for (const time of document.querySelectorAll('time')) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const [unit, size] = units.find(([, length]) => seconds >= length) || units[2];
    time.append(` (${words.format(-Math.floor(seconds / size), unit)})`);
  }
})();
