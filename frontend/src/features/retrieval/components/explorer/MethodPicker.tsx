import { Anchor, Button, Chip, Group, Menu, Text } from "@mantine/core";
import { IconArrowsJoin2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { fusionKindsQuery } from "../../api/list-fusion-kinds";
import type { Method } from "../../api/types";
import { fusionName, isFusion } from "../../lib/explorer";
import type { Naming } from "./Columns";

interface Props {
  slug: string;
  methods: readonly Method[];
  ready: readonly Method[];
  chosen: readonly string[];
  naming: Naming;
  /** May compute the spaces that are missing. */
  isAdmin: boolean;
  onChange: (methods: string[]) => void;
}

/** Which methods stand side by side, and fusions of them. */
export function MethodPicker({ slug, methods, ready, chosen, naming, isAdmin, onChange }: Props) {
  const kinds = useQuery(fusionKindsQuery());
  const single = chosen.filter((name) => !isFusion(name));
  const fusions = chosen.filter(isFusion);
  const lacking = methods.filter((method) => !ready.includes(method));
  const toggle = (name: string, on: boolean) => {
    if (on) {
      const order = methods.map((method) => method.name);
      const after = [...single, name].sort((a, b) => order.indexOf(a) - order.indexOf(b));
      onChange([...after, ...fusions]);
    } else onChange(chosen.filter((each) => each !== name));
  };
  return (
    <Group gap={8} role="group" aria-label="Methods">
      {ready.map(({ name }) => (
        <Chip
          key={name}
          size="xs"
          variant="outline"
          checked={chosen.includes(name)}
          onChange={(on) => toggle(name, on)}
        >
          {naming.title(name)}
        </Chip>
      ))}
      {fusions.map((name) => (
        <Chip
          key={name}
          size="xs"
          variant="outline"
          checked
          onChange={() => toggle(name, false)}
          title={naming.detail(name)}
        >
          {naming.title(name)}
        </Chip>
      ))}
      <Menu position="bottom-start" width={320} disabled={single.length < 2}>
        <Menu.Target>
          <Button
            size="compact-xs"
            variant="subtle"
            disabled={single.length < 2}
            leftSection={<IconArrowsJoin2 size={14} aria-hidden />}
          >
            Fuse them
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>One column of {single.map(naming.title).join(" + ")}</Menu.Label>
          {(kinds.data ?? []).map((kind) => {
            const name = fusionName(kind.name, single);
            return (
              <Menu.Item
                key={kind.name}
                disabled={chosen.includes(name)}
                onClick={() => onChange([...chosen, name])}
              >
                {kind.title}
                <Text size="xs" c="dimmed">
                  {kind.description}
                </Text>
              </Menu.Item>
            );
          })}
        </Menu.Dropdown>
      </Menu>
      {lacking.length > 0 && (
        <Text size="xs" c="dimmed">
          Not computed here:{" "}
          {lacking
            .slice(0, 4)
            .map(({ title }) => title)
            .join(", ")}
          {lacking.length > 4 && ` and ${lacking.length - 4} more`}.{" "}
          {isAdmin && (
            <Anchor
              component={Link}
              to={`/collections/${slug}/spaces`}
              size="xs"
              underline="always"
            >
              Feature spaces
            </Anchor>
          )}
        </Text>
      )}
    </Group>
  );
}
