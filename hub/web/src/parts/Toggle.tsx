import css from './Toggle.module.css';

interface Props {
  on: boolean;
  label: string;
  disabled?: boolean;
  onChange: (on: boolean) => void;
}

/** A switch: what it says happens at once. */
export function Toggle({ on, label, disabled = false, onChange }: Props) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={label}
      disabled={disabled}
      className={css.toggle}
      onClick={() => onChange(!on)}
    >
      <span className={css.knob} aria-hidden />
    </button>
  );
}
