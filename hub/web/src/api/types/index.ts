// What the HTTP API answers: the web app's side of hub/documents. Times are RFC 3339 text in UTC.

export type * from './access';
export type * from './catalogue';
export type * from './common';
export type * from './definitions';
export type * from './insight';
export type * from './runs';
export type * from './trying';
export type * from './workflows';
