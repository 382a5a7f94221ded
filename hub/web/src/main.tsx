import { createRoot } from 'react-dom/client';
import './shell/styles.css';
import { cache } from './api/cache';
import { queries } from './api/queries';
import { prepare } from './routes';
import { App } from './shell/App';

// Before anything is drawn: the session, the page's code and its data, all at once.
void cache.prefetchQuery(queries.session());
prepare(window.location.href);

// A newer build has replaced the files that this one would load next: begin again with that, but not over and over.
window.addEventListener('vite:preloadError', () => {
  const KEY = 'onestack-reloaded';
  if (Date.now() - Number(sessionStorage.getItem(KEY) ?? 0) < 60_000) return;
  sessionStorage.setItem(KEY, String(Date.now()));
  window.location.reload();
});

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
