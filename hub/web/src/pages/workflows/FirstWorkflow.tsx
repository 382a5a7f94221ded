// What stands where no workflow is yet: the ten ways to have one soon, and the way to draw one.
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
          A workflow waits for an event, such as an alert or a new ticket, and then acts.{' '}
          {mayWrite ? (
            <>
              Begin with a template, or <Link href="/workflows/new">draw your own</Link>.
            </>
          ) : (
            'This is what they can do.'
          )}
        </p>
      </div>
      {data && <Gallery templates={data.items} mayWrite={mayWrite} heading="h3" />}
    </>
  );
}
