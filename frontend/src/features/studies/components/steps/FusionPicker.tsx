import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  NativeSelect,
  Paper,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useState } from "react";
import type { FusionKind } from "@/features/retrieval";
import { fusionName, parseFusion, problemOfFusion, titleOfMethod } from "../../lib/fusion";

interface Props {
  kinds: readonly FusionKind[];
  /** What can be fused, in the order of the page: methods and runs, no fusions. */
  members: readonly { name: string; title: string }[];
  /** The methods of the study, fusions among them. */
  chosen: readonly string[];
  readOnly: boolean;
  onAdd: (name: string) => void;
  onRemove: (name: string) => void;
}

/** Rankings made of rankings: pick how, and of which methods. */
export function FusionPicker({ kinds, members, chosen, readOnly, onAdd, onRemove }: Props) {
  const [wanted, setWanted] = useState<string | null>(null);
  const [picked, setPicked] = useState<string[]>([]);
  const kind = kinds.find(({ name }) => name === wanted) ?? kinds[0];
  const titles = new Map([...kinds, ...members].map(({ name, title }) => [name, title]));
  const fusions = chosen.filter((name) => parseFusion(name) !== null);
  if (kind === undefined || (readOnly && fusions.length === 0)) return null;
  const fusion = {
    kind: kind.name,
    members: picked.filter((name) => members.some((member) => member.name === name)),
  };
  const problem = problemOfFusion(fusion, chosen);
  const add = () => {
    onAdd(
      fusionName(
        fusion,
        members.map(({ name }) => name),
      ),
    );
    setPicked([]);
  };
  return (
    <section aria-label="Fusions">
      <Title order={3} size="h4" mb={4}>
        Fusions
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        A fusion makes one ranking of several. Methods that are only fused are searched, but their
        own results are not judged.
      </Text>
      <Stack gap="xs">
        {fusions.map((name) => (
          <Paper key={name} withBorder p="sm" bg="var(--surface)">
            <Group wrap="nowrap" justify="space-between">
              <Text size="sm" fw={550} style={{ overflowWrap: "anywhere" }}>
                {titleOfMethod(name, titles)}{" "}
                <Text span c="dimmed" fw={400}>
                  {name}
                </Text>
              </Text>
              {!readOnly && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove ${name}`}
                  onClick={() => onRemove(name)}
                >
                  <IconX size={16} aria-hidden />
                </ActionIcon>
              )}
            </Group>
          </Paper>
        ))}
        {!readOnly && (
          <Paper withBorder p="sm">
            <Stack gap="sm">
              <NativeSelect
                label="Fuse by"
                description={kind.description}
                value={kind.name}
                onChange={(event) => setWanted(event.currentTarget.value)}
                data={kinds.map(({ name, title }) => ({ value: name, label: title }))}
              />
              <Checkbox.Group label="Methods to fuse" value={picked} onChange={setPicked}>
                <Group gap="md" mt={6}>
                  {members.map(({ name, title }) => (
                    <Checkbox key={name} value={name} label={title} size="xs" />
                  ))}
                </Group>
              </Checkbox.Group>
              <Group>
                <Button variant="default" disabled={problem !== null} onClick={add}>
                  Add this fusion
                </Button>
                {problem !== null && picked.length > 0 && (
                  <Text size="sm" c="dimmed" role="status">
                    {problem}
                  </Text>
                )}
              </Group>
            </Stack>
          </Paper>
        )}
      </Stack>
    </section>
  );
}
