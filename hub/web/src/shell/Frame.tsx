// The frame around every page: navigation at the left, or at the bottom of a narrow screen.
import {
  IconActivityHeartbeat,
  IconDots,
  IconLayoutGrid,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconListDetails,
  IconMailX,
  IconSettings,
  IconTimeline,
  type TablerIcon,
} from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { prepare } from '@/routes';
import css from './Frame.module.css';
import { LiveDot } from './LiveDot';
import { Mark } from './Mark';
import { Person } from './Person';

interface Item {
  href: string;
  label: string;
  icon: TablerIcon;
}

const ITEMS: Item[] = [
  { href: '/workflows', label: 'Workflows', icon: IconListDetails },
  { href: '/runs', label: 'Runs', icon: IconTimeline },
  { href: '/templates', label: 'Templates', icon: IconLayoutGrid },
  { href: '/health', label: 'Health', icon: IconActivityHeartbeat },
  { href: '/dead-letters', label: 'Dead letters', icon: IconMailX },
  { href: '/settings', label: 'Settings', icon: IconSettings },
];
const ON_BAR = 4; // of a narrow screen; the others are under “More”

const RAIL = 'onestack-rail';

function useRail(): [boolean, () => void] {
  const [rail, setRail] = useState(() => localStorage.getItem(RAIL) === 'yes');
  const toggle = () => {
    localStorage.setItem(RAIL, rail ? 'no' : 'yes');
    setRail(!rail);
  };
  return [rail, toggle];
}

/** A new page begins at its top, and with the keyboard in it. */
function useFreshPage(path: string) {
  const main = useRef<HTMLElement>(null);
  const seen = useRef(path);
  useEffect(() => {
    if (seen.current === path) return;
    seen.current = path;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}

interface Props {
  children: ReactNode;
  /** Without navigation, for whom nothing is to be seen. */
  closed?: boolean;
}

export function Frame({ children, closed = false }: Props) {
  const [path] = useLocation();
  const [rail, toggleRail] = useRail();
  const main = useFreshPage(path);
  return (
    <div className={css.frame} data-rail={rail}>
      <a href="#main" className={css.skip}>
        Skip to content
      </a>
      {/* No header: the dialogs of the component library have one, and a page has only one. */}
      <aside aria-label="Hub" className={css.side}>
        <div className={css.brand}>
          <Link href="/workflows" className={css.mark} aria-label="Hub, workflows">
            <Mark size={26} />
            <span className={css.label}>Hub</span>
          </Link>
          <button
            type="button"
            className={css.railToggle}
            onClick={toggleRail}
            aria-label={rail ? 'Widen navigation' : 'Narrow navigation'}
          >
            {rail ? (
              <IconLayoutSidebarLeftExpand size={18} aria-hidden />
            ) : (
              <IconLayoutSidebarLeftCollapse size={18} aria-hidden />
            )}
          </button>
        </div>
        <nav aria-label="Main" className={css.nav}>
          {(closed ? [] : ITEMS).map((item, index) => (
            <NavItem key={item.href} item={item} path={path} extra={index >= ON_BAR} />
          ))}
          <More path={path} closed={closed} />
        </nav>
        <div className={css.foot}>
          {!closed && <LiveDot />}
          <Person />
        </div>
      </aside>
      <main id="main" ref={main} tabIndex={-1} className={css.main}>
        {children}
      </main>
    </div>
  );
}

function NavItem({ item, path, extra }: { item: Item; path: string; extra: boolean }) {
  // Why something did not run is a view of the history.
  const here = path === item.href || path.startsWith(`${item.href}/`) || (item.href === '/runs' && path === '/why');
  const ahead = () => prepare(item.href);
  return (
    <Link
      href={item.href}
      className={css.item}
      aria-current={here ? 'page' : undefined}
      title={item.label}
      data-extra={extra}
      onPointerEnter={ahead}
      onFocus={ahead}
    >
      <item.icon size={19} stroke={1.8} aria-hidden />
      <span className={css.label}>{item.label}</span>
    </Link>
  );
}

/** What has no room on a narrow screen's bar. */
function More({ path, closed }: { path: string; closed: boolean }) {
  const rest = closed ? [] : ITEMS.slice(ON_BAR);
  const here = rest.some((item) => path.startsWith(item.href));
  return (
    <div className={css.more}>
      <Person
        trigger={
          <button type="button" className={css.item} data-here={here}>
            <IconDots size={19} stroke={1.8} aria-hidden />
            <span className={css.label}>More</span>
          </button>
        }
        links={rest}
      />
    </div>
  );
}
