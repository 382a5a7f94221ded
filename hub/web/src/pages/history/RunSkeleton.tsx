// The shape of a run before it is known, so that nothing moves when it comes.
import { Bone } from './Bone';
import header from './RunHeader.module.css';
import css from './RunPage.module.css';

export function RunSkeleton() {
  return (
    <div className={css.page} aria-busy="true">
      <header className={header.header}>
        <p className={header.crumbs}>Runs</p>
        <div className={header.top}>
          <Bone width={34} height={34} />
          <Bone width={180} height={22} />
          <Bone width={90} height={22} />
        </div>
        <div className={header.facts}>
          <Bone width={460} height={16} />
        </div>
        <p className={header.story}>
          <Bone width={620} height={16} />
        </p>
      </header>
      <div className={css.views}>
        <div className={css.tabs}>
          <span className={css.tab}>Path and timeline</span>
        </div>
      </div>
      <div className={css.split} data-flow>
        <div className={css.flow} />
        <div className={css.right}>
          <div className={css.panel} style={{ height: 420 }} />
        </div>
      </div>
    </div>
  );
}
