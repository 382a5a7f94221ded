/** The product's mark. */
export function Mark({ size }: { size: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden>
      <rect width="32" height="32" rx="8" fill="#2f5bd0" />
      <g fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round">
        <circle cx="16" cy="8.5" r="2.6" />
        <circle cx="9" cy="23.5" r="2.6" />
        <circle cx="23" cy="23.5" r="2.6" />
        <path d="M16 11.1v3.4M9 20.9v-1.2a3.2 3.2 0 0 1 3.2-3.2h7.6a3.2 3.2 0 0 1 3.2 3.2v1.2" />
      </g>
    </svg>
  );
}
