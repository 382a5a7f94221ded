import { describe, expect, it } from 'vitest';
import { begin, canRedo, change, JOINED_FOR, redo, undo } from './history';

describe('undo and redo', () => {
  it('take typing in one field as one entry', () => {
    let history = begin('');
    for (const [index, text] of ['A', 'Al', 'Ale', 'Aler'].entries())
      history = change(history, text, 'title', index * 100);
    expect(undo(history).present).toBe('');
  });

  it('take a pause, another field or an undo as the end of typing', () => {
    let history = change(begin(''), 'A', 'title', 0);
    history = change(history, 'AB', 'title', JOINED_FOR + 1);
    expect(undo(history).present).toBe('A');
    history = change(history, 'ABC', 'body', JOINED_FOR + 2);
    expect(undo(history).present).toBe('AB');
    const again = change(undo(history), 'ABD', 'title', JOINED_FOR + 3);
    expect(undo(again).present).toBe('AB');
  });

  it('never join what was not typed', () => {
    const history = change(change(begin(0), 1), 2);
    expect(undo(history).present).toBe(1);
  });

  it('forget what was undone once something else is done', () => {
    const history = change(undo(change(begin(0), 1)), 2);
    expect(canRedo(history)).toBe(false);
    expect(redo(history)).toBe(history);
  });

  it('leave the history alone where nothing changed', () => {
    const history = begin(1);
    expect(change(history, 1)).toBe(history);
    expect(undo(history)).toBe(history);
  });
});
