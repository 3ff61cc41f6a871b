import {
  ActionIcon,
  Anchor,
  Badge,
  Button,
  Group,
  MultiSelect,
  Paper,
  Stack,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link } from "react-router";
import { ProblemAlert, tellDone } from "@/components/ui";
import { groupsQuery, type Group as ExpertiseGroup } from "@/features/people";
import { counted } from "@/lib/format";
import type { DesignCategory, Study, StudyCategory } from "../../api/types";
import { placesOf } from "../../lib/design";
import type { DesignHandle } from "../../lib/useDesign";

interface Props {
  handle: DesignHandle;
  study: Study;
  readOnly: boolean;
}

/** Groups of queries, who may judge them, and by which guidelines. */
export function CategoriesStep({ handle, study, readOnly }: Props) {
  const { design, dispatch } = handle;
  const groups = useQuery(groupsQuery());
  const [name, setName] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    dispatch({ type: "add_category", name: name.trim() });
    setName("");
  };
  const remove = (index: number, category: DesignCategory) => {
    const removed = placesOf(design, (query) => query.category === category.name);
    dispatch({ type: "remove_category", index });
    tellDone({
      message: `“${category.name}” is removed${
        removed.length > 0 ? `, with its ${counted(removed.length, "query", "queries")}` : ""
      }.`,
      undo: () =>
        dispatch({ type: "restore", category: { at: index, category }, queries: removed }),
    });
  };
  return (
    <Stack maw={820}>
      <ProblemAlert
        title="The groups could not be read"
        error={groups.error}
        onRetry={() => void groups.refetch()}
      />
      {design.categories.map((category, index) => {
        const queries = design.queries.filter((query) => query.category === category.name).length;
        return (
          <CategoryCard
            // The place, not the name: renaming must not take the field away.
            key={index}
            category={category}
            queries={queries}
            kept={study.categories.find((each) => each.name === category.name)}
            groups={groups.data ?? []}
            readOnly={readOnly}
            onChange={(change) => dispatch({ type: "change_category", index, change })}
            onMove={(by) => dispatch({ type: "move_category", index, by })}
            onRemove={() => remove(index, category)}
            first={index === 0}
            last={index === design.categories.length - 1}
          />
        );
      })}
      {!readOnly && (
        <form onSubmit={add}>
          <Group align="flex-end">
            <TextInput
              label="New category"
              placeholder="Medical (Open)"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              maxLength={100}
              style={{ flex: 1 }}
            />
            <Button
              type="submit"
              variant={design.categories.length === 0 ? "filled" : "default"}
              leftSection={<IconPlus size={16} aria-hidden />}
            >
              Add category
            </Button>
          </Group>
        </form>
      )}
    </Stack>
  );
}

interface CardProps {
  category: DesignCategory;
  queries: number;
  /** As the server has it: the protocol's guidelines stand in for empty ones. */
  kept: StudyCategory | undefined;
  groups: ExpertiseGroup[];
  readOnly: boolean;
  first: boolean;
  last: boolean;
  onChange: (change: Partial<DesignCategory>) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}

function CategoryCard({
  category,
  queries,
  kept,
  groups,
  readOnly,
  first,
  last,
  onChange,
  onMove,
  onRemove,
}: CardProps) {
  const known = new Set(groups.map((group) => group.name));
  const choices = [
    ...groups.map((group) => ({
      value: group.name,
      label: `${group.name} (${counted(group.members, "person", "people")})`,
    })),
    ...category.groups
      .filter((group) => !known.has(group))
      .map((group) => ({ value: group, label: group })),
  ];
  return (
    <Paper withBorder p="md" bg="var(--surface)" component="section" aria-label={category.name}>
      <Stack gap="sm">
        <Group align="flex-end" wrap="nowrap">
          <TextInput
            label="Name"
            value={category.name}
            onChange={(event) => onChange({ name: event.currentTarget.value })}
            maxLength={100}
            readOnly={readOnly}
            style={{ flex: 1 }}
          />
          {!readOnly && (
            <Group gap={2} wrap="nowrap" pb={4}>
              <Tooltip label="Move up">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  disabled={first}
                  aria-label={`Move ${category.name} up`}
                  onClick={() => onMove(-1)}
                >
                  <IconArrowUp size={17} aria-hidden />
                </ActionIcon>
              </Tooltip>
              <Tooltip label="Move down">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  disabled={last}
                  aria-label={`Move ${category.name} down`}
                  onClick={() => onMove(1)}
                >
                  <IconArrowDown size={17} aria-hidden />
                </ActionIcon>
              </Tooltip>
              <Tooltip label="Remove">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove ${category.name}`}
                  onClick={onRemove}
                >
                  <IconTrash size={17} aria-hidden />
                </ActionIcon>
              </Tooltip>
            </Group>
          )}
        </Group>
        <MultiSelect
          label="Groups that may judge it"
          data={choices}
          value={category.groups}
          onChange={(value) => onChange({ groups: value })}
          readOnly={readOnly}
          searchable
          nothingFoundMessage="No such group"
          description={
            groups.length === 0 ? (
              <>
                There is no group yet:{" "}
                <Anchor component={Link} to="/people?show=groups" size="xs">
                  make one
                </Anchor>
                .
              </>
            ) : undefined
          }
        />
        <Textarea
          label="Guidelines"
          description="Markdown: what the levels mean for these images. Left empty, those of the protocol hold."
          value={category.guidelines}
          placeholder={kept?.guidelines}
          onChange={(event) => onChange({ guidelines: event.currentTarget.value })}
          autosize
          minRows={3}
          maxRows={12}
          readOnly={readOnly}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
        />
        <Group gap="xs">
          <Badge variant="default">{counted(queries, "query", "queries")}</Badge>
          {kept !== undefined && kept.guideline_version > 1 && (
            <Badge variant="default">guidelines version {kept.guideline_version}</Badge>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}
