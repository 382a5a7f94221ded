import css from './Bone.module.css';

/** The place of something that is still being asked for. */
export function Bone({ width, height }: { width: number | string; height: number }) {
  return <span className={css.bone} style={{ width, height }} />;
}
