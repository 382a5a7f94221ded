// Where the keyboard goes in a panel.

const CONTROLS = 'textarea:not([disabled]), input:not([disabled]), select:not([disabled])';

/** Into the field that a fault names, or the nearest around it: with.title, any[0].value. */
export function focusField(panel: HTMLElement, field: string): void {
  const fields = [...panel.querySelectorAll<HTMLElement>('[data-field]')];
  const fits = (name: string) => field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`);
  const found = fields
    .filter((one) => fits(one.dataset.field ?? ''))
    .sort((a, b) => (b.dataset.field ?? '').length - (a.dataset.field ?? '').length)[0];
  const place = found ?? fields.find((one) => one.dataset.field === 'whole') ?? panel;
  for (let fold = place.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null)
    fold.open = true;
  const controls = [...place.querySelectorAll<HTMLElement>(`${CONTROLS}, button:not([disabled])`)];
  const last = field.endsWith('value');
  const inputs = controls.filter((one) => one.matches(CONTROLS));
  const control =
    (last
      ? inputs[inputs.length - 1]
      : field.endsWith('field')
        ? controls.find((one) => one.ariaHasPopup === 'listbox')
        : null) ??
    inputs[0] ??
    controls[0];
  place.scrollIntoView?.({ block: 'center' });
  control?.focus({ preventScroll: true });
}

/** Into what still has to be filled in; where nothing has, to the button that leads on. */
export function focusFirst(panel: HTMLElement): void {
  const required = [...panel.querySelectorAll<HTMLElement>('[data-required]')]
    .flatMap((one) => [...one.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('textarea, input')].slice(0, 1))
    .find((one) => one.value.trim() === '' || one.value === 'https://');
  const next = required ?? panel.querySelector<HTMLElement>('[data-next]');
  next?.focus();
  if (required) required.setSelectionRange?.(required.value.length, required.value.length);
}
