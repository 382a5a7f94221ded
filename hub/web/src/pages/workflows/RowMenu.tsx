import { Menu } from '@mantine/core';
import {
  IconCopy,
  IconDots,
  IconDownload,
  IconEyeOff,
  IconHistory,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconTrash,
} from '@tabler/icons-react';
import { type ComponentProps, useState } from 'react';
import { useLocation } from 'wouter';
import { address, segment } from '@/api/client';
import type { WorkflowSummary } from '@/api/types';
import { duplicate, nameOf, remove } from './acts';
import { useStateChange } from './StateSwitch';
import css from './workflows.module.css';

interface Props {
  item: WorkflowSummary;
  mayWrite: boolean;
}

/** The button of a row; the menu itself is only made when it is first asked for, for a list has many rows. */
export function RowMenu({ item, mayWrite }: Props) {
  const [asked, setAsked] = useState(false);
  if (!asked) return <Dots name={nameOf(item)} onClick={() => setAsked(true)} />;
  return <RealMenu item={item} mayWrite={mayWrite} />;
}

function Dots({ name, ...rest }: { name: string } & ComponentProps<'button'>) {
  return (
    <button type="button" aria-haspopup="menu" {...rest} className={css.dots} aria-label={`More about ${name}`}>
      <IconDots size={18} aria-hidden />
    </button>
  );
}

function RealMenu({ item, mayWrite }: Props) {
  const [, navigate] = useLocation();
  const change = useStateChange(item);
  const href = `/workflows/${encodeURIComponent(item.id)}`;
  const icon = { size: 16, 'aria-hidden': true } as const;
  const exported = (format: string) => address(`/workflows/${segment(item.id)}/export`, { format });
  return (
    <Menu defaultOpened width={200}>
      <Menu.Target>
        <Dots name={nameOf(item)} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil {...icon} />} onClick={() => navigate(href)}>
          {mayWrite ? 'Edit' : 'Open'}
        </Menu.Item>
        <Menu.Item leftSection={<IconHistory {...icon} />} onClick={() => navigate(`${href}/runs`)}>
          Execution history
        </Menu.Item>
        {mayWrite && (
          <Menu.Item
            leftSection={<IconCopy {...icon} />}
            onClick={() => void duplicate(item.id, nameOf(item), (id) => navigate(`/workflows/${id}`))}
          >
            Duplicate
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconDownload {...icon} />}
          component="a"
          href={exported('yaml')}
          download={`${item.id}.yaml`}
        >
          Export as YAML
        </Menu.Item>
        <Menu.Item
          leftSection={<IconDownload {...icon} />}
          component="a"
          href={exported('json')}
          download={`${item.id}.json`}
        >
          Export as JSON
        </Menu.Item>
        {mayWrite && (
          <>
            <Menu.Divider />
            {item.state !== 'enabled' && (
              <Menu.Item leftSection={<IconPlayerPlay {...icon} />} onClick={() => change.mutate('enable')}>
                Enable
              </Menu.Item>
            )}
            {item.state !== 'shadow' && (
              <Menu.Item leftSection={<IconEyeOff {...icon} />} onClick={() => change.mutate('shadow')}>
                Run in shadow
              </Menu.Item>
            )}
            {(item.state === 'enabled' || item.state === 'shadow') && (
              <Menu.Item leftSection={<IconPlayerPause {...icon} />} onClick={() => change.mutate('disable')}>
                Disable
              </Menu.Item>
            )}
            <Menu.Divider />
            <Menu.Item
              className={css.danger}
              leftSection={<IconTrash {...icon} />}
              onClick={() => void remove(item.id, nameOf(item))}
            >
              Delete
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
