// An empty list: why it may be empty, and where to go from here.
import { Button } from '@mantine/core';
import { Link } from 'wouter';
import { EmptyState } from '@/parts/EmptyState';
import type { RunKind } from './filters';

interface Props {
  kind: RunKind;
  narrowed: boolean;
  workflow?: { id: string; name: string };
  onClear: () => void;
}

export function Nothing({ kind, narrowed, workflow, onClear }: Props) {
  if (narrowed) {
    return (
      <EmptyState
        title={kind === 'runs' ? 'No run fits' : 'No event fits'}
        text={
          kind === 'runs'
            ? 'None fits all filters at once. An event that began no run is under Filtered out.'
            : 'None fits all filters at once. An event that did begin a run is under Runs.'
        }
      >
        <Button variant="default" onClick={onClear}>
          Show all
        </Button>
      </EmptyState>
    );
  }
  if (kind === 'filtered') {
    return (
      <EmptyState
        title="Nothing was filtered out"
        text="Events whose conditions are false, or that a guard against loops and storms keeps back, appear here with the reason. They are kept for 14 days."
      />
    );
  }
  return (
    <EmptyState
      title="No runs yet"
      text={
        workflow
          ? 'A run appears here as soon as an event triggers this workflow. Until then you can try it with a sample.'
          : 'A run appears here as soon as an event triggers a workflow that is enabled.'
      }
    >
      <Button
        component={Link}
        variant="default"
        href={workflow ? `/workflows/${encodeURIComponent(workflow.id)}` : '/workflows'}
      >
        {workflow ? 'To the designer' : 'To the workflows'}
      </Button>
      <Button component={Link} variant="default" href="/why">
        Why did it not run?
      </Button>
    </EmptyState>
  );
}
