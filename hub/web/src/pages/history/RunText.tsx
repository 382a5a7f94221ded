// A text of the history with its runs as links: throttled: …; run 9ce4e6d5 began at 08:38:00 UTC.
import { Fragment } from 'react';
import { Link } from 'wouter';
import { shortId } from './words';

const RUN_ID = /\b([0-9a-f]{32})\b/;

export function RunText({ text }: { text: string }) {
  return text.split(RUN_ID).map((part, index) =>
    index % 2 === 0 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text keep their places
      <Fragment key={index}>{part}</Fragment>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text keep their places
      <Link key={index} href={`/runs/${part}`} title={part}>
        {shortId(part)}
      </Link>
    ),
  );
}
