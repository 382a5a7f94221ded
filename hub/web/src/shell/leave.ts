// Asks before unsaved work is left behind.
import { useEffect } from 'react';
import type { AroundNavHandler } from 'wouter';

const reasons = new Set<string>();

/** While `unsaved`: going elsewhere, reloading and closing ask first. */
export function useLeaveGuard(unsaved: boolean, question = 'Leave without saving? Your changes would be lost.'): void {
  useEffect(() => {
    if (!unsaved) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    reasons.add(question);
    window.addEventListener('beforeunload', stay);
    return () => {
      reasons.delete(question);
      window.removeEventListener('beforeunload', stay);
    };
  }, [unsaved, question]);
}

/** Goes there without asking: after a save, before React has taken the guard away. */
export function leaveFreely(): void {
  reasons.clear();
}

export const aroundNav: AroundNavHandler = (navigate, to, options) => {
  const [question] = reasons;
  const elsewhere = new URL(to, window.location.href).pathname !== window.location.pathname;
  if (question && elsewhere && !window.confirm(question)) return;
  navigate(to, options);
};
