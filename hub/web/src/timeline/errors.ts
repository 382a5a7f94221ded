// An error of a step, in words.
import type { Row } from '@/api/types';

/** HTTP 503 of an error, if it has a status. */
export function httpStatus(error: Row | null | undefined): number | null {
  const status = error?.status ?? error?.http_status;
  return typeof status === 'number' ? status : null;
}

/** An error in one line: HTTP 503: Service Unavailable. */
export function errorWords(error: Row | null | undefined): string {
  if (!error) return '';
  const status = httpStatus(error);
  for (const name of ['message', 'detail', 'reason', 'error', 'kind']) {
    const text = error[name];
    if (typeof text !== 'string' || !text) continue;
    return status && !text.includes(String(status)) ? `HTTP ${status}: ${text}` : text;
  }
  return status ? `HTTP ${status}` : JSON.stringify(error);
}
