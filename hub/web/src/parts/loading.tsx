// Code that is loaded when it is first needed. Not by React's lazy and Suspense: these keep what replaces a placeholder back
// for 300 ms, so that a page would be slower than its network.
import { type ComponentType, useEffect, useState } from 'react';

type Listener = (error?: unknown) => void;

export interface Loading<C> {
  /** Loads it, unless that has begun. A failure is told to those who listen; the next start tries again. */
  start: () => void;
  component: () => C | undefined;
  listen: (listener: Listener) => () => void;
}

export function loading<P>(load: () => Promise<{ default: ComponentType<P> }>): Loading<ComponentType<P>> {
  let component: ComponentType<P> | undefined;
  let begun = false;
  const listeners = new Set<Listener>();
  const tell = (error?: unknown) => {
    for (const listener of listeners) listener(error);
  };
  return {
    start: () => {
      if (begun) return;
      begun = true;
      load().then(
        (module) => {
          component = module.default;
          tell();
        },
        (error: unknown) => {
          begun = false;
          tell(error);
        },
      );
    },
    component: () => component,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The component once it is there. Throws what kept it from loading, for an error boundary. */
export function useLoaded<C>(code: Loading<C>): C | undefined {
  const [state, setState] = useState<{ error?: unknown }>({});
  useEffect(() => {
    const stop = code.listen((error) => setState({ error }));
    // It may have come between drawing and listening.
    if (code.component()) setState({});
    else code.start();
    return stop;
  }, [code]);
  const component = code.component();
  if (state.error && !component) throw state.error;
  return component;
}

/** A component that is loaded when it is first drawn; nothing until then. */
export function Late<P extends object>({ code, props }: { code: Loading<ComponentType<P>>; props: P }) {
  const Component = useLoaded(code);
  return Component ? <Component {...props} /> : null;
}
