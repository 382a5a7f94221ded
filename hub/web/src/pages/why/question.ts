// What is asked: an event by its id, or an entity.

export interface Question {
  event?: string;
  source?: string;
  entity?: string;
}

const ENTITY = /^[a-z][a-z_]*\/\S+$/;

/** What somebody typed: device/d-17 is an entity, acme/device/d-17 too, and all else the id of an event. */
export function questionOf(typed: string, org: string | undefined): Question | null {
  const text = typed.trim();
  if (!text) return null;
  const bare = org && text.startsWith(`${org}/`) && text.split('/').length > 2 ? text.slice(org.length + 1) : text;
  return ENTITY.test(bare) ? { entity: bare } : { event: text };
}
