import { useTitle } from '@/shell/title';

export default function SettingsPage() {
  useTitle('Settings');
  return <h1>Settings</h1>;
}
