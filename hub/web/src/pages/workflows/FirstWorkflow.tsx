// What stands where no workflow is yet: the ten ways to have one soon, and the way to draw one.
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { queries } from '@/api/queries';
import { Gallery } from '@/pages/templates/Gallery';
import css from './FirstWorkflow.module.css';

export default function FirstWorkflow({ mayWrite }: { mayWrite: boolean }) {
  const { data } = useQuery(queries.templates());
  return (
    <>
      <div className={css.lead}>
        <h2>No workflows yet</h2>
        <p>
          A workflow waits for an event, such as an alert or a new ticket, and then acts.
          {mayWrite ? ' Begin with a template, or draw your own.' : ' Here is what they can do.'}
        </p>
        {mayWrite && (
          <Button
            component={Link}
            href="/workflows/new"
            variant="default"
            leftSection={<IconPlus size={16} aria-hidden />}
          >
            Start from nothing
          </Button>
        )}
      </div>
      {data && <Gallery templates={data.items} mayWrite={mayWrite} />}
    </>
  );
}
