/** Each comparison in words, as the Hub has them too (hub/services/wording.py). */
export const OPERATORS: Record<string, string> = {
  equals: 'is',
  not_equals: 'is not',
  contains: 'contains',
  not_contains: 'does not contain',
  greater_than: 'is greater than',
  greater_or_equal: 'is at least',
  less_than: 'is less than',
  less_or_equal: 'is at most',
  in: 'is one of',
  not_in: 'is none of',
  exists: 'exists',
  starts_with: 'starts with',
  ends_with: 'ends with',
  changed: 'has changed',
};
