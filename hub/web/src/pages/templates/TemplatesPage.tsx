// The templates that come with the product, and the form of one.
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'wouter';
import { queries } from '@/api/queries';
import { useMay } from '@/api/session';
import { EmptyState } from '@/parts/EmptyState';
import { Page } from '@/parts/Page';
import { Search } from '@/parts/Search';
import { useUrlState } from '@/parts/useUrlState';
import { humanise } from '@/parts/words';
import { NotFound, Trouble } from '@/shell/ErrorPages';
import { Gallery } from './Gallery';
import { TemplateForm } from './TemplateForm';
import css from './templates.module.css';

export default function TemplatesPage() {
  const { name } = useParams();
  const { data, error, refetch } = useQuery(queries.templates());
  if (error && !data) return <Trouble error={error} retry={() => void refetch()} />;
  if (name === undefined) return <AllTemplates />;
  if (!data) return null;
  const template = data.items.find((one) => one.name === name);
  return template ? <TemplateForm key={template.name} template={template} /> : <NotFound />;
}

function AllTemplates() {
  const mayWrite = useMay('hub.workflows.write');
  const { data } = useQuery(queries.templates());
  const [{ search, category }, change] = useUrlState('search', 'category');
  const all = data?.items ?? [];
  const categories = [...new Set(all.map((one) => one.category))].sort();
  const wanted = search.trim().toLowerCase();
  const fit = all.filter((one) => {
    const text = `${one.title} ${one.summary} ${one.category} ${humanise(one.trigger)}`.toLowerCase();
    return (!category || one.category === category) && text.includes(wanted);
  });
  return (
    <Page
      title="Templates"
      lead="Ready-made workflows for what service providers meet every day. Each asks only for its few blanks."
    >
      <div className={css.filters}>
        <Search
          className={css.search}
          label="Search templates"
          value={search}
          onChange={(text) => change({ search: text })}
        />
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a form's look and meaning */}
        <div className={css.categories} role="group" aria-label="Category">
          {['', ...categories].map((one) => (
            <button key={one} type="button" aria-pressed={category === one} onClick={() => change({ category: one })}>
              {one || 'All'}
            </button>
          ))}
        </div>
      </div>
      {data && fit.length === 0 ? (
        <EmptyState title="No template fits" text="Try another word, or draw the workflow yourself." />
      ) : (
        <Gallery templates={fit} mayWrite={mayWrite} />
      )}
    </Page>
  );
}
