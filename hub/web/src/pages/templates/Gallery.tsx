import { Button } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { Template } from '@/api/types';
import { triggerIcon } from '@/flow/icons';
import { humanise } from '@/parts/words';
import { prepare } from '@/routes';
import css from './Gallery.module.css';
import { actionWords, MiniFlow } from './MiniFlow';

interface Props {
  templates: Template[];
  mayWrite: boolean;
  /** Of a card: one below the heading that the gallery stands under. */
  heading?: 'h2' | 'h3';
}

/** A card for each template: its flow drawn, and what it does in words. */
export function Gallery({ templates, mayWrite, heading = 'h2' }: Props) {
  return (
    <ul className={css.gallery}>
      {templates.map((template) => (
        <Card key={template.name} template={template} mayWrite={mayWrite} heading={heading} />
      ))}
    </ul>
  );
}

/** Create ticket ×3, Create note. */
function summed(words: string[]): string {
  const times = new Map<string, number>();
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
  return [...times].map(([word, number]) => (number > 1 ? `${word} ×${number}` : word)).join(', ');
}

function Card({
  template,
  mayWrite,
  heading: Heading,
}: {
  template: Template;
  mayWrite: boolean;
  heading: 'h2' | 'h3';
}) {
  const href = `/templates/${template.name}`;
  const does = summed(actionWords(template.definition.steps));
  const Icon = triggerIcon(template.trigger);
  const ahead = () => prepare(href);
  return (
    <li className={css.card}>
      <div className={css.drawing}>
        <MiniFlow definition={template.definition} label={`Flow: ${humanise(template.trigger)}, then ${does}`} />
      </div>
      <div className={css.words}>
        <span className={css.category}>{template.category}</span>
        <Heading>
          <Link href={href} onPointerEnter={ahead} onFocus={ahead}>
            {template.title}
          </Link>
        </Heading>
        <p>{template.summary}</p>
        <dl>
          <dt>When</dt>
          <dd>
            <Icon size={14} aria-hidden /> {humanise(template.trigger)}
          </dd>
          <dt>Does</dt>
          <dd>{does}</dd>
        </dl>
      </div>
      <div className={css.acts}>
        <Button
          component={Link}
          href={href}
          variant="default"
          size="xs"
          rightSection={<IconArrowRight size={14} aria-hidden />}
          aria-label={`${mayWrite ? 'Use' : 'View'} ${template.title}`}
          onPointerEnter={ahead}
        >
          {mayWrite ? 'Use' : 'View'}
        </Button>
      </div>
    </li>
  );
}
