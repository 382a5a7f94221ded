import { Bone } from '@/pages/history/Bone';
import { Panel } from '@/parts/Page';
import css from './health.module.css';

const TILES = ['started', 'completed', 'failed', 'filtered', 'running', 'waiting', 'dead'];

/** The shape of the figures before they are known. */
export function HealthSkeleton() {
  return (
    <div className={css.page} aria-busy="true">
      <div className={css.well}>
        <Bone width={280} height={16} />
      </div>
      <ul className={css.tiles}>
        {TILES.map((name) => (
          <li key={name}>
            <Panel className={css.tilePanel}>
              <div className={css.tile}>
                <span className={css.name}>
                  <Bone width="70%" height={12} />
                </span>
                <span className={css.value}>
                  <Bone width="40%" height={20} />
                </span>
              </div>
            </Panel>
          </li>
        ))}
      </ul>
      <Panel className={css.chartBone}>
        <span />
      </Panel>
    </div>
  );
}
