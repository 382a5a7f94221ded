// Mantine in our colours: what tokens.css says, by Mantine's own names.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const accent: MantineColorsTuple = [
  '#e9effd',
  '#d3defa',
  '#a6bcf4',
  '#779aee',
  '#5480e8',
  '#3f6fe0',
  '#2f5bd0',
  '#264cb0',
  '#1f3f92',
  '#183274',
]; // prettier-ignore
const dark: MantineColorsTuple = [
  '#e6e9ee',
  '#c3cad4',
  '#a4adba',
  '#8b95a3',
  '#404854',
  '#2b313b',
  '#222731',
  '#1a1e25',
  '#13161b',
  '#0e1116',
]; // prettier-ignore

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 6, dark: 6 },
  colors: { accent, dark },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'var(--mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  defaultRadius: 6,
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    InputWrapper: {
      vars: () => ({
        label: { '--input-label-size': '13px', '--input-asterisk-color': 'var(--bad-text)' },
        description: { '--input-description-size': '12px' },
        error: { '--input-error-size': '12px' },
      }),
    },
    TextInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', allowDeselect: false } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, color: 'dark.6' } },
    // In its place in the document, where it belongs to a landmark; and its first item takes the focus, not a stand-in.
    Menu: {
      defaultProps: { position: 'bottom-end', shadow: 'md', withinPortal: false, withInitialFocusPlaceholder: false },
    },
  },
});

const colours = ['accent', 'blue', 'green', 'red', 'yellow', 'orange', 'gray', 'teal'];

/** Mantine's own light variants and dimmed text fall short of 4.5:1. */
export const variables: CSSVariablesResolver = () => ({
  variables: {
    '--mantine-color-body': 'var(--panel)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--soft)',
    '--mantine-color-placeholder': 'var(--soft)',
    '--mantine-color-anchor': 'var(--accent-text)',
    '--mantine-color-error': 'var(--bad-text)',
    '--mantine-color-default': 'var(--panel)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-border': 'var(--line-strong)',
  },
  light: Object.fromEntries(
    colours.map((name) => [`--mantine-color-${name}-light-color`, `var(--mantine-color-${name}-9)`]),
  ),
  dark: Object.fromEntries(
    colours.map((name) => [`--mantine-color-${name}-light-color`, `var(--mantine-color-${name}-2)`]),
  ),
});
