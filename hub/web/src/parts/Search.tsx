// A search field whose text stands in the address.
import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';

interface Props {
  value: string;
  onChange: (text: string) => void;
  label: string;
  className?: string;
}

const PAUSE_MS = 220;

export function Search({ value, onChange, label, className }: Props) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  // The address may change by itself: back, a cleared filter.
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      onChange(text);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, onChange]);
  return (
    <TextInput
      className={className}
      type="search"
      placeholder={label}
      aria-label={label}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={text ? <CloseButton size="sm" aria-label="Clear the search" onClick={() => setText('')} /> : null}
    />
  );
}
