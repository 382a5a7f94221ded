import { createRoot } from 'react-dom/client';
import './shell/styles';
import { cache } from './api/cache';
import { queries } from './api/queries';
import { prepare } from './routes';
import { App } from './shell/App';

// Before anything is drawn: the session, the page's code and its data, all at once.
void cache.prefetchQuery(queries.session());
prepare(window.location.href);

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
